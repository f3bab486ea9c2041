"""How long `compare` takes on a small table, against a loop over scikit-learn that does the same.

    python benchmarks/compare_speed.py [--draws 20]

120 patients (24 rare) × 12 features, all closed-form arms, as `compare` does by default: five
repeats of five folds, three amounts and four strengths on three inner folds, two generator seeds,
thresholds tuned, 1,000 draws of the bootstrap. In one process with one thread each:

* the product with start-up (`python -c "… compare(X, y)"`), with its self-checks;
* the peer: samplers of imbalanced-learn (a Gaussian by NumPy; mixup and remix by two draws of real
  rows), LogisticRegression, roc_auc_score and balanced_accuracy_score, a fit and a score at a
  time. Its bootstrap scores every arm by twelve of scikit-learn's metrics, patient weights drawn;
  only `--draws` of the 1,000 are computed, and the time taken is multiplied. No self-checks, no
  verdicts, no table of predictions.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from imblearn.over_sampling import SMOTE, BorderlineSMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler
from sklearn import metrics
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

STRENGTHS, AMOUNTS, SEEDS, REPEATS, FOLDS, INNER, DRAWS = (
    (0.1, 1.0, 10.0, 100.0), (0.5, 1.0, 2.0), 2, 5, 5, 3, 1000,
)  # fmt: skip
FIXED = ("none", "threshold", "logit-adjustment", "class-weight", "undersample")
ADDING = ("duplicates", "smote", "borderline-smote", "mixup", "remix", "gaussian")
SYNTHETIC = ADDING[1:]  # each with its control
OURS = """
import numpy as np
from rarecase import compare
table = np.load({path!r})
found = compare(table["X"], table["y"])
assert len(found.evidence["verdicts"]) == 5
"""


def table() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = (np.arange(120) < 24).astype(int)
    return rng.normal(size=(120, 12)) + 0.5 * y[:, None], y


def sampled(arm: str, X: Any, y: Any, amount: float, seed: int) -> tuple[Any, Any]:
    """The training set of an arm."""
    rng, mine = np.random.default_rng(seed), X[y == 1]
    count = round(amount * ((y == 0).sum() - (y == 1).sum()))
    wanted = {0: int((y == 0).sum()), 1: int((y == 1).sum()) + count}
    if arm == "undersample":
        found: tuple[Any, Any] = RandomUnderSampler(random_state=seed).fit_resample(X, y)
        return found
    if arm in FIXED:
        return X, y
    known = {"duplicates": RandomOverSampler, "smote": SMOTE, "borderline-smote": BorderlineSMOTE}
    if arm in known:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = known[arm](sampling_strategy=wanted, random_state=seed)
            found = made.fit_resample(X, y)
        return found
    if arm == "gaussian":
        new = rng.multivariate_normal(mine.mean(axis=0), np.cov(mine.T), size=count)
    else:
        other, share = (mine if arm == "mixup" else X[y == 0]), rng.beta(1, 1, size=(count, 1))
        new = share * mine[rng.integers(len(mine), size=count)]
        new += (1 - share) * other[rng.integers(len(other), size=count)]
    return np.concatenate([X, new]), np.concatenate([y, np.ones(count, int)])


def fitted(arm: str, X: Any, y: Any, new: Any, amount: float, C: float, seed: int) -> Any:
    """Probabilities of the rare class for `new` rows."""
    scaler = StandardScaler().fit(X)
    both, labels = sampled(arm, scaler.transform(X), y, amount, seed)
    weight = "balanced" if arm == "class-weight" else None
    model = LogisticRegression(C=C, class_weight=weight, max_iter=500).fit(both, labels)
    return model.predict_proba(scaler.transform(new))[:, 1]


def tuned(arm: str, X: Any, y: Any, seed: int) -> tuple[float, float, float]:
    """Amount, strength and threshold with the best scores on inner folds."""
    best, amounts = (-1.0, 0.0, 0.0, 0.5), AMOUNTS if arm in ADDING else (1.0,)
    folds = [*StratifiedKFold(INNER, shuffle=True, random_state=seed).split(X, y)]
    for amount in amounts:
        for C in STRENGTHS:
            p = [fitted(arm, X[a], y[a], X[b], amount, C, seed) for a, b in folds]
            pairs = zip(folds, p, strict=True)
            auc = float(np.mean([metrics.roc_auc_score(y[b], each) for (_, b), each in pairs]))
            true, every = np.concatenate([y[b] for _, b in folds]), np.concatenate(p)
            cuts = np.unique(every)
            scores = [metrics.balanced_accuracy_score(true, every > cut) for cut in cuts]
            if auc > best[0]:
                best = auc, amount, C, float(cuts[int(np.argmax(scores))])
    return best[1:]


def predictions(X: Any, y: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Probabilities, thresholds and folds of every arm, control, repeat and seed."""
    for repeat in range(REPEATS):
        folds = [*StratifiedKFold(FOLDS, shuffle=True, random_state=repeat).split(X, y)]
        for arm in (*FIXED, *ADDING, *(f"duplicates:{name}" for name in SYNTHETIC)):
            kind = arm.partition(":")[0]
            random = kind in ADDING or kind == "undersample"
            choices = [tuned(kind, X[a], y[a], repeat) for a, _ in folds]
            for seed in range(SEEDS if random else 1):
                p, threshold, fold = np.zeros(len(y)), np.zeros(len(y)), np.zeros(len(y), int)
                for number, ((a, b), (amount, C, cut)) in enumerate(
                    zip(folds, choices, strict=True)
                ):
                    p[b] = fitted(kind, X[a], y[a], X[b], amount, C, seed)
                    threshold[b], fold[b] = cut, number
                yield p, threshold, fold


