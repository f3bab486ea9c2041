"""A small run folder as the steps of a study leave it, made up but true to the contract."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from rarecase.checksums import write_record
from rarecase.evidence import make_evidence

SIZE = 32
CHECKS = {
    "permuted_auc": [0.5] * 20, "permuted_mean": 0.501, "permuted_error": 0.01,
    "suspicious": False, "leak": {"rows split": 0.9, "patients split": 0.7},
    "shift_auc": [0.6], "shift_mean": 0.6,
}  # fmt: skip


def blob(rng, size=SIZE):
    """A round mask somewhere in the middle."""
    y, x = np.mgrid[:size, :size]
    cy, cx = rng.uniform(0.35, 0.65, 2) * size
    return ((y - cy) ** 2 + (x - cx) ** 2 < rng.uniform(3, 7) ** 2).astype(np.uint8)


def write_step(folder: Path, seconds: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "step": folder.name, "key": "k", "seconds": seconds, "peak_memory_mb": 812,
        "finished": "2026-01-02T03:04:05", "version": "0.1.0",
    }  # fmt: skip
    write_record(folder / "step.json", record | {"files": {}})


def fake_run(
    root: Path,
    *,
    classes=("HGG", "LGG"),
    patients=(14, 10),
    folds=2,
    repeats=1,
    seeds=(0,),
    pretrain=True,
    masks=True,
    shape=(12, 5, 5),
    generator=True,
    keep=True,
    features=True,
    arms=("acgan",),
    amounts=(64, 256, 1158),
    planned=256,
    tuned=True,
    channels=("t1", "flair"),
    dropped=True,
    pictures=True,
    slices=4,
    seed=0,
) -> Path:
    """Write the folder and return it. The last class is the rare one."""
    rng = np.random.default_rng(seed)
    rare = classes[-1]
    cohort = _cohort(classes, patients, folds=folds, repeats=repeats, masks=masks, slices=slices)
    rows, images, truth = _slices(rng, cohort, channels=len(channels))
    cohort["tumour"] = cohort["case"].map(rows.groupby("case")["tumour"].sum())
    _write_cohort(root, cohort, classes, rare, channels, dropped)
    _write_slices(root, rows, images, truth, channels)
    (root / "study.yaml").write_text(
        f"data: {'cohort' if masks else 'null'}\nseed: 0\n"
        f"pretrain:\n  cohort: {'simulated' if pretrain else 'null'}\n"
        f"segmenter:\n  init: null\n  epochs: 6\n  width: 8\nslices:\n  size: {SIZE}\n"
        "tuning:\n  masks: predicted\n  unit: patients\n"
    )
    if pretrain:
        _write_segmenter(root / "pretrain", rng, cohort, fold=None, masks=True)
    if pictures:
        _write_pictures(root / "pictures", images, truth, rows, classes, pretrain=pretrain)
    tables = []
    for repeat in range(repeats):
        for fold in range(folds):
            place = root / f"repeat-{repeat}" / f"fold-{fold}"
            about = rows.assign(
                part=np.where(
                    rows["patient"].map(cohort.set_index("patient")[f"test_fold_{repeat}"]) == fold,
                    "test",
                    "train",
                ),
            )
            others = about[about["part"] == "train"]["patient"].unique()[:2]
            about.loc[about["patient"].isin(others), "part"] = "validation"
            about["predicted"] = _write_segmenter(
                place / "segmenter", rng, cohort, fold=fold, masks=masks, rows=about, truth=truth,
                repeat=repeat,
            )  # fmt: skip
            source = place / "features" / "bottleneck"
            if features:
                _write_features(source, rng, about, classes, shape)
            for arm in arms if generator else ():
                for number in seeds:
                    samples = place / "synthetic" / f"bottleneck-{arm}-seed{number}"
                    _write_synthetic(samples, rng, classes, shape, keep=keep)
                    _write_fidelity(place / "fidelity" / samples.name, classes, fold)
                    if features:
                        _write_gallery(samples, source, about, classes)
            tested = about[about["part"] == "test"]
            tables += _predictions(
                rng, tested, classes, repeat, fold, seeds=seeds,
                arms=arms if generator else (), amounts=amounts, planned=planned, tuned=tuned,
            )  # fmt: skip
    predictions = pd.concat(tables, ignore_index=True)
    predictions.to_parquet(root / "predictions.parquet")
    evidence = make_evidence(predictions, rare=rare, draws=200, checks=CHECKS)
    (root / "evidence.json").write_text(json.dumps(evidence))
    return root


def _cohort(classes, patients, *, folds, repeats, masks, slices):
    table = []
    for label, count in zip(classes, patients, strict=True):
        for i in range(count):
            name = f"{label}-{i:02d}"
            table.append(
                {
                    "case": f"{name}-a", "patient": name, "label": label,
                    "site": ["Oslo", "Lyon", "Riga"][i % 3], "slices": slices,
                    "has_mask": masks and i != 1,
                    **{f"test_fold_{r}": (i + r) % folds for r in range(repeats)},
                }
            )  # fmt: skip
    return pd.DataFrame(table)


def _slices(rng, cohort, *, channels):
    rows, images, truth = [], [], []
    for _, case in cohort.iterrows():
        for number in range(case["slices"]):
            mask = blob(rng) if number else np.zeros((SIZE, SIZE), np.uint8)
            image = rng.normal(1, 0.1, (channels, SIZE, SIZE)).astype(np.float32)
            y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
            image[:, y**2 + x**2 > (0.45 * SIZE) ** 2] = 0
            image += mask
            mask = mask if case["has_mask"] else np.zeros_like(mask)
            rows.append(
                {
                    "row": len(rows), "case": case["case"], "patient": case["patient"],
                    "label": case["label"], "slice": number, "has_mask": case["has_mask"],
                    "tumour": int(mask.sum()),
                }
            )  # fmt: skip
            images.append(image)
            truth.append(mask)
    return pd.DataFrame(rows), np.stack(images), np.stack(truth)


def _write_cohort(root, cohort, classes, rare, channels, dropped):
    (root / "cohort").mkdir(parents=True)
    cohort.to_csv(root / "cohort" / "cohort.csv", index=False)
    facts = {
        "layout": "brats", "channels": list(channels), "classes": list(classes), "rare": rare,
        "dropped": [{"case": "X-1", "reason": "no label"}] if dropped else [], "data": "cohort",
    }  # fmt: skip
    (root / "cohort" / "cohort.json").write_text(json.dumps(facts))
    write_step(root / "cohort", 1.5)


def _write_slices(root, rows, images, truth, channels):
    (root / "slices").mkdir()
    np.save(root / "slices" / "images.npy", images)
    np.save(root / "slices" / "masks.npy", truth)
    rows.to_parquet(root / "slices" / "rows.parquet")
    (root / "slices" / "meta.json").write_text(json.dumps({"channels": list(channels)}))
    write_step(root / "slices", 12.25)


def _write_segmenter(folder, rng, cohort, *, fold, masks, rows=None, truth=None, repeat=0):
    """The segmenter's files; returns the predicted pixels of every slice."""
    write_step(folder, 3700)
    history = []
    for epoch in range(1, 7):
        for part, worse in (("train", 0.0), ("validation", 0.1)):
            d = 0.9 * (1 - np.exp(-epoch / 2)) - worse + rng.normal(0, 0.01)
            history.append(
                {"epoch": epoch, "part": part, "loss": 1 - d, "dice": d, "iou": d / (2 - d),
                 "seconds": 2.0}
            )  # fmt: skip
    pd.DataFrame(history).to_csv(folder / "history.csv", index=False)
    tested = cohort.iloc[:0] if fold is None else cohort[cohort[f"test_fold_{repeat}"] == fold]
    others = cohort[~cohort["patient"].isin(tested["patient"])]["patient"].tolist()
    card = {
        "architecture": {}, "channels": ["flair"], "trained_on": [*others[2:], "Pre-1"],
        "validated_on": others[:2], "best_epoch": 5, "normaliser": {}, "initialised_from": None,
    }  # fmt: skip
    (folder / "model.json").write_text(json.dumps(card))
    if rows is None:
        return None
    predicted = np.roll(truth, 2, axis=2) if masks else np.stack([blob(rng) for _ in truth])
    predicted[rows["slice"].to_numpy() == 0] = 0
    np.save(folder / "predicted.npy", np.packbits(predicted, axis=-1))
    rows = rows.assign(predicted=predicted.sum(axis=(1, 2)))
    rows.to_parquet(folder / "rows.parquet")
    volumes = [
        {
            "case": case, "patient": part["patient"].iloc[0], "label": part["label"].iloc[0],
            "part": part["part"].iloc[0], "dice": float(rng.uniform(0.2, 0.95)), "iou": 0.5,
            "slices": len(part),
        }
        for case, part in rows[rows["has_mask"]].groupby("case")
    ]  # fmt: skip
    columns = ["case", "patient", "label", "part", "dice", "iou", "slices"]
    pd.DataFrame(volumes, columns=columns).to_csv(folder / "volumes.csv", index=False)
    return rows["predicted"].to_numpy()


