"""External validation of a run: its U-Nets and arms, as they are, on another cohort."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from rarecase.checksums import record_files
from rarecase.cohort import Cohort, check_disjoint
from rarecase.errors import DataError, SettingError
from rarecase.evidence.evidence import make_evidence
from rarecase.evidence.predictions import COLUMNS, FLAGS, KEY, pool_patients
from rarecase.evidence.result import Result
from rarecase.experiment.splits import splits_digest
from rarecase.experiment.tasks import read_result
from rarecase.files import read_csv, read_json, write_json
from rarecase.pipeline.resolve import merged, nest, validate
from rarecase.pipeline.run import only_one, perform_in_turn, settings_of
from rarecase.pipeline.run_folder import (
    COHORT,
    EVIDENCE,
    EXTERNAL,
    folds_of,
    read_cohort_table,
    read_folds,
)
from rarecase.pipeline.step import Context, Step
from rarecase.pipeline.steps.cohort import load_cohort, slices_step
from rarecase.pipeline.steps.evidence import gathered
from rarecase.pipeline.steps.external import external_parts, external_step
from rarecase.ranking import mean_defined, plain
from rarecase.seeds import derive


@dataclass(frozen=True)
class External:
    """`folder` holds predictions.parquet and evidence.json; `dice`: mean Dice of the masks over
    volumes and the run's folds, None where no volume has one."""

    folder: Path
    evidence: dict[str, Any]
    dice: float | None


def evaluate_on(
    run: Path,
    data: str | Path,
    *,
    name: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> External:
    """Judge on the cohort `data` what the run in the folder `run` has learnt.

    Each fold's U-Net and arms, learnt from the fold's training patients, predict every patient of
    the other cohort; the probabilities are averaged over the folds, so that a patient has one
    prediction an arm. Slices, labels and channels are taken as the run takes its own, with
    `changes` (dotted settings such as {"cohort.label": "Grade"}). The result lies in
    run/external/`name` (default: the name of `data`); the same call goes on after a kill. Raises
    `LeakError` for a patient that the run knows, `DataError` for a cohort without its classes.
    """
    run, path = run.absolute(), Path(data).expanduser().absolute()
    home = settings_of(run)
    if not external_parts(home):
        raise SettingError(
            f"{run}: no part of its experiment is on vectors, which are what is judged elsewhere."
        )
    about = read_json(run / COHORT / "cohort.json")
    dump = home.model_dump() | {"data": str(path)}
    dump["cohort"] |= {"channels": about["channels"], "exclude": [], "rare": None}
    settings = validate(merged(dump, nest(changes or {})))
    out = run / EXTERNAL / (name or path.stem)
    cohort = load_cohort(settings, out)
    _check(cohort, run, classes=about["classes"], rare=about["rare"])
    out.mkdir(parents=True, exist_ok=True)
    learnt, there = Context(run=run, settings=home), Context(run=out, settings=settings)
    with only_one(run):
        steps = _steps(learnt, there, cohort)
        perform_in_turn(steps, name="another cohort")
    folders = [step.output for step in steps[1:]]
    found = [read_result(folder) for folder in folders]
    predictions = ensemble([each.predictions for each in found])
    checks = gathered([each.checks for each in found if each.checks is not None])
    evidence = make_evidence(
        predictions, rare=about["rare"], checks=checks, margin=home.margin, metric=home.metric,
        seed=derive(home.seed, "bootstrap") % 2**31,
    )  # fmt: skip
    evidence["untuned"] = bool(read_json(run / EVIDENCE).get("untuned"))
    Result(predictions, evidence).write(out)
    dice = [read_csv(folder / "volumes.csv")["dice"].mean() for folder in folders]
    mean = plain(float(mean_defined(dice)))
    write_json(out / "external.json", {"data": str(path), "dice": mean})
    record_files(out, ["external.json"])
    return External(out, evidence, mean)


def ensemble(members: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One prediction for each patient and cell: the mean over `members`, each pooled to patients
    first. Thresholds are averaged too."""
    fit = [*KEY, "seed"]
    same = pd.concat([member.drop_duplicates(fit) for member in members]).groupby(fit, dropna=False)
    about = same[[*FLAGS, "splits"]].first().join(same[["requested", "added"]].mean())
    about["chosen"] = same["chosen"].agg(_chosen)
    pooled = pd.concat([pool_patients(member) for member in members])
    chances = [str(c) for c in pooled.columns if str(c).startswith("p_")]
    grouped = pooled.groupby([*fit, "patient", "label"], dropna=False, sort=False)
    found = grouped[["threshold", *chances]].mean().reset_index().join(about, on=fit)
    found[chances] = found[chances].clip(0, 1)  # a mean may pass 1 by a rounding error
    found = found.assign(repeat=0, fold=0, case=found["patient"], slice=0, predicted=1, site=None)
    return found[[*COLUMNS, *chances]]


def _chosen(said: pd.Series) -> str:
    """What the members chose, in one: names side by side, numbers on average.

    >>> _chosen(pd.Series(['{"arm": "none", "promised": 0.5}', '{"arm": "smote", "promised": 1}']))
    '{"arm": "none, smote", "promised": 0.75}'
    >>> _chosen(pd.Series(['{"weights": {"a": 1.0}}', '{"weights": {"a": 0.5, "b": 0.5}}']))
    '{"weights": {"a": 0.75, "b": 0.25}}'
    """
    each = [json.loads(text) for text in said]
    found: dict[str, Any] = {}
    for name in dict.fromkeys(name for one in each for name in one):
        values = [one[name] for one in each if name in one]
        numbers = all(isinstance(value, int | float) for value in values)
        if isinstance(values[0], dict):
            names = dict.fromkeys(key for value in values for key in value)
            found[name] = {
                key: round(sum(value.get(key, 0) for value in values) / len(values), 3)
                for key in names
            }
            continue
        found[name] = sum(values) / len(values) if numbers else ", ".join(
            dict.fromkeys(str(value) for value in values)
        )  # fmt: skip
    return json.dumps(found)


def _check(cohort: Cohort, run: Path, *, classes: Sequence[str], rare: str) -> None:
    unknown = sorted(set(cohort.classes) - set(classes))
    if unknown or rare not in cohort.classes or len(cohort.classes) < 2:
        raise DataError(
            f"The other cohort has the classes {', '.join(cohort.classes)}; the run learnt "
            f"{', '.join(classes)}, and {rare} and another of them are needed to judge it. Choose "
            "or rename its labels with --label and --merge."
        )
    known = read_cohort_table(run / COHORT / "cohort.csv")
    check_disjoint(known["patient"], cohort.patients)


def _steps(learnt: Context, there: Context, cohort: Cohort) -> list[Step]:
    slices = replace(slices_step(there, cohort=cohort), stage=EXTERNAL)
    # One test set for all folds: everybody of the other cohort.
    splits = splits_digest((0, who, 0) for who in cohort.patients)
    steps = [slices]
    for place in folds_of(read_folds(learnt.run / COHORT / "cohort.csv")):
        home, here = (replace(each, test_fold=place) for each in (learnt, there))
        steps.append(external_step(here, home=home, slices=slices, splits=splits))
    return steps
