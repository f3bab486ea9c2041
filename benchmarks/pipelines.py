"""How well can a run's features tell the classes apart? One pipeline, chosen on inner folds alone.

    python benchmarks/pipelines.py RUN [--unit patients|slices] [--outline predicted|true]

For each fold of RUN its own U-Net, which never saw the fold's test patients, gives every slice
five summaries of every block (mean, deviation and maximum over the outlined tumour, mean over a
ring around it, mean over the slice) and a few numbers on the outline's size, place and form. A
pipeline is a choice of summaries, of blocks, of the pooling of slices to patients, and of a
classifier. In each fold all of them are tried on inner folds of training patients; the best (AUC
of the rare class of patients, or accuracy of slices) is fitted to all training patients and
predicts the test patients, once. Prints what was chosen and the scores with bootstrap intervals,
and keeps them in results/.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import ndimage
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.parallel import Parallel, delayed

from rarecase.features.tumour import masked_mean
from rarecase.segmenter import PackedMasks, Slices, channel_map, load_segmenter
from rarecase.segmenter.batches import in_order
from rarecase.study.fold import Fold, load_fold
from rarecase.study.grid import SEGMENTER, Cell, read_folds, study_cells
from rarecase.study.resolve import resolve
from rarecase.study.step import Context
from rarecase.study.steps.features import outlined

RESULTS = Path(__file__).with_name("results")
SUMMARIES = ("mean", "deviation", "maximum", "ring", "slice")
RING = 4  # pixels
INNER = 4


@dataclass(frozen=True)
class Choice:
    """One pipeline."""

    summaries: tuple[str, ...]
    blocks: str
    pooling: str
    classifier: str

    def __str__(self) -> str:
        return f"{'+'.join(self.summaries)} of {self.blocks}, {self.pooling}, {self.classifier}"


BLOCKS = {
    "all": lambda name: True,
    "encoders": lambda name: name.startswith("enc"),
    "bottleneck": lambda name: name == "bottleneck",
    "decoders": lambda name: name.startswith("dec"),
    "outline": lambda name: False,  # size, place and form alone
}
WANTED = (("mean",), ("mean", "deviation"), ("mean", "ring"), ("maximum",), ("slice",), SUMMARIES)
POOLINGS = ("mean", "weighted by area", "largest slice", "mean and maximum")
CLASSIFIERS = {
    "logistic 0.001": lambda: LogisticRegression(C=1e-3, max_iter=2000),
    "logistic 0.1": lambda: LogisticRegression(C=0.1, max_iter=2000),
    "LDA": lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    "RBF machine": lambda: CalibratedClassifierCV(SVC(C=3.0), cv=3, ensemble=False),
    "extra trees": lambda: ExtraTreesClassifier(300, min_samples_leaf=2, random_state=0),
}


def choices(unit: str) -> Iterator[Choice]:
    """Every pipeline; slices are not pooled, and the outline alone has no summaries."""
    poolings = POOLINGS if unit == "patients" else ("a slice a row",)
    for blocks, wanted, pooling, name in itertools.product(BLOCKS, WANTED, poolings, CLASSIFIERS):
        if blocks != "outline" or wanted == WANTED[0]:
            yield Choice(() if blocks == "outline" else wanted, blocks, pooling, name)


def outline_numbers(mask: np.ndarray) -> list[float]:
    """Log area, centre, spread along and across, roughness of a mask (h, w); 0 if it is empty."""
    area = int(mask.sum())
    if not area:
        return [0.0] * 6
    y, x = np.nonzero(mask)
    spread = np.cov(np.stack([y, x])) if area > 2 else np.zeros((2, 2))
    low, high = np.sqrt(np.clip(np.linalg.eigvalsh(spread), 0, None))
    edge = int((mask & ~ndimage.binary_erosion(mask)).sum())
    return [np.log1p(area), y.mean(), x.mean(), float(high), float(low), edge / np.sqrt(area)]


@torch.no_grad()
def summarise(
    context: Context, fold: Fold, *, outline: str
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Rows of the fold's slices, and (n, d) arrays named summary/block."""
    source = context.fold_folder / SEGMENTER
    segmenter, cache = load_segmenter(source), fold.cache
    slices = Slices(cache.images, cache.masks, channel_map(cache.channels, segmenter.channels))
    net = segmenter.net.channels_last().eval()
    rows = outlined(pd.read_parquet(source / "rows.parquet"), outline)  # type: ignore[arg-type]
    drawn = PackedMasks(source / "predicted.npy", width=cache.masks.shape[-1])
    found: dict[str, list[np.ndarray]] = {}
    forms = []
    for part in in_order(np.arange(len(rows)), size=32):
        images, true = slices.batch(part)
        mask = drawn.read(part).astype(bool)
        if outline == "true":
            known = rows["has_mask"].to_numpy()[part]
            mask[known] = true.numpy()[known, 0] > 0
        wide = np.stack([ndimage.binary_dilation(m, iterations=RING) for m in mask])
        inside = torch.from_numpy(mask[:, None]).float()
        ring = torch.from_numpy((wide & ~mask)[:, None]).float()
        everywhere = torch.ones_like(inside)
        for name, maps in net.walk(slices.ready(images, segmenter.normaliser)):
            mean = masked_mean(maps, inside)
            square = masked_mean(maps.square(), inside)
            small = torch.nn.functional.adaptive_max_pool2d(inside, maps.shape[-2:])
            small = torch.where(small.sum(dim=(2, 3), keepdim=True) > 0, small, torch.ones(1))
            each = {
                "mean": mean,
                "deviation": (square - mean.square()).clamp(min=0).sqrt(),
                "maximum": (maps * small).amax(dim=(2, 3)),
                "ring": masked_mean(maps, ring),
                "slice": masked_mean(maps, everywhere),
            }
            for kind, values in each.items():
                found.setdefault(f"{kind}/{name}", []).append(values.numpy())
        forms += [outline_numbers(m) for m in mask]
    arrays = {name: np.concatenate(parts) for name, parts in found.items()}
    return rows, arrays | {"outline": np.array(forms)}


