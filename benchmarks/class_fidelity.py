"""How like the real samples of one class, and how much remembered, is what a generator made."""

from __future__ import annotations

import numpy as np

from rarecase.evidence.fidelity import (
    frechet_distance,
    frechet_floor,
    kernel_distance,
    neighbourhood,
    two_sample_auc,
)
from rarecase.evidence.memory import memory

FEWEST = 6  # samples of a class on either side: fewer say nothing about fidelity


def class_fidelity(own: np.ndarray, other: np.ndarray, made: np.ndarray) -> dict[str, float]:
    """Measures by name; empty with too few samples. `own` (n, d): the generator's training samples,
    `other`: real ones that it did not see, `made`: its own, all of one class."""
    if min(len(own), len(other)) < FEWEST or not np.isfinite(made).all():
        return {}
    near, known = neighbourhood(other, made, k=min(5, len(other) - 1)), memory(own, other, made)
    return {
        "precision": near.precision, "recall": near.recall, "density": near.density,
        "coverage": near.coverage, "Fréchet": frechet_distance(other, made),
        "its floor": frechet_floor(other), "kernel": kernel_distance(other, made),
        "told apart": two_sample_auc(other, made[: len(other)]), "nn ratio": known.ratio,
        "near copies": known.near, "membership": known.membership,
    }  # fmt: skip
