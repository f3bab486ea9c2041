"""The paper's Tables 1 and 2, and its class accuracy by width, beside this run's; and where each of
its figures and tables stands on this page."""

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
from rarecase.numbers import plainly
from rarecase.report.blocks import Block, Cell, Section, Table, Text, mean_with_range
from rarecase.report.figures_curves import CLASS_ACCURACY
from rarecase.report.found import optional_json
from rarecase.report.run_files import RunFiles, by_class
from rarecase.report.set_aside import SHOWN, read_pictures

NOT_HERE = "not in this run"
ITEMS = (
    ("Figures 3 and 4", "a slice of each class with its mask", "Cohort", "pictures"),
    ("Figure 5", "a slice, and the same augmented", "Segmenter", "pictures"),
    ("Table 1", "the augmentations", "Segmenter", "pictures"),
    ("Figure 6", "soft Dice, hard Dice and IoU by epoch", "Segmenter", "always"),
    ("Table 2", "the U-Net's scores", "Segmenter", "always"),
    ("Figure 7", "masks before and after fine-tuning", "Segmenter", "start"),
    ("Figure 8", "feature maps of every block", "Features, real and synthetic", "pictures"),
    ("Figures 9 and 10", "25 real and 25 synthetic maps", "Features, real and synthetic", "maps"),
    ("Figure 11", "losses and class accuracy", "Features, real and synthetic", "generators"),
    ("Table 3", "accuracy without and with synthetic features", "The paper's Table 3", "always"),
)
BEST = {"loss": "min", "dice": "max", "iou": "max"}


def augmentation_table(mine: Mapping[str, float], *, used: bool) -> Table:
    """Table 1: theirs beside ours. `mine` as `rarecase.segmenter.Augmentation` names them."""

    def share(name: str) -> str:
        return f"{plainly(100 * mine[name], digits=3)} %"

    ours = {
        "flip_horizontal": f"p {plainly(mine['flip_horizontal'])}",
        "flip_vertical": f"p {plainly(mine['flip_vertical'])}",
        "elastic": "α {}, σ {} (at 240×240)".format(
            plainly(mine["elastic_alpha"]), plainly(mine["elastic_sigma"])
        ),
        "rotation": f"±{plainly(mine['rotation'], digits=3)}°",
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
    trained = [
        history.assign(fold=fold.name, kept=history["epoch"] == fold.segmenter.best_epoch)
        for fold in run.folds
        if (history := fold.segmenter.history) is not None
    ]
    whole = pd.concat(trained) if trained else pd.DataFrame(columns=["fold", "kept", "part", *BEST])
    rows: list[Sequence[str | Cell]] = []
    for part, name in (("train", "training"), ("validation", "validation")):
        label = "validation (its test set)" if part == "validation" else name
        rows.append(["The paper", f"{label}, best epoch of each", *PUBLISHED_UNET[part].values()])
        best = whole[whole["part"] == part].groupby("fold", sort=False).agg(BEST)
        rows.append(["Ours", f"{name}, best epoch of each", *_means(best)])
    kept = whole[(whole["part"] == "validation") & whole["kept"].astype(bool)]
    rows.append(["Ours", "validation, epoch kept", *_means(kept)])
    return Table(
        caption="The paper's Table 2: soft-Dice loss, hard Dice and IoU of the segmenter",
        columns=["", "Part", "Soft-Dice loss", "Hard Dice", "IoU"],
        rows=rows,
        heads=2,
        note=f"Means over batches, as the paper takes them ({UNET_SOURCE}); ours means over "
        f"{len(trained)} folds, below them the lowest and highest. Choosing each metric's best "
        "epoch on the patients it is reported for flatters; the last row does not.",
    )


def _means(found: pd.DataFrame) -> list[str | Cell]:
    return [mean_with_range(found[name].tolist()) if len(found) else DASH for name in BEST]


def class_accuracy_table(run: RunFiles) -> Table | None:
    """The discriminator's class accuracy on synthetic samples by width, theirs beside ours; of
    generators that have a discriminator of classes."""
    rows: list[Sequence[str | Cell]] = []
    for name, generators in run.sources.items():
        mine = [g for g in generators if g.history is not None and CLASS_ACCURACY in g.history]
        found = [generator.kept for generator in mine if generator.kept is not None]
        if not found:
            continue
        *parts, (_, both) = by_class(pd.concat(found), run.classes)
        shares = [
            cell(part["kept"].sum() / part["generated"].sum() if len(part) else None, digits=3)
            for part in (both, *(part for _, part in parts))
        ]
        # Width of the convolutional networks, where the generator has such a setting.
        width = mine[0].card.get("settings", {}).get("width")
        theirs = PUBLISHED_CLASS_ACCURACY.get(width or 0, DASH)
        ours = Cell(shares[0], f"of {int(both['generated'].sum()):,}")
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


def paper_section(run: RunFiles) -> Section:
    """One row for every figure and table of the paper's."""
    shown = read_pictures(run)
    said = [optional_json(generator.path / SHOWN) for generator in run.generators]
    there = {
        "pictures": shown is not None,
        "start": shown is not None and shown.start is not None,
        "generators": bool(run.generators),
        "maps": any(len(about["shape"]) > 1 for about in said if about is not None),
        "always": True,
    }
    rows: list[Sequence[str | Cell]] = [
        [item, what, section if there[needs] else NOT_HERE] for item, what, section, needs in ITEMS
    ]
    blocks: list[Block] = [
        Text(
            "Everything that the paper (arXiv 2209.14097) shows, and where it is here. Its own "
            "numbers stand beside ours in the tables. Cohorts, folds and sizes differ."
        ),
        Table(
            caption="The paper's figures and tables on this page",
            columns=["The paper's", "What it shows", "Section"],
            rows=rows,
            heads=3,
        ),
    ]
    return Section("paper", "The paper's figures and tables", blocks)
