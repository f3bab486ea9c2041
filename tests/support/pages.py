"""What a page says, as its reader sees it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.skipped = 0

    def handle_starttag(self, tag, attrs):
        self.skipped += tag in ("style", "script")

    def handle_endtag(self, tag):
        self.skipped -= tag in ("style", "script")

    def handle_data(self, data):
        if not self.skipped:
            self.words.append(data)


def page_words(path: Path, *, above: Path) -> str:
    """The words of a page, which needs nothing from elsewhere and names no folder `above`."""
    text = path.read_text(encoding="utf-8")
    assert str(above) not in text
    for address in re.findall(r"""(?:src|href)=["']([^"']*)""", text):
        assert address.startswith(("#", "data:image/")), address
    found = _Text()
    found.feed(text)
    return " ".join(" ".join(found.words).split())
