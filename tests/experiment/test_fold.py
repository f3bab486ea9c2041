"""One fold on vectors: what is fitted, predicted, and said where something cannot be."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rarecase.errors import DataError, SettingError
from rarecase.evidence.predictions import COLUMNS, check_predictions
from rarecase.experiment import Arm, Counts, Sampler, Share, Tuned, fit_fold, make_design
from rarecase.experiment.classifiers import Classifier
from rarecase.experiment.classifiers.logistic import Logistic
from rarecase.experiment.fold_data import TRAINS, FoldData, Tools, _trained
from rarecase.features.feature_set import make_features
from rarecase.generators.resampling import Duplicates
from support.features import Broken, place_of, vector_set, vectors

PLAIN = ["threshold", "logit-adjustment", "class-weight", "undersample"]
DESIGN = make_design([*PLAIN, "smote", "gaussian"], inner=2, seeds=2)


@pytest.fixture(scope="module")
def fold():
    features = vector_set(rows=2)
    return features, fit_fold(features, DESIGN, place_of(features))


def test_the_columns_are_those_of_the_evidence_and_it_takes_them(fold):
    found = fold[1]
    assert list(found.predictions) == [*COLUMNS, "p_common", "p_rare"]
    assert check_predictions(found.predictions) == ("common", "rare")


def test_every_arm_predicts_every_sample_of_the_fold_once_a_seed(fold):
    features, found = fold
    tested = [who for i, who in enumerate(features.patients) if i % 3 == 0]
    for _, part in found.predictions.groupby(["arm", "seed"], dropna=False):
        assert part["slice"].is_unique
        assert sorted(part["patient"].unique()) == tested and len(part) == 2 * len(tested)
    seeds = found.predictions.groupby("arm", sort=False)["seed"].unique().map(list)
    assert {arm for arm, each in seeds.items() if each == [0, 1]} == {
        "undersample", "duplicates", "smote", "duplicates:smote", "gaussian", "duplicates:gaussian",
    }  # fmt: skip
    assert seeds["none"] == [pd.NA] or pd.isna(seeds["none"]).all()


def test_flags_are_columns_and_not_parts_of_a_name(fold):
    flags = fold[1].predictions.groupby("arm", sort=False)[
        ["synthetic", "control_of", "planned", "reference", "amount"]
    ].first()  # fmt: skip
    assert flags.index[flags["synthetic"]].tolist() == ["smote", "gaussian"]
    assert flags.index[flags["reference"]].tolist() == ["none"]
    controls = flags["control_of"].dropna()
    assert controls.to_dict() == {"duplicates:smote": "smote", "duplicates:gaussian": "gaussian"}
    assert flags.loc["none", "amount"] == "0" and flags.loc["smote", "amount"] == "tuned"


def test_controls_are_matched_in_number_seed_by_seed(fold):
    added = fold[1].predictions.groupby(["arm", "seed"])["added"].first().unstack(0)
    for arm in ("smote", "gaussian"):
        assert (added[f"duplicates:{arm}"] == added[arm]).all() and (added[arm] > 0).all()


def test_a_control_adds_as_many_copies_of_each_class_as_its_arm_added():
    class Few(Duplicates):
        """A generator whose filter would refuse most: half of what is requested."""

        def sample(self, counts, *, start=0):
            return super().sample({c: n // 2 for c, n in counts.items()}, start=start)

    features = vector_set()
    design = make_design([Arm("few", Sampler(Few()), Share(1.0), synthetic=True)], seeds=1, inner=2)
    found = fit_fold(features, design, place_of(features)).predictions
    rows = found.groupby("arm")[["requested", "added", "amount"]].first()
    assert rows.loc["few"].tolist() == [20, 10, "100%"]
    assert rows.loc["duplicates:few"].tolist() == [10, 10, "100%"]


def test_what_was_chosen_is_there_to_read(fold):
    chosen = fold[1].predictions.groupby("arm")["chosen"].first().map(json.loads)
    assert set(chosen["none"]) == {"C", "promised"}
    assert set(chosen["smote"]) == {"C", "share", "promised"}
    assert 0 <= chosen["smote"]["promised"] <= 1
    assert chosen["smote"]["share"] in (0.5, 1.0, 2.0)
    assert chosen["smote"]["share"] == chosen["duplicates:smote"]["share"]


def test_a_moved_threshold_ranks_as_before_and_lies_at_one_half(fold):
    arms = {arm: rows.reset_index() for arm, rows in fold[1].predictions.groupby("arm")}
    patients = {a: arms[a].groupby("patient")["p_rare"].mean() for a in ("none", "threshold")}
    cut = arms["none"]["threshold"][0]
    assert ((patients["threshold"] > 0.5) == (patients["none"] > cut)).all()
    assert (patients["threshold"].rank() == patients["none"].rank()).all()
    assert (arms["threshold"]["threshold"] == 0.5).all()
    assert (arms["threshold"].groupby("patient")["p_rare"].nunique() == 1).all()


def test_cells_say_what_became_of_every_arm(fold):
    cells = fold[1].cells
    assert cells["arm"].tolist() == [arm.name for arm in DESIGN.arms]
    assert (cells["status"] == "done").all() and cells["reason"].isna().all()
    assert (cells["seconds"] >= 0).all() and len(fold[1].history) == 0


def test_part_of_the_arms_gives_the_same_bits_as_all_of_them(fold):
    features, whole = fold
    smote = next(arm for arm in DESIGN.arms if arm.name == "smote")
    alone = fit_fold(features, DESIGN, place_of(features), arms=[smote]).predictions
    mine = whole.predictions[whole.predictions["arm"].isin(["smote", "duplicates:smote"])]
    pd.testing.assert_frame_equal(alone, mine.reset_index(drop=True))


def test_a_name_changes_nothing_but_itself():
    features = vector_set()
    found = {}
    for name in ("smote", "threshold", "duplicates:none"):
        arm = Arm(name, Sampler("smote"), Tuned(), synthetic=True)
        design = make_design([arm], inner=2, seeds=1)
        rows = fit_fold(features, design, place_of(features)).predictions
        found[name] = rows[rows["arm"] == name].drop(columns="arm").reset_index(drop=True)
    pd.testing.assert_frame_equal(found["smote"], found["threshold"])
    pd.testing.assert_frame_equal(found["smote"], found["duplicates:none"])


def test_nothing_of_a_test_patient_reaches_a_fold():
    """Wild features of a test patient must leave the training untouched: the probabilities of the
    others, whoever they are, stay the same bits."""
    X, y, groups = vectors(rows=2)
    wild = X.copy()
    one = groups == groups[0]  # tested in fold 0
    wild[one] *= 1e4
    before, after = (
        fit_fold(features, DESIGN, place_of(features)).predictions
        for features in (make_features(each, y, groups=groups) for each in (X, wild))
    )
    others = before["patient"] != groups[0]
    pd.testing.assert_frame_equal(before[others], after[others])
    assert not before[~others].equals(after[~others])


def test_labels_of_test_patients_never_reach_a_classifier():
    X, y, groups = vectors((45, 15))
    fold_of = np.arange(60) % 3
    flipped = np.where(
        np.isin(groups, [f"p{i:03d}" for i in np.flatnonzero(fold_of == 0)]),
        np.where(y == "rare", "common", "rare"), y,
    )  # fmt: skip
    before, after = (
        fit_fold(features, DESIGN, place_of(features)).predictions
        for features in (
            make_features(X, each, groups=groups, rare="rare") for each in (y, flipped)
        )
    )
    columns = ["p_common", "p_rare", "threshold", "added", "chosen"]
    pd.testing.assert_frame_equal(before[columns], after[columns])


def test_three_classes_and_more_features_than_samples():
    features = vector_set((24, 18, 9), names=("a", "b", "c"), d=90, shift=3.0)
    design = make_design(["threshold", "logit-adjustment", "smote", "remix"], inner=2, seeds=1)
    found = fit_fold(features, design, place_of(features))
    assert check_predictions(found.predictions) == ("a", "b", "c")
    assert (found.cells["status"] == "done").all()
    p = found.predictions[["p_a", "p_b", "p_c"]].to_numpy()
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (found.predictions.query("arm == 'smote'")["added"] > 0).all()


def test_an_arm_that_fails_is_a_row_with_its_reason_and_has_no_predictions(caplog):
    features = vector_set()
    design = make_design(
        ["smote", Arm("broken", Sampler(Broken()), Tuned(), synthetic=True)], inner=2, seeds=1
    )
    found = fit_fold(features, design, place_of(features))
    cells = found.cells.set_index("arm")
    assert cells.loc["broken", "status"] == "failed"
    assert "this one never fits" in cells.loc["broken", "reason"]
    assert cells.drop("broken")["status"].eq("done").all()
    assert not found.predictions["arm"].isin(["broken", "duplicates:broken"]).any()
    assert "arm broken: this one never fits" in caplog.text


class NeverFits(Logistic):
    def fit(self, X, y, sample_weight=None):
        raise ValueError("no reference")


def test_a_reference_that_fails_is_an_error():
    features = vector_set()
    design = make_design(["none"], classifier=Classifier("own", NeverFits()))
    with pytest.raises(ValueError, match="no reference"):
        fit_fold(features, design, place_of(features))


def test_with_one_rare_sample_to_train_on_arms_that_add_are_skipped():
    features = vector_set((20, 2))
    place = replace(place_of(features, folds=2), fold_of=np.arange(22) % 2)
    design = make_design(["threshold", "smote"], inner=2, seeds=1)
    found = fit_fold(features, design, place)
    assert set(found.predictions["arm"]) == {"none", "threshold", "auto"}
    skipped = found.cells.set_index("arm").query("status == 'skipped'")
    assert skipped.index.tolist() == ["duplicates", "smote"]
    assert skipped["reason"].str.contains("class rare has one sample to train on").all()
    assert found.predictions["threshold"].isna().groupby(found.predictions["arm"]).all()["none"]


def test_an_arm_that_does_not_suit_is_skipped_with_its_reason():
    features = vector_set()
    untuned = Classifier("plain", Logistic(), tune_threshold=False)
    images = Arm("images", Sampler("acgan", on="images"), Tuned(), synthetic=True)
    design = make_design(["threshold", images], classifier=untuned, inner=2, seeds=1)
    cells = fit_fold(features, design, place_of(features)).cells.set_index("arm")
    assert cells.loc[["threshold", "images"], "status"].eq("skipped").all()
    assert "tunes no threshold" in cells.loc["threshold", "reason"]
    assert "needs feature maps" in cells.loc["images", "reason"]


def test_vectors_are_no_maps():
    features = vector_set()
    maps = Classifier("maps", Logistic(), takes="maps")
    with pytest.raises(SettingError, match="'maps' takes maps, and features 'features' are vector"):
        fit_fold(features, make_design(["none"], classifier=maps), place_of(features))


def test_counts_on_vectors_only_the_planned_one_has_a_control():
    features = vector_set()
    design = make_design(["smote"], amounts=Counts((6, 20), planned=20), inner=2, seeds=1)
    found = fit_fold(features, design, place_of(features)).predictions
    rows = found.groupby(["arm", "amount"], sort=False)[["planned", "requested", "added"]].first()
    assert rows.index.tolist() == [
        ("none", "0"), ("smote", "6"), ("smote", "20"), ("duplicates:smote", "20"),
    ]  # fmt: skip
    assert rows["planned"].tolist() == [True, False, True, True]
    assert rows["added"].tolist() == [0, 6, 20, 20]
    assert check_predictions(found)


def test_fewer_rare_patients_in_training_and_the_same_tested():
    features = vector_set()
    design = make_design(["smote"], inner=2, seeds=1)
    few = replace(design, rare_patients=4)
    kept = _trained(features, np.arange(60), 4, seed=0)
    assert (features.label[kept] == features.rare).sum() == 4
    assert (features.label[kept] != features.rare).sum() == 45
    whole, less = (
        fit_fold(features, each, place_of(features)).predictions for each in (design, few)
    )
    assert set(whole["patient"]) == set(less["patient"])
    assert not np.allclose(*(p.query("arm == 'none'")["p_rare"] for p in (whole, less)))


def test_patients_who_are_left_out_are_in_no_part():
    X, y, groups = vectors()
    fold_of = np.arange(60) % 3
    fold_of[[1, 58]] = -2
    wild = X.copy()
    wild[[1, 58]] += 50
    design = make_design(["smote"], inner=2, seeds=1)
    found = [
        fit_fold(features, design, replace(place_of(features), fold_of=fold_of)).predictions
        for features in (make_features(each, y, groups=groups) for each in (X, wild))
    ]
    pd.testing.assert_frame_equal(*found)
    fold_of[[1, 58]] = TRAINS
    features = make_features(X, y, groups=groups)
    trained = fit_fold(features, design, replace(place_of(features), fold_of=fold_of)).predictions
    assert not trained["p_rare"].equals(found[0]["p_rare"])


def test_combat_in_a_fold_sees_no_test_patient_and_no_other_site():  # F19
    X, y, groups = vectors((40, 20), d=4)
    sites = np.tile(["A", "B"], 30)
    X[sites == "B"] = 2 * X[sites == "B"] + 4
    design = make_design(["none"], combat="refuse")
    features = make_features(X, y, groups=groups, sites=sites)
    place = place_of(features)
    held = place.fold_of[features.patient] == place.fold
    one, other = (FoldData(each, design, place, Tools()) for each in (
        features, replace(features, X=np.where(held[:, None], 1e6, features.X)),
    ))  # fmt: skip
    np.testing.assert_array_equal(one.part.X, other.part.X)
    moved = features.rows.assign(site=np.where(held, "C", sites))
    with pytest.raises(DataError, match="C"):
        FoldData(replace(features, rows=moved), design, place, Tools())
    left_out = replace(design, combat="unchanged")
    FoldData(replace(features, rows=moved), left_out, place, Tools())
    unknown = features.rows.assign(site=None)
    with pytest.raises(DataError, match="site of patient"):
        FoldData(replace(features, rows=unknown), design, place, Tools())
