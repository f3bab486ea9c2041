"""The documentation site: `make docs`. Its pages are the Markdown files beside this one."""

from __future__ import annotations

import importlib
import os
import re
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sphinx.util import logging

from rarecase.cli.main import build_parser

os.environ["COLUMNS"] = "100"  # of the help of commands
ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
ABOUT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPOSITORY = ABOUT["urls"]["Source"]
SHOWN = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
    "benchmarks/RESULTS.md": "measurements.md",
}
"""Files of the repository that pages of the site include."""

project = ABOUT["name"]
author = "The rarecase developers"
copyright = author
release = version = ABOUT["version"]
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]

html_theme = "pydata_sphinx_theme"
html_title = f"rarecase {release}"
html_show_sourcelink = False
html_theme_options = {
    "icon_links": [{"name": "Source", "url": REPOSITORY, "icon": "fa-brands fa-github"}],
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}

nb_execution_mode = "off"  # the tutorials hold what tools/notebooks.py executed
myst_heading_anchors = 4
highlight_language = "text"
smartquotes_action = "D"  # dashes; quotes stay as they were typed

default_role = "py:obj"  # docstrings have code and names of the package in single backticks
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_google_docstring = False


def moved(match: re.Match[str], *, folder: Path) -> str:
    """A link of a Markdown file in `folder` as the site needs it: to the page that shows the file,
    else to the file in the repository."""
    target, hash_, anchor = match[1].partition("#")
    file = (folder / target).resolve()
    if not target or ":" in target or not file.exists():
        return match[0]  # what does not exist is the parser's to warn of
    name = file.relative_to(ROOT).as_posix()
    if file == DOCS:
        page = "/index.md"
    elif file.is_relative_to(DOCS):
        page = "/" + file.relative_to(DOCS).as_posix()
    elif name in SHOWN:
        page = "/" + SHOWN[name]
    else:
        page = f"{REPOSITORY}/{'tree' if file.is_dir() else 'blob'}/main/{name}"
    return f"]({page}{hash_}{anchor})"


def with_links(text: str, *, folder: Path) -> str:
    """The text of a Markdown file in `folder` with its links moved."""
    return re.sub(r"\]\(([^)\s]+)\)", partial(moved, folder=folder), text)


def command_line() -> str:
    """What `--help` says of every command, a section for each."""
    commands = next(each for each in build_parser()._actions if each.dest == "command").choices
    assert isinstance(commands, dict)
    each = (f"## {name}\n\n```\n{parser.format_help()}```\n" for name, parser in commands.items())
    return "\n".join(each)


def read_page(app: Any, docname: str, source: list[str]) -> None:
    """Move the links of a page of the site, and fill in the page of commands."""
    source[0] = with_links(source[0], folder=(DOCS / docname).parent)
    if docname == "api/command-line":
        source[0] += f"\n{command_line()}"


def read_included(app: Any, path: Path, parent: str, source: list[str]) -> None:
    """Move the links of a file that a page includes."""
    source[0] = with_links(source[0], folder=(DOCS / path).resolve().parent)


def public_names() -> Iterator[tuple[str, str, Any]]:
    """Package, name and value of what every page of the reference describes, the face first."""
    for page in sorted(page.stem for page in (DOCS / "api").glob("rarecase*.md")):
        package = importlib.import_module(page)
        yield from ((page, name, getattr(package, name)) for name in package.__all__)


HOMES: dict[int, str] = {}
"""Identity of a public class or function → the package whose page describes it: the first."""
for _package, _name, _value in public_names():
    HOMES.setdefault(id(_value), _package)


def skip_member(
    app: Any, what: str, name: str, value: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out what another page describes, and what scikit-learn adds to every estimator."""
    page = app.env.docname.rpartition("/")[2]
    if what == "module" and HOMES.get(id(value), page) != page:
        return True
    return True if re.fullmatch(r"set_\w+_request", name) else None


def also_here(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Say under a package what is public in it and described on another page."""
    if what != "module":
        return
    names = [
        f":py:obj:`~{HOMES[id(found)]}.{each}`"
        for package, each, found in public_names()
        if package == name and HOMES[id(found)] != name
    ]
    if names:
        lines += ["", f"Also here: {', '.join(names)}."]


def check_reference(app: Any, env: Any) -> None:
    """Warn of public names that no page describes."""
    described = {name.rpartition(".")[2] for name in env.domains.python_domain.objects}
    for package, name, _ in public_names():
        if name not in described and name != "__version__":
            logging.getLogger(__name__).warning("%s.%s: no page describes it", package, name)


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", read_page)
    app.connect("include-read", read_included)
    app.connect("autodoc-skip-member", skip_member)
    app.connect("autodoc-process-docstring", also_here)
    app.connect("env-check-consistency", check_reference)
