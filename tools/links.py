"""The links of a built site: every one inside it leads to a file and a place in it, and no page
loads anything from elsewhere. Addresses of other sites are not asked.

python tools/links.py SITE
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {("img", "src"), ("script", "src"), ("link", "href"), ("iframe", "src")}
NAMED = {"canonical", "search", "next", "prev", "index", "author"}  # of <link>: nothing is loaded


@dataclass
class Page(HTMLParser):
    """What a page links to, what it loads, and the places in it."""

    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    places: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for every element."""
        said = {name: value or "" for name, value in attrs}
        self.places |= {said[name] for name in ("id", "name") if name in said}
        if tag == "a" and "href" in said:
            self.links.append(said["href"])
        for name in ("src", "href"):
            if (tag, name) in LOADED and name in said and said.get("rel") not in NAMED:
                self.loaded.append(said[name])


def read(path: Path) -> Page:
    """A page of the site."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def faults(site: Path) -> Iterator[str]:
    """What is wrong with the site, a line for each."""
    found = (path for path in site.rglob("*.html") if "_static" not in path.parts)
    pages = {path.resolve(): read(path) for path in sorted(found)}
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        yield from (
            f"{name}: loads {target} from elsewhere"
            for target in page.loaded
            if urlsplit(target).netloc
        )
        for target in [*page.links, *page.loaded]:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not file.is_file():
                yield f"{name}: {target} leads nowhere"
            elif file in pages and unquote(parts.fragment) not in {"", *pages[file].places}:
                yield f"{name}: {target}: no such place in {file.name}"


def main() -> int:
    """Print what is wrong; exit 1 if anything is."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    found = list(faults(Path(sys.argv[1])))
    print("\n".join(found) or "Every link leads somewhere.")
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())
