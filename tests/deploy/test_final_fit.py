"""The classifier that is handed on."""

import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from rarecase.deploy import final_fit
from rarecase.deploy.final import load_final, save_final
from rarecase.deploy.final_fit import fit_final, out_of_fold_threshold
from rarecase.errors import DataError
from rarecase.experiment import make_design
from rarecase.experiment.auto import Candidate, choose_candidate
from rarecase.experiment.classifiers.contract import Classifier
from rarecase.experiment.classifiers.logistic import Logistic
from rarecase.experiment.fold_data import Tools
from rarecase.experiment.fold_rows import Place
from rarecase.experiment.tuning import best_threshold
from rarecase.features.feature_set import make_features
from support.features import vectors


def fitted(X, y, arm="none", **settings):
    """The final classifier of one arm, whatever inner folds say."""
    design = make_design([arm], **settings)
    only = tuple(each for each in design.arms if each.name in (arm, "none"))
    design = replace(design, arms=only)
    features = make_features(X, y, missing=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(final_fit, "selected_arm", lambda here, arms: only[-1])
        return fit_final([Candidate(features, design)])


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("d", [4, 200])
def test_plain_weights_give_what_the_fitted_model_gives(classes, d, monkeypatch):
    rng = np.random.default_rng(0)
    y = np.array(["a", "b", "c"])[np.arange(60) % classes]
    X = rng.normal(size=(60, d)) * 3 + 5 + (y == "a")[:, None]
    kept = []
    real = Logistic.fit

    def fit(self, X, y, sample_weight=None):
        kept.append((X, real(self, X, y, sample_weight)))
        return kept[-1][1]

    monkeypatch.setattr(Logistic, "fit", fit)
    final = fitted(X, y)
    inside, model = kept[-1]
    np.testing.assert_allclose(final(X), model.predict_proba(inside), atol=1e-8)


def test_what_hardly_varied_among_those_learnt_from_cannot_decide_alone():
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b"], [40, 14])
    X = rng.normal(size=(54, 6)) + (y == "b")[:, None]
    X[:, 0] *= 1e-4
    final = fitted(X, y)
    strange = X[:1].copy()
    strange[0, 0] = 5.0  # fifty thousand deviations off
    bounded = X[:1].copy()
    bounded[0, 0] = X[:, 0].mean() + 6 * X[:, 0].std()
    np.testing.assert_allclose(final(strange), final(bounded))
    assert final(strange).min() > 1e-6


def test_a_synthetic_arm_averages_its_seeds():
    X, y, _ = vectors((40, 14), d=6)
    final = fitted(X, y, "gaussian", seeds=3)
    assert len(final.models) == 3 and final.chosen["share"] in (0.5, 1.0, 2.0)
    assert final.chosen["C"] in (0.1, 1.0, 10.0, 100.0) and final.chosen["arm"] == "gaussian"
    assert not np.allclose(final.models[0].coef_, final.models[1].coef_)
    np.testing.assert_allclose(final(X).sum(axis=1), 1)


def test_weights_are_of_the_deployed_model_too():
    X, y, _ = vectors((40, 14), d=6)
    plain, heavy = (fitted(X, y, arm)(X)[:, 1].mean() for arm in ("none", "class-weight"))
    assert heavy > plain


def test_with_too_few_rare_patients_to_tune_the_middle_is_taken():
    X, y, _ = vectors((20, 2))
    about = {"features": "features", "classifier": "logistic", "C": 10.0, "promised": None}
    assert fitted(X, y).chosen == about | {"arm": "none", "share": 0.0}
    copies = about | {"arm": "duplicates"}
    assert fitted(X, y, "duplicates", amounts=[0.5]).chosen == copies | {"share": 0.5}
    assert fitted(X, y, "duplicates").chosen == copies | {"share": 1.0}


def test_it_is_chosen_as_in_every_fold():
    X, y, _ = vectors((40, 16), d=3, shift=2.0)
    noise = np.random.default_rng(0).normal(size=X.shape)
    designs = [make_design(["smote"], classifier=kind) for kind in ("logistic", "forest")]
    sets = [make_features(noise, y, name="noise"), make_features(X, y, name="signal")]
    candidates = [Candidate(features, design) for features in sets for design in designs]
    final = fit_final(candidates)
    assert final.chosen["features"] == "signal" and final.chosen["promised"] > 0.8
    place = Place(np.full(56, -1), 0, -2)
    assert (
        final.chosen["classifier"]
        == choose_candidate(candidates, place, Tools()).about["classifier"]
    )


@pytest.mark.parametrize("kind", ["logistic", "lda", "forest", "boosting", "svm"])
def test_every_classifier_is_written_without_a_pickle_and_says_the_same_when_it_is_read(
    kind, tmp_path
):
    X, y, _ = vectors((30, 14), d=50)
    X[3, 2] = X[20, 2] = np.nan
    final = fitted(X, y, classifier=kind)
    save_final(tmp_path / "a.skops", final)
    again = load_final(tmp_path / "a.skops")
    np.testing.assert_array_equal(again(X), final(X))
    assert again.chosen == final.chosen and again.columns.names == final.columns.names
    with zipfile.ZipFile(tmp_path / "a.skops") as file:
        assert not any(b"pickle" in file.read(name) for name in file.namelist())


class Own(LogisticRegression):
    """Somebody's own."""


def test_a_file_with_somebodys_classes_is_neither_written_nor_opened(tmp_path):
    X, y, _ = vectors((30, 14), d=3)
    with pytest.raises(DataError, match=r"holds .*\.Own, which whoever opens the file"):
        save_final(tmp_path / "a.skops", fitted(X, y, classifier=Classifier("own", Own())))
    (tmp_path / "b.skops").write_bytes(skops.io.dumps({"models": [Own()]}))
    with pytest.raises(DataError, match="neither scikit-learn's nor ours; it was not opened"):
        load_final(tmp_path / "b.skops")
    (tmp_path / "c.skops").write_bytes(b"no classifier")
    with pytest.raises(DataError, match="cannot be read as a classifier"):
        load_final(tmp_path / "c.skops")


def test_the_threshold_is_that_of_averaged_out_of_fold_patients():
    rng = np.random.default_rng(0)
    who = np.repeat([f"p{i}" for i in range(12)], 2)
    label = np.where(np.repeat(np.arange(12), 2) < 4, "rare", "common")
    frames = []
    for repeat in range(3):
        p = np.clip(rng.normal(0.3 + 0.3 * (label == "rare"), 0.1), 0, 1)
        frames.append(
            pd.DataFrame({"features": "f", "classifier": "logistic", "arm": "none", "amount": "0",
                          "repeat": repeat, "fold": 0, "seed": None, "threshold": 0.5, "case": who,
                          "slice": np.arange(24) % 2, "patient": who, "label": label,
                          "predicted": 1, "p_common": 1 - p, "p_rare": p})
        )  # fmt: skip
    table = pd.concat(frames)
    mean = table.groupby("patient")["p_rare"].mean()
    true = (table.groupby("patient")["label"].first() == "rare").astype(int).to_numpy()
    expected = best_threshold(np.stack([1 - mean, mean], axis=1), true, rare=1)
    of = {"features": "f", "classifier": "logistic", "arm": "none", "amount": "0", "rare": "rare"}
    assert out_of_fold_threshold(table, **of) == pytest.approx(expected)
    others = pd.concat([table, table.assign(classifier="trees", p_rare=0.5, p_common=0.5)])
    assert out_of_fold_threshold(others, **of) == pytest.approx(expected)
