"""Named starting points: what differs from the paper's values, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rarecase.experiment.arms import CLOSED_FORM
from rarecase.segmenter.initial import PRETRAINED

Nested = dict[str, Any]

# A network of a sixteenth of the paper's cost, pre-trained on simulated brains and tuned for a few
# epochs: hence batch normalisation, a higher rate that decays, cross-entropy beside Dice, and the
# Dice of each slice, since outlines are judged patient by patient.
_PRETRAINED: Nested = {
    "init": PRETRAINED,
    "width": 16,
    "norm": "batch",
    "batch": 16,
    "learning_rate": 1e-3,
    "decay": "cosine",
    "loss": "sample-dice+bce",
    "threshold": "dice",
}


FEATURES = (
    "clinical", "bottleneck", "tumour", "region", "radiomics", "network:lite0",
    "radiomics+clinical", "radiomics+network:lite0",
)  # fmt: skip
"""What is set side by side unless other features are named: every source that can be had, and what
is measured of the image joined with what is known of the patient, and with what a network that has
seen photographs sees."""

CLASSIFIERS = ("logistic", "lda", "forest")
"""What is tried on them: two linear ones, one that is tuned and one that assumes, and one that is
not linear."""


def part_of(features: str, classifier: str, *, optional: bool = False) -> Nested:
    """A part that is there to be chosen from: the real samples alone."""
    found = {"features": features, "classifier": classifier, "arms": ["none"]}
    return found | ({"optional": True} if optional else {})


def auto_part(arms: Sequence[str]) -> Nested:
    """The part whose features and classifier are chosen in every fold."""
    return {"features": "auto", "classifier": "auto", "arms": list(arms)}


def stack_part() -> Nested:
    """The average of all parts on vectors."""
    return {"features": "stack", "classifier": "stack", "arms": ["none"]}


def _experiment(
    arms: list[str], *, amounts: list[int | str], features: Sequence[str] = FEATURES
) -> list[Nested]:
    """What is chosen in every fold, which is what is deployed, and what it is chosen from; the
    paper's study in small; and what the size of the mask alone says."""
    return [
        auto_part(arms),
        *(part_of(f, c, optional=True) for f in features for c in CLASSIFIERS),
        {
            "features": "bottleneck",
            "classifier": "cnn",
            "arms": ["acgan"],
            "amounts": amounts,
            "planned": amounts[0],
        },
        {"features": "outline_size", "classifier": "logistic", "arms": ["none"]},
    ]


PRESETS: dict[str, Nested] = {
    # The paper's network was pre-trained on BraTS. Who has such weights gives them with --init.
    "paper": {"pretrain": {"cohort": "simulated"}},
    "quick": {
        "slices": {"size": 128, "normalise": "tissue", "skip_empty": True},
        "split": {"kind": "kfold", "folds": 5, "validation": 0.12},
        # Weaker augmentation: with Table 1 in full so few epochs underfit.
        "segmenter": {
            **_PRETRAINED,
            "epochs": 6,
            # At 1e-3 the loss of the training patients is far from settled after six of them.
            "learning_rate": 3e-3,
            "augment_strength": 0.4,
            "flips": True,
            "batch": 8,
            # Twelve at half size: what a laptop learns most from in six minutes a fold.
            "scratch": {"epochs": 21, "coarse": 0.57, "learning_rate": 2e-3},
        },
        "generator": {"widths": [64], "max_steps": 1200},
        "classifier": {"epochs": 12, "batch": 16, "dense": 256},
        "experiment": _experiment(list(CLOSED_FORM), amounts=["25%", "50%", "100%"]),
    },
    "demo": {
        # At a separability of 1 the AUC without augmentation is 1, and nothing can help.
        "simulation": {"patients": {"HGG": 24, "LGG": 12}, "slices": 12, "separability": 0.7},
        "slices": {"size": 96, "normalise": "tissue", "skip_empty": True},
        "split": {"kind": "kfold", "folds": 3, "validation": 0.15},
        "cohort": {"channels": ["flair"]},
        "segmenter": {
            **_PRETRAINED,
            "epochs": 2,
            "scratch": {"epochs": 12, "coarse": 0.5, "learning_rate": 2e-3},
        },
        "generator": {"widths": [32], "max_steps": 600},
        "classifier": {"epochs": 10, "batch": 16, "dense": 128},
        "experiment": _experiment(
            ["threshold", "class-weight", "smote", "gaussian"],
            amounts=["25%", "100%"],
            features=("tumour", "radiomics"),
        ),
        # Three folds: little to gain from processes or bfloat16, and one way to its numbers.
        "compute": {"processes": 1, "precision": "32-true"},
    },
}