def _values(rng, labels, classes, shape):
    shift = np.array([classes.index(label) for label in labels], dtype=float)
    x = rng.gamma(1.0, 1.0, (len(labels), *shape))
    x[:, 0] += shift.reshape(-1, *[1] * (len(shape) - 1))
    return x.astype(np.float32)


def _store(path, rows, x):
    from rarecase.features.store import FeatureStore

    with FeatureStore.create(path, block="bottleneck", shape=x.shape[1:], rows=rows) as store:
        store.append(x)


def _write_features(folder, rng, rows, classes, shape):
    write_step(folder, 20)
    x = _values(rng, rows["label"], classes, shape)
    _store(folder / "bottleneck.zarr", rows.reset_index(drop=True), x)


def _write_synthetic(folder, rng, classes, shape, *, keep):
    write_step(folder, 100)
    labels = [c for c in classes for _ in range(30)]
    agrees = rng.random(len(labels)) < (0.7 if keep else -1)
    rows = pd.DataFrame({"label": labels, "agrees": agrees})
    _store(folder / "samples.zarr", rows, _values(rng, labels, classes, shape))
    table = rows.groupby("label")["agrees"].agg(generated="size", kept="sum").reset_index()
    table.to_csv(folder / "filter.csv", index=False)
    epochs = np.arange(1, 11)
    pd.DataFrame(
        {
            "epoch": epochs, "d_loss": 2 - epochs / 20, "g_loss": 1 + epochs / 20,
            "real_class_accuracy": 0.5 + epochs / 25, "fake_class_accuracy": 0.5 + epochs / 30,
            "seconds": 1.0,
        }
    ).to_csv(folder / "history.csv", index=False)  # fmt: skip


