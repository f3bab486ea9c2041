"""The page that a command writes: the same options and the same last line everywhere."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rarecase.errors import DataError, SettingError

REPORT = "report"
HELP = "write the page there: FILE.html alone, or a folder for it and its figures"


def add_page(
    parser: ArgumentParser, *, default: str = "", of: str = "", always: bool = False
) -> None:
    """`--html`, and where a page is written without it (to `default`, in words) `--no-html`, but
    where a page is all that is written; `of`: what of, in words."""
    words = f" (default: {default})" if default else ""
    parser.add_argument("--html", metavar="PLACE", help=f"{of}{HELP}{words}")
    if default and not always:
        parser.add_argument("--no-html", action="store_true", help="write no page")


def page_place(args: Namespace, default: Path | None = None) -> Path | None:
    """Where the page goes, None where none is written; to be asked before anything is computed.

    Raises `DataError` where something is there already, but in the command's own folder `default`,
    and `SettingError` for --html with --no-html.
    """
    if args.html is None:
        return None if getattr(args, "no_html", False) else default
    if getattr(args, "no_html", False):
        raise SettingError("--html, --no-html: one of them says whether there is a page, not both.")
    return new_place(Path(args.html))


def new_place(place: Path) -> Path:
    """A place for a page, unless something is there already."""
    from rarecase.report.page import is_page

    if place.is_file() and not is_page(place):
        raise DataError(f"{place} is a file; expected FILE.html, or a folder for the page.")
    there = [place] if is_page(place) else [place / "index.html", place / "figures"]
    for path in there:
        if path.exists():
            raise DataError(f"{path} exists and was not touched; choose a new name.")
    return place


def named(page: Path | None) -> dict[str, str]:
    """What --json says of the page."""
    return {} if page is None else {"page": str(page)}


def last_line(page: Path | None) -> list[str]:
    """What is said of the page at the end."""
    return [] if page is None else [f"Page: {page}"]
