"""`compare` from end to end: what comes out, resumes, and is refused."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesClassifier

from rarecase.errors import DataError, SettingError
from rarecase.evidence.result import Result
from rarecase.experiment import Arm, Sampler, Tuned
from rarecase.experiment.classifiers import Classifier
from rarecase.generators.closed_form import ClosedForm
from rarecase.pipeline.compare import compare
from rarecase.pipeline.protocol import Protocol
from rarecase.pipeline.scarcity import scarcity_curve
from support.features import vectors

SHORT = {"repeats": 2, "folds": 3, "draws": 50, "checks": False,
         "generator_seeds": 1, "inner": 2}  # fmt: skip


@pytest.fixture(scope="module")
def result():
    X, y, groups = vectors(rows=2)
    arms = ["threshold", "logit-adjustment", "class-weight", "undersample", "smote", "gaussian"]
    return compare(X, y, groups=groups, arms=arms, **SHORT)


def rows_of(result, **of):
    return {
        row["arm"]: row["patients"]["scores"]
        for row in result.evidence["rows"]
        if all(row[name] == value for name, value in of.items())
    }


def test_every_arm_predicts_every_patient_once_a_repeat(result):
    p = result.predictions
    assert p["arm"].nunique() == 11 and p["splits"].nunique() == 1
    for _, arm in p.groupby("arm"):
        assert len(arm) == 2 * 120
        assert (arm.groupby(["repeat", "patient"])["fold"].nunique() == 1).all()


def test_moved_thresholds_rank_as_none_does(result):
    rows = rows_of(result)
    for arm in ("threshold", "logit-adjustment"):
        assert rows[arm]["auc_rare"] == rows["none"]["auc_rare"]
    tuned = rows["none"]["tuned_balanced_accuracy"]["value"]
    assert rows["threshold"]["balanced_accuracy"]["value"] == pytest.approx(tuned)
    assert rows["none"]["recall_rare"]["value"] < rows["threshold"]["recall_rare"]["value"]


def test_synthetic_arms_get_verdicts_and_only_they(result):
    assert {v["arm"] for v in result.evidence["verdicts"]} == {"gaussian", "smote"}
    assert result.verdict("smote") in {"inconclusive", "helps", "harms"}
    with pytest.raises(SettingError, match="'none' has no such verdict"):
        result.verdict("none")


def test_where_arms_agree_it_is_said_that_nothing_differs():
    X, y, _ = vectors((209, 76), shift=0.8)
    found = compare(X, y, arms=["smote", "gaussian"], repeats=2, draws=1, checks=False)
    scores = found.to_frame()["auc_rare"]
    assert scores.max() - scores.min() < 0.01
    assert {v["answer"] for v in found.evidence["verdicts"]} == {"no difference"}


def test_prints_and_gives_frames(result):
    assert isinstance(result, Result) and "smote" in str(result) and "smote" in repr(result)
    frame = result.to_frame().set_index("arm")
    assert frame.loc["smote", "verdict"] == result.verdict("smote")
    assert 0 <= frame.loc["none", "auc_rare_low"] <= frame.loc["none", "auc_rare"] <= 1


def test_the_same_seed_and_side_by_side_give_the_same():
    X, y, groups = vectors()
    first = compare(X, y, groups=groups, arms=["smote"], **SHORT)
    with ThreadPoolExecutor(2) as executor:
        again = compare(X, y, groups=groups, arms=["smote"], executor=executor, **SHORT)
    pd.testing.assert_frame_equal(first.predictions, again.predictions)
    assert first.evidence == again.evidence
    other = compare(X, y, groups=groups, arms=["smote"], random_state=1, **SHORT)
    assert not first.predictions.equals(other.predictions)


def test_a_comparison_goes_on_where_it_stopped(tmp_path, monkeypatch):
    X, y, groups = vectors()
    call = {"groups": groups, "arms": ["smote"], "cells": tmp_path / "cells", **SHORT}
    whole = compare(X, y, **call)
    kept = sorted((tmp_path / "cells").rglob("predictions.parquet"))
    assert len(kept) == 6
    kept[2].write_bytes(b"damaged")
    from rarecase.experiment import tasks

    made, real = [], tasks.fit_fold
    monkeypatch.setattr(tasks, "fit_fold", lambda *a, **k: made.append(a[2].fold) or real(*a, **k))
    again = compare(X, y, **call)
    assert made == [2]
    pd.testing.assert_frame_equal(again.predictions, whole.predictions)
    assert again.evidence == whole.evidence
    for change in ({"inner": 3}, {"random_state": 1}, {"arms": ["mixup"]}, {"checks": True},
                   {"folds": 4}, {"classifiers": [ExtraTreesClassifier(3)]}):  # fmt: skip
        with pytest.raises(DataError, match="cells of another comparison"):
            compare(X, y, **(call | change))
    with pytest.raises(DataError, match="cells of another comparison"):
        compare(X + 1, y, **call)
    own = Arm("mine", Sampler("smote", (("neighbours", object()),)), Tuned(), synthetic=True)
    with pytest.raises(SettingError, match="one of your own has no parameters"):
        compare(X, y, **(call | {"arms": [own]}))


class Fresh(ClosedForm):
    """Draws from the true distribution: what an ideal generator would know."""

    def _make_flat(self, code, block, rng):
        return rng.normal(size=(self.BLOCK, self._X.shape[1])) + 0.8 * code


def test_an_arm_of_ones_own_enters_by_being_listed():
    X, y, groups = vectors()
    mine = Arm("fresh", Sampler(Fresh()), synthetic=True)
    found = compare(X, y, groups=groups, arms=[mine], **SHORT)
    assert [v["arm"] for v in found.evidence["verdicts"]] == ["fresh"]
    assert "duplicates:fresh" in set(found.predictions["arm"])


def test_several_features_and_classifiers_on_the_same_folds():
    X, y, groups = vectors()
    sets = {"all": X, "two": X[:, :2]}
    trees = Classifier("trees", ExtraTreesClassifier(5, max_depth=3), grid={"max_depth": (1, 3)})
    found = compare(
        sets, y, groups=groups, arms=["smote"], classifiers=["logistic", trees],
        **(SHORT | {"repeats": 1}),
    )  # fmt: skip
    verdicts = [(v["features"], v["classifier"], v["arm"]) for v in found.evidence["verdicts"]]
    each = [(f, c, "smote") for f in ("all", "two") for c in ("logistic", "trees")]
    assert verdicts == [*each, ("auto", "auto", "smote")]
    assert found.evidence["primary"] == {"features": "auto", "classifier": "auto", "arm": None}
    tested = found.predictions.groupby(["features", "classifier", "arm", "fold"])["patient"]
    assert (tested.agg(lambda who: tuple(sorted(who))).groupby("fold").nunique() == 1).all()
    alone = compare(X[:, :2], y, groups=groups, arms=["smote"], **(SHORT | {"repeats": 1}))
    mine = found.predictions.query("features == 'two' and classifier == 'logistic'")
    pd.testing.assert_series_equal(
        mine["p_rare"].reset_index(drop=True), alone.predictions["p_rare"]
    )


def test_three_classes():
    X, y, _ = vectors((24, 18, 9), names=("a", "b", "c"), d=3, shift=1.0)
    found = compare(X, y, arms=["threshold", "smote", "remix"], **SHORT)
    frame = found.to_frame().set_index("arm")
    assert "auc_macro" in frame.columns
    assert found.evidence["rare"] == "c"


def test_self_checks_are_said():
    X, y, groups = vectors((30, 12), shift=0.0, d=60, rows=4, seed=5)
    found = compare(X, y, groups=groups, arms=["none"],
                    **(SHORT | {"repeats": 1, "checks": True}))  # fmt: skip
    checks = found.evidence["checks"]
    assert len(checks["permuted_auc"]) == 20 and len(checks["shift_auc"]) == 3
    assert not checks["suspicious"]
    assert checks["leak"]["rows split"] > 0.9 and checks["leak"]["patients split"] < 0.75


def test_each_site_is_tested_once_by_what_the_others_taught():
    X, y, who = vectors((32, 16), d=3, rows=2)
    patient = np.unique(who, return_inverse=True)[1]
    sites = np.array(["Berlin", "Ankara", "Cadiz"])[patient % 3]
    found = compare(X, y, groups=who, sites=sites, arms=["smote"], **SHORT)
    tested = found.predictions.groupby("fold")["patient"].unique()
    of_site = {name: set(who[sites == name]) for name in ("Ankara", "Berlin", "Cadiz")}
    assert [set(patients) for patients in tested] == list(of_site.values())
    assert found.evidence["repeats"] == 1
    named = found.predictions.groupby("fold")["site"].unique().map(list).tolist()
    assert named == [["Ankara"], ["Berlin"], ["Cadiz"]]


def test_the_scarcity_curve():
    X, y, groups = vectors()
    short = Protocol(arms=["smote"], inner=2, draws=20, generator_seeds=1)
    call = {"groups": groups, "folds": 3, "repeats": 1, "protocol": short}
    found = scarcity_curve(X, y, ks=[8, 3], **call)
    curve = found.to_frame()
    assert curve["k"].unique().tolist() == [3, 8]
    assert curve.groupby("k")["auc_rare"].first().between(0, 1).all()
    for ks in ([3, 11], [1], []):
        with pytest.raises(SettingError, match="expected numbers from 2 to 10"):
            scarcity_curve(X, y, ks=ks, **call)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"folds": 20}, r"class 'rare' has 15 patient\(s\)"),
        ({"folds": 1}, "folds, repeats: expected at least 2 and 1"),
        ({"arms": ["smoted"]}, "did you mean 'smote'"),
        ({"arms": ["smote", "smote"]}, "stands twice"),
        ({"amounts": []}, "amounts: expected shares above 0"),
        ({"inner": 1}, "inner, seeds"),
        ({"classifiers": ["logistics"]}, "did you mean 'logistic'"),
        ({"classifiers": ["cnn"]}, "'cnn' takes maps"),
    ],
)
def test_settings_that_cannot_be(change, words):
    X, y, groups = vectors()
    with pytest.raises(SettingError, match=words):
        compare(X, y, groups=groups, **({"arms": ["smote"]} | SHORT | change))


def test_no_features_at_all():
    with pytest.raises(SettingError, match="expected features, or several sets"):
        compare({}, ["a", "b"])
