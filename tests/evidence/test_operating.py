"""Curves within folds, averaged: against scikit-learn's, fold by fold."""

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, roc_curve

from rarecase.evidence import make_evidence
from rarecase.evidence.clinical import precision_at
from rarecase.evidence.drawn import Drawn
from rarecase.evidence.fits import Fit
from rarecase.evidence.operating import GRID, operating_curves
from rarecase.evidence.predictions import pool_patients
from rarecase.evidence.rows import key_of
from support.predictions import make_predictions


@pytest.fixture(scope="module")
def study():
    arms = {"none": {}, "smote": {"synthetic": True, "noise": 1.0}}
    table = make_predictions(arms=arms, classes=("A", "B", "C"), n=(20, 14, 13), repeats=2,
                             seeds=(0, 1))  # fmt: skip
    evidence = make_evidence(table, rare="C", draws=50)
    keys = [key_of(row) for row in evidence["rows"]]
    return table, evidence, operating_curves(table, evidence, keys), keys


def test_curves_are_means_over_folds_of_sklearns(study):
    table, _, curves, keys = study
    found, precise = [], []
    smote = pool_patients(table[table["arm"] == "smote"])
    for _, fit in smote.groupby(["repeat", "seed"]):
        roc, pr = [], []
        for _, fold in fit.groupby("fold"):
            alarms, hits, _ = roc_curve(fold["label"] == "C", fold["p_C"], drop_intermediate=False)
            roc.append([max(hits[np.isclose(alarms, x)], default=np.interp(x, alarms, hits))
                        for x in GRID])  # fmt: skip
            precision, recall, _ = precision_recall_curve(fold["label"] == "C", fold["p_C"])
            there = [np.flatnonzero(recall[:-1] >= max(x, 1e-6) - 1e-9)[-1] for x in GRID]
            pr.append(precision[there])
        found.append(np.mean(roc, axis=0))
        precise.append(np.mean(pr, axis=0))
    mine = curves[next(key for key in keys if key.arm == "smote")]
    assert mine.found.value == pytest.approx(np.mean(found, axis=0))
    assert mine.precision.value == pytest.approx(np.mean(precise, axis=0))


def test_areas_are_the_numbers_of_the_table(study):
    _, evidence, curves, _ = study
    for row in evidence["rows"]:
        mine, scores = curves[key_of(row)], row["patients"]["scores"]
        for band, metric in ((mine.found, "auc_rare"), (mine.precision, "average_precision")):
            area = np.trapezoid(band.value, GRID)
            assert area == pytest.approx(scores[metric]["value"], abs=0.02)


def test_the_first_has_a_band_around_its_curve_and_the_others_have_none(study):
    _, _, curves, keys = study
    first, other = curves[keys[0]].found, curves[keys[1]].found
    assert ((first.low <= first.value) & (first.value <= first.high)).all()
    assert (first.high - first.low).max() > 0.1
    assert np.isnan(other.low).all()


def test_a_patient_is_the_mean_over_slices_repeats_and_seeds(study):
    table, _, curves, keys = study
    key = next(key for key in keys if key.arm == "smote")
    pooled = pool_patients(table[table["arm"] == "smote"])
    mean = pooled.groupby("patient")[["p_A", "p_B", "p_C"]].mean()
    assert curves[key].p == pytest.approx(mean.to_numpy())
    labels = pooled.drop_duplicates("patient").sort_values("patient")["label"]
    assert list(curves[key].label) == labels.tolist()


def test_precision_of_a_draw_is_that_of_as_many_patients():
    rng = np.random.default_rng(0)
    n = 30
    true, p = rng.integers(0, 2, n), rng.random(n).round(1)  # with ties
    fit = Fit(0, None, np.arange(n), true, np.column_stack([1 - p, p]), np.arange(n) % 2)
    times = rng.integers(0, 3, n)
    again = np.repeat(np.arange(n), times)
    same = Fit(0, None, again, true[again], fit.p[again], fit.fold[again])
    for recall in (0.0, 0.3, 0.5, 1.0):
        drawn = precision_at(Drawn(fit, times[None].astype(float), 1), recall=recall)
        assert drawn[0] == pytest.approx(precision_at(Drawn.once(same, rare=1), recall=recall)[0])