def features(arrays: dict[str, np.ndarray], choice: Choice) -> np.ndarray:
    """Features (n, d) of all slices."""
    names = [
        name for name in arrays if name != "outline"
        and name.split("/")[0] in choice.summaries and BLOCKS[choice.blocks](name.split("/")[1])
    ]  # fmt: skip
    return np.concatenate([arrays[name] for name in names] + [arrays["outline"]], axis=1)


def pool(X: np.ndarray, rows: pd.DataFrame, pooling: str) -> np.ndarray:
    """Slices to patients, in the order of names."""
    table = pd.DataFrame(X)
    each = table.groupby(rows["patient"].to_numpy())
    if pooling == "mean":
        return each.mean().to_numpy()
    if pooling == "mean and maximum":
        return np.concatenate([each.mean().to_numpy(), each.max().to_numpy()], axis=1)
    area = np.maximum(rows["predicted"].to_numpy(float), 1.0)
    if pooling == "largest slice":
        largest = pd.Series(area).groupby(rows["patient"].to_numpy()).idxmax()
        return X[largest.to_numpy()]
    total = pd.Series(area).groupby(rows["patient"].to_numpy()).sum().to_numpy()
    weighted = table.mul(area, axis=0).groupby(rows["patient"].to_numpy()).sum().to_numpy()
    return weighted / total[:, None]


def fit_predict(choice: Choice, X: np.ndarray, y: np.ndarray, held: np.ndarray) -> np.ndarray:
    model = make_pipeline(StandardScaler(), CLASSIFIERS[choice.classifier]())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    return np.asarray(model.predict_proba(held))


def score(y: np.ndarray, p: np.ndarray, *, rare: int, unit: str) -> float:
    if unit == "slices":
        return float(accuracy_score(y, p.argmax(axis=1)))
    return float(roc_auc_score(y == rare, p[:, rare]))


def inner_score(
    choice: Choice, X: np.ndarray, y: np.ndarray, who: np.ndarray, *, rare: int, unit: str
) -> float:
    """Mean score over two draws of inner folds of the training patients."""
    found = []
    for draw in range(2):
        split = StratifiedGroupKFold(INNER, shuffle=True, random_state=draw)
        for train, held in split.split(X, y, who):
            p = fit_predict(choice, X[train], y[train], X[held])
            if np.unique(y[held]).size > 1 and p.shape[1] == np.unique(y).size:
                found.append(score(y[held], p, rare=rare, unit=unit))
    return float(np.mean(found))


