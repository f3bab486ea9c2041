"""What masks are worth, by class and site."""

import numpy as np
import pandas as pd
import pytest

from rarecase.evidence.masks import mask_scores


def table():
    rng = np.random.default_rng(0)
    return pd.DataFrame({
        "case": [f"c{i}" for i in range(12)], "part": ["test"] * 10 + ["train"] * 2,
        "label": ["a", "b"] * 6, "site": ["near"] * 6 + ["far"] * 6,
        "dice": [*rng.uniform(0, 1, 9), np.nan, 0.5, 0.5], "slice_dice": rng.uniform(0, 1, 12),
        "hd95": [np.nan, *rng.uniform(1, 20, 11)], "volume_error": rng.normal(size=12),
        "lesions": 2.0, "missed": [1.0] + [0.0] * 11,
    })  # fmt: skip


def test_test_cases_with_a_mask_by_class_and_site():
    made = table()
    found = mask_scores(made, classes=["a", "b"])
    assert [(e["by"], e["name"], e["cases"]) for e in found] == [
        (None, "all", 9), ("label", "a", 5), ("label", "b", 4), ("site", "far", 3),
        ("site", "near", 6),
    ]  # fmt: skip
    mine = made[:9]
    whole = found[0]
    assert whole["dice"] == pytest.approx(mine["dice"].mean())
    assert whole["hd95"] == pytest.approx(np.nanmedian(mine["hd95"]))
    assert whole["volume_error"] == pytest.approx(mine["volume_error"].median())
    assert (whole["lesions"], whole["missed"]) == (18, 1)
    assert whole["below_half"] == (mine["dice"] < 0.5).sum()


def test_without_masks_sites_or_new_scores():
    made = table()
    assert mask_scores(made[10:], classes=["a", "b"]) == []
    assert mask_scores(pd.DataFrame(), classes=["a"]) == []
    old = made[["part", "label", "dice"]]
    found = mask_scores(old, classes=["a"])
    assert [e["name"] for e in found] == ["all"] and "hd95" not in found[0]


def test_a_case_counts_once_however_often_it_was_tested():
    once = pd.DataFrame(
        {
            "repeat": 0, "fold": [0, 1], "case": ["a", "b"], "patient": ["a", "b"],
            "label": ["x", "y"], "site": None, "part": "test", "dice": [0.4, 0.8],
            "slice_dice": 0.5, "hd95": 2.0, "volume_error": 0.1, "lesions": [1.0, 3.0],
            "missed": [1.0, 0.0],
        }
    )  # fmt: skip
    again = pd.concat([once, once.assign(repeat=1, dice=[0.6, 0.8])])
    (single, *_), (found, *_) = (mask_scores(t, classes=["x", "y"]) for t in (once, again))
    assert (single["cases"], single["lesions"], single["missed"]) == (2, 4, 1)
    assert (found["cases"], found["lesions"], found["missed"]) == (2, 4, 1)
    assert single["below_half"] == 1 and found["below_half"] == 0
    assert found["dice"] == 0.65
