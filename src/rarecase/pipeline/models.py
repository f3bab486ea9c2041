"""The deployed model, whichever kind it is: of a run on images, or of a comparison of tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rarecase.deploy.table_model import (
    TableModel,
    is_table_model,
    load_table_model,
    save_table_model,
)
from rarecase.errors import DataError
from rarecase.pipeline.run_folder import MODEL

if TYPE_CHECKING:
    from rarecase.deploy.model import Deployed
    from rarecase.features.sources.networks import Network

CARD = "model.json"


def load_model(
    place: str | Path, *, networks: Mapping[str, Network] | None = None
) -> Deployed | TableModel:
    """The model of a run, made now if it is not there yet (which trains the U-Net once more, on
    every patient), that of a folder of `compare`, or one that `export_model` wrote.
    `networks`: of an exported model with a network of your own, whose code may be run. Raises
    `DataError` for anything else."""
    folder = Path(place)
    for each in (folder, folder / MODEL):
        if is_table_model(each):
            return load_table_model(each)
    from rarecase.pipeline.ship import load_run_model  # needs PyTorch

    return load_run_model(folder, networks=networks)


def export_model(run: str | Path, out: str | Path) -> Path:
    """Write the model of a run or of a comparison to a new folder that needs nothing of it, and
    names no patient. Raises `DataError` where it exists."""
    run, out = Path(run), Path(out)
    if out.exists():
        raise DataError(f"{out} exists and was not touched; choose a new folder.")
    if (run / CARD).is_file():
        raise DataError(f"{run}: an exported model already; copy the folder as it is.")
    model = load_model(run)
    if isinstance(model, TableModel):
        save_table_model(out, model)
        return out
    from rarecase.deploy.card import write_model  # needs PyTorch

    return write_model(model, out)
