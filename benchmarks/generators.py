"""Every generator on the `tumour` vectors of a finished run: fidelity, memory, and its worth.

    python benchmarks/generators.py RUN [--only GENERATOR,…] [--unit slices|patients]

For each fold of RUN the vectors come from the fold's own U-Net. Fidelity: a generator is fitted to
three quarters of the training patients, and what it makes is set against the rest of them, class
by class. Worth: every generator is an arm of the comparison, fitted to all training patients,
judged on the fold's test patients. Every cell is written down when it is done (WORK/…), and the
next call goes on. Prints both tables and keeps them in results/generators-RUN.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression

from rarecase.arms.names import CLOSED_FORM, MORE, NEURAL
from rarecase.arms.registry import make_arms, named_generator
from rarecase.cohort import validation_patients
from rarecase.comparison.compare import weigh
from rarecase.comparison.space import Space
from rarecase.comparison.words import as_text
from rarecase.evidence.fidelity import (
    frechet_distance,
    frechet_floor,
    kernel_distance,
    neighbourhood,
    two_sample_auc,
)
from rarecase.evidence.memory import memory
from rarecase.evidence.pooling import shows_tumour
from rarecase.features.extract import TUMOUR
from rarecase.files import read_json
from rarecase.generators import DiscriminatingGenerator
from rarecase.study.comparing import compare_vectors
from rarecase.study.fold import load_fold
from rarecase.study.grid import Cell, read_folds, study_cells
from rarecase.study.resolve import resolve
from rarecase.study.settings import Settings
from rarecase.study.step import Context
from rarecase.study.steps.features import extract_block

RESULTS = Path(__file__).with_name("results")
SYNTHETIC = [n for n in (*CLOSED_FORM, *MORE, *NEURAL) if make_arms()[n].synthetic]
FEWEST = 6  # samples of a class on either side: fewer say nothing about fidelity


def vectors(context: Context) -> tuple[np.ndarray, pd.DataFrame]:
    """`tumour` vectors of all slices, and their rows."""
    fold = load_fold(context)
    with tempfile.TemporaryDirectory() as folder:
        store = extract_block(context, fold, block=TUMOUR, out=Path(folder) / "tumour.zarr")
        return store.read_all(), store.rows


def fidelity(name: str, X: np.ndarray, rows: pd.DataFrame, training: set[str]) -> dict[str, Any]:
    """How like held-out training patients' vectors is what a generator makes, mean over classes."""
    seen = shows_tumour(rows, ["patient"]) & rows["patient"].isin(training)
    X, rows = X[seen], rows[seen]
    label, who = rows["label"].to_numpy(str), rows["patient"].to_numpy(str)
    patients = dict(zip(who.tolist(), label.tolist(), strict=True))
    held = np.isin(who, validation_patients(patients, 0.25, 0))
    scaled = Space.fit(X[~held].astype(np.float64))(X.astype(np.float64))
    fit, rest, y_fit, y_rest = scaled[~held], scaled[held], label[~held], label[held]
    generator = named_generator(name).make(0)
    began = time.perf_counter()
    generator.fit(fit, y_fit, groups=who[~held])
    seconds = time.perf_counter() - began
    judge = LogisticRegression(C=1.0, max_iter=500).fit(rest, y_rest)
    found: list[dict[str, float]] = []
    for c in np.unique(label):
        own, other = fit[y_fit == c], rest[y_rest == c]
        if min(len(own), len(other)) < FEWEST:
            continue
        made, asked = generator.sample({c: max(200, len(other))})
        near, kept = neighbourhood(other, made, k=min(5, len(other) - 1)), memory(own, other, made)
        agrees = np.nan
        if isinstance(generator, DiscriminatingGenerator):
            agrees = float(generator.agreement(made, asked).mean())
        found.append(
            {
                "own accuracy": agrees,
                "class accuracy": float((judge.predict(made) == c).mean()),
                "precision": near.precision, "recall": near.recall, "density": near.density,
                "coverage": near.coverage, "Fréchet": frechet_distance(other, made),
                "its floor": frechet_floor(other), "kernel": kernel_distance(other, made),
                "told apart": two_sample_auc(other, made[: len(other)]),
                "nn ratio": kept.ratio, "near copies": kept.near, "membership": kept.membership,
            }
        )  # fmt: skip
    return pd.DataFrame(found).mean().to_dict() | {"seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--only", default=",".join(SYNTHETIC))
    parser.add_argument("--unit", choices=("patients", "slices"), default="slices")
    parser.add_argument("--work", type=Path, help="where cells are kept (default: beside RUN)")
    args = parser.parse_args()
    torch.set_num_threads(2)
    names = args.only.split(",")
    work = args.work or args.run.with_name(args.run.name + "-generators")
    work.mkdir(exist_ok=True)
    said = resolve(preset=None, file=args.run / "study.yaml").model_dump()
    said["compare"] |= {"arms": names, "unit": args.unit, "checks": False, "amounts": [1.0]}
    settings = Settings.model_validate(said)
    folds = study_cells(settings, read_folds(args.run / "cohort" / "cohort.csv"))
    lines, frames = [], []
    for repeat, number in sorted({(c.repeat, c.fold) for c in folds}):
        context = Context(run=args.run, settings=settings, cell=Cell(repeat, number))
        fold = load_fold(context)
        X, rows = vectors(context)
        for name in names:
            path = work / f"fidelity-{repeat}-{number}-{name}.json"
            if not path.is_file():
                path.write_text(json.dumps(fidelity(name, X, rows, set(fold.training))))
                print(context.where(), name, flush=True)
            lines.append({"generator": name, **json.loads(path.read_text())})
        path = work / f"arms-{args.unit}-{repeat}-{number}.parquet"
        if not path.is_file():
            compare_vectors(
                X, rows, settings=settings, rare=fold.rare, tested=fold.test, cell=context.cell,
                leak=False,
            ).predictions.to_parquet(path)  # fmt: skip
            print(context.where(), "arms", flush=True)
        frames.append(pd.read_parquet(path))
    table = pd.DataFrame(lines).groupby("generator", sort=False).mean()
    rare = read_json(args.run / "cohort" / "cohort.json")["rare"]
    evidence = weigh(pd.concat(frames, ignore_index=True), rare=rare, seed=settings.seed)
    print(table.round(2).to_string())
    print(as_text(evidence))
    kept = {
        "run": args.run.name, "unit": args.unit, "fidelity": table.round(4).to_dict("index"),
        "arms": as_text(evidence).splitlines(), "verdicts": evidence["verdicts"],
    }  # fmt: skip
    text = json.dumps(kept, indent=2, ensure_ascii=False).replace("NaN", "null")
    (RESULTS / f"generators-{args.run.name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
