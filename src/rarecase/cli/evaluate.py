"""evaluate: everything that follows from the predictions table, computed anew; and the same on
another cohort."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from rarecase.cli.arguments import add_options, merge_of
from rarecase.cli.compare import RECORD, protocol_of
from rarecase.cli.show import finish, show
from rarecase.errors import DataError, SettingError
from rarecase.files import read_json

EXTERNAL = "external"  # folder of a run or comparison; another cohort a folder

EPILOG = """\
examples:
  rarecase evaluate RUN
  rarecase evaluate RUN --on other-hospital/ --label Grade
  rarecase evaluate grades --on other-features.csv"""


def add_arguments(parser: ArgumentParser) -> None:
    """What `rarecase evaluate` takes."""
    add_options(parser, (
        ("run", "RUN", "folder of a run or of a comparison"),
        ("--on", "DATA",
         "judge on this other cohort (of a comparison: table) what was learnt on RUN's"),
        ("--name", "NAME", "of the result in RUN/external (default: that of DATA)"),
        ("--label", "SPEC", "with --on: as in 'run' or 'compare'"),
        ("--groups", "COLUMN", "with --on a table: its patients"),
        ("--channels", "NAMES", "with --on a cohort: as in 'run'"),
    ))  # fmt: skip
    parser.add_argument("--merge", metavar="NEW=V,V", action="append", default=[],
                        help="with --on a cohort: as in 'run'")  # fmt: skip


def run(args: Namespace) -> int:
    """Write evidence.json anew and show it; with --on, the evidence on another cohort."""
    from rarecase.evidence.result import EVIDENCE, PREDICTIONS, reweigh

    folder = Path(args.run)
    for name in (PREDICTIONS, EVIDENCE):
        if not (folder / name).is_file():
            raise DataError(
                f"{folder}: no {name} there. Expected the folder of a finished 'rarecase run' or "
                "'rarecase compare --out'; the same command again makes what is missing."
            )
    if args.name is not None and Path(args.name).name != args.name:
        raise SettingError(f"--name {args.name}: expected a plain name, without folders.")
    lines: list[str] = []
    if args.on is None:
        evidence = reweigh(folder)
    else:
        on = _table_on if (folder / RECORD).is_file() else _run_on
        evidence, lines = on(folder, args)
    if not args.json:
        show(evidence)
    return finish(args, evidence, *lines)


OnOther = tuple[dict[str, Any], list[str]]
"""Evidence, and what else is to be said."""


def _table_on(folder: Path, args: Namespace) -> OnOther:
    from rarecase.features.read_features import read_features, refuse_seen
    from rarecase.pipeline.compare import compare_external

    said = read_json(folder / RECORD)
    if not isinstance(said, dict) or not {"features", "rare", "seed"} <= set(said):
        raise DataError(
            f"{folder / RECORD}: not what 'rarecase compare --out' writes. Compare again, in a new "
            "folder."
        )
    learnt, name = Path(said["features"]), args.name or Path(args.on).stem
    if not learnt.exists():
        raise DataError(
            f"{learnt}: the table that {folder} learnt from is not there any more, and without it "
            f"nothing can be judged on {args.on}. Put it back, or compare again."
        )
    ignore = [name for name in said["ignore"].split(",") if name]
    home = read_features(
        learnt, label=said["label"], groups=said["groups"], site=said["site"], ignore=ignore
    )
    now = home.fingerprint()
    if said.get("fingerprint", now) != now:
        raise DataError(
            f"{learnt}: it has changed since {folder} was made of it. Put the old one back, or "
            "compare again, in a new folder."
        )
    other = read_features(
        Path(args.on), label=args.label or said["label"], groups=args.groups or said["groups"]
    )
    refuse_seen(other, Path(args.on))
    out = folder / EXTERNAL / name
    result = compare_external(
        home.X, home.y, other.X, other.y, groups=home.groups, groups_other=other.groups,
        rare=said["rare"], protocol=protocol_of(said), cells=out / "cells",
    )  # fmt: skip
    result.write(out)
    return result.evidence, [f"\nPredictions and evidence: {out}"]


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
