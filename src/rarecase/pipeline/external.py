"""External validation of a run: its U-Nets and arms, as they are, on another cohort."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from rarecase.cohort import Cohort, check_disjoint
from rarecase.errors import DataError, SettingError
from rarecase.evidence.predictions import pool_patients
from rarecase.experiment.compare import weigh
from rarecase.experiment.self_checks import FoldChecks, gather
from rarecase.files import read_json, read_parquet, replacing_file, write_json
from rarecase.pipeline.grid import SEGMENTER, Cell, read_cohort_table, read_folds, study_cells
from rarecase.pipeline.plan import cohort_facts
from rarecase.pipeline.resolve import merged, nest, resolve, validate
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.step import RECORD, Context, Step, digest, perform
from rarecase.pipeline.steps.arms import CHECKS
from rarecase.pipeline.steps.cohort import COHORT, SLICES, load_cohort, slices_work
from rarecase.pipeline.steps.external import external_work
from rarecase.pipeline.study import only_one
from rarecase.progress import task
from rarecase.ranking import mean_defined

EXTERNAL = "external"
VERSION = 1  # goes up when a step computes something else from the same inputs and settings


@dataclass(frozen=True)
class External:
    """`folder` holds predictions.parquet, evidence.json and checks.json; `dice`: mean Dice of the
    outlines over volumes and the run's folds, None where no volume has a mask."""

    folder: Path
    evidence: dict[str, Any]
    checks: dict[str, Any] | None
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
    home = resolve(preset=None, file=run / "study.yaml")
    if not home.compare.arms:
        raise SettingError(f"{run}: the run compares no arms (compare.arms is empty).")
    about = read_json(run / COHORT / "cohort.json")
    settings = _settings(home, path, channels=about["channels"], changes=changes or {})
    out = run / EXTERNAL / (name or path.stem)
    cohort = load_cohort(settings, out)
    _check(cohort, run, classes=about["classes"], rare=about["rare"])
    out.mkdir(parents=True, exist_ok=True)
    with only_one(run):
        steps = _steps(home, settings, cohort, run=run, out=out)
        with task("another cohort", total=len(steps)) as bar:
            for step in steps:
                perform(step)
                bar.advance(note=step.name)
    folders = [step.output for step in steps if step.name != SLICES]
    predictions = ensemble([read_parquet(f / "predictions.parquet") for f in folders])
    evidence = weigh(predictions, rare=about["rare"], seed=home.seed)
    checks = _checks(folders)
    with replacing_file(out / "predictions.parquet") as beside:
        predictions.to_parquet(beside, index=False)
    write_json(out / "evidence.json", evidence)
    if checks is not None:
        write_json(out / CHECKS, checks)
    dice = [pd.read_csv(folder / "volumes.csv")["dice"].mean() for folder in folders]
    mean = float(mean_defined(dice))
    write_json(out / "external.json", {"data": str(path), "dice": None if mean != mean else mean})
    return External(out, evidence, checks, None if mean != mean else mean)


def ensemble(members: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One prediction a patient, arm and generator seed: the mean over `members`, each pooled to
    patients first. Thresholds are averaged too."""
    fit = ["arm", "amount", "generator_seed"]
    added = pd.concat(members).groupby(fit)["added"].mean()
    pooled = pd.concat([pool_patients(member) for member in members])
    chances = [str(c) for c in pooled.columns if str(c).startswith("p_")]
    found = pooled.groupby([*fit, "patient", "label"])[["threshold", *chances]].mean().reset_index()
    found = found.join(added, on=fit)
    found[chances] = found[chances].clip(0, 1)  # a mean may pass 1 by a rounding error
    return found.assign(repeat=0, fold=0, case=found["patient"], slice=0, predicted=1)


def _settings(
    home: Settings, path: Path, *, channels: Sequence[str], changes: Mapping[str, Any]
) -> Settings:
    """The run's settings with the other cohort as data."""
    dump = home.model_dump()
    dump["data"] = str(path)
    dump["cohort"] |= {"channels": list(channels), "exclude": [], "rare": None}
    return validate(merged(dump, nest(changes)))


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


def _steps(
    home: Settings, settings: Settings, cohort: Cohort, *, run: Path, out: Path
) -> list[Step]:
    there = Context(run=out, settings=settings)
    facts = [cohort_facts(cohort, simulated=False), settings.slices.model_dump(mode="json")]
    steps = [Step(SLICES, EXTERNAL, digest([VERSION, facts]), slices_work, there)]
    cells = study_cells(home, read_folds(run / COHORT / "cohort.csv"))
    for repeat, fold in sorted({(cell.repeat, cell.fold) for cell in cells}):
        cell = Cell(repeat, fold)
        record = read_json(run / cell.folder(SEGMENTER) / RECORD)
        needs = [VERSION, steps[0].key, record["key"], home.compare.model_dump(mode="json")]
        work = functools.partial(external_work, home=Context(run=run, settings=home, cell=cell))
        name = cell.folder("arms")
        steps.append(Step(name, EXTERNAL, digest(needs), work, replace(there, cell=cell)))
    return steps


def _checks(folders: Sequence[Path]) -> dict[str, Any] | None:
    found = [read_json(folder / CHECKS) for folder in folders if (folder / CHECKS).is_file()]
    return gather([FoldChecks.from_json(each) for each in found]).as_json() if found else None
