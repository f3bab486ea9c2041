"""Should features of training patients be learnt under masks as rough as those of new patients?

    python benchmarks/matched.py RUN [--crossed OTHER]

RUN is a finished segmentation of a cohort with masks (`--until segment`), OTHER one with
`--segmenter.cross_fit`. In each fold `radiomics` is taken of test patients under the masks that the
fold's network predicts, and of training patients under masks of several kinds: the network's own,
those of networks that had not seen them, true ones made as rough as the network's are on the
patients that it was validated on, and true ones. Written down: how many slices a logistic
regression then calls rightly, and how well test patients can be told from training patients.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from fold_vectors import contexts
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.utils.parallel import Parallel, delayed

from rarecase.arrays import Floats
from rarecase.evidence.predictions import pool_patients
from rarecase.experiment import fit_fold, make_design
from rarecase.experiment.fold_rows import Place
from rarecase.experiment.self_checks import shift_auc
from rarecase.features.joining import Vectors, joined_vectors
from rarecase.pipeline.fold import Fold, load_fold
from rarecase.pipeline.run_folder import SEGMENTER
from rarecase.pipeline.sources import source_in
from rarecase.pipeline.step import Context
from rarecase.pipeline.steps.cells import fold_of
from rarecase.pipeline.steps.features import source_data
from rarecase.seeds import derive, numpy_rng
from rarecase.segmenter import PackedMasks
from rarecase.segmenter.metrics import volume_dice
from rarecase.segmenter.predict import HeldMasks

SOURCE = "radiomics"
HALVINGS = 12


def degraded(masks: NDArray[np.uint8], *, dice: float, flat: bool, seed: int) -> NDArray[np.uint8]:
    """Masks (n, h, w) of a case, 0 and 1, moved, bent, and grown or shrunk until their Dice with
    what they were is about `dice`; of pictures (`flat`) each in its own way. An empty one stays."""
    if not masks.any():
        return masks
    rng = numpy_rng(seed, "degraded")
    radius = float(np.sqrt(masks.sum(axis=(1, 2)).max() / np.pi))
    depth = 0.0 if flat else 2.0
    shift = _unit(rng.normal(size=(2, len(masks) if flat else 1, 1, 1)))
    # Bends of half the lesion's size: as large as the parts of it that a network misses or adds.
    bend = np.stack(
        [_smooth(rng, masks.shape, depth=depth, width=max(radius / 2, 1)) for _ in range(2)]
    )
    grown = _smooth(rng, masks.shape, depth=depth, width=max(radius, 1))
    distance = np.stack([_signed_distance(mask) for mask in masks])
    low, high = 0.0, 4 * radius
    found = masks
    for _ in range(HALVINGS):
        strength = (low + high) / 2
        found = _moved(distance, strength * (shift + bend) / 2, strength * grown / 2)
        overlap = 2 * (found & masks).sum() / (found.sum() + masks.sum())
        low, high = (strength, high) if overlap > dice else (low, strength)
    return found


def _moved(distance: Floats, by: Floats, grown: Floats) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[: distance.shape[1], : distance.shape[2]]
    by = np.broadcast_to(by, (2, *distance.shape))
    each = [
        ndimage.map_coordinates(one, (rows + dy, columns + dx), order=1, mode="nearest") + more
        for one, dy, dx, more in zip(distance, *by, grown, strict=True)
    ]
    return (np.stack(each) > 0).astype(np.uint8)


def _signed_distance(mask: NDArray[np.uint8]) -> Floats:
    """Pixels from the edge, positive inside; far outside where nothing is."""
    if not mask.any():
        return np.full(mask.shape, -float(sum(mask.shape)))
    inside, outside = ndimage.distance_transform_edt(mask), ndimage.distance_transform_edt(1 - mask)
    found: Floats = np.asarray(inside - outside)
    return found


def _smooth(
    rng: np.random.Generator, shape: tuple[int, ...], *, depth: float, width: float
) -> Floats:
    """A random field of mean square 1 that is smooth over `width` pixels and `depth` slices."""
    return _unit(ndimage.gaussian_filter(rng.normal(size=shape), (depth, width, width)))


def _unit(field: Floats) -> Floats:
    found: Floats = field / max(float(np.sqrt((field**2).mean())), 1e-9)
    return found


def predicted(context: Context, fold: Fold) -> np.ndarray:
    """Masks of all slices (n, h, w), as the fold's networks predicted them."""
    width = fold.cache.masks.shape[-1]
    packed = PackedMasks(context.fold_folder / SEGMENTER / "predicted.npy", width=width)
    return packed.read(np.arange(len(packed)))