def _write_pictures(folder, images, truth, rows, classes, *, pretrain):
    write_step(folder, 3)
    at = [int(rows.index[(rows["label"] == c) & (rows["slice"] == 2)][0]) for c in classes]
    names = ["original", "horizontal flip", "all seven (1)"]
    arrays = {
        "images": images[at, 0], "true": truth[at], "after": np.roll(truth[at], 1, axis=2),
        **({"before": np.roll(truth[at], 4, axis=2)} if pretrain else {}),
        **{f"augmented_{i}": images[at[0], 0] for i in range(len(names))},
        **{f"augmented_mask_{i}": truth[at[0]] for i in range(len(names))},
        "block_enc1": np.abs(images[at[0]][[0, 0, 0]]), "block_bottleneck": np.ones((2, 4, 4)),
    }  # fmt: skip
    np.savez_compressed(folder / "shown.npz", **arrays)
    said = {
        "slices": rows.loc[at, ["case", "label", "slice", "has_mask"]].to_dict("records"),
        "channel": "flair", "start": "pretrain" if pretrain else None, "augmented": names,
        "augmented_here": True, "blocks": [["enc1", 8], ["bottleneck", 32]],
        "augmentation": {
            "flip_horizontal": 0.5, "flip_vertical": 0.5, "elastic_alpha": 360, "rotation": 10,
            "elastic_sigma": 24, "shift": 0.05, "shear": 0.025, "zoom": 0.05,
        },
    }  # fmt: skip
    (folder / "shown.json").write_text(json.dumps(said))


