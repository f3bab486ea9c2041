"""compare: every way to treat a rare class, on a table of features."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.checksums import record_files
from rarecase.cli.arguments import add_options, refuse, sets_of, split_names
from rarecase.cli.compared import show_comparison, write_comparison
from rarecase.cli.pages import REPORT, add_page, page_place
from rarecase.errors import DataError, SettingError
from rarecase.files import replacing_file, write_json
from rarecase.versions import loaded

if TYPE_CHECKING:
    from rarecase.evidence.result import Result
    from rarecase.features.feature_set import FeatureSet
    from rarecase.features.read_features import Features
    from rarecase.pipeline.protocol import Protocol

EPILOG = """\
examples:
  rarecase compare features.csv --label Grade --groups patient --rare Low
  rarecase compare features.parquet --label Grade --arms threshold,smote,gaussian --out grades
  rarecase compare features.csv --label Grade --groups patient --site hospital
  rarecase compare features.csv --label Grade --groups patient --scarcity 4,8,16 --out grades
  rarecase compare radiomics.csv --label Grade=3,4 --groups patient --impute median \\
      --features radiomics=flair_*,t1ce_* --features clinical=age,sex --categorical sex \\
      --features radiomics,clinical,radiomics+clinical
  rarecase compare embeddings.npz --rare LGG
  rarecase compare features.csv --label Grade --groups patient --plan"""

RECORD, MODEL = "compare.json", "model"
SMALL = 10_000  # values of a table for which starting processes takes longer than they save


def add_arguments(parser: ArgumentParser) -> None:
    """What `rarecase compare` takes."""
    add_options(parser, (
        ("features", "FEATURES", "CSV, TSV, Parquet, npz, or a .zarr"),
        ("--label", "SPEC", "column with the classes; COLUMN=V[,V] sets these against the rest"),
        ("--groups", "COLUMN", "column with the patients (default: a row is a patient)"),
        ("--site", "COLUMN", "leave one site out: test each by what the others taught"),
        ("--rare", "CLASS", "default: the one with fewest patients"),
        ("--ignore", "COLUMNS", "columns to leave out"),
        ("--categorical", "COLUMNS", "columns that are categories, text or codes"),
        ("--impute", "median", "fill missing values in, within each fold"),
        ("--accept", "COLUMNS", "columns that look like a leak and are right all the same"),
        ("--id", "COLUMN", "column by which a table of features is joined (default: --groups)"),
        ("--arms", "NAMES", "default: all that need no training of a network"),
        ("--classifier", "NAMES", "default: logistic"),
        ("--folds", 5, "test folds (default 5)"),
        ("--repeats", 5, "draws of the folds (default 5)"),
        ("--inner", 3, "inner folds (default 3)"),
        ("--amounts", "SHARES",
         "of what a class lacks to be as frequent as the largest (default 0.5,1,2)"),
        ("--generator-seeds", 2, "default 2"),
        ("--margin", 0.02, "difference that counts as none (default 0.02)"),
        ("--metric", "NAME", "what verdicts are about (default: auc_rare)"),
        ("--primary", "ARM@FEATURES", "the question asked beforehand: tested first, at 5 %%"),
        ("--seed", 0, "everything random derives from it"),
        ("--jobs", -1, "processes (default: one a CPU; of small tables one)"),
        ("--cluster", "WHERE",
         "Dask computes: local (then with --jobs workers), tcp://HOST:PORT or a scheduler file"),
        ("--allow-seen", None,
         "accept features of a network that has learnt from patients who are tested"),
        ("--combat", None, "harmonise features between the sites of --site (ComBat)"),
        ("--no-checks", None, "leave the self-checks out"),
        ("--out", "FOLDER", "keep predictions and evidence; the same line goes on there"),
    ))  # fmt: skip
    parser.set_defaults(
        ignore="", categorical="", accept="", classifier="logistic", amounts="0.5,1,2"
    )
    parser.add_argument(
        "--features", dest="sets", metavar="SETS", action="append", default=[],
        help="NAME=COLUMNS (patterns such as flair_*) or NAME=FILE defines a set of features; "
        "NAMES says which are compared (a+b: side by side); may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--plan", metavar="PILOT", nargs="?", const="",
        help="say what could be decided with these patients, and train nothing; PILOT: the folder "
        "of an earlier comparison",
    )  # fmt: skip
    parser.add_argument(
        "--auc", metavar="AUC", type=float,
        help="with --plan: the AUC that plain features are expected to have (default 0.7)",
    )  # fmt: skip
    parser.add_argument(
        "--scarcity", metavar="K,K", nargs="?", const="",
        help="also with only K rare patients to learn from (without numbers: 4, 8, 16, … all)",
    )  # fmt: skip
    add_page(parser, default="with --out FOLDER/report")


def run(args: Namespace) -> int:
    """Compare and print the table; with --out also write what it was computed from."""
    if args.plan is not None:
        from rarecase.cli.plan import run as plan

        return plan(args)
    refuse(args, ["--auc"], why="is for --plan.")
    import pandas as pd

    from rarecase.deploy.table_model import save_table_model
    from rarecase.features.read_features import refuse_seen
    from rarecase.pipeline.compare import compare
    from rarecase.pipeline.executor import pool
    from rarecase.pipeline.scarcity import scarcity_curve

    ks = None if args.scarcity is None else _numbers("--scarcity", args.scarcity, kind=int)
    out = None if args.out is None else Path(args.out)
    if out is not None:
        _check_folder(out)
    place = page_place(args, None if out is None else out / REPORT)
    if args.jobs == 0 or args.jobs < -1:
        raise SettingError(f"--jobs {args.jobs}: expected 1 or more, or -1 for all cores.")
    args.sets = with_paths(args.sets)
    protocol, curve = protocol_of(vars(args)), None
    found = read_said(Path(args.features), vars(args))
    if not args.allow_seen:
        refuse_seen(found, Path(args.features))
    alone = args.jobs == -1 and args.cluster is None and len(found.y) * _width(found.X) < SMALL
    with pool(1 if alone else args.jobs, cluster=args.cluster) as executor:
        sites = None if found.sites is None else pd.Series(found.sites, name=args.site)
        y = pd.Series(found.y, name=args.label)
        split: dict[str, Any] = {"sites": sites, "folds": args.folds, "repeats": args.repeats}
        asked: dict[str, Any] = {"groups": found.groups, "rare": args.rare, **split}
        asked["executor"] = executor
        if ks is not None:  # said before anything takes time
            ks = _possible(found, y, ks, protocol, split, rare=args.rare)
        cells = None if out is None else out / "cells"
        result = with_table(compare(found.X, y, cells=cells, **asked, **vars(protocol)), found)
        if out is not None:
            _write(out, args, result, found)
            if result.fit_model is not None:
                save_table_model(out / MODEL, result.model)
        if ks is not None:
            cells = None if out is None else out / "scarcity"
            curve = scarcity_curve(
                found.X, y, ks=ks, protocol=protocol, cells=cells, **asked
            ).to_frame()
        if curve is not None and out is not None:
            with replacing_file(out / "scarcity.csv") as beside:
                curve.to_csv(beside, index=False)
            record_files(out, ["scarcity.csv"])
    page = None
    if place is not None:
        said = _said(args, result, found)
        page = write_comparison(result, curve, said, out=out, place=place)
    return show_comparison(args, result, curve, page)


def _width(X: Any) -> int:
    """Columns of a table, or of all sets of features."""
    return sum(map(_width, X.values())) if isinstance(X, dict) else prod(X.shape[1:])


def _possible(
    found: Features, y: Any, ks: Sequence[int], protocol: Protocol, split: Mapping[str, Any], *,
    rare: str | None,
) -> list[int]:  # fmt: skip
    """The numbers of rare patients that the smallest training part allows, or an error."""
    from rarecase.experiment.splits import draw_splits
    from rarecase.pipeline.scarcity import possible_ks

    first = first_set(found, y, protocol, rare=rare)
    return possible_ks(first, draw_splits(first, seed=protocol.random_state, **split), ks or None)


def first_set(found: Features, y: Any, protocol: Protocol, *, rare: str | None) -> FeatureSet:
    """The first of the sets of features that are compared."""
    from rarecase.pipeline.feature_sets import choose_sets, feature_sets

    made = feature_sets(
        found.X, y, groups=found.groups, rare=rare, missing=protocol.missing,
        categorical=protocol.categorical,
    )  # fmt: skip
    return choose_sets(made, protocol.sets)[0]


def read_said(path: Path, said: Mapping[str, Any], *, away: bool = False) -> Features:
    """The features of a file, as the command line's words say. `away`: another cohort's."""
    from rarecase.features.leaks import refuse
    from rarecase.features.read_features import read_features

    accept = split_names(said.get("accept", ""))
    found = read_features(
        path, label=said["label"], groups=said["groups"], site=said["site"], id=said.get("id"),
        ignore=split_names(said["ignore"]), accept=accept, sets=sets_of(said.get("sets", []))[1],
        categorical=split_names(said.get("categorical", "")), fill=said.get("impute") is not None,
        away=away,
    )  # fmt: skip
    refuse(found.found, accept)
    return found


def with_table(result: Result, found: Features) -> Result:
    """The result with what is known of the table's other columns."""
    about = result.features or {"warnings": []}
    accepted = [asdict(each) | {"accepted": each.stops} for each in found.found]  # or it is refused
    about = about | {"left_out": dict(found.left_out), "warnings": accepted + about["warnings"]}
    return replace(result, features=about)


