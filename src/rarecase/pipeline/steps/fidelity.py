"""Synthetic samples of a fold, set against the patients that are tested: how like, and whose."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from rarecase.experiment.arm import Arm
from rarecase.features import FeatureStore
from rarecase.features.samples import Samples
from rarecase.features.sources.contract import tumour_slices
from rarecase.features.standardise import vectors
from rarecase.files import write_table
from rarecase.generators.audit.audit import set_against
from rarecase.pipeline.fold import load_fold, load_part
from rarecase.pipeline.run_folder import FIDELITY, source_store
from rarecase.pipeline.step import Context, Step
from rarecase.pipeline.steps.synthetic import Which, rows_in, samples_of_step


def fidelity_step(
    context: Context, which: Which, *, arm: Arm, features: Step, synthetic: Step
) -> Step:
    """The step that sets an arm's samples against test patients."""
    name = context.test_fold.folder(which.folder(FIDELITY, context.settings))
    return Step(
        name, "generate", partial(fidelity_work, which=which), context, facts=[arm.sampler.filter],
        inputs=(features, synthetic), reads=(features.name, synthetic.name),
    )  # fmt: skip


def fidelity_work(context: Context, folder: Path, *, which: Which) -> None:
    """fidelity.csv: a row for each class and source, as `audit_generator` has them, of the samples
    that classifiers may be given; `real` are training patients in place of synthetic samples."""
    fold, part = load_fold(context), load_part(context, which.number)
    arm = part.arm(which.arm)
    store = FeatureStore.open(source_store(context.fold_folder, part.features))
    sides = [rows_in(store, fold.training), rows_in(store, fold.test)]
    if arm.sampler.on == "images":  # its generator learnt from images that show a tumour
        sides = [tumour_slices(store.rows, side) for side in sides]
    rows = np.concatenate(sides)
    about = store.rows.iloc[rows]
    samples = samples_of_step(context, which, fold.classes)
    if isinstance(samples, str):
        return  # nothing was generated: nothing to set against anybody

    def synthetic(name: str, count: int) -> np.ndarray:
        mine = samples.kept & (samples.y == fold.classes.index(name))
        return vectors(Samples(samples.store, rows=np.flatnonzero(mine)[:count]))

    table = set_against(
        vectors(Samples(store, rows=rows)),
        about["label"].to_numpy(str),
        about["patient"].to_numpy(str),
        synthetic,
        held=np.repeat([False, True], [len(side) for side in sides]),
        seed=context.settings.seed,
    )
    write_table(folder / "fidelity.csv", table)