def _write_gallery(made, features, rows, classes):
    from rarecase.features.gallery import write_gallery
    from rarecase.features.store import FeatureStore

    write_gallery(
        made,
        real=FeatureStore.open(features / "bottleneck.zarr"),
        training=(rows["part"] != "test").to_numpy(),
        synthetic=(synthetic := FeatureStore.open(made / "samples.zarr")),
        kept=synthetic.rows["agrees"].to_numpy(dtype=bool),
        classes=classes,
        seed=0,
    )


def _write_fidelity(folder, classes, fold):
    """In the last class nothing could be measured."""
    write_step(folder, 2)
    names = ["precision", "recall", "coverage", "two-sample AUC", "nn ratio", "near copies",
             "membership"]  # fmt: skip
    rows = [
        {"class": name, "source": source, "train": 20, "held": 8, "samples": 30}
        | {
            measure: np.nan if name == classes[-1] else base + place / 100 + fold / 10
            for place, measure in enumerate(names)
        }
        for name in classes
        for source, base in (("synthetic", 0.1), ("real", 0.4))
    ]
    pd.DataFrame(rows).to_csv(folder / "fidelity.csv", index=False)


def _predictions(rng, tested, classes, repeat, fold, *, seeds, arms, amounts, planned, tuned):
    """Maps with the CNN at counted amounts, and vectors with logistic regression, tuned."""
    own = tested["label"].map(classes.index).to_numpy()
    person = {p: rng.normal(0, 1.2, len(classes)) for p in tested["patient"].unique()}
    base = np.stack([person[p] for p in tested["patient"]])
    base += np.eye(len(classes))[own] * 0.9
    base[:, 0] += 1.0
    counted = {"features": "bottleneck", "classifier": "cnn"}
    rows = [{**counted, "arm": "none", "reference": True}]
    for arm in arms:
        for n in amounts:
            about = {"amount": str(n), "requested": n, "added": min(n, 1000)}
            rows += [
                {**counted, **about, "arm": arm, "synthetic": True, "planned": n == planned,
                 "seed": seed, "lift": 1.2 * np.sqrt(n / 1158)}
                for seed in seeds
            ]  # fmt: skip
        about = {"amount": str(planned), "requested": planned, "added": planned}
        rows.append({**counted, **about, "arm": f"duplicates:{arm}", "control_of": arm})
    if tuned:
        vectors = {"features": "tumour", "classifier": "logistic"}
        about = {**vectors, "amount": "tuned", "requested": 9, "added": 9}
        rows += [
            {**vectors, "arm": "none", "reference": True},
            {**vectors, "arm": "threshold", "lift": 0.4},
            *({**about, "arm": "smote", "synthetic": True, "planned": True, "seed": seed}
              for seed in (0, 1)),
            *({**about, "arm": "duplicates:smote", "control_of": "smote", "seed": seed}
              for seed in (0, 1)),
        ]  # fmt: skip
    return [
        _rows(rng, tested, classes, base, {"repeat": repeat, "fold": fold, **row}) for row in rows
    ]


def _rows(rng, tested, classes, base, about):
    z = base + rng.normal(0, 0.3, base.shape)
    z[:, -1] += about.pop("lift", 0.0)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    seed = about.pop("seed", None)
    known = {
        "amount": "0", "synthetic": False, "control_of": None, "planned": False,
        "reference": False, "splits": "abc", "requested": 0, "added": 0, "chosen": "{}",
        "threshold": 0.5 if len(classes) == 2 else np.nan, "site": None, **about,
    }  # fmt: skip
    table = tested[["case", "slice", "patient", "label", "predicted"]].assign(**known)
    table["seed"] = pd.array([seed] * len(table), dtype="Int64")
    return table.assign(**{f"p_{name}": p[:, i] for i, name in enumerate(classes)})
