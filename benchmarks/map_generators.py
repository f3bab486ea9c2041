"""Generators on the maps of a run's bottleneck, fold by fold: fidelity, memory, and their worth.

    python benchmarks/map_generators.py RUN [--jobs 2] [--only NAME,…] [--widths 64,512] [--steps N]
    python benchmarks/map_generators.py RUN --block region --widths "" [--only acgan,NAME,…]
    python benchmarks/map_generators.py RUN --table

In each fold of RUN every generator is fitted to the bottleneck maps (c, h, w) of the training
patients' slices that show a tumour, and makes as many of each class as are missing to balance, and
300 at least. Everything is measured on means over the map (c values), since the distance of two
maps is ruled by where the tumour lies. Fidelity and memory: against the same class's slices of the
fold's test patients, whom neither the U-Net nor the generator saw. Class accuracy: by the
generator's own discriminator, and by a classifier fitted to real training slices. Worth: a linear
classifier on real and made samples, its penalty fixed beforehand, scored on test patients, against
none and as many duplicates. `acgan-W` is the paper's convolutional pair of width W (`acgan-W@LR`:
of that learning rate); `images-64` is one that makes images, which the fold's U-Net turns into
maps; the others see a map as a vector.
`real` stands for a perfect generator: slices of a third of the training patients, measured against
the test patients as if they were made, the other two thirds as what was learnt from. As many made
samples are measured: coverage and recall rise with the number.
`--block` takes any other block, also `region`, whose samples are vectors as they are.

What was made (means over the map) and what was measured of it are written down cell by cell
(WORK/….npz and .json), and the next call goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from fold_samples import LEAST, REAL, VECTORS, FoldSlices, keep_maps, make_samples, read_pooled
from fold_vectors import contexts
from sklearn.utils.parallel import Parallel, delayed

from rarecase.ahead import usable_cpus
from rarecase.evidence import make_evidence
from rarecase.evidence.tables import as_text
from rarecase.experiment.arm import Arm, control_of
from rarecase.experiment.arms import CONTROL, REFERENCE
from rarecase.experiment.classifiers.contract import Classifier
from rarecase.experiment.classifiers.logistic import Logistic
from rarecase.experiment.training_set import TrainingSet
from rarecase.features.standardise import Space
from rarecase.files import replacing_file
from rarecase.generators.audit.audit import FEWEST, audit_samples, comparable
from rarecase.pipeline.fold import Fold
from rarecase.pipeline.step import Context

RESULTS = Path(__file__).with_name("results")
BLOCK = "bottleneck"
C = 1.0


def predictions(
    fold: Fold, context: Context, rows: pd.DataFrame, p: np.ndarray, *, arm: str, added: int,
    control_of: str | None = None, block: str,
) -> pd.DataFrame:  # fmt: skip
    cell, reference = context.test_fold, arm == REFERENCE
    columns = {f"p_{c}": p[:, i] for i, c in enumerate(fold.classes)}
    return pd.DataFrame(
        {
            "features": block, "arm": arm, "classifier": "linear",
            "amount": "0" if reference else "balanced",
            "synthetic": control_of is None and arm not in (REFERENCE, CONTROL),
            "control_of": pd.array([control_of] * len(rows), dtype="str"), "planned": True,
            "reference": reference, "splits": f"folds of {context.run.name}",
            "repeat": cell.repeat, "fold": cell.fold,
            "seed": pd.array([None if reference else 0] * len(rows), dtype="Int64"),
            "threshold": np.nan, "requested": added, "added": added, "chosen": "{}", "site": None,
            "case": rows["patient"].to_numpy(str), "slice": rows["row"].to_numpy(),
            "patient": rows["patient"].to_numpy(str), "label": rows["label"].to_numpy(str),
            "predicted": rows["predicted"].to_numpy(), **columns,
        }
    )  # fmt: skip


def run_cell(
    context: Context, store_path: Path, out: Path, *, name: str, steps: int | None
) -> None:
    """One generator in one fold: out.json with what was measured, out.parquet with predictions."""
    cell = FoldSlices.of(context, store_path)
    make_samples(cell, out, name=name, steps=steps)
    fold, store, train, test, lacking = cell.fold, cell.store, cell.train, cell.test, cell.lacking()
    with np.load(out.with_suffix(".npz")) as kept:
        made, asked, agrees = kept["made"].astype(np.float64), kept["asked"], kept["agrees"]
        whose, said = kept["whose"], json.loads(str(kept["said"]))
    train = train[~np.isin(cell.patients(train), said["left out"])]
    label, truth = cell.labels(train), cell.labels(test)
    real = read_pooled(store)
    space = Space.fit(real[train])
    real, made = space(real), space(made)
    model, classes = Classifier("linear", Logistic()), len(fold.classes)
    code = {c: i for i, c in enumerate(fold.classes)}
    y = np.array([code[c] for c in label])

    def judged(X: np.ndarray, y: np.ndarray) -> Any:
        training = TrainingSet(X, y, None, len(y), {})
        return model.fit(training, {"C": C}, classes=classes, random_state=0)

    plain = judged(real[train], y)
    said["own"] = float(np.nanmean(agrees)) if np.isfinite(agrees).any() else None
    named = np.array(fold.classes)[plain(made).argmax(axis=1)]
    others = cell.labels(cell.train[cell.others()])
    lines = []
    for c in fold.classes:
        most = comparable(int((others == c).sum()), otherwise=LEAST)
        mine, of = made[asked == c][:most], whose[asked == c][:most]
        own, other = real[train][label == c], real[test][truth == c]
        line = {"class": c, "agrees": float((named[asked == c] == c).mean())}
        if min(len(own), len(other), len(mine)) >= FEWEST and np.isfinite(mine).all():
            who = cell.patients(test)[truth == c]
            line |= audit_samples(own, other, mine, groups=who, synthetic_groups=of)
        lines.append(line)
    said["classes"] = lines
    if name == REAL:
        out.with_suffix(".json").write_text(json.dumps(said, indent=1))
        return
    arms = {name: np.ones(len(made), bool)}
    if said["own"] is not None:
        arms[f"{name}-filtered"] = agrees > 0.5
    rows, held = store.rows.iloc[test], real[test]
    about = (fold, context, rows)
    block = store.block
    frames = [predictions(*about, plain(held), arm=REFERENCE, added=0, block=block)]
    rng = np.random.default_rng(context.test_fold.fold)
    for arm, chosen in arms.items():
        picked = [made[(asked == c) & chosen][: lacking[c]] for c in fold.classes]
        again = [
            rng.choice(real[train][label == c], len(each), replace=True)
            for c, each in zip(fold.classes, picked, strict=True)
        ]
        more = np.repeat(np.arange(classes), [len(each) for each in picked])
        control = control_of(Arm(arm))
        for who, of, extra in ((arm, None, picked), (control.name, arm, again)):
            fitted = judged(np.concatenate([real[train], *extra]), np.concatenate([y, more]))
            frames.append(
                predictions(
                    *about, fitted(held), arm=who, added=len(more), control_of=of, block=block
                )
            )
    with replacing_file(out.with_suffix(".parquet")) as beside:
        pd.concat(frames, ignore_index=True).to_parquet(beside, index=False)
    out.with_suffix(".json").write_text(json.dumps(said, indent=1))


def attempt(context: Context, store: Path, out: Path, *, name: str, steps: int | None) -> str:
    """A cell, or why there is none."""
    began = time.perf_counter()
    try:
        run_cell(context, store, out, name=name, steps=steps)
    except Exception as error:  # the others go on; what failed is written down
        out.with_suffix(".failed").write_text(f"{type(error).__name__}: {error}")
        return f"{out.name}: {error}"
    return f"{out.name}: {time.perf_counter() - began:.0f} s"


def tables(work: Path) -> dict[str, Any]:
    """Fidelity by generator (mean over classes and folds), and the arms with their verdicts."""
    lines, rare, devices = [], "", set()
    folds_of: dict[str, int] = {}
    for path in sorted(work.glob("*.json")):
        said = json.loads(path.read_text())
        rare = said["rare"]
        devices |= {said["device"]} - {""}
        for line in said["classes"]:
            numbers = {k: v for k, v in line.items() if k != "class"}
            about = {"generator": said["name"], "own": said["own"], "seconds": said["seconds"]}
            lines.append(about | numbers)
        folds_of[said["name"]] = folds_of.get(said["name"], 0) + 1
    table = pd.DataFrame(lines).groupby("generator").mean()
    whole = pd.concat([pd.read_parquet(path) for path in sorted(work.glob("*.parquet"))])
    whole = whole.drop_duplicates(["arm", "repeat", "fold", "patient", "slice"])
    folds = whole[whole["reference"]].groupby(["repeat", "fold"]).ngroups
    cells = whole.drop_duplicates(["arm", "repeat", "fold"])["arm"].value_counts()
    whole = whole[whole["arm"].isin(cells.index[cells == folds])]
    evidence = make_evidence(whole.reset_index(drop=True), rare=rare)
    return {
        "device": sorted(devices),
        "fidelity": table.round(4).to_dict("index"),
        "folds": folds_of,
        "arms": as_text(evidence).splitlines(), "verdicts": evidence["verdicts"],
        "refused": {p.stem: p.read_text() for p in sorted(work.glob("*.failed"))},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--only", default=",".join(VECTORS))
    parser.add_argument("--block", default=BLOCK)
    parser.add_argument("--widths", default="64", help="of the ACGAN; 64@2e-4: of that lr")
    parser.add_argument("--images", action="store_true", help="also the pair that makes images")
    parser.add_argument("--folds", type=int, help="the first so many folds alone")
    parser.add_argument("--steps", type=int, help="of every training (default: their own)")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--table", action="store_true", help="of what is there")
    args = parser.parse_args()
    if "." in args.widths:
        parser.error("--widths: a learning rate as 2e-4; a dot would end a file's name")
    suffix = "" if args.block == BLOCK else f"-{args.block}"
    work = args.work or args.run.with_name(f"{args.run.name}-maps{suffix}")
    work.mkdir(exist_ok=True, parents=True)
    names = [f"acgan-{width}" for width in args.widths.split(",") if width]
    names += ["images-64"] if args.images else []
    names += [REAL, CONTROL] + [name for name in args.only.split(",") if name]
    if not args.table:
        threads = max(1, usable_cpus() // args.jobs)
        folds = contexts(args.run, threads=threads)[: args.folds]
        stores = Parallel(n_jobs=args.jobs)(delayed(keep_maps)(c, work, args.block) for c in folds)
        todo = [
            delayed(attempt)(context, store, out, name=name, steps=args.steps)
            for name in names
            for context, store in zip(folds, stores, strict=True)
            for out in [work / f"{name}-{context.test_fold.repeat}-{context.test_fold.fold}"]
            if not out.with_suffix(".json").exists()
        ]
        for said in Parallel(n_jobs=args.jobs, return_as="generator_unordered")(todo):
            print(said, flush=True)
    found = {"run": args.run.name, "block": args.block} | tables(work)
    print(pd.DataFrame(found["fidelity"]).T.round(2).to_string())
    print("\n".join(found["arms"]))
    path = RESULTS / f"map_generators-{args.run.name}{suffix}.json"
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False).replace("NaN", "null") + "\n")


if __name__ == "__main__":
    main()
