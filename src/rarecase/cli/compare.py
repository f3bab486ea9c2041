"""compare: every way to treat a rare class, on a table of features."""

from __future__ import annotations

import json
import math
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.checksums import record_files
from rarecase.cli.show import show
from rarecase.errors import DataError, SettingError
from rarecase.files import replacing_file, write_json

if TYPE_CHECKING:
    from rarecase.evidence.result import Result
    from rarecase.features.read_features import Features
    from rarecase.pipeline.compare import Protocol

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
    parser.add_argument(
        "--classifier", metavar="NAMES", default="logistic", help="default: logistic"
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
    parser.add_argument("--jobs", type=int, default=-1, help="processes (default: one a CPU)")
    parser.add_argument(
        "--cluster",
        metavar="WHERE",
        help="Dask computes: local (then with --jobs workers), tcp://HOST:PORT or a scheduler file",
    )
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
    from rarecase.experiment.splits import draw_splits
    from rarecase.features.read_features import read_features, refuse_seen
    from rarecase.pipeline.compare import compare, feature_sets
    from rarecase.pipeline.executor import pool
    from rarecase.pipeline.scarcity import possible_ks, scarcity_curve

    if rest:
        raise SettingError(f"Unexpected argument {rest[0]!r}.")
    ks = None if args.scarcity is None else _numbers("--scarcity", args.scarcity, kind=int)
    out = None if args.out is None else Path(args.out)
    if out is not None:
        _check_folder(out)
    if args.jobs == 0 or args.jobs < -1:
        raise SettingError(f"--jobs {args.jobs}: expected 1 or more, or -1 for all cores.")
    protocol = protocol_of(vars(args))
    with reporting(args), pool(args.jobs, cluster=args.cluster) as executor:
        found = read_features(
            Path(args.features), label=args.label, groups=args.groups, site=args.site,
            ignore=[name for name in args.ignore.split(",") if name],
        )  # fmt: skip
        if not args.allow_seen:
            refuse_seen(found, Path(args.features))
        split: dict[str, Any] = {"sites": found.sites, "folds": args.folds, "repeats": args.repeats}
        asked: dict[str, Any] = {"groups": found.groups, "rare": args.rare, **split}
        asked["executor"] = executor
        if ks is not None:  # said before anything takes time
            (one,) = feature_sets(found.X, found.y, groups=found.groups, sites=None, rare=args.rare)
            ks = possible_ks(one, draw_splits(one, seed=args.seed, **split), ks or None)
        cells = None if out is None else out / "cells"
        result = compare(found.X, found.y, cells=cells, **asked, **vars(protocol))
        if out is not None:
            _write(out, args, result, found)
        curve = None
        if ks is not None:
            cells = None if out is None else out / "scarcity"
            curve = scarcity_curve(found.X, found.y, ks=ks, protocol=protocol, cells=cells, **asked)
            if out is not None:
                with replacing_file(out / "scarcity.csv") as beside:
                    curve.to_csv(beside, index=False)
                record_files(out, ["scarcity.csv"])
    if args.json:
        said = {} if curve is None else {"scarcity": json.loads(curve.to_json(orient="records"))}
        print_json(result.evidence | said)
        return 0
    _say_features(found)
    show(result.evidence)
    if curve is not None:
        show_curve(curve, rare=result.evidence["rare"])
    if out is not None:
        console().print(f"\nPredictions and evidence: {out}", soft_wrap=True)
    return 0


def _say_features(found: Features) -> None:
    """How many features there are, which, and what was left out."""
    from rarecase.cli.show import console

    def some(names: Sequence[str]) -> str:
        return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")

    named = f" ({some(found.names)})" if found.names else ""
    console().print(f"Features: {math.prod(found.X.shape[1:])}{named}.")
    if found.left_out:
        console().print(f"Left out, as they hold text: {some(found.left_out)}.")


def show_curve(curve: Any, *, rare: str) -> None:
    """The scarcity curve: arms by the number of rare patients to learn from."""
    from rarecase.cli.show import console, table
    from rarecase.evidence.tables import curve_rows

    shown = console()
    title = f"AUC of {rare}, and what it moved, by the number of its patients to learn from"
    heads, rows = curve_rows(curve)
    shown.print()
    shown.print(table(title, heads, rows))


def protocol_of(said: Mapping[str, Any]) -> Protocol:
    """How the experiment is made, from the command line's words."""
    from rarecase.experiment.arms import CLOSED_FORM
    from rarecase.pipeline.compare import Protocol

    def names(text: str) -> tuple[str, ...]:
        return tuple(name.strip() for name in text.split(",") if name.strip())

    return Protocol(
        arms=CLOSED_FORM if said["arms"] is None else names(said["arms"]),
        classifiers=names(said["classifier"]), inner=said["inner"],
        amounts=tuple(_numbers("--amounts", said["amounts"])),
        generator_seeds=said["generator_seeds"], random_state=said["seed"],
        checks=not said["no_checks"],
    )  # fmt: skip


def _numbers(option: str, text: str, *, kind: type = float) -> list[Any]:
    try:
        return [kind(each) for each in text.split(",")] if text else []
    except ValueError:
        example = "4,8,16" if kind is int else "0.5,1,2"
        raise SettingError(f"{option} {text}: expected numbers such as {example}.") from None


def _check_folder(out: Path) -> None:
    if out.is_file():
        raise DataError(f"{out} is a file; --out needs a folder.")
    if out.is_dir() and any(out.iterdir()) and not (out / "cells").is_dir():
        raise DataError(
            f"{out} is not empty and holds no comparison; nothing in it was touched. Choose a new "
            "folder."
        )


def _write(out: Path, args: Namespace, result: Result, found: Features) -> None:
    result.write(out)
    said = {k: v for k, v in vars(args).items() if k not in ("json", "quiet", "verbose")}
    said["rare"] = result.evidence["rare"]  # what it was, if it was left open
    said["features"] = str(Path(args.features).resolve())
    said["fingerprint"] = found.fingerprint()
    write_json(out / RECORD, json.loads(json.dumps(said, default=str)))
    record_files(out, [RECORD])
