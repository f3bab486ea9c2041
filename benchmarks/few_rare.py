"""Is there a generator that ranks a rare class of few patients better than duplicates and SMOTE do?

    python benchmarks/few_rare.py RUN[:CLASS] … --features NAME,NAME [--k 4,8,all] [--only ARM,…]
    python benchmarks/few_rare.py RUN[:CLASS] … --features NAME,NAME --confirm    on fresh seeds

The features are those that a run took in each of its folds, whose test patients nothing was learnt
from; CLASS is called the rare one (by default the run's own). In every draw another k of its
training patients are kept. A row is a slice. Amount 1 (classes balanced), penalty and threshold
from two inner folds, one generator seed a draw; networks of 300 steps.

Every generator × cohort × k × features is one question: is the AUC of the rare class above that of
as many duplicates, and above SMOTE's? Its p is the larger of the two (see docs/evidence.md), and
Holm's correction runs over all questions that results/few_rare.json keeps, of earlier calls too:
take the file away to begin anew. Cells are written down when they are done (WORK/…), and the next
call goes on.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from fold_vectors import contexts
from neural_arms import TRAINED, neural_arms
from sklearn.utils.parallel import Parallel, delayed

from rarecase.evidence.fits import Fit, fits_of
from rarecase.evidence.paired import compare_fits
from rarecase.evidence.predictions import pool_patients
from rarecase.evidence.verdict import ALPHA, holm
from rarecase.experiment import Classifier, fit_fold, make_design
from rarecase.experiment.arm import Arm, control_of
from rarecase.experiment.arms import make_arms
from rarecase.experiment.classifiers.logistic import Logistic
from rarecase.experiment.fold_rows import Place
from rarecase.features.joining import Vectors, joined_vectors
from rarecase.files import replacing_file
from rarecase.pipeline.fold import load_fold
from rarecase.pipeline.step import Context, digest
from rarecase.pipeline.steps.cells import fold_of, open_stores
from rarecase.ranking import concordance, mean_defined

RESULTS = Path(__file__).with_name("results")
CLOSED = ("borderline-smote", "mixup", "remix", "gaussian", "gaussian-mixture", "borrowed")
ARMS = (*CLOSED, *TRAINED)
PENALTY = Classifier("logistic", Logistic(), grid={"C": (0.1, 1.0, 10.0)})
STEPS = 300
FRESH = 1000  # added to the seed where winners are confirmed


def cell(
    context: Context,
    out: Path,
    *,
    arms: list[str],
    rare: str,
    k: int | None,
    features: str,
    draw: int,
    seed: int,
) -> None:
    """Predictions of every arm in one fold with k rare patients to learn from, or all."""
    torch.set_num_threads(1)
    fold, at = load_fold(context), context.test_fold
    stores = open_stores(context.fold_folder, features)
    taken = joined_vectors(
        [Vectors.of(store) for store in stores], rare=rare, name=features, unit="slices",
        masks=context.settings.tuning.under,
    )  # fmt: skip
    known = make_arms() | neural_arms(
        hidden=(256, 256), noise=32, lr=None, batch_size=64, steps=STEPS
    )
    taken = replace(taken, nested=None if taken.nested else ())  # of other inner folds than these
    design = make_design(
        [known[name] for name in ("smote", *arms)], classifier=PENALTY, amounts=(1.0,), inner=2,
        seeds=1, seed=seed,
    )  # fmt: skip
    place = Place(fold_of(taken, fold.test, at.fold), draw + 1000 * at.repeat, at.fold)
    frame = fit_fold(taken, replace(design, rare_patients=k), place).predictions
    with replacing_file(out) as beside:
        frame.to_parquet(beside, index=False)


def area(fits: list[Fit], rare: int) -> float:
    """Mean over fits and their test folds of the rare class's AUC."""
    inside = [fit.restricted(frozenset({f})) for fit in fits for f in sorted(fit.folds)]
    return float(mean_defined([concordance(f.p[:, rare], f.true == rare) for f in inside]))


def answers(predictions: pd.DataFrame, rare: str) -> dict[str, dict[str, float]]:
    """AUC of every arm, and against its duplicates and SMOTE: difference and one-sided p."""
    classes = tuple(str(c)[2:] for c in predictions.columns if str(c).startswith("p_"))
    pooled = pool_patients(predictions)
    patients = sorted(pooled["patient"].unique())
    fits = {k[1]: f for k, f in fits_of(pooled, patients=patients, classes=classes).items()}
    place, found = classes.index(rare), {}
    for arm in fits:
        duplicates = control_of(Arm(arm)).name
        line = {"auc": area(fits[arm], place)}
        if duplicates in fits and arm != "smote":
            against = {"duplicates": fits[duplicates], "smote": fits["smote"]}
            each = {n: compare_fits(fits[arm], c, rare=place) for n, c in against.items()}
            line |= {f"over {n}": c.difference for n, c in each.items()}
            line["p"] = max(c.p_greater for c in each.values())
        found[arm] = line
    return found


