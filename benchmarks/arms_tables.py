"""Every closed-form arm on a run's `tumour` vectors, under predicted and under true outlines.

    python benchmarks/fold_vectors.py RUN --work VECTORS
    python benchmarks/arms_tables.py VECTORS …

The comparison that `rarecase run` makes (a row is a patient; amount, penalty and threshold from
three inner folds; two generator seeds), once more with the true masks, to see what better outlines
would be worth. Arm `trivial` knows the size of the outlined tumour and the number of slices that
show it. Prints the tables with intervals and verdicts, and keeps them in results/arms_tables.json.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from fold_vectors import OUTLINES, Kept, kept_folds
from rarecase.experiment.arm_names import CLOSED_FORM
from rarecase.experiment.compare import weigh
from rarecase.experiment.setup import make_plan
from sklearn.utils.parallel import Parallel, delayed

from rarecase.evidence.predictions import CONTROL
from rarecase.evidence.tables import as_text
from rarecase.experiment.arms import pick_arms
from rarecase.experiment.fold import compare_fold
from rarecase.features.feature_set import FeatureTable, make_table

RESULTS = Path(__file__).with_name("results")


def table_of(X: np.ndarray, about: pd.DataFrame, *, rare: str) -> FeatureTable:
    return make_table(
        X.astype(np.float64), about["label"].to_numpy(str), groups=about.index.to_numpy(str),
        rare=rare, row=list(range(len(X))),
    )  # fmt: skip


def arms_of(kept: Kept) -> pd.DataFrame:
    """Predictions of every arm on one fold's test patients."""
    each = kept.rows.groupby("patient")
    about, said = each.first(), kept.about
    plan = make_plan(
        list(CLOSED_FORM), model=None, amounts=(0.5, 1.0, 2.0), inner=3, generator_seeds=2,
        random_state=0,
    )  # fmt: skip
    alone = replace(plan, arms=[arm for arm in pick_arms([CONTROL]) if arm.name == CONTROL])
    sizes = np.stack([np.log1p(each["predicted"].sum()), each.size()], axis=1)
    frames = []
    for X, chosen in ((kept.patients("mean", "mean"), plan), (sizes, alone)):
        table = table_of(X, about, rare=said["rare"])
        frames.append(
            compare_fold(
                table, chosen, fold_of=kept.fold_of(table), repeat=said["repeat"],
                fold=said["fold"],
            )
        )  # fmt: skip
    frames[1]["arm"] = "trivial"
    return pd.concat(frames, ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vectors", type=Path, nargs="+", help="kept by fold_vectors.py")
    parser.add_argument("--jobs", type=int, default=-1)
    args = parser.parse_args()
    path = RESULTS / "arms_tables.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    for folder in args.vectors:
        for outline in OUTLINES:
            folds = kept_folds(folder, outline=outline)
            parts = Parallel(n_jobs=args.jobs)(delayed(arms_of)(kept) for kept in folds)
            whole = pd.concat(parts, ignore_index=True)
            text = as_text(weigh(whole, rare=folds[0].about["rare"], seed=0))
            print(f"{folder.name}, {outline} outlines\n{text}\n", flush=True)
            found[f"{folder.name}, {outline} outlines"] = text.splitlines()
            path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
