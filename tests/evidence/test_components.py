"""Variance components of a difference between arms, against data whose parts are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rarecase.evidence.fits import Fit
from rarecase.evidence.paired import compare_fits
from rarecase.evidence.tables_features import chance_line

N, REPEATS, SEEDS = 400, 6, 5


def fits(rng: np.random.Generator, *, repeats: float, seeds: float) -> tuple[list, list]:
    """An arm and its control: patients' own noise in both, and that of repeats and seeds in the
    arm."""
    true = (np.arange(N) < N // 2).astype(int)
    arm, control = [], []
    base = rng.normal(size=N)
    for repeat in range(REPEATS):
        moved = rng.normal(0, repeats)
        for seed in range(SEEDS):
            skill = 1 + moved + rng.normal(0, seeds)
            for found, z in ((arm, base + skill * true), (control, base + true)):
                p = 1 / (1 + np.exp(-z))
                fold = np.zeros(N, int)
                found.append(Fit(repeat, seed, np.arange(N), true, np.stack([1 - p, p], 1), fold))
    return arm, control


def parts(**noise: float) -> np.ndarray:
    found = []
    for trial in range(40):
        pair = fits(np.random.default_rng(trial), **noise)
        each = compare_fits(*pair, rare=1).chance
        found.append((each.repeats, each.seeds))
    return np.mean(found, axis=0)


def test_parts_are_those_that_were_put_in():
    slope = 0.22  # AUC for each unit of skill, near 1: φ(1/√2)/√2
    repeats, seeds = parts(repeats=0.3, seeds=0.0)
    assert repeats == pytest.approx((0.3 * slope) ** 2 / REPEATS, rel=0.35)
    assert seeds == pytest.approx(0, abs=1e-12)
    repeats, seeds = parts(repeats=0.0, seeds=0.3)
    assert seeds == pytest.approx((0.3 * slope) ** 2 / (REPEATS * SEEDS), rel=0.35)
    assert repeats < 0.5 * seeds


def test_parts_add_up_to_the_squared_error_and_what_cannot_be_told_is_not_said():
    arm, control = fits(np.random.default_rng(0), repeats=0.1, seeds=0.1)
    found = compare_fits(arm, control, rare=1)
    both, total = found.chance, found.error**2
    assert both.patients + both.repeats + both.seeds >= total - 1e-12
    assert sum(both.shares.values()) == pytest.approx(1)
    first = compare_fits([arm[0]], [control[0]], rare=1).chance
    assert math.isnan(first.repeats) and math.isnan(first.seeds)
    assert first.shares == {"patients": 1.0}
    same = compare_fits(control, control, rare=1).chance
    assert math.isnan(same.patients) and same.shares == {}


def test_what_would_narrow_the_intervals_is_said():
    def verdict(**shares):
        key = {"features": "table", "arm": "smote", "classifier": "logistic", "amount": "tuned"}
        return key | {"against": {"reference": {"chance": shares}, "control": None}}

    both = [verdict(patients=0.9, repeats=0.1), verdict(patients=0.5, repeats=0.2, seeds=0.3)]
    assert chance_line({"verdicts": both}) == [
        "Of the variance of these differences 70 % is due to who the patients are, 15 % is due to "
        "folds and what is learnt on them, 15 % is due to the seeds of generators: more patients "
        "would narrow them."
    ]
    assert chance_line({"verdicts": [verdict(patients=1.0)]}) == []  # nothing to tell apart
    assert chance_line({"verdicts": [verdict()]}) == chance_line({"verdicts": []}) == []
