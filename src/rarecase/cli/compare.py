"""compare: every way to treat a rare class, on a table of features."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rarecase.errors import DataError, SettingError

EPILOG = """\
examples:
  rarecase compare features.csv --label Grade --groups patient --rare Low
  rarecase compare features.parquet --label Grade --arms threshold,smote,gaussian --out grades
  rarecase compare features.csv --label Grade --groups patient --site hospital
  rarecase compare features.csv --label Grade --groups patient --scarcity 4,8,16 --out grades
  rarecase compare embeddings.npz --rare Low"""

RECORD = "compare.json"


def add_arguments(parser: ArgumentParser) -> None:
    """What `rarecase compare` takes."""
    parser.add_argument("features", metavar="FEATURES", help="CSV, TSV, Parquet, npz, or a .zarr")
    parser.add_argument("--label", metavar="COLUMN", help="column with the classes")
    parser.add_argument(
        "--groups", metavar="COLUMN", help="column with the patients (default: a row is a patient)"
    )
    parser.add_argument(
        "--site", metavar="COLUMN", help="leave one site out: test each by what the others taught"
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
    parser.add_argument(
        "--scarcity", metavar="K,K", nargs="?", const="", default=None,
        help="also with only K rare patients to learn from (without numbers: 4, 8, 16, … all)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="everything random derives from it")
    parser.add_argument("--jobs", type=int, default=-1, help="processes (default: all cores)")
    parser.add_argument(
        "--allow-seen", action="store_true",
        help="accept features of a network that has learnt from patients who are tested",
    )  # fmt: skip
    parser.add_argument("--no-checks", action="store_true", help="leave the self-checks out")
    parser.add_argument(
        "--out", metavar="FOLDER", help="keep predictions and evidence; the same line goes on there"
    )


def run(args: Namespace, rest: Sequence[str]) -> int:
    """Compare and print the table; with --out also write what it was computed from."""
    from rarecase.cli.show import console, print_json, reporting
    from rarecase.comparison.compare import compare
    from rarecase.comparison.files import read_features, refuse_seen
    from rarecase.comparison.scarcity import scarcity_curve

    if rest:
        raise SettingError(f"Unexpected argument {rest[0]!r}.")
    ks = None  # asked before anything takes time
    if args.scarcity is not None:
        ks = [int(k) for k in _numbers("--scarcity", args.scarcity)]
    out = None if args.out is None else Path(args.out)
    if out is not None:
        _check_folder(out)
    with reporting(args):
        found = read_features(
            Path(args.features), label=args.label, groups=args.groups, site=args.site,
            ignore=[name for name in args.ignore.split(",") if name],
        )  # fmt: skip
        if not args.allow_seen:
            refuse_seen(found, Path(args.features))
        asked = asked_of(vars(args)) | {
            "groups": found.groups, "sites": found.sites, "folds": args.folds,
            "repeats": args.repeats, "n_jobs": args.jobs,
        }  # fmt: skip
        result = compare(
            found.X, found.y, checks=not args.no_checks,
            cells=None if out is None else out / "cells", **asked,
        )  # fmt: skip
        curve = None
        if ks is not None:
            cells = None if out is None else out / "scarcity"
            curve = scarcity_curve(found.X, found.y, ks=ks or None, cells=cells, **asked)
    checks = None if result.checks is None else result.checks.as_json()
    if out is not None:
        _write(out, args, result, curve)
    if args.json:
        said = {} if curve is None else {"scarcity": json.loads(curve.to_json(orient="records"))}
        print_json(result.evidence | {"checks": checks} | said)
        return 0
    show(result.evidence, checks, left_out=found.left_out)
    if curve is not None:
        show_curve(curve, rare=result.evidence["rare"])
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


def show_curve(curve: Any, *, rare: str) -> None:
    """The scarcity curve: arms by the number of rare patients to learn from."""
    from rarecase.cli.show import console, table
    from rarecase.comparison.words import curve_rows

    shown = console()
    title = f"AUC of {rare}, and what it moved, by the number of its patients to learn from"
    heads, rows = curve_rows(curve)
    shown.print()
    shown.print(table(title, heads, rows))


def asked_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """What `compare` and `compare_external` are asked alike, from the command line's words."""
    arms = {} if said["arms"] is None else {"arms": said["arms"].split(",")}
    return arms | {
        "rare": said["rare"], "inner": said["inner"],
        "amounts": _numbers("--amounts", said["amounts"]),
        "generator_seeds": said["generator_seeds"], "random_state": said["seed"],
    }  # fmt: skip


def _numbers(option: str, text: str) -> list[float]:
    try:
        return [float(each) for each in text.split(",")] if text else []
    except ValueError:
        raise SettingError(f"{option} {text}: expected numbers such as 0.5,1,2.") from None


def _check_folder(out: Path) -> None:
    if out.is_file():
        raise DataError(f"{out} is a file; --out needs a folder.")
    if out.is_dir() and any(out.iterdir()) and not (out / "cells").is_dir():
        raise DataError(
            f"{out} is not empty and holds no comparison; nothing in it was touched. Choose a new "
            "folder."
        )


def _write(out: Path, args: Namespace, result: Any, curve: Any) -> None:
    from rarecase.files import replacing_file, write_json

    with replacing_file(out / "predictions.parquet") as beside:
        result.predictions.to_parquet(beside, index=False)
    write_json(out / "evidence.json", result.evidence)
    write_json(out / "checks.json", result.checks and result.checks.as_json())
    if curve is not None:
        with replacing_file(out / "scarcity.csv") as beside:
            curve.to_csv(beside, index=False)
    said = {k: v for k, v in vars(args).items() if k not in ("json", "quiet", "verbose")}
    said["rare"] = result.evidence["rare"]  # what it was, if it was left open
    write_json(out / RECORD, json.loads(json.dumps(said, default=str)))
