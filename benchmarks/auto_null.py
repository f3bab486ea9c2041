"""Do the choice of features and classifier, and their average, report a score that they have seen?
Not on data without any signal: 120 patients, 40 of them rare, six sets of features, logistic
regression and LDA.

python benchmarks/auto_null.py --sets 200        about 10 minutes on two cores

Prints the mean AUC of `auto` and of `stack` within test folds with its Monte Carlo error, what the
choice promised on inner folds, and what taking the best candidate by the test folds would have
read.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from rarecase.experiment.auto import Candidate
from rarecase.experiment.design import make_design
from rarecase.experiment.fold import fit_fold
from rarecase.experiment.splits import draw_splits
from rarecase.experiment.tasks import among_tasks
from rarecase.features.feature_set import make_features
from rarecase.features.sources.registry import AUTO, STACK
from rarecase.ranking import concordance
from rarecase.threads import limited

WIDTHS = (2, 5, 10, 30, 100, 300)
PATIENTS, RARE = 120, 40


def one(seed: int) -> tuple[float, float, float, float]:
    """Of a data set: the AUC of the choice and of the average, what the choice promised, and the
    best candidate's."""
    rng = np.random.default_rng(seed)
    y = np.repeat(["common", "rare"], [PATIENTS - RARE, RARE])
    sets = [make_features(rng.normal(size=(PATIENTS, d)), y, name=f"noise {d}") for d in WIDTHS]
    designs = [make_design(["none"], classifier=kind, seed=seed) for kind in ("logistic", "lda")]
    candidates = [Candidate(each, design) for each in sets for design in designs]
    splits = draw_splits(sets[0], repeats=1, seed=seed)
    chosen = [task.run().predictions for task in among_tasks(AUTO, candidates, splits)]
    mean = [task.run().predictions for task in among_tasks(STACK, candidates, splits)]
    promised = [json.loads(table["chosen"].iloc[0])["promised"] for table in chosen]
    each = [
        np.mean(
            [_auc(fit_fold(c.features, c.design, place).predictions) for place in splits.places()]
        )
        for c in candidates
    ]
    auc = [float(np.mean([_auc(table) for table in tables])) for tables in (chosen, mean)]
    return auc[0], auc[1], float(np.mean(promised)), float(np.max(each))


def _auc(table: object) -> float:
    return concordance(
        table["p_rare"].to_numpy(),
        table["label"].to_numpy() == "rare",  # type: ignore[index]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=200)
    args = parser.parse_args()
    with limited(1):
        rows = np.array(Parallel(n_jobs=-1)(delayed(one)(seed) for seed in range(args.sets)))
    error = rows.std(axis=0, ddof=1) / np.sqrt(len(rows))
    for name, mean, off in zip(
        ("auto", "stack", "promised", "best by test"), rows.mean(axis=0), error, strict=True
    ):
        print(f"{name:14} {mean:.4f} ± {off:.4f} ({(mean - 0.5) / off:+.1f} errors from 0.5)")


if __name__ == "__main__":
    main()
