"""The sweep of a fold: one classifier for every amount of synthetic samples."""

from __future__ import annotations

from pathlib import Path

from rarecase.experiment.classifiers import Classifier, make_classifier
from rarecase.experiment.map_sweep import Part, Synthetic, sweep
from rarecase.features import FeatureStore
from rarecase.files import replacing_file
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.fold import load_fold
from rarecase.pipeline.grid import SYNTHETIC
from rarecase.pipeline.step import CHECKPOINTS, Context
from rarecase.pipeline.steps.features import (
    SAMPLES,
    headline_amount,
    rows_in,
    store_path,
    sweep_amounts,
    used_samples,
)
from rarecase.seeds import derive


def classified_work(context: Context, folder: Path) -> None:
    """Train and predict for every amount; one generator fit serves them all."""
    settings = context.settings
    fold = load_fold(context)
    cell = context.cell
    # The arm without synthetic samples is the same beside every generator: it is trained once.
    amounts = [each for each in sweep_amounts(context, fold) if each or cell.first]
    store = FeatureStore.open(store_path(context))
    made = FeatureStore.open(context.run / cell.folder(SYNTHETIC) / SAMPLES)
    kept = used_samples(context, made)

    def make() -> Classifier:
        chosen = settings.classifier
        return make_classifier(
            "auto",
            store.shape,
            epochs=chosen.epochs,
            batch_size=chosen.batch,
            channels=tuple(chosen.channels),
            dense=chosen.dense,
            lr=chosen.learning_rate,
            random_state=derive(settings.seed, "classifier", context.cell.repeat, context.cell.fold)
            % 2**31,
        )

    (folder / CHECKPOINTS).mkdir(exist_ok=True)
    predictions, history = sweep(
        Part(store, train=rows_in(store, fold.training), test=rows_in(store, fold.test)),
        Synthetic(made, kept),
        arm=cell.arm,
        amounts=amounts,
        control_at=headline_amount(context, fold),
        seed=derive(settings.seed, "duplicates", cell.repeat, cell.fold, cell.generator_seed),
        classes=[fold.rare, *(name for name in fold.classes if name != fold.rare)],
        make=make,
        fabric=make_fabric(settings.compute, exact=len(store.shape) == 1),
        checkpoints=folder / CHECKPOINTS,
    )
    predictions.insert(2, "repeat", context.cell.repeat)
    predictions.insert(3, "fold", context.cell.fold)
    predictions.insert(4, "generator_seed", context.cell.generator_seed)
    with replacing_file(folder / "predictions.parquet") as beside:
        predictions.to_parquet(beside, index=False)
    with replacing_file(folder / "history.csv") as beside:
        history.to_csv(beside, index=False)
