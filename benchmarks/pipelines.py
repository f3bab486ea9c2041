"""How well can a run's features tell the classes apart? One pipeline, chosen on inner folds alone.

    python benchmarks/fold_vectors.py RUN --work VECTORS
    python benchmarks/pipelines.py VECTORS [--unit patients|slices] [--outline predicted|true]

A pipeline is a choice of summaries of blocks (mean, deviation and maximum over the outlined tumour,
mean over a ring around it, mean over the slice; the outline's size, place and form are always
there), of blocks, of the pooling of slices to patients, and of a classifier. In each fold all of
them are tried on inner folds of training patients; the best (AUC of the rare class of patients, or
accuracy of slices) is fitted to all training patients and predicts the test patients, once. Prints
what was chosen and the scores with bootstrap intervals, and keeps them in results/.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fold_vectors import SUMMARIES, Kept, kept_folds
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import SVC
from sklearn.utils.parallel import Parallel, delayed

from rarecase.features.standardise import Space

RESULTS = Path(__file__).with_name("results")
INNER = 4


@dataclass(frozen=True)
class Choice:
    """One way to features."""

    summaries: tuple[str, ...]
    blocks: str
    pooling: str

    def __str__(self) -> str:
        return f"{'+'.join(self.summaries) or 'form'} of {self.blocks}, {self.pooling}"


BLOCKS: dict[str, Callable[[str], bool]] = {
    "all": lambda name: True,
    "encoders": lambda name: name.startswith("enc"),
    "bottleneck": lambda name: name == "bottleneck",
    "decoders": lambda name: name.startswith("dec"),
    "outline": lambda name: False,  # size, place and form alone
}
WANTED = (("mean",), ("mean", "deviation"), ("mean", "ring"), ("maximum",), ("slice",), SUMMARIES)
POOLINGS = ("mean", "weighted by area", "largest slice", "mean and maximum")
CLASSIFIERS: dict[str, Callable[[], Any]] = {
    "logistic 0.1": lambda: LogisticRegression(C=0.1, max_iter=1000),
    "logistic 10": lambda: LogisticRegression(C=10.0, max_iter=1000),
    "LDA": lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    "RBF machine": lambda: CalibratedClassifierCV(SVC(C=3.0), cv=3, ensemble=False),
    "extra trees": lambda: ExtraTreesClassifier(100, min_samples_leaf=2, random_state=0),
}


def choices(unit: str) -> Iterator[Choice]:
    """Every way to features; slices are not pooled, and the outline alone has no summaries."""
    poolings = POOLINGS if unit == "patients" else ("a slice a row",)
    for blocks, wanted, pooling in itertools.product(BLOCKS, WANTED, poolings):
        if blocks != "outline" or wanted == WANTED[0]:
            yield Choice(() if blocks == "outline" else wanted, blocks, pooling)


def features(fold: Kept, choice: Choice) -> np.ndarray:
    """Features (n, d) of all slices, or of all patients in the order of names."""
    pooled = choice.pooling.split(" and ") if choice.pooling in POOLINGS else [None]

    def read(summary: str) -> list[np.ndarray]:
        if pooled == [None]:
            return [fold.slices(summary)]
        return [fold.patients(summary, str(each)) for each in pooled]

    mine = np.array([BLOCKS[choice.blocks](name) for name in fold.about["blocks"]])
    parts = [values[:, mine] for summary in choice.summaries for values in read(summary)]
    return np.concatenate(parts + read("form"), axis=1).astype(np.float64)


def fit_predict(name: str, X: np.ndarray, y: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Probabilities (n, classes) of `held` by a classifier fitted to `X`, in the space of those."""
    space, model = Space.fit(X), CLASSIFIERS[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(space(X), y)
    return np.asarray(model.predict_proba(space(held)))


def score(y: np.ndarray, p: np.ndarray, *, rare: int, unit: str) -> float:
    if unit == "slices":
        return float(accuracy_score(y, p.argmax(axis=1)))
    return float(roc_auc_score(y == rare, p[:, rare]))


def inner_scores(
    X: np.ndarray, y: np.ndarray, who: np.ndarray, *, rare: int, unit: str
) -> dict[str, float]:
    """Of each classifier the mean score over inner folds of the training patients; of patients,
    who are few, over two draws of them."""
    found: dict[str, list[float]] = {name: [] for name in CLASSIFIERS}
    for draw in range(2 if unit == "patients" else 1):
        split = StratifiedGroupKFold(INNER, shuffle=True, random_state=draw)
        for train, held in split.split(X, y, who):
            space = Space.fit(X[train])
            fitted, other = space(X[train]), space(X[held])
            for name, make in CLASSIFIERS.items():
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    p = make().fit(fitted, y[train]).predict_proba(other)
                if np.unique(y[held]).size > 1 and p.shape[1] == np.unique(y).size:
                    found[name].append(score(y[held], p, rare=rare, unit=unit))
    return {name: float(np.mean(scores)) for name, scores in found.items()}


def run_fold(fold: Kept, *, unit: str, jobs: int) -> dict[str, Any]:
    about, rows = fold.about, fold.rows
    labels, who = rows["label"], rows["patient"].to_numpy(str)
    if unit == "patients":
        first = rows.groupby("patient")["label"].first()
        labels, who = first.reset_index(drop=True), first.index.to_numpy(str)
    y = labels.map({name: i for i, name in enumerate(about["classes"])}).to_numpy()
    rare = about["classes"].index(about["rare"])
    train, test = np.isin(who, about["training"]), np.isin(who, about["test"])
    listed = list(choices(unit))
    each = Parallel(n_jobs=jobs)(
        delayed(inner_scores)(features(fold, c)[train], y[train], who[train], rare=rare, unit=unit)
        for c in listed
    )
    scores = {
        (c, name): s for c, found in zip(listed, each, strict=True) for name, s in found.items()
    }
    best, name = max(scores, key=lambda key: scores[key])
    X = features(fold, best)
    p = fit_predict(name, X[train], y[train], X[test])
    print(f"{fold.folder.name}: {best}, {name} (inner {scores[best, name]:.3f})", flush=True)
    return {
        "chosen": f"{best}, {name}", "inner": scores[best, name], "configurations": len(scores),
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
    parser.add_argument("vectors", type=Path, help="kept by fold_vectors.py")
    parser.add_argument("--unit", choices=("patients", "slices"), default="patients")
    parser.add_argument("--outline", choices=("predicted", "true"), default="predicted")
    parser.add_argument("--jobs", type=int, default=-1)
    args = parser.parse_args()
    began = time.perf_counter()
    folds = [
        run_fold(fold, unit=args.unit, jobs=args.jobs)
        for fold in kept_folds(args.vectors, outline=args.outline)
    ]
    found = {
        "run": args.vectors.name, "unit": args.unit, "outline": args.outline,
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
