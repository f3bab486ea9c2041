"""`verify`: whether every file of a run, a comparison or an exported model is as it was written."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from rarecase.cli.arguments import add_options
from rarecase.cli.show import finish, table
from rarecase.errors import DataError

if TYPE_CHECKING:
    from rich.table import Table

EPILOG = """\
examples:
  rarecase verify RUN                    every byte is read; exit status 1 where a file is not right
  rarecase verify RUN --repair           remove what damaged steps left, then make it anew with
  rarecase run --out RUN"""


def add_arguments(parser: ArgumentParser) -> None:
    """RUN and what is done about damage."""
    add_options(parser, (
        ("run", "RUN", "run, 'compare --out' folder or exported model"),
        ("--repair", None, "remove what damaged steps left, to be made anew"),
    ))  # fmt: skip


def run(args: Namespace) -> int:
    """List every damaged, missing, changed or foreign file with its step."""
    from rarecase.verify import repair, verify_folder

    folder = Path(args.run).absolute()
    if not folder.is_dir():
        raise DataError(f"{args.run}: no such folder.")
    found = verify_folder(folder)
    removed = repair(found) if args.repair else []
    rows = [[str(each.path.relative_to(folder)), each.kind, each.step] for each in found]
    gone = [path.relative_to(folder).as_posix() for path in removed]
    files = [dict(zip(("file", "kind", "step"), row, strict=True)) for row in rows]
    lines: list[str | Table] = ["Every file is as it was written."]
    if found:
        lines = [table("", ["file", "what", "step"], rows, text=3)]
    if any(each.kind == "changed" for each in found):
        lines.append("Changed by hand? 'rarecase run --out RUN' then takes it up.")
    lines += [f"Removed: {name}" for name in gone]
    if gone:
        lines.append("The command that made them makes them anew.")
    said = {"run": folder, "files": files, "removed": gone}
    return finish(args, said, *lines, code=int(bool(found)))
