"""The deployed model in a folder of its own, for others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rarecase.checksums import write_checksums
from rarecase.deploy.card import EXAMPLE, model_card
from rarecase.deploy.model import SEGMENTER, Deployed, save_classifier
from rarecase.errors import DataError
from rarecase.files import replacing_directory, write_text


def write_model(model: Deployed, out: Path) -> Path:
    """Write a model to a new folder that needs nothing of its run and names no patient: weights,
    model.json, model_card.md and predict.py, an example.

    Returns
    -------
    The folder.

    Raises
    ------
    DataError
        Where `out` exists.
    """
    if out.exists():
        raise DataError(f"{out} exists and was not touched; choose a new folder.")
    nameless = replace(
        model.segmenter, trained_on=(), validated_on=(), initialised_from=None,
        patients_known=False,
    )  # fmt: skip
    with replacing_directory(out) as folder:
        (folder / SEGMENTER).mkdir()
        nameless.save(folder / SEGMENTER)
        save_classifier(folder, model.final, model.familiar, model.card)
        write_text(folder / "model_card.md", model_card(model.card))
        write_text(folder / "predict.py", EXAMPLE)
        write_checksums(folder, again="Export the model from its run again.")
    return out
