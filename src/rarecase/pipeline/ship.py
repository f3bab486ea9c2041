"""The deployed model of a finished run: making it, and writing it out without the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rarecase.deploy.model import CARD, SEGMENTER, Deployed, load_deployed
from rarecase.errors import DataError, SettingError
from rarecase.features.sources.networks import Network
from rarecase.files import read_parquet
from rarecase.pipeline.run import only_one, perform_in_turn, settings_of
from rarecase.pipeline.run_folder import (
    CLASSIFIER,
    EVERYBODY,
    EVIDENCE,
    MODEL,
    PREDICTIONS,
    RECORD,
    SETTINGS,
)
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.step import Context, Step, state_of
from rarecase.pipeline.steps.model import deployed_part, model_step
from rarecase.pipeline.steps.segment import segmenter_step


def load_run_model(folder: Path, *, networks: Mapping[str, Network] | None = None) -> Deployed:
    """The model of a run, made now if it is not there yet, or an exported one."""
    if (folder / CARD).is_file():
        return load_deployed(folder, networks=networks)
    if not (folder / SETTINGS).is_file():
        raise DataError(
            f"{folder}: neither a run folder (no {SETTINGS}), nor that of a comparison, nor an "
            f"exported model (no {CARD})."
        )
    _make_model(folder)
    known = networks or settings_of(folder).networks
    place = folder / MODEL / SEGMENTER
    return load_deployed(folder / CLASSIFIER, segmenter=place, networks=known)


def _make_model(run: Path) -> None:
    """Fit U-Net and classifier to every patient of a finished run, into RUN/model. The same call
    goes on after a kill; a model that is there and fits the run is left as it is."""
    settings = settings_of(run)
    if not (run / EVIDENCE).is_file() or not (run / PREDICTIONS).is_file():
        raise DataError(f"{run}: not finished; 'rarecase run --out {run}' goes on with it.")
    _check(run, settings)
    deployed_part(settings)  # said before anything is trained
    read_parquet(run / PREDICTIONS)
    steps = _steps(Context(run=run.absolute(), settings=settings, test_fold=EVERYBODY))
    if not all(step.done() for step in steps):
        with only_one(run):
            perform_in_turn(steps, name="the model for new patients")


def _check(run: Path, settings: Settings) -> None:
    """Refuse a run whose evidence does not speak of the model that would be made of it."""
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
    records = sorted(context.run.glob(f"repeat-*/fold-*/{SEGMENTER}/{RECORD}"))
    known = [state_of(record) for record in records]
    if not known:
        raise DataError(f"{context.run}: holds no trained U-Net; the run is not finished.")
    segmenter = replace(segmenter_step(context, cohort=None, start=None), facts=known, stage=MODEL)
    return [segmenter, model_step(context, segmenter=segmenter)]
