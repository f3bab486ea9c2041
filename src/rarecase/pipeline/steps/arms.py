"""Every arm of the comparison on a fold's `tumour` vectors, with the fold's own U-Net."""

from __future__ import annotations

import shutil
from pathlib import Path

from rarecase.features import FeatureStore
from rarecase.features.sources.contract import outlined
from rarecase.features.sources.unet import TUMOUR
from rarecase.files import replacing_file, write_json
from rarecase.pipeline.comparing import Compared, compare_vectors
from rarecase.pipeline.fold import Fold, load_fold
from rarecase.pipeline.step import CHECKPOINTS, Context
from rarecase.pipeline.steps.features import extract_block

CHECKS = "checks.json"


def arms_work(context: Context, folder: Path) -> None:
    """Predictions of every arm on the fold's test patients, from `tumour` vectors; self-checks."""
    settings, cell = context.settings, context.cell
    fold = load_fold(context)
    store = _vectors(context, fold, folder)
    found = compare_vectors(
        store.read_all(), outlined(store.rows, settings.compare.outline), settings=settings,
        rare=fold.rare, tested=fold.test, cell=cell, leak=(cell.repeat, cell.fold) == (0, 0),
    )  # fmt: skip
    write_compared(folder, found)


def write_compared(folder: Path, found: Compared) -> None:
    """Write predictions.parquet and checks.json."""
    with replacing_file(folder / "predictions.parquet") as beside:
        found.predictions.to_parquet(beside, index=False)
    if found.checks is not None:
        write_json(folder / CHECKS, found.checks.as_json() | {"leak": found.leak})


def _vectors(context: Context, fold: Fold, folder: Path) -> FeatureStore:
    """`tumour` vectors of every slice."""
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)  # half written by a killed attempt
    # Checkpoints go with the step's end.
    place = folder if context.settings.features.keep else folder / CHECKPOINTS
    masks = context.settings.compare.outline
    return extract_block(context, fold, block=TUMOUR, out=place / f"{TUMOUR}.zarr", masks=masks)
