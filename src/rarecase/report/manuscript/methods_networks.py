"""Methods: the segmentation network, and the features that were compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rarecase.evidence.text import number, percent
from rarecase.experiment.classifiers.registry import CLASSIFIERS
from rarecase.features.sources.registry import SOURCES, source_listed
from rarecase.pipeline.run_folder import SLICES
from rarecase.report.blocks import counted, joined
from rarecase.report.found import optional_json
from rarecase.report.manuscript.references import cite, named
from rarecase.report.manuscript.study import Study
from rarecase.report.manuscript.words import between, decimal, listed
from rarecase.report.run_files import RunFiles, SegmenterFolder
from rarecase.report.set_aside import read_pictures
from rarecase.report.starts import start_words, starts, training_of

LOSSES = {
    "dice": "the soft-Dice loss",
    "dice+bce": "the sum of soft-Dice loss and cross-entropy",
    "sample-dice+bce": "the sum of cross-entropy and soft-Dice loss (one half of it of the batch, "
    "one of each slice)",
}
UNDER = {
    "predicted": "under the mask that the U-Net predicted",
    "none": "under the mask that the U-Net predicted",
    "true": "under the given masks (which a new patient would not have)",
    "whole": "over the whole head",
}


def segmentation(study: Study) -> str:
    """The U-Nets: start, recipe, augmentation, on whom; or that there were none."""
    run = study.run
    cards = [] if run is None else [fold.segmenter.card for fold in run.folds]
    cards = [card for card in cards if card]
    if run is None or not cards:
        return "No network was trained to segment."
    begun = joined([start_words(each) for each in starts(run)])
    if study.evidence.get("untuned"):
        return (
            f"A U-Net{cite('ronneberger2015')} that had seen none of these patients ({begun}) "
            "predicted the mask of every patient; it was not trained on any of their masks."
        )
    recipe = training_of(run)
    said = [f"In each fold {_network(cards[0])} was trained on slices to outline the lesion."]
    said += [f"It started from {begun}.", *_before(run), _training(run, recipe)]
    said += [*_augmentation(run, recipe), *_selection(run, cards, recipe)]
    return " ".join(said)


def _network(card: Mapping[str, Any]) -> str:
    shape = card.get("architecture") or {}
    deep = shape.get("dimensions") == 3
    said = f"a {'3-D ' if deep else ''}U-Net{cite('cicek2016' if deep else 'ronneberger2015')}"
    parts = []
    if "width" in shape:
        parts.append(f"{shape['width']} channels in its first block")
    if "depth" in shape:
        parts.append(counted(int(shape["depth"]), "pooling"))
    if shape.get("norm") == "batch":
        parts.append(f"batch normalisation{cite('ioffe2015')}")
    return f"{said} with {joined(parts)}" if parts else said


def _before(run: RunFiles) -> list[str]:
    network = SegmenterFolder(run.root / "pretrain")
    if network.history is None:
        return []
    cohort = run.setting("pretrain", "cohort")
    whom = "simulated patients" if cohort == "simulated" else "another cohort"
    epochs = int(network.history["epoch"].max())
    return [f"That one was trained on {whom} for {counted(epochs, 'epoch')}."]


def _training(run: RunFiles, recipe: Mapping[str, Any]) -> str:
    """Epochs as they were, optimiser, loss."""
    histories = [fold.segmenter.history for fold in run.folds]
    epochs = between([int(h["epoch"].max()) for h in histories if h is not None] or [0])
    said = f"Training took {epochs} epochs"
    if epochs == "1":
        said = "Training took 1 epoch"
    if recipe.get("batch"):
        said += f" in batches of {recipe['batch']}"
    if recipe.get("learning_rate"):
        falling = ", falling as a cosine," if recipe.get("decay") == "cosine" else ""
        said += f" with Adam{cite('kingma2015')} at a learning rate of "
        said += f"{decimal(recipe['learning_rate'])}{falling}"
    if recipe.get("loss") in LOSSES:
        said += f" and {LOSSES[recipe['loss']]}{cite('milletari2016')}"
    parts = [f"{said.removesuffix(',')}."]
    if recipe.get("coarse"):
        parts.append(
            f"The first {percent(recipe['coarse'])} of the epochs saw slices at half size."
        )
    if recipe.get("layer_decay", 1.0) != 1.0:
        parts.append(
            f"The learning rate of a block was {decimal(recipe['layer_decay'])} times that of the "
            f"one behind it{cite('howard2018')}."
        )
    return " ".join(parts)


def _augmentation(run: RunFiles, recipe: Mapping[str, Any]) -> list[str]:
    if recipe.get("augment") is False:
        return ["Slices were not augmented."]
    shown = read_pictures(run)
    if shown is None or not shown.augmentation or not shown.augmented_here:
        return ["Slices were augmented."] if recipe.get("augment") else []
    a = shown.augmentation
    return [
        f"Slices were augmented{cite('mehra2022')} by flips (probability "
        f"{decimal(a['flip_horizontal'])} horizontally, {decimal(a['flip_vertical'])} vertically), "
        f"elastic distortion{cite('simard2003')} (α {decimal(a['elastic_alpha'])} and σ "
        f"{decimal(a['elastic_sigma'])} pixels at 240 × 240), "
        f"rotation (±{decimal(a['rotation'])}°), "
        f"shift (±{percent(a['shift'])}), shear (±{percent(a['shear'])}) and zoom "
        f"(±{percent(a['zoom'])})."
    ]


def _selection(
    run: RunFiles, cards: list[dict[str, Any]], recipe: Mapping[str, Any]
) -> list[str]:  # fmt: skip
    """On whom it was trained, which epoch was kept, and how a mask is made of it."""
    here = set(run.cohort["patient"])
    trained, held = (
        [len(here & {str(p) for p in card.get(name) or []}) for card in cards]
        for name in ("trained_on", "validated_on")
    )
    said = [
        f"Each network learnt from {between(trained)} patients; the epoch with the lowest loss on "
        f"{between(held)} other patients of the fold's training part was kept."
    ]
    if run.peeked:
        said = [
            f"Each network learnt from {between(trained)} patients; its epoch was chosen on the "
            "fold's test patients, which flatters it."
        ]
    cuts = [card["threshold"] for card in cards if isinstance(card.get("threshold"), float)]
    if recipe.get("threshold") == "dice" and cuts:
        low, high = number(min(cuts)), number(max(cuts))
        at = low if low == high else f"{low} to {high}"
        said.append(f"A pixel was called lesion above half of their Dice ({at}).")
    if recipe.get("flips"):
        said.append(
            "Masks of patients that it had not learnt from were predicted from a slice and its "
            "mirror images together."
        )
    if recipe.get("cross_fit"):
        said.append(
            f"Masks of training patients came from {recipe['cross_fit']} more networks per fold, "
            "each trained without the patients whose masks it predicted."
        )
    return said


def features(study: Study) -> str:
    """Every set of features that was compared."""
    if study.run is None:
        return _of_table(study)
    said = []
    for name in study.sources:
        if name not in SOURCES:
            said.append(f"{named(name)} ({'a network' if ':' in name else 'features'} of the "
                        "authors' own)")  # fmt: skip
            continue
        text = source_listed(name).text.split("; so are")[0].replace("`", "")
        cites = source_listed(name).cites
        extra = ("depeursinge2020",) if study.run.setting("radiomics", "filters") else ()
        more = extra if name == "radiomics" else ()
        said.append(f"{named(name)} ({text}){cite(*cites, *more)}")
    parts = [f"{_how_many(len(said))} compared: {joined(said)}."]
    if joins := [name for name in study.feature_sets if "+" in name]:
        parts.append(f"Joined side by side, each with the same weight: {listed(joins)}.")
    if "radiomics" in study.sources:
        parts += _radiomics(study)
    where, unit = (study.run.setting("tuning", name) for name in ("masks", "unit"))
    if where in UNDER:
        of = {"patients": "patient (averaged over slices)", "slices": "slice"}.get(unit)
        each = f", one for each {of}" if of else ""
        parts.append(f"Vectors (not maps) were taken {UNDER[where]}{each}.")
    return " ".join([*parts, *_combat(study), *_standardised(study)])


def _how_many(count: int) -> str:
    return "One source of features was" if count == 1 else f"{count} sources of features were"


def _radiomics(study: Study) -> list[str]:
    run = study.run
    assert run is not None
    recipe = run.settings.get("radiomics") or {}
    if not recipe:
        return []
    size, meta = recipe.get("resample"), optional_json(run.root / SLICES / "meta.json") or {}
    at = "as they are" if not size else f"resampled to {decimal(size)} mm"
    if size and not meta.get("spacing"):
        at = "as they are, since they do not know the size of a voxel,"
    levels = f"{recipe.get('bins')} grey levels between a region's extremes"
    if recipe.get("width"):
        levels = f"grey levels of width {decimal(recipe['width'])}"
    filters = recipe.get("filters") or []
    more = f", and of images filtered by {listed(filters)}" if filters else ""
    count = len(((study.about.get("sets") or {}).get("radiomics") or {}).get("columns") or [])
    many = f"{count:,} radiomic" if count else "Radiomic"
    return [f"{many} features were computed of images {at} with {levels}{more}."]


def _of_table(study: Study) -> str:
    sets = study.about.get("sets") or {}
    each = [
        f"{named(name)} ({counted(len(found['columns']), 'column')}"
        + (f", {found['missing']:,} values missing" if found.get("missing") else "") + ")"
        for name, found in sets.items()
    ]  # fmt: skip
    if not each:
        each = [named(name) for name in study.feature_sets]
    said = [f"The features were columns of a table: {joined(each)}."]
    if study.about.get("impute"):
        said.append(
            f"Missing values were filled in with the {named(study.about['impute'])} of the "
            "training part of each fold."
        )
    if left := study.about.get("left_out"):
        were = "was" if len(left) == 1 else "were"
        said.append(f"{counted(len(left), 'column')} {were} left out.")
    return " ".join([*said, *_combat(study), *_standardised(study)])


def _standardised(study: Study) -> list[str]:
    if all(name in CLASSIFIERS and CLASSIFIERS[name].takes == "maps" for name in study.classifiers):
        return []
    return ["Vectors were standardised by the training patients of each fold."]


def _combat(study: Study) -> list[str]:
    if not study.told("tuning", "combat", option="combat"):
        return []
    return [
        f"Features were harmonised between sites by ComBat{cite('johnson2007', 'fortin2018')}, "
        "fitted to the training patients of each fold."
    ]
