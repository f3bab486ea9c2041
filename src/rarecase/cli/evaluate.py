"""evaluate: everything that follows from the predictions table, computed anew; and the same on
another cohort."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rarecase.checksums import record_files
from rarecase.cli.arguments import add_options, column_of, merge_of, refuse, sets_of
from rarecase.cli.compare import RECORD, protocol_of, read_said, with_table
from rarecase.cli.pages import REPORT, add_page, last_line, named, page_place
from rarecase.cli.show import finish, say_features, show
from rarecase.errors import DataError, SettingError
from rarecase.files import read_json, write_json

EXTERNAL = "external"  # folder of a run or comparison; another cohort a folder

EPILOG = """\
examples:
  rarecase evaluate RUN
  rarecase evaluate RUN --margin 0.03 --write
  rarecase evaluate RUN --on other-hospital/ --label Grade
  rarecase evaluate grades --on other-features.csv"""


def add_arguments(parser: ArgumentParser) -> None:
    """What `rarecase evaluate` takes."""
    add_options(parser, (
        ("run", "RUN", "folder of a run or of a comparison"),
        ("--on", "DATA",
         "judge on this other cohort (of a comparison: table) what was learnt on RUN's"),
        ("--write", None, "without --on: put the new evidence in the place of RUN/evidence.json"),
        ("--margin", "X", "without --on: difference that counts as none (default: RUN's)"),
        ("--name", "NAME", "with --on: of the result in RUN/external (default: that of DATA)"),
        ("--label", "SPEC", "with --on: as in 'run' or 'compare'"),
        ("--groups", "COLUMN", "with --on a table: its patients"),
        ("--id", "COLUMN", "with --on a table: as in 'compare'"),
        ("--accept", "COLUMNS", "with --on a table: as in 'compare', of that table"),
        ("--channels", "NAMES", "with --on a cohort: as in 'run'"),
    ))  # fmt: skip
    add_page(parser, default="with --on RUN/external/NAME/report")
    parser.add_argument("--features", metavar="NAME=FILE", action="append", default=[],
                        help="with --on a table: the other cohort's file of a set")  # fmt: skip
    parser.add_argument("--merge", metavar="NEW=V,V", action="append", default=[],
                        help="with --on a cohort: as in 'run'")  # fmt: skip


def run(args: Namespace) -> int:
    """Show the evidence anew, with --write in the place of the old one; with --on, that on another
    cohort."""
    from rarecase.evidence.result import EVIDENCE, PREDICTIONS
    from rarecase.features.about import FEATURES

    folder = Path(args.run)
    for name in (PREDICTIONS, EVIDENCE):
        if not (folder / name).is_file():
            raise DataError(
                f"{folder}: no {name} there. Expected the folder of a finished 'rarecase run' or "
                "'rarecase compare --out'; the same command again makes what is missing."
            )
    if args.name is not None and Path(args.name).name != args.name:
        raise SettingError(f"--name {args.name}: expected a plain name, without folders.")
    table = (folder / RECORD).is_file()
    _refuse_idle(args, table=table)
    page = None
    if args.on is None:
        evidence, lines = _anew(folder, args)
    else:
        args.name = args.name or Path(args.on).expanduser().absolute().stem
        out = folder / EXTERNAL / args.name
        place = page_place(args, out / REPORT)
        evidence, lines = (_table_on if table else _run_on)(folder, args)
        page = None if place is None else _page(out, folder, place)
    if not args.json:
        about = folder / FEATURES
        say_features(read_json(about) if about.is_file() else None)
        show(evidence, column=_column(folder, args))
    return finish(args, evidence | named(page), *lines, *last_line(page))


def _page(out: Path, home: Path, place: Path) -> Path:
    from rarecase.report.found import Elsewhere
    from rarecase.report.page_compare import report_found
    from rarecase.report.pages import found_in

    elsewhere = Elsewhere(out, found_in(home))
    return report_found(elsewhere, out=None if place == out / REPORT else place)


def _column(folder: Path, args: Namespace) -> str | None:
    """The column that the classes come from, as a comparison or a run has kept it."""
    from rarecase.pipeline import run_folder

    if (folder / RECORD).is_file():
        return column_of(args.label or read_json(folder / RECORD).get("label"))
    facts = folder / run_folder.COHORT / "cohort.json"
    return read_json(facts).get("column") if facts.is_file() else None


HOME = ("--write", "--margin")
TABLE = ("--groups", "--id", "--accept", "--features")
COHORT = ("--channels", "--merge")


def _refuse_idle(args: Namespace, *, table: bool) -> None:
    """Options that change nothing in what is asked."""
    if args.on is None:
        refuse(
            args,
            ("--name", "--label", "--html", "--no-html", *TABLE, *COHORT),
            why="is for another cohort: --on DATA.",
        )
        return
    refuse(args, HOME, why="is of RUN's own evidence; leave --on out.")
    kinds = (COHORT, "a run", "a comparison") if table else (TABLE, "a comparison", "a run")
    options, of, got = kinds
    refuse(args, options, why=f"is for --on with the folder of {of}; {args.run} is {got}.")


OnOther = tuple[dict[str, Any], list[str]]
"""Evidence, and what else is to be said."""


def _anew(folder: Path, args: Namespace) -> OnOther:
    from rarecase.evidence.result import EVIDENCE, reweigh
    from rarecase.evidence.verdict import checked_margin

    margin = None if args.margin is None else checked_margin(args.margin)
    evidence = reweigh(folder, margin=margin)
    if args.write:
        write_json(folder / EVIDENCE, evidence)
        record_files(folder, [EVIDENCE])
        if (folder / REPORT).is_dir():  # or it would say something else
            from rarecase.report.pages import report_folder

            report_folder(folder)
        return evidence, [f"\nEvidence: {folder / EVIDENCE}"]
    # As the file would have it: what is in it went through JSON, too.
    same = json.loads(json.dumps(evidence)) == read_json(folder / EVIDENCE)
    says = "says the same" if same else "says something else, and was left as it is (--write)"
    return evidence, [f"\n{folder / EVIDENCE} {says}."]


def _table_on(folder: Path, args: Namespace) -> OnOther:
    import pandas as pd

    from rarecase.features.read_features import refuse_seen
    from rarecase.pipeline.compare import compare_external

    said = read_json(folder / RECORD)
    if not isinstance(said, dict) or not {"features", "rare", "seed"} <= set(said):
        raise DataError(
            f"{folder / RECORD}: not what 'rarecase compare --out' writes. Compare again, in a new "
            "folder."
        )
    learnt = Path(said["features"])
    if not learnt.exists():
        raise DataError(
            f"{learnt}: the table that {folder} learnt from is not there any more, and without it "
            f"nothing can be judged on {args.on}. Put it back, or compare again."
        )
    home = read_said(learnt, said)
    now = home.fingerprint()
    if said.get("fingerprint", now) != now:
        raise DataError(
            f"{learnt}: it has changed since {folder} was made of it. Put the old one back, or "
            "compare again, in a new folder."
        )
    sets = _sets_on(said.get("sets", []), args.features)
    accept = f"{said.get('accept', '')},{args.accept or ''}"
    theirs = said | {"site": None, "sets": sets, "accept": accept}
    theirs |= {name: given for name in ("label", "groups", "id") if (given := getattr(args, name))}
    other = read_said(Path(args.on), theirs, away=True)
    refuse_seen(other, Path(args.on))
    out = folder / EXTERNAL / args.name
    result = compare_external(
        home.X, pd.Series(home.y, name=said["label"]), other.X, other.y, groups=home.groups,
        groups_other=other.groups, rare=said["rare"], protocol=protocol_of(said),
        cells=out / "cells",
    )  # fmt: skip
    with_table(result, home).write(out)
    return result.evidence, [f"\nPredictions and evidence: {out}"]


def _sets_on(home: Sequence[str], given: Sequence[str]) -> list[str]:
    """The sets of the other table: as at home, but those of files, which must be named anew."""
    wanted, new = sets_of(given)
    words = [word for word in home if word.partition("=")[0] not in new]
    for word in words:
        name, _, file = word.partition("=")
        if Path(file).is_file():
            raise SettingError(
                f"set {name!r} was of {file}; --features {name}=FILE says where the other cohort's "
                "is."
            )
    if wanted or set(new) - {word.partition("=")[0] for word in home}:
        raise SettingError(f"--features {','.join(given)}: expected sets of RUN, as NAME=FILE.")
    return [*words, *(f"{name}={','.join(of)}" for name, of in new.items())]


def _run_on(folder: Path, args: Namespace) -> OnOther:
    from rarecase.pipeline.external import evaluate_on
    from rarecase.pipeline.resolve import parse_setting

    changes: dict[str, Any] = {"cohort.merge": merge_of(args.merge)} if args.merge else {}
    for name, text in (("cohort.label", args.label), ("cohort.channels", args.channels)):
        if text is not None:
            changes[name] = parse_setting(name, text)
    found = evaluate_on(folder, args.on, name=args.name, changes=changes)
    lines = [f"\nPredictions and evidence: {found.folder}; 'rarecase report {folder}' shows them."]
    if found.dice is not None:
        lines.insert(0, f"Masks of the other cohort's tumours: mean Dice {found.dice:.2f}.")
    return found.evidence, lines