def scored(y: Any, p: Any, threshold: Any, fold: Any, w: Any) -> list[float]:
    """Twelve scores under weights."""
    said = {"sample_weight": w, "zero_division": 0.0}
    found = []
    for called in (p > 0.5, p > threshold):
        found += [
            metrics.balanced_accuracy_score(y, called, sample_weight=w),
            metrics.recall_score(y, called, **said),
            metrics.recall_score(y, called, pos_label=0, **said),
            metrics.f1_score(y, called, average="macro", **said),
        ]
    for score in (metrics.roc_auc_score, metrics.average_precision_score):
        inside = [fold == f for f in range(FOLDS)]
        kept = [i for i in inside if w[i & (y == 1)].any() and w[i & (y == 0)].any()]
        found.append(float(np.mean([score(y[i], p[i], sample_weight=w[i]) for i in kept])))
    found.append(metrics.brier_score_loss(y, p, sample_weight=w))
    found.append(metrics.accuracy_score(y, p > 0.5, sample_weight=w))
    return found


def peer(draws: int) -> dict[str, float]:
    X, y = table()
    began = time.perf_counter()
    there = [*predictions(X, y)]
    fits = time.perf_counter() - began
    rng = np.random.default_rng(0)
    began = time.perf_counter()
    for _ in range(draws):
        w = np.zeros(len(y))
        for c in (0, 1):
            inside = np.flatnonzero(y == c)
            w[inside] = rng.multinomial(inside.size, np.full(inside.size, 1 / inside.size))
        for each in there:
            scored(y, *each, w)
    return {"fits": fits, "bootstrap": (time.perf_counter() - began) * DRAWS / draws}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=20, help="that the peer computes")
    args = parser.parse_args()
    X, y = table()
    path = Path("compare-speed.npz").absolute()
    np.savez(path, X=X, y=y)
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", OURS.format(path=str(path))], check=True, env=os.environ | one
    )
    ours = time.perf_counter() - began
    path.unlink()
    found = {"product": ours, **peer(args.draws)}
    found["ratio, fits alone"] = found["fits"] / ours
    found["ratio"] = (found["fits"] + found["bootstrap"]) / ours
    text = json.dumps({name: round(value, 2) for name, value in found.items()}, indent=2)
    print(text)
    Path(__file__).with_name("results").joinpath("compare_speed.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