def roughened(fold: Fold, own: np.ndarray, *, seed: int) -> np.ndarray:
    """True masks of the training patients, as rough as those of validation patients are."""
    cases, found = fold.cache.rows["case"].to_numpy(), own.copy()
    known = fold.rows_of(fold.validation, masked=True)
    wanted = volume_dice(own[known], fold.cache.masks[known], cases[known])["dice"].to_numpy()
    rng, spacing = numpy_rng(seed, "rough"), fold.cache.meta.get("spacing", {})
    at = fold.rows_of(fold.fitting, masked=True)
    for case, mine in pd.Series(at).groupby(cases[at]):
        rows, flat = mine.to_numpy(), spacing.get(case) is None
        found[rows] = degraded(
            fold.cache.masks[rows], dice=float(rng.choice(wanted)), flat=flat,
            seed=derive(seed, "rough", case),
        )  # fmt: skip
    return found


def judged(context: Context, fold: Fold, masks: np.ndarray) -> tuple[pd.DataFrame, float | None]:
    """Predictions of the test patients' slices, and the two-sample AUC."""
    data = source_data(context, fold, masks="predicted")
    rows = data.rows.assign(predicted=masks.sum(axis=(1, 2)))
    data = replace(data, rows=rows, predicted=HeldMasks(masks))
    source = source_in(context.settings, SOURCE)
    source.fit(data, seed=0)
    taken = joined_vectors(
        [Vectors.taken(source, data)], rare=fold.rare, name=SOURCE, unit="slices"
    )
    at, design = context.test_fold, make_design([], seeds=1, seed=0)
    place = Place(fold_of(taken, fold.test, at.fold), at.repeat, at.fold)
    return fit_fold(taken, design, place).predictions, shift_auc(taken, design, place)


def each(context: Context, crossed: Context | None) -> list[tuple[str, pd.DataFrame, float | None]]:
    """Of one fold: kind of the training masks, predictions, two-sample AUC."""
    fold, found = load_fold(context), []
    own = predicted(context, fold)
    trains = fold.rows_of(fold.training)
    kinds = {"own": own, "degraded": roughened(fold, own, seed=context.settings.seed)}
    if crossed is not None:
        kinds["cross-fitted"] = predicted(crossed, fold)
    kinds["true"] = fold.cache.masks
    for name, masks in kinds.items():
        mixed = own.copy()
        mixed[trains] = masks[trains]
        found.append((name, *judged(context, fold, mixed)))
    return found


def right(predictions: pd.DataFrame) -> dict[str, float]:
    """Shares of slices with an outline, and of patients, that are called rightly."""
    names = [str(c) for c in predictions.columns if str(c).startswith("p_")]
    pooled, share = pool_patients(predictions), {}
    for kind, frame in (("slices", predictions), ("patients", pooled)):
        called = frame[names].to_numpy().argmax(axis=1)
        share[kind] = float((np.array(names)[called] == "p_" + frame["label"]).mean())
    return share | {"with an outline": float(len(predictions))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--crossed", type=Path)
    args = parser.parse_args()
    folds = contexts(args.run, threads=1)
    others = contexts(args.crossed, threads=1) if args.crossed else [None] * len(folds)
    done = Parallel(n_jobs=-1)(delayed(each)(*pair) for pair in zip(folds, others, strict=True))
    lines = [line for fold in done for line in fold]
    table = {}
    for name in dict.fromkeys(name for name, _, _ in lines):
        mine = [(rows, shift) for kind, rows, shift in lines if kind == name]
        table[name] = right(pd.concat([rows for rows, _ in mine], ignore_index=True))
        table[name]["two-sample AUC"] = float(np.mean([s for _, s in mine if s is not None]))
    print(pd.DataFrame(table).T.round(3).to_string())
    out = Path(__file__).with_name("results") / f"matched-{args.run.name}.json"
    out.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
