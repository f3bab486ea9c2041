"""The deployed model of a finished run: making it, and writing it out without the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rarecase.checksums import check_file
from rarecase.deploy.card import write_model
from rarecase.deploy.model import CARD, SEGMENTER, Deployed, load_deployed
from rarecase.errors import DataError, SettingError
from rarecase.files import (
    read_json,
    read_parquet,
)
from rarecase.pipeline.resolve import resolve
from rarecase.pipeline.run import only_one
from rarecase.pipeline.run_folder import (
    CLASSIFIER,
    EVERYBODY,
    EVIDENCE,
    MODEL,
    PREDICTIONS,
    RECORD,
    SLICES,
)
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.step import Context, Step, perform
from rarecase.pipeline.steps.model import deployed_part, model_step
from rarecase.pipeline.steps.segment import segmenter_step
from rarecase.progress import task


def load_model(place: str | Path) -> Deployed:
    """The model of a run, made now if it is not there yet (which trains the U-Net once more, on
    every patient), or one that `export_model` wrote. Raises `DataError` for anything else."""
    folder = Path(place)
    if (folder / CARD).is_file():
        return load_deployed(folder)
    make_model(folder)
    return load_deployed(folder / CLASSIFIER, segmenter=folder / MODEL / SEGMENTER)


def make_model(run: Path) -> None:
    """Fit U-Net and classifier to every patient of a finished run, into RUN/model. The same call
    goes on after a kill; a model that is there and fits the run is left as it is."""
    if not (run / "study.yaml").is_file():
        raise DataError(
            f"{run}: neither a run folder (no study.yaml) nor an exported model (no {CARD})."
        )
    check_file(run / "study.yaml")
    settings = resolve(preset=None, file=run / "study.yaml")
    if not (run / EVIDENCE).is_file() or not (run / PREDICTIONS).is_file():
        raise DataError(f"{run}: not finished; 'rarecase run --out {run}' goes on with it.")
    _check(run, settings)
    deployed_part(settings, read_json(run / EVIDENCE))  # said before anything is trained
    read_parquet(run / PREDICTIONS)
    steps = _steps(Context(run=run.absolute(), settings=settings, cell=EVERYBODY))
    if all(step.done() for step in steps):
        return
    with only_one(run), task("the model for new patients", total=len(steps)) as bar:
        for step in steps:
            perform(step)
            bar.advance(note=step.name)


def _check(run: Path, settings: Settings) -> None:
    """Refuse a run whose evidence does not speak of the model that would be made of it."""
    meta = read_json(run / SLICES / "meta.json")
    if {"pixel", "pixels", "steps", "lowest"} - set(meta):
        raise DataError(
            f"{run}: made by an earlier version, which kept too little of its slices. Run it again."
        )
    if settings.protocol == "faithful":
        raise SettingError(
            f"{run}: its protocol peeks at the test set, so that nothing it measured says what a "
            "model is worth. Run it without --faithful-protocol."
        )
    if settings.tuning.masks == "true":
        raise SettingError(
            f"{run}: its arms were judged under masks drawn by hand, which new scans have not. "
            "Run it with --tuning.masks predicted."
        )


def _steps(context: Context) -> list[Step]:
    """Both depend on what the folds' steps depend on, as their records tell."""
    run = context.run
    known = [
        read_json(record)["key"]
        for record in sorted(run.glob(f"repeat-*/fold-*/{SEGMENTER}/{RECORD}"))
    ]
    if not known:
        raise DataError(f"{run}: holds no trained U-Net; the run is not finished.")
    segmenter = replace(segmenter_step(context, cohort=None, start=None), facts=known, stage=MODEL)
    return [segmenter, model_step(context, segmenter=segmenter)]


def export_model(run: str | Path, out: str | Path) -> Path:
    """Write a run's model to a new folder that needs nothing of the run (see `write_model`)."""
    run, out = Path(run), Path(out)
    if out.exists():
        raise DataError(f"{out} exists and was not touched; choose a new folder.")
    if (run / CARD).is_file():
        raise DataError(f"{run}: an exported model already; copy the folder as it is.")
    return write_model(load_model(run), out)
