"""The paper's Tables 1 and 2, and its class accuracy by width, beside this run's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from rarecase.evidence.paper import (
    PUBLISHED_CLASS_ACCURACY,
    PUBLISHED_UNET,
    TABLE_1,
    UNET_SOURCE,
)
from rarecase.evidence.text import DASH, cell
from rarecase.report import names
from rarecase.report.blocks import Cell, Table, mean_with_range
from rarecase.report.figures_curves import CLASS_ACCURACY
from rarecase.report.run_files import (
    FoldFolder,
    GeneratorFolder,
    RunFiles,
    optional_json,
    read_table,
)

BEST = {"loss": "min", "dice": "max", "iou": "max"}


def augmentation_table(mine: Mapping[str, float], *, used: bool) -> Table:
    """Table 1: theirs beside ours. `mine` as `rarecase.segmenter.Augmentation` names them."""

    def share(name: str) -> str:
        return f"{100 * mine[name]:.3g} %"

    ours = {
        "flip_horizontal": f"p {mine['flip_horizontal']:g}",
        "flip_vertical": f"p {mine['flip_vertical']:g}",
        "elastic": f"α {mine['elastic_alpha']:.4g}, σ {mine['elastic_sigma']:g} (at 240×240)",
        "rotation": f"±{mine['rotation']:.3g}°",
        "shift": share("shift"),
        "shear": share("shear"),
        "zoom": f"±{share('zoom')}",
    }
    return Table(
        caption="The paper's Table 1: augmentation, in this order",
        columns=["Augmentation", "The paper", "This run"],
        rows=[
            [name, theirs, ours[key] if used else DASH] for key, (name, theirs) in TABLE_1.items()
        ],
        note="" if used else "This run was trained without augmentation.",
    )


def unet_table(run: RunFiles) -> Table:
    """Table 2: each metric's best epoch, as the paper reports it, and the epoch that was kept."""
    histories = {
        fold.name: history
        for fold in run.folds
        if (history := read_table(fold.segmenter / names.HISTORY)) is not None
    }
    rows: list[Sequence[str | Cell]] = []
    for part, name in (("train", "training"), ("validation", "validation")):
        theirs = PUBLISHED_UNET[part]
        label = "validation (its test set)" if part == "validation" else name
        rows.append(["The paper", f"{label}, best epoch of each", *theirs.values()])
        best = [_best(history, part) for history in histories.values()]
        found = [one for one in best if one]
        rows.append(["Ours", f"{name}, best epoch of each", *_means(found)])
    kept = [_kept(run, fold) for fold in run.folds]
    rows.append(["Ours", "validation, epoch kept", *_means([one for one in kept if one])])
    return Table(
        caption="The paper's Table 2: soft-Dice loss, hard Dice and IoU of the segmenter",
        columns=["", "Part", "Soft-Dice loss", "Hard Dice", "IoU"],
        rows=rows,
        heads=2,
        note=f"Means over batches, as the paper takes them ({UNET_SOURCE}); ours means over "
        f"{len(histories)} folds, below them the lowest and highest. Choosing each metric's best "
        "epoch on the patients it is reported for flatters; the last row does not.",
    )


def _best(history: pd.DataFrame, part: str) -> dict[str, float]:
    rows = history[history["part"] == part]
    if rows.empty:
        return {}
    return {name: float(rows[name].agg(how)) for name, how in BEST.items()}


def _kept(run: RunFiles, fold: FoldFolder) -> dict[str, float]:
    history = read_table(fold.segmenter / names.HISTORY)
    card = run.card(fold.segmenter)
    if history is None:
        return {}
    rows = history[(history["part"] == "validation") & (history["epoch"] == card.get("best_epoch"))]
    return {name: float(rows[name].iloc[0]) for name in BEST} if len(rows) else {}


def _means(found: Sequence[Mapping[str, float]]) -> list[str | Cell]:
    if not found:
        return [DASH] * len(BEST)
    return [mean_with_range([one[name] for one in found]) for name in BEST]


def class_accuracy_table(run: RunFiles) -> Table | None:
    """The discriminator's class accuracy on synthetic samples by width, theirs beside ours; of
    generators that have a discriminator of classes."""
    rows: list[Sequence[str | Cell]] = []
    for name, generators in run.sources.items():
        mine = [each for each in generators if _has_discriminator(each)]
        tables = [read_table(each.path / names.KEPT) for each in mine]
        found = [table for table in tables if table is not None]
        if not found:
            continue
        both = pd.concat(found)
        generated = int(both["generated"].sum())
        width = _width(mine[0])
        parts = [both, *(both[both["label"] == label] for label in run.classes)]
        shares = [
            cell(part["kept"].sum() / part["generated"].sum() if len(part) else None, digits=3)
            for part in parts
        ]
        theirs = PUBLISHED_CLASS_ACCURACY.get(width or 0, DASH)
        ours = Cell(shares[0], f"of {generated:,}")
        rows.append([name, str(width or DASH), theirs, ours, *shares[1:]])
    if not rows:
        return None
    return Table(
        caption="Synthetic samples whose class the discriminator calls right, by width",
        columns=["Arm", "ngf = ndf", "The paper (of 4,800)", "Ours", *run.classes],
        rows=rows,
        heads=2,
        note="It is the share that the paper's filter keeps, and the measure by which the paper "
        "prefers width 512. A generator that agrees with its own partner scores well on it, "
        "whatever its samples look like.",
    )


def _has_discriminator(generator: GeneratorFolder) -> bool:
    history = read_table(generator.path / names.HISTORY)
    return history is not None and CLASS_ACCURACY in history


def _width(generator: GeneratorFolder) -> int | None:
    """Width of the convolutional networks, where the generator has such a setting."""
    card = optional_json(generator.path / names.GENERATOR) or {}
    width = card.get("settings", {}).get("width")
    return None if width is None else int(width)
