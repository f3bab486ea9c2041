"""Two arms by a metric that is no mean over patients."""

import math

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from rarecase.errors import SettingError
from rarecase.evidence import make_evidence
from rarecase.evidence.fits import Fit
from rarecase.evidence.intervals import make_draws
from rarecase.evidence.metrics import metrics_of
from rarecase.evidence.paired import TRAINED, compare_fits
from rarecase.evidence.scored import comparing, primary_metric
from rarecase.evidence.tables import table_rows
from support.predictions import make_predictions

METRICS = {metric.name: metric for metric in metrics_of("AB", rare="B")}


def fits(skill, seed, *, n=90, repeats=2):
    rng, true = np.random.default_rng(seed), (np.arange(n) % 3 == 0).astype(int)
    for repeat in range(repeats):
        fold = np.random.default_rng(repeat).permutation(np.arange(n) % 3)
        p = 1 / (1 + np.exp(-(skill * true + rng.normal(size=n) - 1)))
        yield Fit(repeat, None, np.arange(n), true, np.column_stack([1 - p, p]), fold)


ARM, CONTROL = [*fits(2.0, 1)], [*fits(1.0, 2)]
DRAWS = make_draws(ARM[0].true, [], draws=2000, seed=0)


def test_of_the_auc_it_is_the_paired_test():
    found = comparing(METRICS["auc_rare"], DRAWS, rare=1)(ARM, CONTROL)
    assert found.as_json() == compare_fits(ARM, CONTROL, rare=1).as_json()


def test_lower_is_better_of_a_loss():
    found = comparing(METRICS["brier"], DRAWS, rare=1)(ARM, CONTROL)
    each = [
        brier_score_loss(c.true, c.p[:, 1]) - brier_score_loss(a.true, a.p[:, 1])
        for a, c in zip(ARM, CONTROL, strict=True)
    ]
    assert found.difference == pytest.approx(np.mean(each)) and found.difference > 0
    # The variance of a mean over patients, averaged over repeats, within either class.
    gaps = [
        np.mean([np.square(c.p[:, 1] - c.true) - np.square(a.p[:, 1] - a.true)
                 for a, c in zip(ARM, CONTROL, strict=True)], axis=0)
    ]  # fmt: skip
    true, gap = ARM[0].true, gaps[0]
    variance = sum(
        (true == c).mean() ** 2 * gap[true == c].var() / (true == c).sum() for c in (0, 1)
    )
    assert found.error == pytest.approx(math.sqrt(TRAINED.repeated * variance), rel=0.06)
    assert found.freedom == 29


def test_a_metric_is_known_and_has_a_better_side():
    assert primary_metric("sensitivity_at_90", [*METRICS.values()]).higher_is_better
    with pytest.raises(SettingError, match=r"metric='sensitivity_at_95'.*sensitivity_at_90"):
        primary_metric("sensitivity_at_95", [*METRICS.values()])
    with pytest.raises(SettingError, match="metric='calibration_slope'"):
        primary_metric("calibration_slope", [*METRICS.values()])


def test_without_a_common_fold_nothing_is_known():
    elsewhere = [Fit(9, None, f.patient, f.true, f.p, f.fold) for f in CONTROL]
    assert math.isnan(comparing(METRICS["brier"], DRAWS, rare=1)(ARM, elsewhere).difference)


def test_verdicts_are_about_the_metric_that_was_declared():
    table = make_predictions(arms={"none": {}, "smote": {"synthetic": True, "skill": 0.5}})
    auc = make_evidence(table, rare="B", draws=200)
    found = make_evidence(table, rare="B", draws=200, metric="average_precision")
    assert (auc["metric"], found["metric"]) == ("auc_rare", "average_precision")
    assert auc["rows"] == found["rows"]
    (verdict,) = found["verdicts"]
    assert "Δaverage precision B" in verdict["sentence"]
    smote = next(row for row in found["rows"] if row["arm"] == "smote")
    moved = smote["patients"]["difference"]["average_precision"]["value"]
    assert verdict["against"]["reference"]["difference"] == pytest.approx(moved)
    none = next(row for row in found["rows"] if row["arm"] == "none")
    base = none["patients"]["scores"]["average_precision"]["value"]
    assert verdict["possible"] == pytest.approx(1 - base)
    heads, _ = table_rows(found)
    assert {"AUC B (95 % interval)", "average precision B (95 % interval)"} <= set(heads)
    assert "Δaverage precision B" in heads and "Δaverage precision B" not in table_rows(auc)[0]
