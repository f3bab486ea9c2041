"""Every closed-form arm on a run's `tumour` vectors, under predicted and under true outlines.

    python benchmarks/fold_vectors.py RUN --work VECTORS
    python benchmarks/arms_tables.py VECTORS …

The comparison that `rarecase run` makes (a row is a patient; amount, penalty and threshold from
three inner folds; two generator seeds), once more with the true masks, to see what better masks
would be worth. Features `outline_size` know the size of the mask and the number of slices that
show it, and nothing of an image. Prints the tables with intervals and verdicts, and keeps them in
results/arms_tables.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from fold_vectors import OUTLINES, Kept, kept_folds
from sklearn.utils.parallel import Parallel, delayed

from rarecase.evidence import make_evidence
from rarecase.evidence.tables import as_text
from rarecase.experiment import CLOSED_FORM, fit_fold, make_design
from rarecase.experiment.design import reference_alone
from rarecase.features.feature_set import FeatureSet, make_features

RESULTS = Path(__file__).with_name("results")


def features_of(X: np.ndarray, about: pd.DataFrame, *, rare: str, name: str) -> FeatureSet:
    return make_features(
        X.astype(np.float64), about["label"].to_numpy(str), groups=about.index.to_numpy(str),
        rare=rare, row=list(range(len(X))), name=name,
    )  # fmt: skip


def arms_of(kept: Kept) -> pd.DataFrame:
    """Predictions of every arm on one fold's test patients."""
    each = kept.rows.groupby("patient")
    about, said = each.first(), kept.about
    design = make_design(CLOSED_FORM)
    sizes = np.stack([np.log1p(each["predicted"].sum()), each.size()], axis=1)
    found = []
    for X, chosen, name in (
        (kept.patients("mean", "mean"), design, "tumour"),
        (sizes, reference_alone(design), "outline_size"),
    ):
        features = features_of(X, about, rare=said["rare"], name=name)
        found.append(fit_fold(features, chosen, kept.place(features)).predictions)
    return pd.concat(found, ignore_index=True)


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
            text = as_text(make_evidence(whole, rare=folds[0].about["rare"]))
            print(f"{folder.name}, {outline} outlines\n{text}\n", flush=True)
            found[f"{folder.name}, {outline} outlines"] = text.splitlines()
            path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
