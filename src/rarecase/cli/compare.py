"""compare: every way to treat a rare class, on a table of features."""

from __future__ import annotations

import json
import math
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.checksums import record_files
from rarecase.cli.arguments import add_options, split_names
from rarecase.cli.show import console, finish, show, table
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
    add_options(parser, (
        ("features", "FEATURES", "CSV, TSV, Parquet, npz, or a .zarr"),
        ("--label", "COLUMN", "column with the classes"),
        ("--groups", "COLUMN", "column with the patients (default: a row is a patient)"),
        ("--site", "COLUMN", "leave one site out: test each by what the others taught"),
        ("--rare", "CLASS", "default: the one with fewest patients"),
        ("--ignore", "COLUMNS", "columns to leave out"),
        ("--arms", "NAMES", "default: all that need no training of a network"),
        ("--classifier", "NAMES", "default: logistic"),
        ("--folds", 5, "test folds (default 5)"),
        ("--repeats", 5, "draws of the folds (default 5)"),
        ("--inner", 3, "inner folds (default 3)"),
        ("--amounts", "SHARES",
         "of what a class lacks to be as frequent as the largest (default 0.5,1,2)"),
        ("--generator-seeds", 2, "default 2"),
        ("--seed", 0, "everything random derives from it"),
        ("--jobs", -1, "processes (default: one a CPU)"),
        ("--cluster", "WHERE",
         "Dask computes: local (then with --jobs workers), tcp://HOST:PORT or a scheduler file"),
        ("--allow-seen", None,
         "accept features of a network that has learnt from patients who are tested"),
        ("--no-checks", None, "leave the self-checks out"),
        ("--out", "FOLDER", "keep predictions and evidence; the same line goes on there"),
    ))  # fmt: skip
    parser.set_defaults(ignore="", classifier="logistic", amounts="0.5,1,2")
    parser.add_argument(
        "--scarcity", metavar="K,K", nargs="?", const="",
        help="also with only K rare patients to learn from (without numbers: 4, 8, 16, … all)",
    )  # fmt: skip


def run(args: Namespace) -> int:
    """Compare and print the table; with --out also write what it was computed from."""
    from rarecase.evidence.tables import curve_rows
    from rarecase.experiment.splits import draw_splits
    from rarecase.features.read_features import read_features, refuse_seen
    from rarecase.pipeline.compare import compare, feature_sets
    from rarecase.pipeline.executor import pool
    from rarecase.pipeline.scarcity import possible_ks, scarcity_curve

    ks = None if args.scarcity is None else _numbers("--scarcity", args.scarcity, kind=int)
    out = None if args.out is None else Path(args.out)
    if out is not None:
        _check_folder(out)
    if args.jobs == 0 or args.jobs < -1:
        raise SettingError(f"--jobs {args.jobs}: expected 1 or more, or -1 for all cores.")
    protocol, curve = protocol_of(vars(args)), None
    with pool(args.jobs, cluster=args.cluster) as executor:
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
        if ks is not None:
            cells = None if out is None else out / "scarcity"
            curve = scarcity_curve(found.X, found.y, ks=ks, protocol=protocol, cells=cells, **asked)
        if curve is not None and out is not None:
            with replacing_file(out / "scarcity.csv") as beside:
                curve.to_csv(beside, index=False)
            record_files(out, ["scarcity.csv"])
    said: dict[str, Any] = result.evidence
    lines: list[Any] = []
    if curve is not None:
        said = said | {"scarcity": json.loads(curve.to_json(orient="records"))}
        heads, rows = curve_rows(curve)
        title = (
            f"AUC of {result.evidence['rare']}, and what it moved, by the number of its patients "
            "to learn from"
        )
        lines += ["", table(title, heads, rows)]
    if out is not None:
        lines.append(f"\nPredictions and evidence: {out}")
    if not args.json:
        _say_features(found)
        show(result.evidence)
    return finish(args, said, *lines)


def _say_features(found: Features) -> None:
    """How many features there are, which, and what was left out."""

    def some(names: Sequence[str]) -> str:
        return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")

    named = f" ({some(found.names)})" if found.names else ""
    console().print(f"Features: {math.prod(found.X.shape[1:])}{named}.")
    if found.left_out:
        console().print(f"Left out, as they hold text: {some(found.left_out)}.")


def protocol_of(said: Mapping[str, Any]) -> Protocol:
    """How the experiment is made, from the command line's words."""
    from rarecase.experiment.arms import CLOSED_FORM
    from rarecase.pipeline.compare import Protocol

    return Protocol(
        arms=CLOSED_FORM if said["arms"] is None else tuple(split_names(said["arms"])),
        classifiers=tuple(split_names(said["classifier"])), inner=said["inner"],
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
    unsaid = ("json", "quiet", "verbose", "rest")
    said = {name: value for name, value in vars(args).items() if name not in unsaid}
    said["rare"] = result.evidence["rare"]  # what it was, if it was left open
    said["features"] = str(Path(args.features).resolve())
    said["fingerprint"] = found.fingerprint()
    write_json(out / RECORD, json.loads(json.dumps(said, default=str)))
    record_files(out, [RECORD])
