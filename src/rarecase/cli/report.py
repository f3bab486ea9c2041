"""report: the page of a folder anew, and several runs or comparisons side by side."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rarecase.cli.pages import REPORT, add_page, last_line, named, new_place, page_place
from rarecase.cli.show import finish

EPILOG = """\
examples:
  rarecase report RUN                     write RUN/report/index.html anew
  rarecase report RUN --html page.html    somewhere else, without the files of its figures
  rarecase report RUN OTHER COMPARISON    side by side, in ./report

A folder is that of a run, of 'compare --out', of 'evaluate --on' (RUN/external/NAME) or of
'predict'. Side by side stand runs and comparisons; differences are shown where the same patients
were tested in the same folds."""


def add_arguments(parser: ArgumentParser) -> None:
    """What `rarecase report` takes."""
    parser.add_argument("folders", metavar="FOLDER", nargs="+", help="run, comparison, predictions")
    add_page(parser, default="FOLDER/report; of several ./report", always=True)


def run(args: Namespace) -> int:
    """Write the page from the files in the folders."""
    from rarecase.report.page_several import report_several
    from rarecase.report.pages import report_folder

    folders = [Path(each) for each in args.folders]
    if len(folders) == 1:
        place = page_place(args, folders[0] / REPORT)
        page = report_folder(folders[0], out=None if args.html is None else place)
    else:
        page = report_several(folders, out=page_place(args) or new_place(Path(REPORT)))
    return finish(args, named(page), *last_line(page))
