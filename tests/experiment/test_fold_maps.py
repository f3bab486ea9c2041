"""One fold on maps in a store: the CNN, generators that learn maps, samples that are there."""

import json

import numpy as np
import pandas as pd
import pytest

from rarecase.evidence.predictions import check_predictions
from rarecase.experiment import Arm, Counts, Sampler, Tuned, fit_fold, make_design
from rarecase.experiment.classifiers import Classifier, FeatureCNN
from rarecase.experiment.fold_data import Tools
from rarecase.experiment.sampling import Synthetic
from support.features import map_set, place_of, write_store

SMALL = {"channels": (4, 4), "dense": 8, "epochs": 2, "dropout": 0.2}
ACGAN = (("hidden", (8, 8)), ("epochs", 2), ("width", 4))


def cnn(**settings):
    about = {"takes": "maps", "lazy": True, "tune_threshold": False} | settings
    return Classifier("cnn", FeatureCNN(**SMALL), **about)


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    return map_set(tmp_path_factory.mktemp("maps") / "real.zarr")


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Ten samples of each class; the filter refused the first of one, the first two of the rare."""
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1], 10)
    X = np.maximum(rng.normal(size=(20, 3, 4, 4)), 0) + y[:, None, None, None]
    kept = np.ones(20, bool)
    kept[[0, 10, 11]] = False
    return Synthetic(
        write_store(tmp_path_factory.mktemp("given") / "s.zarr", X, label=np.array(["a", "b"])[y]),
        kept,
        y,
    )


def counted_design(kind="smote", totals=(5, 12), planned=5, **settings):
    arm = Arm("made", Sampler(kind, **settings), synthetic=True)
    return make_design([arm], classifier=cnn(), amounts=Counts(totals, planned), seeds=1)


def test_every_slice_is_predicted_and_the_evidence_takes_the_table(maps):
    found = fit_fold(maps, counted_design(), place_of(maps))
    assert (found.cells["status"] == "done").all()
    assert check_predictions(found.predictions) == ("HGG", "LGG")
    rows = found.predictions.groupby(["arm", "amount"], sort=False)["added"].first()
    assert rows.to_dict() == {
        ("none", "0"): 0, ("made", "5"): 5, ("duplicates:made", "5"): 5, ("made", "12"): 12,
    }  # fmt: skip
    for _, part in found.predictions.groupby(["arm", "amount"]):
        assert len(part) == 2 * 10 and set(part["predicted"]) == {0, 5}
    assert found.predictions["threshold"].isna().all()
    assert set(found.history["arm"]) == {"none", "made", "duplicates:made"}
    assert found.history.groupby(["arm", "amount"])["epoch"].max().eq(SMALL["epochs"]).all()


@pytest.mark.parametrize(
    ("kind", "settings"),
    [("smote", {}), ("mixup", {}), ("gaussian", {}), ("acgan", {"settings": ACGAN}),
     ("acgan", {"settings": ACGAN, "filter": "agreement"})],
)  # fmt: skip
def test_any_generator_learns_maps(maps, kind, settings):
    design = counted_design(kind, totals=(6,), planned=None, **settings)
    found = fit_fold(maps, design, place_of(maps))
    made = found.predictions.query("arm == 'made'")
    assert (found.cells["status"] == "done").all(), found.cells["reason"].tolist()
    assert len(made) and (made["requested"] == 6).all()
    assert (made["added"] <= 6).all() and ("filter" in settings or (made["added"] == 6).all())
    assert not (found.predictions["arm"] == "duplicates:made").any()  # nothing was planned


def test_samples_that_are_there_are_taken_in_order_the_kept_ones(maps, given, monkeypatch):
    seen = []
    real = FeatureCNN.fit

    def fit(self, X, y, *args, **more):
        seen.append((X, np.asarray(y), more))
        return real(self, X, y, *args, **more)

    monkeypatch.setattr(FeatureCNN, "fit", fit)
    tools = Tools(given={("made", 0): given})
    fit_fold(maps, counted_design(), place_of(maps), tools=tools)
    (none, *_), (made, y, more) = seen[0], seen[1]
    real_ones = len(none)
    assert more["real"] == real_ones and len(made) == real_ones + 5
    # Three of the rare class, which comes first where a number does not divide, and two others.
    assert y[real_ones:].tolist() == [0, 0, 1, 1, 1]
    expected = given.store.read([1, 2, 12, 13, 14])
    np.testing.assert_array_equal(
        made.tensor(np.arange(real_ones, real_ones + 5)).float(), expected
    )


def test_a_number_that_the_filter_cannot_fill_is_said(maps, given, caplog):
    tools = Tools(given={("made", 0): given})
    found = fit_fold(maps, counted_design(totals=(40,), planned=40), place_of(maps), tools=tools)
    rows = found.predictions.groupby("arm")[["requested", "added"]].first()
    assert rows.loc["made"].tolist() == [40, 8 + 9]
    assert rows.loc["duplicates:made", "added"] == 8 + 9  # as many as its arm, not as requested
    assert "12 of 20 synthetic samples of class b are missing" in caplog.text
    assert "generator.samples" in caplog.text


def test_an_amount_tuned_on_inner_folds_of_maps(maps):
    arm = Arm("made", Sampler("smote"), Tuned((0.5, 1.0)), synthetic=True)
    design = make_design([arm], classifier=cnn(), inner=2, seeds=1)
    found = fit_fold(maps, design, place_of(maps))
    assert (found.cells["status"] == "done").all()
    (chosen,) = found.predictions.query("arm == 'made'")["chosen"].unique().tolist()
    assert json.loads(chosen)["share"] in (0.5, 1.0)


def test_one_share_needs_no_inner_folds_and_is_taken(maps):
    arm = Arm("made", Sampler("smote"), Tuned((0.5,)), synthetic=True)
    design = make_design([arm], classifier=cnn(), seeds=1)
    found = fit_fold(maps, design, place_of(maps)).predictions
    counts = np.bincount(maps.y[place_of(maps).fold_of[maps.patient] != 0])
    added = found.groupby("arm")["added"].first()
    half = round(0.5 * (counts[0] - counts[1]))
    assert added["made"] == added["duplicates:made"] == half
    assert found.query("arm == 'made'")["chosen"].unique().tolist() == ['{"share": 0.5}']


def test_class_weights_and_fewer_samples_and_copies_with_the_cnn(maps):
    design = make_design(
        ["class-weight", "undersample", "duplicates"], classifier=cnn(), amounts=(1.0,), seeds=1
    )
    found = fit_fold(maps, design, place_of(maps))
    assert (found.cells["status"] == "done").all(), found.cells["reason"].tolist()
    p = {arm: rows["p_LGG"].to_numpy() for arm, rows in found.predictions.groupby("arm")}
    assert set(p) == {"none", "class-weight", "undersample", "duplicates"}
    assert p["class-weight"].mean() > p["none"].mean()
    assert not np.allclose(p["undersample"], p["none"])


def test_a_threshold_is_tuned_where_the_classifier_says_so(maps):
    off = fit_fold(maps, make_design(["threshold"], classifier=cnn()), place_of(maps))
    cells = off.cells.set_index("arm")
    assert cells.loc["threshold", "status"] == "skipped"
    assert "cnn tunes no threshold" in cells.loc["threshold", "reason"]
    assert set(off.predictions["arm"]) == {"none"}
    tuned = make_design(["threshold"], classifier=cnn(tune_threshold=True), inner=2)
    on = fit_fold(maps, tuned, place_of(maps))
    assert (on.cells["status"] == "done").all()
    assert on.predictions.query("arm == 'none'")["threshold"].between(0, 1).all()
    assert (on.predictions.query("arm == 'threshold'")["threshold"] == 0.5).all()


def test_a_threshold_at_counts_is_that_of_the_same_number(maps):
    arm = Arm("made", Sampler("smote"), synthetic=True)
    design = make_design([arm], classifier=cnn(tune_threshold=True), amounts=Counts((6, 12), 6),
                         inner=2, seeds=1)  # fmt: skip
    found = fit_fold(maps, design, place_of(maps))
    assert (found.cells["status"] == "done").all(), found.cells["reason"].tolist()
    cut = found.predictions.groupby(["arm", "amount"])["threshold"].first()
    assert cut.between(0, 1).all() and cut["made", "6"] != cut["made", "12"]


def test_a_moved_posterior_is_of_the_slices_that_count(maps):
    """Means are of slices with a predicted mask; all slices of the patient carry the moved one."""
    design = make_design(["logit-adjustment"], classifier=cnn())
    found = fit_fold(maps, design, place_of(maps)).predictions
    none, moved = (found.query(f"arm == '{a}'") for a in ("none", "logit-adjustment"))
    mean = none[none["predicted"] > 0].groupby("patient")["p_LGG"].mean()
    assert (moved.groupby("patient")["p_LGG"].nunique() == 1).all()
    odds = mean / (1 - mean)
    trained = np.bincount(maps.label[np.arange(30) % 3 != 0])
    expected = odds * trained[0] / trained[1]
    after = moved.groupby("patient")["p_LGG"].first()
    np.testing.assert_allclose(after / (1 - after), expected)


def test_nothing_of_a_test_patient_reaches_the_others(tmp_path):
    whole = map_set(tmp_path / "a.zarr")
    X = whole.X.read_all()
    wild = X.copy()
    one = whole.patient == 0
    wild[one] = np.maximum(np.random.default_rng(5).normal(50, 50, wild[one].shape), 0)
    other = map_set(tmp_path / "b.zarr", X=wild)
    arms = ["class-weight", "logit-adjustment", "threshold", "smote"]
    design = make_design(
        arms, classifier=cnn(tune_threshold=True), amounts=(0.5, 1.0), inner=2, seeds=1
    )
    before, after = (fit_fold(each, design, place_of(each)).predictions for each in (whole, other))
    others = before["patient"] != whole.patients[0]
    pd.testing.assert_frame_equal(before[others], after[others])
    assert not before[~others].equals(after[~others])


def test_a_killed_fold_goes_on_from_its_checkpoints_with_the_same_bits(maps, tmp_path):
    design, tools = counted_design(), Tools(work=tmp_path)
    first = fit_fold(maps, design, place_of(maps), tools=tools)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == [
        "duplicates-made-5-0.safetensors", "made-12-0.safetensors", "made-5-0.safetensors",
        "none-0-0.safetensors",
    ]  # fmt: skip
    again = fit_fold(maps, design, place_of(maps), tools=tools)
    pd.testing.assert_frame_equal(first.predictions, again.predictions)


def test_a_store_of_few_samples_or_many_is_read_alike(maps, monkeypatch):
    """Held in memory or read as it goes: the same bits."""
    first = fit_fold(maps, counted_design(), place_of(maps)).predictions
    from rarecase.features.samples import Samples

    monkeypatch.setitem(Samples.__init__.__kwdefaults__, "in_memory", 0)
    again = fit_fold(maps, counted_design(), place_of(maps)).predictions
    pd.testing.assert_frame_equal(first, again)
