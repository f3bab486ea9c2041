"""What the paper printed, what its own numbers give when recomputed, and which row of ours stands
beside its Table 3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from rarecase.evidence.rows import Key, key_of

SOURCE = "Mehra, Sahoo, arXiv 2209.14097, Table 3"


@dataclass(frozen=True)
class PublishedRow:
    """One row of the table as printed: accuracy on test slices, as strings with their digits."""

    name: str
    hgg: str
    lgg: str
    overall: str


WITHOUT = PublishedRow("without synthetic features", "0.95", "0.05", "0.61")
WITH = PublishedRow("with synthetic features", "0.569", "0.384", "0.524")
PUBLISHED_TABLE_3 = (WITHOUT, WITH)

TEST_SLICES = {"HGG": 362, "LGG": 208}
"""Slices of the paper's 7 HGG and 4 LGG test patients (arXiv 2209.14097, data section)."""

TEST_PATIENTS = {"HGG": 7, "LGG": 4}

UNET_SOURCE = "Mehra, Sahoo, arXiv 2209.14097, U-Net results; the best epoch of each metric"
PUBLISHED_UNET = {
    "train": {"loss": "0.13", "dice": "0.84", "iou": "0.74"},
    "validation": {"loss": "0.13", "dice": "0.88", "iou": "0.79"},
}
"""Soft-Dice loss, hard Dice, IoU as printed. Their validation slices were the test slices."""

TABLE_1 = {
    "flip_horizontal": ("Flip horizontally", "p 0.5"),
    "flip_vertical": ("Flip vertically", "p 0.5"),
    "elastic": ("Elastic distortion", "α 720, σ 24 (at 240×240)"),
    "rotation": ("Rotation", "±20°"),
    "shift": ("Shift, each way", "10 %"),
    "shear": ("Shear, horizontally", "5 %"),
    "zoom": ("Zoom, each axis", "±10 %"),
}
"""The augmentations in the paper's order, as printed (arXiv 2209.14097, Table 1)."""

PUBLISHED_CLASS_ACCURACY = {64: "0.76", 512: "0.823"}
"""Share of 4,800 synthetic samples whose class the discriminator calls right, by width of the
networks (arXiv 2209.14097, ACGAN results). For width 256 the paper gives none."""


@dataclass(frozen=True)
class Recomputed:
    """Accuracies that follow from a published row's two class accuracies."""

    overall: Decimal
    balanced: Decimal


def recompute_table_3(row: PublishedRow) -> Recomputed:
    """Overall and balanced accuracy, to three digits, from the class accuracies and slice counts.

    >>> recompute_table_3(WITH)
    Recomputed(overall=Decimal('0.501'), balanced=Decimal('0.477'))
    """
    hgg, lgg = Decimal(row.hgg), Decimal(row.lgg)
    overall = (hgg * TEST_SLICES["HGG"] + lgg * TEST_SLICES["LGG"]) / sum(TEST_SLICES.values())
    found = (each.quantize(Decimal("0.001"), ROUND_HALF_UP) for each in (overall, (hgg + lgg) / 2))
    return Recomputed(*found)


def recomputation_note() -> str:
    """What does not add up in the published table, and what it means, in words."""
    before, after = recompute_table_3(WITHOUT), recompute_table_3(WITH)
    n = TEST_SLICES
    return (
        f"The paper's figures are shown as printed ({SOURCE}). Its class accuracies with "
        f"synthetic features, {WITH.hgg} and {WITH.lgg}, on its {n['HGG']} HGG and {n['LGG']} LGG "
        f"test slices make {after.overall} overall, not {WITH.overall}; without them, "
        f"{WITHOUT.hgg} and {WITHOUT.lgg} make {before.overall}, printed as {WITHOUT.overall}. "
        f"Balanced accuracy, the mean over the classes, goes from {before.balanced} to "
        f"{after.balanced}: both are chance."
    )


def paper_row(
    rows: Sequence[Mapping[str, Any]], *, primary: tuple[str, str], faithful: bool
) -> dict[str, str] | None:
    """The key of the row that stands beside the paper's with synthetic features; None where no
    count of synthetic samples was planned.

    The planned one, of the primary family if it has any. Under the `faithful` protocol the one with
    the best balanced accuracy on test slices, the smaller amount of equal ones, as the paper chose
    its own.
    """
    keys = {key_of(row): row for row in rows if row["synthetic"]}
    counted = [key for key in keys if key.is_count]
    counted.sort(key=lambda key: key.family != primary)
    if faithful:
        family = [key for key in counted if key.family == counted[0].family]

        def quality(key: Key) -> tuple[float, int]:
            score = keys[key]["slices"]["scores"]["balanced_accuracy"]
            return score or 0.0, -int(key.amount)

        return max(family, key=quality)._asdict() if family else None
    return next((key._asdict() for key in counted if keys[key]["planned"]), None)