def run_fold(context: Context, *, unit: str, outline: str, jobs: int) -> dict[str, Any]:
    fold = load_fold(context)
    rows, arrays = summarise(context, fold, outline=outline)
    seen = (rows["predicted"] > 0).to_numpy()
    shown = seen | ~rows["patient"].isin(rows.loc[seen, "patient"]).to_numpy()
    rows = rows[shown].reset_index(drop=True)
    arrays = {name: values[shown] for name, values in arrays.items()}
    labels = rows["label"].astype(str)
    who = rows["patient"].to_numpy(str)
    if unit == "patients":
        first = rows.groupby("patient")["label"].first().astype(str)
        labels, who = first.reset_index(drop=True), first.index.to_numpy(str)
    y = labels.map({name: i for i, name in enumerate(fold.classes)}).to_numpy()
    rare = fold.classes.index(fold.rare)
    train, test = np.isin(who, fold.training), np.isin(who, fold.test)

    def table(choice: Choice) -> np.ndarray:
        X = features(arrays, choice)
        return pool(X, rows, choice.pooling) if unit == "patients" else X

    listed = list(choices(unit))
    scores = Parallel(n_jobs=jobs)(
        delayed(inner_score)(c, table(c)[train], y[train], who[train], rare=rare, unit=unit)
        for c in listed
    )
    best = listed[int(np.argmax(scores))]
    X = table(best)
    p = fit_predict(best, X[train], y[train], X[test])
    print(f"{context.where()}: {best} (inner {max(scores):.3f})", flush=True)
    return {
        "chosen": str(best), "inner": max(scores), "configurations": len(listed),
        "rare": rare, "who": who[test], "y": y[test], "p": p,
    }  # fmt: skip


def summary(folds: list[dict[str, Any]], *, unit: str, draws: int = 2000) -> dict[str, float]:
    """Mean score over test folds with a bootstrap interval over patients within class and fold."""
    rare, rng = folds[0]["rare"], np.random.default_rng(0)

    def one(draw: bool) -> float:
        found = []
        for fold in folds:
            rows = np.arange(len(fold["y"]))
            if draw:
                names = np.unique(fold["who"])
                label = np.array([fold["y"][fold["who"] == n][0] for n in names])
                drawn = np.concatenate(
                    [rng.choice(names[label == c], (label == c).sum()) for c in np.unique(label)]
                )
                rows = np.concatenate([np.flatnonzero(fold["who"] == n) for n in drawn])
            y, p = fold["y"][rows], fold["p"][rows]
            if unit == "slices" or 0 < (y == rare).sum() < y.size:
                found.append((score(y, p, rare=rare, unit=unit), len(rows)))
        weights = [n for _, n in found] if unit == "slices" else None
        return float(np.average([s for s, _ in found], weights=weights))

    spread = [one(True) for _ in range(draws)]
    low, high = np.quantile(spread, [0.025, 0.975])
    return {"value": one(False), "low": float(low), "high": float(high)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--unit", choices=("patients", "slices"), default="patients")
    parser.add_argument("--outline", choices=("predicted", "true"), default="predicted")
    parser.add_argument("--jobs", type=int, default=-1)
    args = parser.parse_args()
    began = time.perf_counter()
    settings = resolve(preset=None, file=args.run / "study.yaml")
    cells = study_cells(settings, read_folds(args.run / "cohort" / "cohort.csv"))
    folds = [
        run_fold(
            Context(run=args.run, settings=settings, cell=Cell(repeat, fold)),
            unit=args.unit, outline=args.outline, jobs=args.jobs,
        )
        for repeat, fold in sorted({(c.repeat, c.fold) for c in cells})
    ]  # fmt: skip
    found = {
        "run": args.run.name, "unit": args.unit, "outline": args.outline,
        "score": "slice accuracy" if args.unit == "slices" else "patient AUC of the rare class",
        **summary(folds, unit=args.unit),
        "configurations": folds[0]["configurations"],
        "chosen": [fold["chosen"] for fold in folds],
        "inner": [round(fold["inner"], 3) for fold in folds],
        "seconds": round(time.perf_counter() - began),
    }  # fmt: skip
    print(json.dumps(found, indent=2))
    path = RESULTS / "pipelines.json"
    kept = json.loads(path.read_text()) if path.exists() else []
    same = ("run", "unit", "outline")
    kept = [each for each in kept if any(each[k] != found[k] for k in same)] + [found]
    path.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
