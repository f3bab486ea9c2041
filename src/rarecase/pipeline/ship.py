"""Making the model that is handed on from a finished run, and writing it out without the run."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from rarecase.deploy.card import EXAMPLE, model_card
from rarecase.deploy.model import CARD, SEGMENTER, WEIGHTS, Deployed, load_deployed
from rarecase.errors import DataError, SettingError
from rarecase.files import (
    read_json,
    read_parquet,
    replacing_directory,
    write_json,
    write_text,
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
    """Write a run's model to a new folder that needs nothing of the run and names no patient:
    weights, model.json, model_card.md and predict.py, an example. Returns the folder."""
    run, out = Path(run), Path(out)
    if out.exists():
        raise DataError(f"{out} exists and was not touched; choose a new folder.")
    if (run / CARD).is_file():
        raise DataError(f"{run}: an exported model already; copy the folder as it is.")
    model = load_model(run)
    made = run / MODEL
    with replacing_directory(out) as folder:
        (folder / SEGMENTER).mkdir()
        shutil.copy2(made / SEGMENTER / "model.safetensors", folder / SEGMENTER)
        write_json(folder / SEGMENTER / "model.json", nameless(model).segmenter.describe())
        shutil.copy2(run / CLASSIFIER / WEIGHTS, folder)
        write_json(folder / CARD, model.card)
        write_text(folder / "model_card.md", model_card(model.card))
        write_text(folder / "predict.py", EXAMPLE)
    return out


def nameless(model: Deployed) -> Deployed:
    """The same without the patients it has learnt from."""
    bare: dict[str, Any] = {
        "trained_on": (), "validated_on": (), "initialised_from": None, "patients_known": False
    }  # fmt: skip
    return replace(model, segmenter=replace(model.segmenter, **bare))
