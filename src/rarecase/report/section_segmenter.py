"""The sections on the segmenter: learning curves, Dice, and outlines to look at."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rarecase.evidence.paper import PUBLISHED_UNET, UNET_SOURCE
from rarecase.evidence.text import DASH, cell
from rarecase.imaging.drawing import Overlay, overlay_png
from rarecase.pipeline import run_folder
from rarecase.report import names
from rarecase.report.blocks import Block, Cell, Details, Figure, Section, Table, Text
from rarecase.report.figures_curves import learning_curves
from rarecase.report.figures_pictures import augmentation_figure, tuning_figure
from rarecase.report.overlays import SHOWN, SliceReader, choose_cases
from rarecase.report.run_files import FoldFolder, RunFiles, read_table
from rarecase.report.set_aside import read_pictures
from rarecase.report.tables_paper import augmentation_table, unet_table

SOUND = (
    "One U-Net for each fold, trained without the fold's test patients. The paper kept the epoch "
    "that did best on its test set; here the kept epoch is chosen on validation patients, who are "
    "training patients set aside."
)
PEEKED = (
    "One U-Net for each fold. Its weights are fitted without the fold's test patients, but, as in "
    "the paper, the epoch that is kept is the best on them: 'validation' below is the test set."
)


def segmenter_section(run: RunFiles) -> Section:
    """Learning curves, Dice of test volumes, counts of patients, pre-training."""
    blocks: list[Block] = [Text(PEEKED if run.peeked else SOUND)]
    shown = read_pictures(run)
    if shown is not None:
        blocks.append(augmentation_figure(shown))
        blocks.append(augmentation_table(shown.augmentation, used=shown.augmented_here))
    blocks += _pretraining(run)
    blocks += _curves(run)
    blocks.append(unet_table(run))
    blocks += _dice(run)
    blocks += _folds(run)
    if shown is not None and shown.start is not None:
        blocks.append(tuning_figure(shown))
    return Section("segmenter", "Segmenter", blocks)


def _best(folder: Path) -> int | None:
    epoch = RunFiles.card(folder).get("best_epoch")
    return int(epoch) if isinstance(epoch, int) else None


def _pretraining(run: RunFiles) -> list[Block]:
    folder = run.root / run_folder.PRETRAIN
    history = read_table(folder / names.HISTORY)
    if history is None:
        start = run.setting("segmenter", "init")
        words = f"They started from {start}." if start else "They started from random weights."
        return [Text(f"The segmenters were not pre-trained in this run. {words}", "missing")]
    cohort = run.setting("pretrain", "cohort")
    source = f" on {cohort} patients" if cohort == "simulated" else ""
    caption = f"Pre-training{source}, before any patient of this study was seen."
    best = {"pretrain": _best(folder)}
    return [learning_curves({"pretrain": history}, best=best, name="pretraining", caption=caption)]


def _curves(run: RunFiles) -> list[Block]:
    histories, best = {}, {}
    for fold in run.folds:
        history = read_table(fold.segmenter / names.HISTORY)
        if history is not None:
            histories[fold.name] = history
            best[fold.name] = _best(fold.segmenter)
    if not histories:
        return [Text("No training history of a segmenter was found.", "missing")]
    figures = PUBLISHED_UNET["validation"]
    caption = (
        f"The paper's Figure 6. One line for each fold ({len(histories)}). Training values are "
        "means over augmented batches. For comparison, the paper's best epochs on its validation "
        f"set, which was its test set: soft-Dice loss {figures['loss']}, hard Dice "
        f"{figures['dice']}, IoU {figures['iou']} ({UNET_SOURCE})."
    )
    coarse = run.setting("segmenter", "coarse")
    if coarse:
        caption += (
            f" The first {coarse:.0%} of the epochs learn from slices at half size; their "
            "validation values are of whole slices, which such a network has not yet seen."
        )
    return [learning_curves(histories, best=best, name="segmenter", caption=caption)]


def _dice(run: RunFiles) -> list[Block]:
    volumes = run.volumes()
    tested = volumes[volumes["part"] == "test"].dropna(subset=["dice"])
    if tested.empty:
        return [Text("No test case has a mask, so the segmenters cannot be scored.", "missing")]
    rows: list[list[str | Cell]] = []
    groups = [(c, tested[tested["label"] == c]) for c in run.classes]
    for name, part in [*groups, ("all", tested)]:
        dice = part["dice"].astype(float)
        spread = DASH
        if len(part):
            low, high = dice.quantile([0.25, 0.75])
            spread = f"{cell(low)} to {cell(high)}"
        median = Cell(cell(dice.median()), spread if len(part) > 1 else "")
        worst = [cell(dice.min()), f"{int((dice < 0.5).sum()):,}"]
        rows.append([name, f"{len(part):,}", cell(dice.mean()), median, *worst])
    parts = {p: volumes[volumes["part"] == p]["dice"].astype(float).mean() for p in _PARTS}
    known = {p: cell(v) for p, v in parts.items() if v == v}
    means = ", ".join(f"{_PARTS[p]} {v}" for p, v in known.items())
    note = (
        f"Mean Dice per volume: {means}. The gap between training and test patients is the shift "
        "that the classifier meets between the features it learns from and those it is tested on."
    )
    return [
        Table(
            caption="Dice of whole volumes of test patients, each by the network that has not seen "
            "them",
            columns=["Class", "Volumes", "Mean", "Median (quartiles)", "Worst", "Below 0.5"],
            rows=rows,
            note=note,
        )
    ]


_PARTS = {part: f"{word} patients" for part, word in
          {"train": "training", "validation": "validation", "test": "test"}.items()}  # fmt: skip


def _folds(run: RunFiles) -> list[Block]:
    volumes = run.volumes()
    rows = []
    for fold in run.folds:
        card = run.card(fold.segmenter)
        if not card:
            continue
        history = read_table(fold.segmenter / names.HISTORY)
        epochs = "?" if history is None else str(int(history["epoch"].max()))
        mine = volumes[(volumes["repeat"] == fold.repeat) & (volumes["fold"] == fold.fold)]
        dice = {p: mine[mine["part"] == p]["dice"].astype(float).mean() for p in _PARTS}
        patients = [_count(card.get(name), run) for name in ("trained_on", "validated_on")]
        kept = f"{card.get('best_epoch') or DASH} of {epochs}"
        each = [cell(value) for value in dice.values()]
        rows.append([str(fold.repeat), str(fold.fold), *patients, kept, *each])
    if not rows:
        return [Text("No segmenter's card (model.json) was found.", "missing")]
    mirrored = ""
    if run.setting("segmenter", "flips"):
        mirrored = " Masks of training patients are predicted without mirror images."
    table = Table(
        caption="Segmenters by fold",
        columns=["Repeat", "Fold", "Patients trained on", "Validated on", "Epoch kept",
                 "Dice training", "Dice validation", "Dice test"],
        rows=rows,
        heads=2,
        note=f"Mean Dice per volume, of cases with a mask.{mirrored}",
    )  # fmt: skip
    return [Details(f"Segmenters by fold ({len(rows)})", [table])] if len(rows) > 6 else [table]


def _count(patients: object, run: RunFiles) -> str:
    """Patients of this cohort among those on the card, which also holds those of pre-training."""
    if not isinstance(patients, list):
        return DASH
    return f"{len(set(map(str, patients)) & set(run.cohort['patient'])):,}"


def overlays_section(run: RunFiles) -> Section:
    """Test slices with the true and the predicted outline."""
    shown = _overlays(run)
    if not shown:
        text = "There are no cached slices or no predicted masks in this run folder to show."
        return Section("overlays", "Outlines", [Text(text, "missing")])
    if all(overlay.true is None for overlay in shown):
        caption = (
            "No case has a true mask, so nothing can be ranked: the first test cases of each class "
            "by name, each at the slice with the largest predicted tumour."
        )
    else:
        channel = SliceReader(run).channel_name
        caption = (
            f"Test patients (channel {channel}), each outlined by the network that has not seen "
            "them, at the slice with the largest true tumour. The cases are chosen by rank of "
            "their volume's Dice within their class, from best to worst, not by looks."
        )
    alt = "Test slices with outlines: " + "; ".join(o.words.replace("\n", ", ") for o in shown)
    figure = Figure(name="overlays", png=overlay_png(shown), caption=caption, alt=alt)
    return Section("overlays", "Outlines", [figure])


def _overlays(run: RunFiles) -> list[Overlay]:
    if not SliceReader.available(run) or not run.folds:
        return []
    reader = SliceReader(run)
    first = min(fold.repeat for fold in run.folds)
    folders = {fold.fold: fold for fold in run.folds if fold.repeat == first}
    volumes = run.volumes()
    tested = volumes[(volumes["part"] == "test") & (volumes["repeat"] == first)]
    chosen = choose_cases(tested)
    if chosen.empty:
        return _unranked(run, reader, folders)
    chosen = chosen.sort_values("label", key=lambda c: c.map(run.classes.index), kind="stable")
    found = [
        reader.overlay(str(row["case"]), folders[int(row["fold"])].path,
                       title=f"{row['label']}, {row['rank']}", score=float(row["dice"]))
        for _, row in chosen.iterrows()
    ]  # fmt: skip
    return [overlay for overlay in found if overlay is not None]


def _unranked(run: RunFiles, reader: SliceReader, folders: dict[int, FoldFolder]) -> list[Overlay]:
    """Without masks: the first test cases of every class in the order of their names."""
    folder = next(iter(folders.values()))
    found = reader.predicted(folder.path)
    if found is None:
        return []
    rows = found[0]
    if "part" in rows:
        rows = rows[rows["part"] == "test"]
    cases: pd.DataFrame = rows.drop_duplicates("case").sort_values("case")
    overlays = []
    for name in run.classes:
        of_class = cases[cases["label"].astype(str) == name]["case"].astype(str)
        for case in of_class.head(max(1, SHOWN // len(run.classes))):
            overlay = reader.overlay(case, folder.path, title=name, score=None)
            if overlay is not None:
                overlays.append(overlay)
    return overlays
