"""What a fold's generator made, set against the patients that are tested: how like, and whose."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rarecase.features import FeatureStore
from rarecase.features.samples import Samples
from rarecase.features.sources.contract import tumour_slices
from rarecase.files import replacing_file
from rarecase.generators.audit.audit import pooled, set_against
from rarecase.pipeline.fold import load_fold
from rarecase.pipeline.grid import IMAGES, SYNTHETIC
from rarecase.pipeline.step import Context
from rarecase.pipeline.steps.features import SAMPLES, rows_in, store_path, used_samples


def fidelity_work(context: Context, folder: Path) -> None:
    """fidelity.csv: a row a class and source, as `audit_generator` has them, of the samples that
    the classifier may be given; `real` are training patients in place of made samples."""
    fold = load_fold(context)
    store = FeatureStore.open(store_path(context))
    parts = [rows_in(store, fold.training), rows_in(store, fold.test)]
    if context.cell.arm == IMAGES:  # its generator learnt from images that show a tumour
        parts = [tumour_slices(store.rows, part) for part in parts]
    rows = np.concatenate(parts)
    about = store.rows.iloc[rows]
    samples = FeatureStore.open(context.run / context.cell.folder(SYNTHETIC) / SAMPLES)
    kept, label = used_samples(context, samples), samples.rows["label"].to_numpy(str)

    def made(name: str, count: int) -> np.ndarray:
        return pooled(Samples(samples, rows=np.flatnonzero(kept & (label == name))[:count]))

    table = set_against(
        pooled(Samples(store, rows=rows)),
        about["label"].to_numpy(str),
        about["patient"].to_numpy(str),
        made,
        held=np.repeat([False, True], [len(part) for part in parts]),
        seed=context.settings.seed,
    )
    with replacing_file(folder / "fidelity.csv") as beside:
        table.to_csv(beside, index=False)
