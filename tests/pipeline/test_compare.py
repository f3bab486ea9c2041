import numpy as np
import pandas as pd
import pytest
from rarecase.experiment.arm_names import MORE, NEURAL
from rarecase.experiment.scarcity import scarcity_curve
from rarecase.experiment.setup import make_plan

from rarecase import SettingError, compare
from rarecase.errors import DataError
from rarecase.experiment import CLOSED_FORM, Arm, Oversample, TrainingPart
from rarecase.experiment.arms import make_arms
from rarecase.experiment.fold import compare_fold
from rarecase.features.feature_set import make_table
from rarecase.generators import Smote
from rarecase.generators.closed_form import ClosedForm

SHORT = {"repeats": 2, "folds": 3, "draws": 50, "permutations": 199, "checks": False,
         "generator_seeds": 1}  # fmt: skip


def data(n=(45, 15), *, shift=0.8, d=4, rows=1, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(["common", "rare"], n)
    X = rng.normal(size=(sum(n), d)) + shift * (y == "rare")[:, None]
    who = [f"p{i:03d}" for i in range(sum(n))]
    X = np.repeat(X, rows, axis=0) + 0.3 * rng.normal(size=(sum(n) * rows, d))
    return X, np.repeat(y, rows), np.repeat(who, rows)


@pytest.fixture(scope="module")
def result():
    X, y, groups = data(rows=2)
    arms = ["threshold", "logit-adjustment", "class-weight", "undersample", "smote", "gaussian"]
    return compare(X, y, groups=groups, arms=arms, **SHORT)


def test_every_arm_predicts_every_patient_once_a_repeat(result):
    p = result.predictions
    assert set(p["arm"]) == {
        "none", "threshold", "logit-adjustment", "class-weight", "undersample", "duplicates",
        "smote", "duplicates:smote", "gaussian", "duplicates:gaussian",
    }  # fmt: skip
    for _, arm in p.groupby("arm"):
        assert len(arm) == 2 * 120
        assert (arm.groupby(["repeat", "patient"])["fold"].nunique() == 1).all()


def test_controls_are_matched_in_number_fold_by_fold(result):
    added = result.predictions.groupby(["arm", "repeat", "fold"])["added"].first().unstack(0)
    assert (added["duplicates:smote"] == added["smote"]).all()
    assert (added["duplicates:gaussian"] == added["gaussian"]).all()
    assert (added["smote"] > 0).all()


def test_moved_thresholds_rank_as_none_does(result):
    rows = {row["arm"]: row["patients"]["scores"] for row in result.evidence["rows"]}
    for arm in ("threshold", "logit-adjustment"):
        assert rows[arm]["auc_rare"] == rows["none"]["auc_rare"]
    tuned = rows["none"]["tuned_balanced_accuracy"]["value"]
    assert rows["threshold"]["balanced_accuracy"]["value"] == pytest.approx(tuned)
    assert rows["none"]["recall_rare"]["value"] < rows["threshold"]["recall_rare"]["value"]


def test_synthetic_arms_get_verdicts_and_only_they(result):
    assert [v["arm"] for v in result.evidence["verdicts"]] == ["gaussian", "smote"]
    assert result.verdict("smote") in {"no evidence", "helps", "harms"}
    with pytest.raises(SettingError, match="'none' has no verdict"):
        result.verdict("none")


def test_prints_and_gives_a_frame(result):
    text = str(result)
    assert text.startswith("Patients: 45 common, 15 rare; rare class rare. 2 × 3 test folds")
    order = [line.split()[0] for line in text.splitlines()[3:11]]
    assert order[:3] == ["none", "threshold", "logit-adjustment"]
    assert "smote: " in text or "smote helps" in text
    frame = result.to_frame().set_index("arm")
    assert frame.loc["smote", "verdict"] == result.verdict("smote")
    assert 0 <= frame.loc["none", "auc_rare_low"] <= frame.loc["none", "auc_rare"] <= 1


def test_the_same_seed_and_side_by_side_give_the_same():
    X, y, groups = data()
    first = compare(X, y, groups=groups, arms=["smote"], **SHORT)
    again = compare(X, y, groups=groups, arms=["smote"], n_jobs=2, **SHORT)
    pd.testing.assert_frame_equal(first.predictions, again.predictions)
    assert first.evidence == again.evidence
    other = compare(X, y, groups=groups, arms=["smote"], random_state=1, **SHORT)
    assert not first.predictions.equals(other.predictions)


def test_nothing_of_a_test_patient_reaches_a_fold():
    """Wild features of the test patients must leave the training untouched: the probabilities of
    the others, whoever they are, stay the same bits."""
    X, y, groups = data(rows=2)
    fold_of = np.arange(60) % 3
    plan = make_plan(
        ["smote", "gaussian", "threshold"], model=None, amounts=(1.0,), inner=2, generator_seeds=1,
        random_state=0,
    )  # fmt: skip
    before = compare_fold(make_table(X, y, groups=groups), plan, fold_of=fold_of, repeat=0, fold=0)
    wild = X.copy()
    one = np.flatnonzero(groups == groups[0])  # patient 0 is tested in fold 0
    wild[one] *= 1e4
    after = compare_fold(
        make_table(wild, y, groups=groups), plan, fold_of=fold_of, repeat=0, fold=0
    )
    others = before["patient"] != groups[0]
    pd.testing.assert_frame_equal(before[others], after[others])
    assert not before[~others].equals(after[~others])


def test_a_comparison_goes_on_where_it_stopped(tmp_path, monkeypatch):
    X, y, groups = data()
    call = {"groups": groups, "arms": ["smote"], "cells": tmp_path / "cells", **SHORT}
    whole = compare(X, y, **call)
    kept = sorted((tmp_path / "cells").glob("*.parquet"))
    assert len(kept) == 6
    kept[2].unlink()
    from rarecase.experiment import run_folds as run

    made = []
    monkeypatch.setattr(
        run, "compare_fold", lambda *a, **k: made.append(k["fold"]) or compare_fold(*a, **k)
    )
    again = compare(X, y, **call)
    assert made == [2]
    pd.testing.assert_frame_equal(again.predictions, whole.predictions)
    with pytest.raises(DataError, match="cells of another comparison"):
        compare(X + 1, y, **call)
    own = Arm("mine", Oversample(lambda seed: Smote(random_state=seed)), synthetic=True)
    with pytest.raises(SettingError, match="of your own could have the same name"):
        compare(X, y, **(call | {"arms": [own]}))


def test_a_fold_with_one_rare_row_to_train_on_does_without_generators(caplog):
    X, y, _ = data((20, 2))
    found = compare(X, y, arms=["threshold", "smote"], **(SHORT | {"folds": 2}))
    assert set(found.predictions["arm"]) == {"none", "threshold"}
    assert "class rare has one row to train on" in caplog.text
    assert found.evidence["verdicts"] == []


class Fresh(ClosedForm):
    """Draws from the true distribution: what an ideal generator would know."""

    def _make_flat(self, code, block, rng):
        return rng.normal(size=(self.BLOCK, self._X.shape[1])) + 0.8 * code


def test_an_arm_of_ones_own_enters_by_being_listed():
    X, y, groups = data()
    mine = Arm("fresh", Oversample(lambda s: Fresh(random_state=s)), synthetic=True)
    found = compare(X, y, groups=groups, arms=[mine], **SHORT)
    assert [v["arm"] for v in found.evidence["verdicts"]] == ["fresh"]
    assert "duplicates:fresh" in set(found.predictions["arm"])


def test_three_classes():
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b", "c"], [24, 18, 9])
    X = rng.normal(size=(51, 3)) + np.eye(3)[np.unique(y, return_inverse=True)[1]]
    found = compare(X, y, arms=["threshold", "smote", "remix"], **SHORT)
    frame = found.to_frame().set_index("arm")
    assert "auc_macro" in frame.columns
    assert found.evidence["rare"] == "c"
    added = found.predictions.query("arm == 'smote'").groupby(["repeat", "fold"])["added"].first()
    assert (added > 0).all()


def test_fewer_rare_patients_in_training_and_the_same_tested():
    X, y, groups = data()
    curve = scarcity_curve(
        X, y, groups=groups, ks=[3, 8], arms=["smote"], folds=3, repeats=1, draws=20,
        permutations=99, generator_seeds=1,
    )  # fmt: skip
    assert curve["k"].unique().tolist() == [3, 8]
    assert curve.groupby("k")["auc_rare"].first().between(0, 1).all()
    with pytest.raises(SettingError, match="expected numbers from 2 to 10"):
        scarcity_curve(X, y, groups=groups, ks=[3, 11], folds=3, repeats=1)
    plan = make_plan(
        ["none"], model=None, amounts=(1.0,), inner=2, generator_seeds=1, random_state=0
    )
    table = make_table(X, y, groups=groups)
    from dataclasses import replace

    from rarecase.experiment.fold import _trained

    kept = _trained(table, np.arange(60), replace(plan, rare_patients=4), seed=0)
    assert (table.label[kept] == table.rare).sum() == 4
    assert (table.label[kept] != table.rare).sum() == 45


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"folds": 20},
            r"class 'rare' has 15 patient\(s\), fewer than the 20 folds. Take at most 15",
        ),
        ({"folds": 1}, "folds, repeats: expected at least 2 and 1"),
        ({"arms": ["smoted"]}, "did you mean 'smote'"),
        ({"arms": ["smote", "smote"]}, "stands twice"),
        ({"amounts": []}, "amounts: expected shares above 0"),
        ({"inner": 1}, "inner, generator_seeds"),
    ],
)
def test_settings_that_cannot_be(change, words):
    X, y, groups = data()
    with pytest.raises(SettingError, match=words):
        compare(X, y, groups=groups, **(SHORT | change))


def test_the_light_list_of_names_is_that_of_the_registry():
    assert [*CLOSED_FORM, *MORE, *NEURAL] == [*make_arms()]


def test_amounts_count_what_a_class_lacks():
    part = TrainingPart(np.zeros((9, 1)), np.repeat([0, 1, 2], [5, 3, 1]), np.arange(9), 3, 2)
    assert part.missing(1.0) == {0: 0, 1: 2, 2: 4}
    assert part.missing(2.0) == {0: 0, 1: 4, 2: 8}
    sets = Oversample(lambda s: Smote(random_state=s)).prepare(
        TrainingPart(np.random.default_rng(0).normal(size=(9, 2)), np.repeat([0, 1], [6, 3]),
                     np.arange(9), 2, 1), seed=0)  # fmt: skip
    small, large = sets({0: 0, 1: 2}), sets({0: 0, 1: 5})
    assert small.added == {1: 2} and large.size == 5
    np.testing.assert_array_equal(small.X, large.X[:11])  # amounts nest
