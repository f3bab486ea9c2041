import numpy as np
import pandas as pd
import pytest

from rarecase.experiment.classifiers import make_classifier
from rarecase.experiment.map_sweep import Part, Synthetic, sweep
from rarecase.features import FeatureStore


def store(path, X, **columns) -> FeatureStore:
    rows = pd.DataFrame(columns)
    with FeatureStore.create(path, block="b", shape=X.shape[1:], rows=rows) as writing:
        writing.write(0, X)
    return FeatureStore.open(path)


@pytest.fixture
def fold(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.array(["HGG"] * 30 + ["LGG"] * 10)
    X = rng.normal(0, 1, (40, 3)) + 2 * (labels == "LGG")[:, None]
    real = store(
        tmp_path / "real.zarr", X, case=[f"c{i // 2}" for i in range(40)],
        slice=np.arange(40) % 2, patient=[f"p{i // 2}" for i in range(40)], label=labels,
        predicted=np.arange(40),
    )  # fmt: skip
    test = np.r_[0:6, 30:34]
    part = Part(real, train=np.setdiff1d(np.arange(40), test), test=test)
    names = np.array(["HGG"] * 10 + ["LGG"] * 10)
    made = rng.normal(0, 1, (20, 3)) + 2 * (names == "LGG")[:, None]
    kept = np.ones(20, bool)
    kept[[0, 10, 11]] = False
    return part, Synthetic(store(tmp_path / "made.zarr", made, label=names), kept)


def run(fold, tmp_path, amounts):
    part, synthetic = fold
    (tmp_path / "c").mkdir(exist_ok=True)
    return sweep(
        part, synthetic, amounts=amounts, classes=["LGG", "HGG"],
        make=lambda: make_classifier("auto", (3,), random_state=1), fabric=None,
        checkpoints=tmp_path / "c",
    )  # fmt: skip


def test_amount_zero_is_the_arm_none_and_every_test_row_is_predicted(fold, tmp_path):
    predictions, history = run(fold, tmp_path, [0, 5])
    assert predictions.groupby("amount")["arm"].unique().map(list).to_dict() == {
        0: ["none"],
        5: ["acgan"],
    }
    for _, part in predictions.groupby("amount"):
        assert part["predicted"].tolist() == [*range(6), *range(30, 34)]
        np.testing.assert_allclose(part["p_HGG"] + part["p_LGG"], 1)
    assert set(predictions["threshold"]) == {0.5}
    assert set(history["amount"]) == {0, 5}


def test_an_arm_is_a_classifier_of_real_and_kept_synthetic_samples(fold, tmp_path):
    """The same numbers by hand with scikit-learn."""
    from sklearn.linear_model import LogisticRegression

    part, synthetic = fold
    predictions, _ = run(fold, tmp_path, [5])
    X, y = part.store.read(part.train), part.labels(part.train)
    added = [
        12,
        13,
        14,
        1,
        2,
    ]  # three of the rare class, which comes first, and two others; kept ones
    made = synthetic.store
    mean, std = X.mean(0), X.std(0)
    both = (np.concatenate([X, made.read(added)]) - mean) / std
    labels = np.concatenate([y, made.rows["label"].to_numpy()[added]])
    model = make_classifier("linear", (3,)).fit(X, y)
    reference = LogisticRegression(C=model.C, max_iter=model.max_iter).fit(both, labels)
    expected = reference.predict_proba((part.store.read(part.test) - mean) / std)
    # Where the scaler is fitted (real only, or real and synthetic) moves probabilities a little.
    np.testing.assert_allclose(predictions[["p_HGG", "p_LGG"]], expected, atol=0.05)


def test_an_amount_that_the_filter_cannot_fill_is_said(fold, tmp_path, caplog):
    _, history = run(fold, tmp_path, [40])
    assert history["added"].unique().tolist() == [8 + 9]
    assert "12 synthetic samples of class LGG are missing from an amount of 40" in caplog.text
    assert "generator.made" in caplog.text


def test_labels_of_test_rows_never_reach_the_classifier(fold, tmp_path):
    part, synthetic = fold
    before, _ = run(fold, tmp_path, [0])
    part.store.rows.loc[part.test, "label"] = "HGG"
    after, _ = run((part, synthetic), tmp_path, [0])
    np.testing.assert_array_equal(before[["p_HGG", "p_LGG"]], after[["p_HGG", "p_LGG"]])
