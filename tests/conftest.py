"""Fixtures that several packages share."""

import os
from pathlib import Path

# As the command line sets it: threads that wait for each other do not spin for long.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

import pytest
import torch

REAL = Path(__file__).parents[1] / "../shared/data"

# A study of a few seconds: tiny volumes, a tiny U-Net, everything else in full.
TINY = {
    "preset": "demo",
    "simulation.patients": {"HGG": 6, "LGG": 4},
    "simulation.slices": 6,
    "slices.size": 32,
    "split.folds": 2,
    "compute.processes": 1,
    "pretrain.cohort": None,
    "segmenter.width": 4,
    "segmenter.depth": 2,
    "segmenter.epochs": 2,
    "generator.widths": [8],
    "generator.max_steps": 20,
    "classifier.epochs": 2,
    "classifier.channels": [8, 8],
    "classifier.dense": 16,
    "sweep.amounts": [0, 10, "50%"],
    "sweep.headline": 10,
    "compare.arms": ["smote"],
    "compare.amounts": [1.0],
    "compare.generator_seeds": 1,
}


@pytest.fixture(scope="session", autouse=True)
def _threads() -> None:
    """Two; one where pytest-xdist runs several processes."""
    torch.set_num_threads(1 if "PYTEST_XDIST_WORKER" in os.environ else 2)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """No test depends on what ran before it."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def tiny() -> dict:
    """Dotted settings of the smallest whole study."""
    return dict(TINY)
