"""compare: every way to treat a rare class, on a table of features."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rarecase.errors import DataError, SettingError

EPILOG = """\
examples:
  rarecase compare features.csv --label Grade --groups patient --rare Low
  rarecase compare features.parquet --label Grade --arms threshold,smote,gaussian --out grades
  rarecase compare run/repeat-0/fold-0/features/tumour.zarr"""

RECORD = "compare.json"


def add_arguments(parser: ArgumentParser) -> None:
    """What `rarecase compare` takes."""
    parser.add_argument("features", metavar="FEATURES", help="CSV, TSV, Parquet, npz, or a .zarr")
    parser.add_argument("--label", metavar="COLUMN", help="column with the classes")
    parser.add_argument(
        "--groups", metavar="COLUMN", help="column with the patients (default: a row is a patient)"
    )
    parser.add_argument("--rare", metavar="CLASS", help="default: the one with fewest patients")
    parser.add_argument("--ignore", metavar="COLUMNS", default="", help="columns to leave out")
    parser.add_argument(
        "--arms", metavar="NAMES", help="default: all that need no training of a network"
    )
    parser.add_argument("--folds", type=int, default=5, help="test folds (default 5)")
    parser.add_argument("--repeats", type=int, default=5, help="draws of the folds (default 5)")
    parser.add_argument("--inner", type=int, default=3, help="inner folds (default 3)")
    parser.add_argument(
        "--amounts", metavar="SHARES", default="0.5,1,2",
        help="of what a class lacks to be as frequent as the largest (default 0.5,1,2)",
    )  # fmt: skip
    parser.add_argument("--generator-seeds", type=int, default=2, help="default 2")
    parser.add_argument("--seed", type=int, default=0, help="everything random derives from it")
    parser.add_argument("--jobs", type=int, default=-1, help="processes (default: all cores)")
    parser.add_argument("--no-checks", action="store_true", help="leave the self-checks out")
    parser.add_argument(
        "--out", metavar="FOLDER", help="keep predictions and evidence; the same line goes on there"
    )


def run(args: Namespace, rest: Sequence[str]) -> int:
    """Compare and print the table; with --out also write what it was computed from."""
    from rarecase.cli.show import console, print_json, reporting
    from rarecase.comparison.compare import compare
    from rarecase.comparison.files import read_features

    if rest:
        raise SettingError(f"Unexpected argument {rest[0]!r}.")
    out = None if args.out is None else Path(args.out)
    if out is not None:
        _check_folder(out)
    with reporting(args):
        found = read_features(
            Path(args.features), label=args.label, groups=args.groups,
            ignore=[name for name in args.ignore.split(",") if name],
        )  # fmt: skip
        arms = {} if args.arms is None else {"arms": args.arms.split(",")}
        result = compare(
            found.X, found.y, groups=found.groups, rare=args.rare, folds=args.folds,
            repeats=args.repeats, inner=args.inner, amounts=_numbers(args.amounts),
            generator_seeds=args.generator_seeds, random_state=args.seed,
            checks=not args.no_checks, n_jobs=args.jobs,
            cells=None if out is None else out / "cells", **arms,
        )  # fmt: skip
    if out is not None:
        _write(out, args, result)
    if args.json:
        print_json(result.evidence | {"checks": result.checks and result.checks.as_json()})
        return 0
    checks = None if result.checks is None else result.checks.as_json()
    show(result.evidence, checks, left_out=found.left_out)
    if out is not None:
        console().print(f"\nPredictions and evidence: {out}", soft_wrap=True)
    return 0


def show(
    evidence: dict[str, Any], checks: dict[str, Any] | None, *, left_out: Sequence[str] = ()
) -> None:
    """The table, the verdicts, the self-checks."""
    from rarecase.cli.show import console, table
    from rarecase.comparison.words import HEADS, check_lines, counts_line, table_rows

    shown = console()
    if left_out:
        names = ", ".join(left_out[:5]) + (", …" if len(left_out) > 5 else "")
        shown.print(f"Left out, as they hold text: {names}.")
    shown.print(counts_line(evidence))
    shown.print()
    shown.print(table("", list(HEADS), [list(row) for row in table_rows(evidence)]))
    shown.print()
    for verdict in evidence["verdicts"]:
        shown.print(verdict["sentence"])
    for line in check_lines(checks) if checks else ():
        shown.print(line)


def _numbers(text: str) -> list[float]:
    try:
        return [float(each) for each in text.split(",")]
    except ValueError:
        raise SettingError(f"--amounts {text}: expected numbers such as 0.5,1,2.") from None


def _check_folder(out: Path) -> None:
    if out.is_file():
        raise DataError(f"{out} is a file; --out needs a folder.")
    if out.is_dir() and any(out.iterdir()) and not (out / "cells").is_dir():
        raise DataError(
            f"{out} is not empty and holds no comparison; nothing in it was touched. Choose a new "
            "folder."
        )


def _write(out: Path, args: Namespace, result: Any) -> None:
    from rarecase.files import replacing_file, write_json

    with replacing_file(out / "predictions.parquet") as beside:
        result.predictions.to_parquet(beside, index=False)
    write_json(out / "evidence.json", result.evidence)
    write_json(out / "checks.json", result.checks and result.checks.as_json())
    said = {k: v for k, v in vars(args).items() if k not in ("json", "quiet", "verbose")}
    said["rare"] = result.evidence["rare"]  # what it was, if it was left open
    write_json(out / RECORD, json.loads(json.dumps(said, default=str)))
