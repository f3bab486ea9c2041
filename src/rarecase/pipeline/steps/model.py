"""The deployed model: a U-Net and a classifier that have learnt from every patient."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rarecase import __version__
from rarecase.checksums import check_file
from rarecase.deploy.final_fit import fit_final, out_of_fold_threshold
from rarecase.deploy.model import save_classifier
from rarecase.deploy.out_of_distribution import FEWEST, OutOfDistribution, Ranges, case_looks
from rarecase.errors import DataError, SettingError
from rarecase.experiment.arms import REFERENCE
from rarecase.features.sources.unet import TUMOUR
from rarecase.files import read_csv, read_json, read_parquet
from rarecase.pipeline.designs import Part
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
from rarecase.pipeline.steps.cells import features_of
from rarecase.pipeline.steps.features import extract
from rarecase.ranking import plain
from rarecase.segmenter import channel_map, load_segmenter
from rarecase.segmenter.feeding import one_case

NOT_SURE = 0.5  # the threshold where no out-of-fold predictions tell a better one


def model_step(context: Context, *, segmenter: Step) -> Step:
    """The step that fits the deployed classifier to every patient."""
    check_file(context.run / EVIDENCE)
    evidence = (context.run / EVIDENCE).read_text(encoding="utf-8")
    facts, inputs = [evidence, context.settings.tuning, context.settings.seed], (segmenter,)
    return Step(CLASSIFIER, MODEL, classifier_work, context, version=3, facts=facts, inputs=inputs)


def deployed_part(settings: Settings, evidence: dict[str, Any]) -> tuple[int, str]:
    """Which part of the experiment is deployed, and which of its arms: of the parts whose features
    a scan has by itself (`tumour`) and whose classifier is linear, the first; its synthetic arm
    whose verdict is `helps`, the one that moved the AUC most of several, otherwise `none`."""
    wanted = (TUMOUR, "logistic")
    parts = [(said.features, said.classifier) for said in settings.experiment]
    if wanted not in parts:
        raise SettingError(
            "experiment: no part has features 'tumour' and classifier 'logistic', which is what "
            "can be deployed. Add one, such as with --features tumour."
        )
    verdicts = [v for v in evidence["verdicts"] if (v["features"], v["classifier"]) == wanted]
    helps = {
        v["arm"]: v["against"]["reference"]["difference"]
        for v in verdicts
        if v["answer"] == "helps"
    }
    return parts.index(wanted), max(helps, key=helps.__getitem__, default=REFERENCE)


def classifier_work(context: Context, folder: Path) -> None:
    """Fit the arm that the evidence speaks for to every patient's `tumour` vectors, under masks of
    the U-Net that has learnt from everybody; the threshold comes from out-of-fold predictions."""
    settings, run = context.settings, context.run
    fold = load_fold(context)
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)  # half written by a killed attempt
    # As a prediction computes them. With half the digits of a network that computes in bfloat16, a
    # channel that is all but silent is another one, and a classifier may depend on it.
    store = extract(
        context, fold, source=TUMOUR, out=folder / CHECKPOINTS / "tumour.zarr", exact=True
    )
    unit = settings.tuning.unit
    evidence = read_json(run / EVIDENCE)
    number, name = deployed_part(settings, evidence)
    part = load_part(context, number)
    row = _row(evidence, part, name)
    table = features_of([store], part, classes=fold.classes, rare=fold.rare, unit=unit)
    final = fit_final(table, part.arm(name), part.design)
    threshold = out_of_fold_threshold(
        read_parquet(run / PREDICTIONS), features=part.features,
        classifier=part.design.classifier.name, arm=name, amount=row["amount"], rare=fold.rare,
    )  # fmt: skip
    counts = {table.classes[c]: int((table.label == c).sum()) for c in range(len(table.classes))}
    meta = fold.cache.meta
    card: dict[str, Any] = {
        "kind": "rarecase model",
        "version": __version__,
        "classes": list(table.classes),
        "rare": fold.rare,
        "threshold": NOT_SURE if np.isnan(threshold) else threshold,
        "arm": name,
        "unit": unit,
        "channels": list(fold.cache.channels),
        **{name: meta[name] for name in ("size", "normalise", "skip_empty", "pixel")},
        "usual_pixel": float(np.median(meta["pixels"])) if meta["pixels"] else None,
        "flips": settings.segmenter.flips,
        "planes": settings.slices.planes,
        "dimensions": settings.segmenter.dimensions,
        "ranges": Ranges.fit(fold.cache).as_json(),
        "learnt_from": {"patients": counts, "slices": len(fold.cache.rows)},
        "evidence": _evidence(evidence, row) | {"dice": _dice(run)},
    }
    familiar = _familiar(context, fold)
    card["looks"] = bool(familiar)
    save_classifier(folder, final, familiar, card)


def _row(evidence: dict[str, Any], part: Part, arm: str) -> dict[str, Any]:
    """The row of the evidence that speaks of the arm: of several amounts the planned one."""
    key = (part.features, part.design.classifier.name, arm)
    rows = [r for r in evidence["rows"] if (r["features"], r["classifier"], r["arm"]) == key]
    found: dict[str, Any] = next(r for r in rows if r["planned"] or not r["synthetic"])
    return found


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
    order = channel_map(cache.channels, segmenter.channels)
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
