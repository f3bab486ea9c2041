"""Whole studies, small: their settings, and what tests ask of their run folders."""

import json
import shutil

import pandas as pd

from rarecase.features import FeatureStore

# A study of a few seconds: tiny volumes, a tiny U-Net, everything else in full.
TINY = {
    "preset": "demo",
    "simulation.patients": {"HGG": 6, "LGG": 4},
    "simulation.slices": 6,
    "slices.size": 32,
    "split.folds": 2,
    "compute.processes": 1,
    "compute.threads": 1,  # two processes of pytest-xdist would wait for each other's threads
    "pretrain.cohort": None,
    "segmenter.width": 4,
    "segmenter.depth": 2,
    "segmenter.epochs": 2,
    "generator.widths": [8],
    "generator.max_steps": 20,
    "classifier.epochs": 2,
    "classifier.channels": [8, 8],
    "classifier.dense": 16,
    "experiment": [
        {"features": "bottleneck", "classifier": "cnn", "arms": ["acgan"], "amounts": [10, "50%"],
         "planned": 10},
        {"features": "tumour", "classifier": "logistic", "arms": ["smote"]},
        {"features": "outline_size", "classifier": "logistic", "arms": ["none"]},
    ],
    "tuning.shares": [1.0],
    "tuning.seeds": 1,
}  # fmt: skip

# The same with a U-Net that outlines something, for what predicts with it.
OUTLINING = TINY | {
    "simulation.patients": {"HGG": 8, "LGG": 6},
    "segmenter.width": 8,
    "segmenter.epochs": 25,
    "segmenter.learning_rate": 5e-3,
    "experiment": TINY["experiment"][1:],
}


def copied(run, folder):
    """A copy of a finished run, to change."""
    shutil.copytree(run, folder / "run")
    return folder / "run"


def predictions(run):
    """All predictions of a run."""
    return pd.read_parquet(run / "predictions.parquet")


def stamps(run):
    """When each step of a run was done."""
    return {path: path.stat().st_mtime_ns for path in run.rglob("step.json")}


def redone(run, before):
    """Names of the steps that were done since `before` (see `stamps`)."""
    return {
        path.parent.relative_to(run).as_posix()
        for path, time in stamps(run).items()
        if before.get(path) != time
    }


def flags(settings):
    """Settings as a user types them."""
    return [
        f"--{name}={value if name == 'preset' else json.dumps(value)}"
        for name, value in settings.items()
    ]


def fill_the_disk(monkeypatch, *, at):
    """The disk is full when a store is written to for the `at`-th time."""
    real, written = FeatureStore.append, []

    def full_disk(self, batch):
        written.append(len(batch))
        if len(written) == at:
            raise OSError(28, "No space left on device", "features")
        real(self, batch)

    monkeypatch.setattr(FeatureStore, "append", full_disk)
