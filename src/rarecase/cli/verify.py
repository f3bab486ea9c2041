"""`verify`: whether every file of a run, a comparison or an exported model is as it was written."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from rarecase.cli.arguments import no_more
from rarecase.errors import DataError

EPILOG = """\
examples:
  rarecase verify RUN                    every byte is read; exit status 1 where a file is not right
  rarecase verify RUN --repair           remove what damaged steps left, then make it anew with
  rarecase run --out RUN"""


def add_arguments(parser: ArgumentParser) -> None:
    """RUN and what is done about damage."""
    parser.add_argument("run", metavar="RUN", help="run, 'compare --out' folder or exported model")
    parser.add_argument(
        "--repair", action="store_true", help="remove what damaged steps left, to be made anew"
    )


def run(args: Namespace, rest: Sequence[str]) -> int:
    """List every damaged, missing, changed or foreign file with its step."""
    from rarecase.cli.show import console, print_json, reporting, table
    from rarecase.verify import repair, verify_folder

    no_more(rest)
    folder = Path(args.run).absolute()
    if not folder.is_dir():
        raise DataError(f"{args.run}: no such folder.")
    with reporting(args):
        found = verify_folder(folder)
        removed = repair(found) if args.repair else []
    rows = [[each.path.relative_to(folder), each.kind, each.step] for each in found]
    gone = [path.relative_to(folder).as_posix() for path in removed]
    if args.json:
        files = [{"file": str(f), "kind": kind, "step": step} for f, kind, step in rows]
        print_json({"run": folder, "files": files, "removed": gone})
    elif not found:
        console().print("Every file is as it was written.")
    else:
        console().print(table("", ["file", "what", "step"], [list(row) for row in rows], text=3))
        if any(each.kind == "changed" for each in found):
            console().print("Changed by hand? 'rarecase run --out RUN' then takes it up.")
        for name in gone:
            console().print(f"Removed: {name}", soft_wrap=True)
        if gone:
            console().print("The command that made them makes them anew.")
    return 1 if found else 0
