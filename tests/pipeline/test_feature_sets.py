"""Sets of features in `compare` from Python: joins, gaps, and F21 to F23 of the faults."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from rarecase.errors import LeakError, SettingError
from rarecase.experiment.external import join_features
from rarecase.experiment.fold_columns import fold_notes
from rarecase.experiment.fold_rows import Place
from rarecase.experiment.training_set import Coordinates, inner_folds
from rarecase.features.columns import Columns
from rarecase.features.feature_set import make_features
from rarecase.pipeline.compare import compare, compare_external
from rarecase.pipeline.feature_sets import choose_sets, feature_sets
from rarecase.pipeline.protocol import Protocol
from rarecase.pipeline.scarcity import scarcity_curve

SHORT = {"arms": ["none"], "repeats": 1, "folds": 3, "inner": 2, "draws": 20,
         "checks": False}  # fmt: skip
N = 45
Y = np.repeat(["common", "rare"], [30, 15])


def frame(seed=0):
    rng = np.random.default_rng(seed)
    made = pd.DataFrame(rng.normal(size=(N, 3)), columns=["a", "b", "c"])
    made["a"] += Y == "rare"
    return made.mask(rng.random(made.shape) < 0.1).assign(sex=rng.choice(["f", "m"], N))


def chances(result):
    return result.predictions.sort_values(["features", "patient"])["p_rare"].to_numpy()


def auc(result):
    return result.to_frame().set_index("arm").loc["none", "auc_rare"]


def test_a_join_weighs_its_parts_alike_and_sets_keep_their_names():
    sets = {"wide": np.ones((N, 30)) * np.arange(N)[:, None], "narrow": frame()[["a"]]}
    made = choose_sets(feature_sets(sets, Y, missing=True), ["narrow", "wide+narrow"])
    assert [each.name for each in made] == ["narrow", "wide+narrow"]
    assert made[1].columns.part.tolist() == [0] * 30 + [1]
    assert made[1].columns.names[0] == "wide:0" and made[1].columns.names[-1] == "a"
    with pytest.raises(SettingError, match="no set 'wd'; did you mean 'wide'"):
        choose_sets(feature_sets(sets, Y, missing=True), ["wd"])


def test_what_is_declared_reaches_the_folds_of_compare_and_of_the_curve():
    settings = {"impute": "median", "categorical": ["sex"]}
    found = compare(frame(), Y, **settings, **SHORT)
    assert found.features["sets"]["features"]["categories"] == {"sex": ["f", "m"]}
    assert np.isfinite(chances(found)).all()
    curve = scarcity_curve(
        frame(), Y, ks=[4], folds=3, repeats=1, protocol=Protocol(arms=["none"], **settings)
    )
    assert curve.to_frame()["k"].tolist() == [4]
    with pytest.raises(SettingError, match="categorical: no feature 'sx'; did you mean 'sex'"):
        compare(frame(), Y, impute="median", categorical=["sx"], **SHORT)


def test_a_leak_stops_compare_until_it_is_accepted():
    y = pd.Series(Y, name="grade")
    leaky = frame()[["a"]].assign(who_grade=np.arange(N) % 3)
    with pytest.raises(LeakError, match="'who_grade' is named like an outcome"):
        compare(leaky, y, impute="median", **SHORT)
    found = compare(leaky, y, impute="median", accept=["who_grade"], **SHORT)
    assert "Accepted by name: who_grade (outcome)." in str(found)
    with pytest.raises(LeakError, match="'where' tells the class"):
        apart = np.where(Y == "rare", 0, 2) + np.arange(N) % 2
        sites = pd.Series(apart, name="where")
        compare(frame()[["a"]], Y, sites=sites, impute="median", **SHORT)


def test_an_empty_or_constant_column_is_named_with_its_fold_and_order_does_not_matter(
    caplog,
):  # F21
    made = frame().drop(columns="sex").assign(b=np.nan, c=2.0)
    made.loc[4, "b"] = 1.0
    found = compare(made, Y, impute="median", **SHORT)
    assert "column 'c' is the same for everybody and counts for nothing" in caplog.text
    fold = found.predictions.set_index("slice").loc[4, "fold"]
    assert f"'b' is empty in the training part of repeat 0, fold {fold} and" in caplog.text
    assert {(w["column"], w["kind"]) for w in found.features["warnings"]} == {
        ("b", "empty"), ("c", "constant"),
    }  # fmt: skip
    turned = compare(made[["c", "b", "a"]], Y, impute="median", **SHORT)
    np.testing.assert_allclose(chances(turned), chances(found), atol=1e-6)


def test_ten_thousand_columns_of_noise_are_noise():  # F22
    y = np.repeat(["a", "b"], 25)
    found = [
        auc(compare(np.random.default_rng(seed).normal(size=(50, 10_000)), y, **SHORT))
        for seed in range(3)
    ]
    assert 0.4 <= np.mean(found) <= 0.6


def test_no_patient_is_on_both_sides_and_one_class_counts_for_nothing(caplog):  # F23
    patients = np.repeat([f"p{i}" for i in range(6)], 2)
    y = np.repeat(["no", "no", "no", "no", "yes", "yes"], 2)
    X = np.random.default_rng(0).normal(size=(12, 3))
    with pytest.raises(SettingError, match="Take at most 2 folds"):
        compare(X, y, groups=patients, **SHORT | {"folds": 5})
    found = compare(X, y, groups=patients, **SHORT | {"folds": 2})
    assert (found.predictions.groupby("patient")["fold"].nunique() == 1).all()
    three = make_features(np.tile(X, (3, 1)), np.tile(y, 3), groups=[
        f"{p}-{i}" for i in range(3) for p in patients])  # fmt: skip
    for inner in inner_folds(three, np.arange(18), folds=3, seed=0, coordinates=Coordinates()):
        assert not set(inner.patient) & set(inner.part.patient)
    sites = np.repeat(["A", "A", "B", "B", "A", "B"], 2)
    sites[:2] = "C"  # one patient, one class
    found = compare(X, y, groups=patients, sites=sites, **SHORT)
    assert "3 test folds, of which 2 hold rare and other patients" in " ".join(str(found).split())
    p = found.predictions.groupby(["fold", "patient"], as_index=False).agg(
        {"p_yes": "mean", "label": "first"}
    )
    inside = [roc_auc_score(q["label"] == "yes", q["p_yes"]) for f, q in p.groupby("fold") if f < 2]
    assert auc(found) == pytest.approx(np.mean(inside))


def test_categories_of_another_cohort_are_matched_by_name_and_gaps_filled():  # F24
    ours, theirs = frame(0), frame(1)
    theirs["sex"] = np.where(theirs["sex"] == "f", "a new one", "m")
    joined, fold = join_features(
        ours, Y, theirs, Y, groups=None, other=None, rare=None, categorical=["sex"], missing=True
    )
    at = joined.columns.names.index("sex")
    assert joined.columns.levels[at] == ("f", "m", "a new one")
    tested = (fold == 0)[joined.patient]
    assert set(joined.X[tested, at]) == {1.0, 2.0} and set(joined.X[~tested, at]) == {0.0, 1.0}
    found = compare_external(
        ours, Y, theirs, Y, protocol=Protocol(arms=["none"], checks=False, draws=20,
        impute="median", categorical=["sex"]),
    )  # fmt: skip
    (unseen,) = (w for w in found.features["warnings"] if w["kind"] == "unseen")
    count = int((theirs["sex"] == "a new one").sum())
    assert f"'a new one' ({count} patients)" in unseen["words"]


def test_a_column_may_be_of_categories_in_one_fold_and_of_numbers_in_the_next():
    y, place = np.repeat(["a", "b"], [4, 3]), [Place(np.arange(7) % 2, 0, fold) for fold in (0, 1)]
    numbers = make_features(np.arange(7.0)[:, None], y, columns=Columns.of(1, names=["age"]))
    levels = Columns.of(1, names=["age"], levels={0: ("51", "90+")})
    codes = make_features(np.array([[0.0], [1], [0], [-1], [0], [1], [0]]), y, columns=levels)
    for pair in ((numbers, codes), (codes, numbers)):
        (found,) = fold_notes([*zip(pair, place, strict=True)])
        assert (found.column, found.kind) == ("age", "unseen")
