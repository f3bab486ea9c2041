"""The deployed model: a U-Net and a classifier that have learnt from every patient."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rarecase import __version__
from rarecase.checksums import check_file
from rarecase.deploy.final import Average, Final
from rarecase.deploy.final_fit import deployed_row, fit_deployed, out_of_fold_threshold
from rarecase.deploy.looks import case_looks
from rarecase.deploy.model import save_classifier
from rarecase.deploy.out_of_distribution import FEWEST, OutOfDistribution, Ranges
from rarecase.errors import DataError, SettingError
from rarecase.experiment.auto import Candidate
from rarecase.features.feature_set import Masks
from rarecase.features.sources.registry import AUTO, STACK, load_source, names_in
from rarecase.features.store import FeatureStore
from rarecase.files import read_csv, read_json, read_parquet
from rarecase.pipeline.designs import Part, candidates_of
from rarecase.pipeline.fold import Fold, load_fold, load_part
from rarecase.pipeline.run_folder import (
    CHECKPOINTS,
    CLASSIFIER,
    EVIDENCE,
    MODEL,
    PREDICTIONS,
    SEGMENTER,
)
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.step import Context, Step
from rarecase.pipeline.steps.cells import features_of, with_sites
from rarecase.pipeline.steps.features import extract
from rarecase.ranking import plain
from rarecase.segmenter import load_segmenter
from rarecase.segmenter.feeding import one_case


def model_step(context: Context, *, segmenter: Step) -> Step:
    """The step that fits the deployed classifier to every patient."""
    check_file(context.run / EVIDENCE)
    evidence = (context.run / EVIDENCE).read_text(encoding="utf-8")
    facts, inputs = [evidence, context.settings.tuning, context.settings.seed], (segmenter,)
    return Step(CLASSIFIER, MODEL, classifier_work, context, version=5, facts=facts, inputs=inputs)


def deployed_part(settings: Settings) -> int:
    """Which part of the experiment is deployed: the average of all that are on vectors, where one
    was asked for, the choice among them, or the only one that is. Never what came out best, which
    was seen on the patients tested."""
    names = [said.features for said in settings.experiment]
    for how in (STACK, AUTO):
        if how in names:
            return names.index(how)
    if not candidates_of(settings):
        raise SettingError(
            "experiment: no part is on vectors, which is what can be deployed. Add one, such as "
            "with --features tumour."
        )
    first = candidates_of(settings)[0]
    return settings.experiment.index(first)


def classifier_work(context: Context, folder: Path) -> None:
    """Choose features, classifier and arm on inner folds of all patients, as every fold did, and
    fit them to everybody, under masks of the U-Net that has learnt from everybody; the threshold
    comes from out-of-fold predictions of the same rule."""
    settings, run = context.settings, context.run
    fold = load_fold(context)
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)  # half written by a killed attempt
    unit = settings.tuning.unit
    masks: Masks = "whole" if settings.tuning.masks == "whole" else "predicted"
    evidence = read_json(run / EVIDENCE)
    part = load_part(context, deployed_part(settings))
    work = folder / CHECKPOINTS
    for name in part.sources:
        # As a prediction computes them. With half the digits of a network that computes in
        # bfloat16, a channel that is all but silent is another one, and a classifier may depend on
        # it.
        extract(
            context, fold, source=name, out=work / name / "store.zarr", exact=True, masks=masks,
            keep=work / name,
        )  # fmt: skip
    about: dict[str, Any] = {"classes": fold.classes, "rare": fold.rare, "unit": unit}
    candidates = [
        Candidate(
            with_sites(
                features_of(_stores(work, each.features), each, masks=masks, **about), fold.sites
            ),
            each.design,
        )
        for each in part.among or (part,)
    ]
    final = fit_deployed(candidates, part.features)
    row = deployed_row(evidence, candidates, how=part.features if part.among else None)
    threshold = out_of_fold_threshold(
        read_parquet(run / PREDICTIONS), features=row["features"], classifier=row["classifier"],
        arm=row["arm"], amount=row["amount"], rare=fold.rare,
    )  # fmt: skip
    names = final.chosen.get("features", part.features)
    sources = [load_source(work / name, networks=settings.networks) for name in names_in(names)]
    card = _card(context, fold, part, final, features=names, masks=masks)
    card["threshold"] = threshold
    card["evidence"] = _evidence(evidence, row) | {"dice": _dice(run)}
    familiar = _familiar(context, fold)
    card["looks"] = bool(familiar)
    save_classifier(folder, final, sources, familiar, card)


def _stores(work: Path, features: str) -> list[FeatureStore]:
    return [FeatureStore.open(work / name / "store.zarr") for name in names_in(features)]


def _card(
    context: Context, fold: Fold, part: Part, final: Final | Average, *, features: str, masks: Masks
) -> dict[str, Any]:
    """What model.json says of the model, its worth apart."""
    settings, meta, label = context.settings, fold.cache.meta, fold.labels
    arm = part.arm(final.chosen["arm"])
    return {
        "kind": "rarecase model",
        "version": __version__,
        "classes": list(fold.classes),
        "rare": fold.rare,
        "features": features,
        "classifier": final.chosen.get("classifier", part.design.classifier.name),
        "arm": arm.name,
        "synthetic": arm.synthetic,
        "unit": settings.tuning.unit,
        "masks": masks,
        "channels": list(fold.cache.channels),
        **{name: meta[name] for name in ("size", "normalise", "skip_empty", "pixel")},
        "usual_pixel": float(np.median(meta["pixels"])) if meta["pixels"] else None,
        "flips": settings.segmenter.flips,
        "planes": settings.slices.planes,
        "dimensions": settings.segmenter.dimensions,
        "ranges": Ranges.fit(fold.cache).as_json(),
        "learnt_from": {
            "patients": {name: int((label == name).sum()) for name in fold.classes},
            "slices": len(fold.cache.rows),
        },
    }


def _evidence(evidence: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """What the arm is worth, on patients who were tested by what was learnt from others."""
    names = ("auc_rare", "tuned_balanced_accuracy", f"tuned_recall_{evidence['rare']}")
    scores = {n: row["patients"]["scores"][n] for n in names if n in row["patients"]["scores"]}
    return {
        **{name: row[name] for name in ("arm", "features", "classifier")},
        "patients": row["counts"]["patients"],
        "scores": scores,
        "verdicts": [v["sentence"] for v in evidence["verdicts"]],
    }


def _dice(run: Path) -> float | None:
    """Mean Dice a volume of patients who were not trained on, over the study's folds."""
    places = sorted(run.glob(f"repeat-*/fold-*/{SEGMENTER}/volumes.csv"))
    table = pd.concat([read_csv(path) for path in places])
    return plain(table.loc[table["part"] == "test", "dice"].dropna().mean())


def _familiar(context: Context, fold: Fold) -> dict[str, OutOfDistribution]:
    """How far a case may look off (see `case_looks`), from every case that was learnt from; empty
    with too few."""
    cache = fold.cache
    segmenter = load_segmenter(context.fold_folder / SEGMENTER)
    order = segmenter.order(cache.channels)
    planes = context.settings.slices.planes
    looks: dict[str, list[np.ndarray]] = {}
    for _, rows in cache.rows.groupby("case", sort=True):
        images = np.asarray(cache.images[rows["row"].to_numpy()])
        none = np.zeros((len(images), *images.shape[-2:]), dtype=np.uint8)
        slices = one_case(segmenter, images, none, order, planes=planes)
        for name, vector in case_looks(segmenter, slices, images).items():
            looks.setdefault(name, []).append(vector)
    if min(len(vectors) for vectors in looks.values()) < FEWEST:
        return {}
    try:
        return {
            name: OutOfDistribution.fit(np.stack(vectors), seed=context.settings.seed)
            for name, vectors in looks.items()
        }
    except np.linalg.LinAlgError as error:
        raise DataError(f"{context.run}: the cases' looks cannot be described ({error}).") from None
