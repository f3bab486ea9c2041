"""What the U-Nets of a run began with, and how they were trained from there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rarecase.pipeline.run_folder import PRETRAIN
from rarecase.report.run_files import RunFiles
from rarecase.segmenter.initial import PRETRAINED


def start_words(initialised_from: str | None) -> str:
    """What a U-Net began with, from its card.

    >>> start_words(None), start_words("/mine/brats/model.safetensors")
    ('random weights', 'model.safetensors')
    """
    known = {
        None: "random weights",
        PRETRAIN: "the U-Net pre-trained in this run",
        PRETRAINED: "the U-Net of the package, pre-trained on simulated brains",
    }
    # Without folders: a report is handed on.
    return known.get(initialised_from) or Path(str(initialised_from)).name


def starts(run: RunFiles) -> list[str | None]:
    """What those of the folds began with, as their cards say; empty where no card is left."""
    cards = [fold.segmenter.card for fold in run.folds]
    return [*dict.fromkeys(card["initialised_from"] for card in cards if card)]


def training_of(run: RunFiles) -> dict[str, Any]:
    """The settings by which the U-Nets of all or most folds were trained: from random weights
    others may hold (`segmenter.scratch`)."""
    said = run.settings.get("segmenter")
    found = dict(said) if isinstance(said, dict) else {}
    if starts(run) == [None]:
        other = found.get("scratch") or {}
        found |= {name: value for name, value in other.items() if value is not None}
    return found
