"""The sections on the segmenter: learning curves, Dice, and outlines to look at."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rarecase.evidence.paper import PUBLISHED_UNET, UNET_SOURCE
from rarecase.evidence.text import DASH, cell
from rarecase.imaging.drawing import Overlay, overlay_figure
from rarecase.pipeline import run_folder
from rarecase.report.blocks import Block, Cell, Section, Table, Text, drawn
from rarecase.report.figures_curves import learning_curves
from rarecase.report.figures_pictures import augmentation_figure, tuning_figure
from rarecase.report.found import optional_json
from rarecase.report.overlays import SHOWN, SliceReader, choose_cases
from rarecase.report.run_files import (
    RunFiles,
    SegmenterFolder,
    mean_dice,
)
from rarecase.report.set_aside import read_pictures
from rarecase.report.starts import start_words, starts, training_of
from rarecase.report.tables_paper import augmentation_table, unet_table

SOUND = (
    "One U-Net for each fold, trained without the fold's test patients. The paper kept the epoch "
    "that did best on its test set; here the kept epoch is chosen on validation patients, who are "
    "training patients set aside."
)
WORDS = {"train": "training", "validation": "validation", "test": "test"}
PEEKED = (
    "One U-Net for each fold. Its weights are fitted without the fold's test patients, but, as in "
    "the paper, the epoch that is kept is the best on them: 'validation' below is the test set."
)


UNTUNED = (
    "No mask of these patients was used: the U-Net that all folds start from outlines everybody as "
    "it is."
)


def segmenter_section(run: RunFiles) -> Section:
    """Learning curves, Dice of test volumes, counts of patients, pre-training."""
    untuned = bool(run.evidence.get("untuned"))
    blocks: list[Block] = [Text(UNTUNED if untuned else PEEKED if run.peeked else SOUND)]
    shown = read_pictures(run)
    if shown is not None:
        blocks.append(augmentation_figure(shown))
        blocks.append(augmentation_table(shown.augmentation, used=shown.augmented_here))
    blocks += [_pretraining(run), _curves(run), unet_table(run), _dice(run), _folds(run)]
    if shown is not None and shown.start is not None and not untuned:
        blocks.append(tuning_figure(shown))
    return Section("segmenter", "Segmenter", blocks)


def _pretraining(run: RunFiles) -> Block:
    network = SegmenterFolder(run.root / run_folder.PRETRAIN)
    if network.history is None:
        begun = ", or ".join(map(start_words, starts(run)))
        words = f" They started from {begun}." if begun else ""
        return Text(f"The segmenters were not pre-trained in this run.{words}", "missing")
    cohort = run.setting("pretrain", "cohort")
    source = f" on {cohort} patients" if cohort == "simulated" else ""
    caption = f"Pre-training{source}, before any patient of this study was seen."
    return learning_curves(
        [(network.history, network.best_epoch)], name="pretraining", caption=caption
    )


def _curves(run: RunFiles) -> Block:
    trained = [fold.segmenter for fold in run.folds]
    found = [(each.history, each.best_epoch) for each in trained if each.history is not None]
    if not found:
        return Text("No training history of a segmenter was found.", "missing")
    figures = PUBLISHED_UNET["validation"]
    caption = (
        f"The paper's Figure 6. One line for each fold ({len(found)}). Training values are "
        "means over augmented batches. For comparison, the paper's best epochs on its validation "
        f"set, which was its test set: soft-Dice loss {figures['loss']}, hard Dice "
        f"{figures['dice']}, IoU {figures['iou']} ({UNET_SOURCE})."
    )
    coarse = training_of(run).get("coarse")
    if coarse:
        caption += (
            f" The first {coarse:.0%} of the epochs learn from slices at half size; their "
            "validation values are of whole slices, which such a network has not yet seen."
        )
    return learning_curves(found, name="segmenter", caption=caption)


def _dice(run: RunFiles) -> Block:
    scores = run.evidence.get("masks")
    if not scores:
        return Text("No test case has a mask, so the segmenters cannot be scored.", "missing")
    rows: list[list[str | Cell]] = []
    for each in [*scores[1:], scores[0]]:
        low, middle, high = each["dice_quartiles"]
        spread = f"{cell(low)} to {cell(high)}" if each["cases"] > 1 else ""
        row = [each["name"], f"{each['cases']:,}", cell(each["dice"]), Cell(cell(middle), spread)]
        row.append(f"{each['below_half']:,}")
        if "hd95" in each:
            row += [cell(each["slice_dice"]), cell(each["hd95"], digits=1)]
            row.append(cell(each["volume_error"], change=True))
            row.append(f"{each['missed']:,} of {each['lesions']:,}")
        rows.append(row)
    known = [
        f"{WORDS[part]} patients {cell(mean)}"
        for part, mean in mean_dice(run.volumes).items()
        if mean == mean
    ]
    more = ["Dice of slices", f"Distance, {_unit(run)}", "Volume error", "Lesions missed"]
    return Table(
        caption="Masks of test patients, each by the network that has not seen them",
        columns=["", "Volumes", "Mean Dice", "Median (quartiles)", "Below 0.5"]
        + more * ("hd95" in scores[0]),
        rows=rows,
        note=f"Mean Dice per volume: {', '.join(known)}. The gap between training and test "
        "patients is the shift that the classifier meets between the features it learns from and "
        "those it is tested on. Dice of slices: mean over those with a predicted or true pixel. "
        "Distance: 95th percentile between both surfaces, median over cases. Volume error: "
        "predicted minus true volume as a share of the true one, median. Lesions missed: parts of "
        "true masks in which nothing is predicted.",
    )


def _unit(run: RunFiles) -> str:
    """Of distances: millimetres where volumes say how large a voxel is."""
    about = optional_json(run.root / run_folder.SLICES / "meta.json") or {}
    return "mm" if about.get("spacing") else "pixels"


def _folds(run: RunFiles) -> Block:
    volumes, rows = run.volumes, []
    for fold in run.folds:
        card, history = fold.segmenter.card, fold.segmenter.history
        if not card:
            continue
        epochs = "?" if history is None else str(int(history["epoch"].max()))
        mine = volumes[(volumes["repeat"] == fold.repeat) & (volumes["fold"] == fold.fold)]
        patients = [_count(card.get(name), run) for name in ("trained_on", "validated_on")]
        kept = f"{fold.segmenter.best_epoch or DASH} of {epochs}"
        each = [cell(value) for value in mean_dice(mine).values()]
        rows.append([str(fold.repeat), str(fold.fold), *patients, kept, *each])
    if not rows:
        return Text("No segmenter's card (model.json) was found.", "missing")
    mirrored, inner = "", run.setting("segmenter", "cross_fit")
    if run.evidence.get("untuned"):
        pass
    elif inner:
        mirrored = f" Masks of training patients are those of {inner} networks for each fold, each "
        mirrored += (
            "trained without those whose masks it predicts, where there are patients enough."
        )
    elif run.setting("segmenter", "flips"):
        mirrored = " Masks of training patients are predicted without mirror images."
    table = Table(
        caption="Segmenters by fold",
        columns=["Repeat", "Fold", "Patients trained on", "Validated on", "Epoch kept",
                 "Dice training", "Dice validation", "Dice test"],
        rows=rows,
        heads=2,
        note=f"Mean Dice per volume, of cases with a mask.{mirrored}",
    )  # fmt: skip
    return table.folded(f"Segmenters by fold ({len(rows)})", most=6)


def _count(patients: object, run: RunFiles) -> str:
    """Patients of this cohort among those on the card, which also holds those of pre-training."""
    if not isinstance(patients, list):
        return DASH
    return f"{len(set(map(str, patients)) & set(run.cohort['patient'])):,}"


def overlays_section(run: RunFiles) -> Section:
    """Test slices with the true and the predicted outline."""
    reader = SliceReader(run) if SliceReader.available(run) and run.folds else None
    shown = [] if reader is None else _overlays(run, reader)
    if reader is None or not shown:
        text = "There are no cached slices or no predicted masks in this run folder to show."
        return Section("overlays", "Outlines", [Text(text, "missing")])
    if all(overlay.true is None for overlay in shown):
        caption = (
            "No case has a true mask, so nothing can be ranked: the first test cases of each class "
            f"by name (channel {reader.channel_name}), each at the slice with the largest "
            "predicted tumour."
        )
    else:
        caption = (
            f"Test patients (channel {reader.channel_name}), each outlined by the network that has "
            "not seen them, at the slice with the largest true tumour. The cases are chosen by "
            "rank of their volume's Dice within their class, from best to worst, not by looks."
        )
    alt = "Test slices with outlines: " + "; ".join(o.words.replace("\n", ", ") for o in shown)
    figure = drawn(overlay_figure(shown), name="overlays", caption=caption, alt=alt)
    return Section("overlays", "Outlines", [figure])


def _overlays(run: RunFiles, reader: SliceReader) -> list[Overlay]:
    first = min(fold.repeat for fold in run.folds)
    folders = {fold.fold: fold.path for fold in run.folds if fold.repeat == first}
    volumes = run.volumes
    chosen = choose_cases(volumes[(volumes["part"] == "test") & (volumes["repeat"] == first)])
    if chosen.empty:
        return _unranked(run, reader, next(iter(folders.values())))
    chosen = chosen.sort_values("label", key=lambda c: c.map(run.classes.index), kind="stable")
    found = [
        reader.overlay(str(row["case"]), folders[int(row["fold"])],
                       title=f"{row['label']}, {row['rank']}", score=float(row["dice"]))
        for _, row in chosen.iterrows()
    ]  # fmt: skip
    return [overlay for overlay in found if overlay is not None]


def _unranked(run: RunFiles, reader: SliceReader, folder: Path) -> list[Overlay]:
    """Without masks: the first test cases of every class in the order of their names."""
    predicted = reader.predicted(folder)
    if predicted is None:
        return []
    rows = predicted[0]
    if "part" in rows:
        rows = rows[rows["part"] == "test"]
    cases: pd.DataFrame = rows.drop_duplicates("case").sort_values("case")
    each = max(1, SHOWN // len(run.classes))
    found = [
        reader.overlay(case, folder, title=name, score=None)
        for name in run.classes
        for case in cases[cases["label"].astype(str) == name]["case"].astype(str).head(each)
    ]
    return [overlay for overlay in found if overlay is not None]