def ask(
    questions: list[dict[str, Any]], *, work: Path, draws: int, seed: int, jobs: int
) -> pd.DataFrame:
    """A table of questions and answers; one question is a cohort, k and features with its arms."""
    todo, frames = [], []
    for each in questions:
        folds = contexts(each["run"], threads=1)
        arms = digest(sorted(each["arms"]))[:6]
        name = f"{each['rare']}-k{each['k']}-{each['features']}-seed{seed}-{arms}"
        name = "".join(c if c.isalnum() or c in "-_" else "_" for c in name)
        settings = {k: each[k] for k in ("arms", "rare", "k", "features")}
        each["parts"] = [
            (at, work / f"{each['run'].name}-{at.test_fold.repeat}-{at.test_fold.fold}-{name}-"
             f"{draw}.parquet", draw)
            for at in folds for draw in range(draws)
        ]  # fmt: skip
        todo += [
            delayed(cell)(at, out, draw=draw, seed=seed, **settings)
            for at, out, draw in each["parts"] if not out.is_file()
        ]  # fmt: skip
    for number, _ in enumerate(Parallel(n_jobs=jobs, return_as="generator_unordered")(todo), 1):
        print(f"{number} of {len(todo)} cells", flush=True)
    for each in questions:
        table = pd.concat([pd.read_parquet(out) for _, out, _ in each["parts"]], ignore_index=True)
        about = {"cohort": each["run"].name, "rare": each["rare"], "k": each["k"],
                 "features": each["features"]}  # fmt: skip
        for arm, line in answers(table, each["rare"]).items():
            frames.append({**about, "arm": arm, **line})
    return pd.DataFrame(frames)


def together(kept: list[dict[str, Any]], found: pd.DataFrame) -> pd.DataFrame:
    """Answers of earlier calls and of this one, which replaces its own, corrected for all."""
    table = pd.concat([pd.DataFrame(kept), found], ignore_index=True)
    table = table.drop_duplicates(["cohort", "rare", "k", "features", "arm"], keep="last")
    return table.assign(**{"p adjusted": holm(table["p"].to_numpy(dtype=np.float64))})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", nargs="+", help="RUN, or RUN:CLASS to call another class rare")
    parser.add_argument("--features", required=True, help="sources of the run, or joins of them")
    parser.add_argument("--k", default="4,8,all")
    parser.add_argument("--draws", type=int, default=1)
    parser.add_argument("--only", default=",".join(ARMS))
    parser.add_argument("--confirm", action="store_true")
    parser.add_argument("--jobs", type=int, default=-1)
    parser.add_argument("--work", type=Path, default=Path("few-rare"), help="where cells are kept")
    args = parser.parse_args()
    args.work.mkdir(exist_ok=True)
    path = RESULTS / "few_rare.json"
    questions = []
    for text in args.runs:
        folder, _, rare = text.partition(":")
        rare = rare or load_fold(contexts(Path(folder))[0]).rare
        questions += [
            {"run": Path(folder), "rare": rare, "k": None if k == "all" else int(k),
             "features": features, "arms": args.only.split(",")}
            for k in args.k.split(",") for features in args.features.split(",")
        ]  # fmt: skip
    kept = json.loads(path.read_text()) if path.exists() else {}
    if args.confirm:
        won = [line for line in kept["asked"] if (line["p adjusted"] or 1.0) < ALPHA]
        for each in questions:
            where = (each["run"].name, each["rare"], each["k"], each["features"])
            each["arms"] = [
                line["arm"] for line in won
                if (line["cohort"], line["rare"], line["k"], line["features"]) == where
            ]  # fmt: skip
        questions = [each for each in questions if each["arms"]]
        if not questions:
            print("no winner to confirm")
    if questions:
        seed = FRESH if args.confirm else 0
        found = ask(questions, work=args.work, draws=args.draws, seed=seed, jobs=args.jobs)
        part = "confirmed" if args.confirm else "asked"
        every = together(kept.get(part, []), found)
        print(every.round(3).to_string())
        kept[part] = json.loads(every.to_json(orient="records"))
    elif args.confirm:
        kept["confirmed"] = []
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
