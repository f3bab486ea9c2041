"""Does the choice of features and classifier report a score that it has seen? Not on data without
any signal: 120 patients, 40 of them rare, six sets of features, logistic regression and LDA.

python benchmarks/auto_null.py --sets 200        about 10 minutes on one core

Prints the mean AUC of `auto` within test folds with its Monte Carlo error, what the choice promised
on inner folds, and what taking the best candidate by the test folds would have read.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from rarecase.experiment.auto import Candidate
from rarecase.experiment.design import make_design
from rarecase.experiment.fold import fit_fold
from rarecase.experiment.splits import draw_splits
from rarecase.experiment.tasks import auto_tasks
from rarecase.features.feature_set import make_features
from rarecase.ranking import concordance

WIDTHS = (2, 5, 10, 30, 100, 300)
PATIENTS, RARE = 120, 40


def one(seed: int) -> tuple[float, float, float]:
    """Of a data set: the AUC of the choice, what it promised, and the best candidate's."""
    rng = np.random.default_rng(seed)
    y = np.repeat(["common", "rare"], [PATIENTS - RARE, RARE])
    sets = [make_features(rng.normal(size=(PATIENTS, d)), y, name=f"noise {d}") for d in WIDTHS]
    designs = [make_design(["none"], classifier=kind, seed=seed) for kind in ("logistic", "lda")]
    candidates = [Candidate(each, design) for each in sets for design in designs]
    splits = draw_splits(sets[0], repeats=1, seed=seed)
    found, promised = [], []
    for task in auto_tasks(candidates, splits):
        table = task.run().predictions
        found.append(_auc(table))
        promised.append(json.loads(table["chosen"].iloc[0])["promised"])
    each = [
        np.mean(
            [_auc(fit_fold(c.features, c.design, place).predictions) for place in splits.places()]
        )
        for c in candidates
    ]
    return float(np.mean(found)), float(np.mean(promised)), float(np.max(each))


def _auc(table: object) -> float:
    return concordance(
        table["p_rare"].to_numpy(),
        table["label"].to_numpy() == "rare",  # type: ignore[index]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=200)
    args = parser.parse_args()
    rows = np.array([one(seed) for seed in range(args.sets)])
    error = rows.std(axis=0, ddof=1) / np.sqrt(len(rows))
    for name, mean, off in zip(
        ("auto", "promised", "best by test"), rows.mean(axis=0), error, strict=True
    ):
        print(f"{name:14} {mean:.4f} ± {off:.4f} ({(mean - 0.5) / off:+.1f} errors from 0.5)")


if __name__ == "__main__":
    main()
