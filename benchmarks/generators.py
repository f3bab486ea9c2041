"""Every generator on the `tumour` vectors of a run: fidelity, memory, and what it is worth.

    python benchmarks/fold_vectors.py RUN --work VECTORS
    python benchmarks/generators.py VECTORS [--only GENERATOR,…]

For each fold of a run the vectors come from the fold's own U-Net. Fidelity: a generator is fitted
to three quarters of the training patients, and what it makes is set against the rest of them, class
by class; `real`: another quarter, of patients nobody learnt from, in its place, and as many made
samples as it has. Worth: every generator is an arm of the comparison, fitted to all training
patients, judged on the fold's test patients. A row is a slice, classes are balanced, networks take
500 steps. Every cell is written down when it is done (WORK/…), and the next call goes on. Prints
both tables and keeps them in results/generators-VECTORS.json.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from fold_vectors import Kept, kept_folds
from neural_arms import neural_arms
from sklearn.linear_model import LogisticRegression
from sklearn.utils.parallel import Parallel, delayed

from rarecase.cohort import validation_patients
from rarecase.evidence import make_evidence
from rarecase.evidence.tables import as_text
from rarecase.experiment import Arm, Classifier, fit_fold, make_design
from rarecase.experiment.arms import CONTROL, make_arms
from rarecase.experiment.classifiers.logistic import Logistic
from rarecase.experiment.sampling import new_generator
from rarecase.features.standardise import Space
from rarecase.generators.audit.audit import FEWEST, audit_samples, comparable
from rarecase.pipeline.step import digest

STEPS = 500
RESULTS = Path(__file__).with_name("results")
REAL = "real"
PENALTY = Classifier("logistic", Logistic(), grid={"C": (0.1, 1.0, 10.0)})
SYNTHETIC = [
    name for name, arm in make_arms().items() if arm.synthetic and arm.sampler.on == "features"
]


def fidelity(name: str, kept: Kept) -> dict[str, Any]:
    """How like held-out training patients' vectors is what a generator makes, mean over classes."""
    seen = kept.rows["patient"].isin(kept.about["training"])
    X, rows = kept.slices("mean")[seen], kept.rows[seen]
    label, who = rows["label"].to_numpy(str), rows["patient"].to_numpy(str)
    patients = dict(zip(who.tolist(), label.tolist(), strict=True))
    held = np.isin(who, validation_patients(patients, 0.25, 0))
    learnt = ~held
    others = {n: c for n, c in patients.items() if n in set(who[~held].tolist())}
    third = np.isin(who, validation_patients(others, 1 / 3, 1))  # of the other three quarters
    if name == REAL:
        learnt &= ~third
    scaled = Space.fit(X[learnt].astype(np.float64))(X.astype(np.float64))
    judge = LogisticRegression(C=1.0, max_iter=500).fit(scaled[held], label[held])
    generator, seconds = None, np.nan
    if name != REAL:
        generator = new_generator(arms()[name].sampler, seed=0, standardised=True)
        began = time.perf_counter()
        generator.fit(scaled[learnt], label[learnt], groups=who[learnt])
        seconds = time.perf_counter() - began
    found: list[dict[str, float]] = []
    for c in np.unique(label):
        own, other = (scaled[each & (label == c)] for each in (learnt, held))
        agrees, chosen = np.nan, ~held & ~learnt & (label == c)
        made, whose = scaled[chosen], who[chosen]
        if generator is not None:
            made, asked = generator.sample({c: comparable(int((third & (label == c)).sum()))})
            whose = None
            if generator.discriminates:
                agrees = float(generator.agreement(made, asked).mean())
        if min(len(own), len(other), len(made)) < FEWEST:
            continue
        right = float((judge.predict(made) == c).mean())
        said = audit_samples(
            own, other, made, groups=who[held & (label == c)], synthetic_groups=whose
        )
        found.append({"own accuracy": agrees, "class accuracy": right, **said})
    means: dict[str, Any] = pd.DataFrame(found).mean().to_dict()  # type: ignore[assignment]
    return means | {"seconds": seconds}


def worth(names: list[str], kept: Kept) -> pd.DataFrame:
    """Predictions of every generator's arm on the fold's test patients; a row is a slice."""
    about = kept.about
    features = kept.features(rare=about["rare"])
    known = arms()
    design = make_design(
        [known[name] for name in names], classifier=PENALTY, amounts=(1.0,), inner=2, seeds=1
    )
    return fit_fold(features, design, kept.place(features)).predictions


def arms() -> dict[str, Arm]:
    """Every arm; networks of a size that a benchmark can afford."""
    return make_arms() | neural_arms(
        hidden=(256, 256), noise=32, lr=None, batch_size=64, steps=STEPS
    )


def cell(kept: Kept, name: str | None, path: Path, names: list[str]) -> str:
    """Fidelity of one generator, or, without a name, the worth of all, in one fold."""
    torch.set_num_threads(1)
    if name is None:
        worth(names, kept).to_parquet(path)
    else:
        path.write_text(json.dumps(fidelity(name, kept)))
    return path.name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("vectors", type=Path, help="kept by fold_vectors.py")
    parser.add_argument("--only", default=",".join(SYNTHETIC))
    parser.add_argument("--jobs", type=int, default=-1)
    parser.add_argument("--work", type=Path, help="where cells are kept (default: beside VECTORS)")
    args = parser.parse_args()
    names = args.only.split(",")
    work = args.work or args.vectors.with_name(args.vectors.name + "-generators")
    work.mkdir(exist_ok=True)
    parts, todo = [], []
    for kept in kept_folds(args.vectors):
        worths = work / f"arms-{kept.folder.name}-{digest(sorted(names))[:6]}.parquet"
        parts += [(None, worths)]
        judged = [REAL, CONTROL, *names]
        parts += [(name, work / f"fidelity-{kept.folder.name}-{name}.json") for name in judged]
        todo += [(kept, *each) for each in parts[-len(judged) - 1 :] if not each[1].is_file()]
    for done in Parallel(n_jobs=args.jobs, return_as="generator_unordered")(
        delayed(cell)(kept, name, path, names) for kept, name, path in todo
    ):
        print(done, flush=True)
    lines = [{"generator": n, **json.loads(path.read_text())} for n, path in parts if n]
    table = pd.DataFrame(lines).groupby("generator", sort=False).mean()
    frames = [pd.read_parquet(path) for name, path in parts if name is None]
    rare = kept_folds(args.vectors)[0].about["rare"]
    evidence = make_evidence(pd.concat(frames, ignore_index=True), rare=rare)
    print(table.round(2).to_string())
    print(as_text(evidence))
    found = {
        "run": args.vectors.name, "fidelity": table.round(4).to_dict("index"),
        "arms": as_text(evidence).splitlines(), "verdicts": evidence["verdicts"],
    }  # fmt: skip
    text = json.dumps(found, indent=2, ensure_ascii=False).replace("NaN", "null")
    (RESULTS / f"generators-{args.vectors.name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
