"""What the predicted masks of patients who were not trained on are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rarecase.files import read_csv
from rarecase.ranking import plain

MASKS = "masks.csv"
TEXTS = ("case", "patient", "label", "site", "part")
"""Its columns that are text, whatever they look like."""


def with_masks(evidence: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The evidence of a run with what its masks.csv says (`masks`, see `mask_scores`); as it is
    where there is none."""
    path = folder / MASKS
    if not path.is_file():
        return evidence
    table = read_csv(path, texts=TEXTS, missing=("",))
    return evidence | {"masks": mask_scores(table, classes=evidence["classes"])}


def stated(evidence: Mapping[str, Any]) -> str:
    """What every table says where no U-Net has learnt from a mask of the study's patients
    (`untuned`); else nothing.

    >>> stated({"untuned": True})
    ' (under masks of the pre-trained U-Net alone)'
    """
    return " (under masks of the pre-trained U-Net alone)" if evidence.get("untuned") else ""


def mask_scores(table: pd.DataFrame, *, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Scores of masks: of all cases, and by class and site where there are several.

    Parameters
    ----------
    table
        A row per case and fold, with `part`, `label`, `site` and the columns of
        `segmenter.outlines`.

    Returns
    -------
    list of dict
        `by` (None, "label" or "site"), `name`, `cases`; `dice` (mean), `dice_quartiles` (25th,
        50th, 75th percentile), `below_half` (cases of a Dice under 0.5); `slice_dice` (mean),
        `hd95`, `volume_error` (medians), `lesions`, `missed` (in all). Of test cases with a mask.
    """
    if "part" not in table:
        return []
    tested = table[table["part"] == "test"].dropna(subset=["dice"])
    said = [name for name in ("case", "label", "site") if name in tested]
    numbers = tested.drop(columns=["repeat", "fold"], errors="ignore").select_dtypes("number")
    # A case is one, however often it was tested.
    tested = tested[said].join(numbers).groupby(said, dropna=False).mean().reset_index()
    groups: list[tuple[str | None, str, pd.DataFrame]] = [(None, "all", tested)]
    sites = sorted(tested["site"].dropna().unique()) if "site" in tested else []
    for by, names in (("label", list(classes)), ("site", sites)):
        if len(names) > 1:
            groups += [(by, str(name), tested[tested[by] == name]) for name in names]
    return [_scores(by, name, part) for by, name, part in groups if len(part)]


def _scores(by: str | None, name: str, part: pd.DataFrame) -> dict[str, Any]:
    dice = part["dice"].astype(float)
    found: dict[str, Any] = {
        "by": by, "name": name, "cases": len(part), "dice": plain(dice.mean()),
        "dice_quartiles": [plain(q) for q in dice.quantile([0.25, 0.5, 0.75])],
        "below_half": int((dice < 0.5).sum()),
    }  # fmt: skip
    if "hd95" in part:  # runs of earlier versions have the Dice alone
        found["slice_dice"] = plain(part["slice_dice"].astype(float).mean())
        for column in ("hd95", "volume_error"):
            found[column] = plain(part[column].astype(float).median())
        for column in ("lesions", "missed"):
            found[column] = round(float(part[column].sum()))
    return found
