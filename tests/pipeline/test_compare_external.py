"""Learnt on one cohort, judged on another."""

import numpy as np
import pandas as pd
import pytest

from rarecase.pipeline.compare import compare_external
from rarecase.pipeline.protocol import Protocol
from support.features import vectors

SHORT = Protocol(arms=["threshold", "smote"], draws=50, generator_seeds=1)


@pytest.fixture
def two():
    X, y, who = vectors((40, 12), shift=1.0, seed=0)
    X2, y2, who2 = vectors((30, 15), shift=1.0, seed=1)
    return {"X": X, "y": y, "groups": who}, {
        "X_other": X2, "y_other": y2, "groups_other": np.char.add("q", who2),
    }  # fmt: skip


def judged(two, **changes):
    return compare_external(**(two[0] | two[1] | changes), protocol=SHORT)


def test_everybody_elsewhere_is_predicted_once_an_arm(two):
    found = judged(two)
    for _, part in found.predictions.groupby(["arm", "seed"], dropna=False):
        assert sorted(part["patient"]) == sorted(two[1]["groups_other"])
    assert found.evidence["counts"]["patients"] == {"common": 30, "rare": 15}
    assert found.verdict("smote") in ("helps", "inconclusive", "harms")
    assert found.evidence["checks"]["leak"] is None
    against = found.evidence["verdicts"][0]["against"]["reference"]
    assert against["chance"].keys() <= {"patients", "seeds"}  # there is one training set


def test_nothing_is_learnt_from_the_other_cohort(two):
    before = judged(two).predictions
    wild = two[1]["X_other"].copy()
    wild[0] *= 1e4
    after = judged(two, X_other=wild).predictions
    others = before["patient"] != two[1]["groups_other"][0]
    pd.testing.assert_frame_equal(before[others], after[others])
    flipped = np.where(two[1]["y_other"] == "rare", "common", "rare")
    again = judged(two, y_other=flipped).predictions
    chances = ["p_common", "p_rare", "threshold"]
    pd.testing.assert_frame_equal(before[chances], again[chances])


def test_a_shift_between_cohorts_is_said(two):
    found = judged(two, X_other=two[1]["X_other"] + 3)
    assert found.evidence["checks"]["shift_auc"][0] > 0.95