def with_paths(words: Sequence[str]) -> list[str]:
    """Definitions of sets whose files are named from the root, so that they stay what they are."""
    _, defined = sets_of(words)
    files = {f"{name}={of[0]}" for name, of in defined.items() if Path(of[0]).is_file()}
    return [
        f"{name}={Path(of).resolve()}" if word in files else word
        for word in words for name, _, of in [word.partition("=")]
    ]  # fmt: skip


def protocol_of(said: Mapping[str, Any]) -> Protocol:
    """How the experiment is made, from the command line's words."""
    from rarecase.evidence.metrics import AUC
    from rarecase.evidence.verdict import MARGIN
    from rarecase.experiment.arms import CLOSED_FORM
    from rarecase.pipeline.protocol import Protocol

    return Protocol(
        arms=CLOSED_FORM if said["arms"] is None else tuple(split_names(said["arms"])),
        classifiers=tuple(split_names(said["classifier"])), inner=said["inner"],
        amounts=tuple(_numbers("--amounts", said["amounts"])),
        generator_seeds=said["generator_seeds"], random_state=said["seed"],
        margin=said.get("margin", MARGIN), metric=said.get("metric") or AUC,
        primary=said.get("primary"),
        checks=not said["no_checks"], features=tuple(sets_of(said.get("sets", []))[0]),
        impute=said.get("impute"), categorical=tuple(split_names(said.get("categorical", ""))),
        accept=tuple(split_names(said.get("accept", ""))), combat=bool(said.get("combat")),
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
    write_json(out / RECORD, _said(args, result, found))
    record_files(out, [RECORD])


def _said(args: Namespace, result: Result, found: Features) -> dict[str, Any]:
    """What was asked for, and of which table."""
    unsaid = ("json", "quiet", "verbose", "rest", "html", "no_html")
    said = {name: value for name, value in vars(args).items() if name not in unsaid}
    said["rare"] = result.evidence["rare"]  # what it was, if it was left open
    said["features"] = str(Path(args.features).resolve())
    said["fingerprint"] = found.fingerprint()
    said["versions"] = loaded()
    return dict(json.loads(json.dumps(said, default=str)))
