"""The CNN learns, repeats itself, resumes, and refuses what it cannot use."""

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from rarecase.errors import DataError, RarecaseError, SettingError
from rarecase.experiment.classifiers import FeatureCNN
from rarecase.experiment.classifiers.cnn_network import (
    FeatureNet,
    classification_loss,
    predicted_class,
)
from rarecase.features.store import FeatureStore
from rarecase.progress import use


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def toy(n=60, shape=(6, 8, 8), classes=("HGG", "LGG"), seed=0):
    """Non-negative maps; each class lifts channels of its own."""
    rng = np.random.default_rng(seed)
    y = np.array([classes[i % len(classes)] for i in range(n)])
    X = np.maximum(rng.normal(0, 1, (n, *shape)), 0)
    for place, name in enumerate(classes):
        X[y == name, place] += 1.0
    return X.astype(np.float32), y


def small(**settings):
    return FeatureCNN(**{"channels": (8, 16), "dense": 32, "epochs": 4, **settings})


@pytest.mark.parametrize("shape", [(6, 8, 8), (6, 15, 15), (6, 1, 1), (6, 5, 2), (6, 1, 7)])
@pytest.mark.parametrize("classes", [("HGG", "LGG"), ("a", "b", "c"), (0, 1)])
def test_learns(shape, classes):
    X, y = toy(90, shape, classes)
    # One position a map carries little: more epochs there.
    net = small(epochs=25 if shape[1] * shape[2] < 20 else 6, dropout=0.2).fit(X, y)
    X_test, y_test = toy(150, shape, classes, seed=1)
    p = net.predict_proba(X_test)
    assert p.shape == (150, len(classes))
    assert net.classes_ == list(classes)
    np.testing.assert_allclose(p.sum(1), 1)
    assert (net.predict(X_test) == y_test).mean() > 0.6 + 0.2 * (shape[1] * shape[2] > 20)
    np.testing.assert_array_equal(net.predict(X_test), np.array(classes)[p.argmax(1)])


def test_the_papers_layers():
    net = FeatureNet((1024, 15, 15), 2)
    convolutions = [part for part in net.blocks if isinstance(part, torch.nn.Conv2d)]
    assert [part.out_channels for part in convolutions] == [64, 128]
    assert net.first.in_features == 128 * 3 * 3
    assert net.first.out_features == 2048
    assert net(torch.rand(2, 1024, 15, 15)).shape == (2,)
    assert FeatureNet((4, 8, 8), 3, channels=(8, 8, 8))(torch.rand(2, 4, 8, 8)).shape == (2, 3)


def test_losses_against_torch():
    torch.manual_seed(0)
    logits, label = torch.randn(5), torch.tensor([0, 1, 1, 0, 1])
    expected = F.binary_cross_entropy(torch.sigmoid(logits), label.float())
    torch.testing.assert_close(classification_loss(logits, label), expected)
    assert predicted_class(torch.tensor([-1.0, 2.0])).tolist() == [0, 1]
    logits = torch.randn(5, 3)
    expected = -torch.softmax(logits, 1)[range(5), label].log().mean()
    torch.testing.assert_close(classification_loss(logits, label), expected)


def test_same_seed_same_bits_and_other_seed_not():
    X, y = toy()
    first = small().fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(small().fit(X, y).predict_proba(X), first)
    assert not np.array_equal(small(random_state=1).fit(X, y).predict_proba(X), first)


def test_history():
    X, y = toy()
    history = small(epochs=3).fit(X, y).history_
    assert history["epoch"].tolist() == [1, 2, 3]
    assert list(history) == ["epoch", "loss", "accuracy", "seconds"]
    assert history["accuracy"].between(0, 1).all()


class Killer:
    """A reporter that interrupts after so many epochs."""

    def __init__(self, epochs):
        self.left = epochs

    def task(self, name, *, total):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def advance(self, steps=1, *, note=""):
        self.left -= steps
        if self.left <= 0:
            raise KeyboardInterrupt


def test_resume_ends_with_the_same_bits(tmp_path):
    X, y = toy()
    extra = toy(20, seed=3)
    checkpoint = tmp_path / "cnn.safetensors"
    whole = small().fit(X, y, extra=extra)
    with pytest.raises(KeyboardInterrupt), use(Killer(2)):
        small().fit(X, y, extra=extra, checkpoint=checkpoint)
    assert checkpoint.is_file()
    resumed = small().fit(X, y, extra=extra, checkpoint=checkpoint)
    np.testing.assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))
    columns = ["epoch", "loss", "accuracy"]
    pd.testing.assert_frame_equal(resumed.history_[columns], whole.history_[columns])
    with pytest.raises(DataError, match="another training"):
        small().fit(X, y, extra=toy(20, seed=4), checkpoint=checkpoint)
    with pytest.raises(DataError, match="another training"):
        small(dense=16).fit(X, y, extra=extra, checkpoint=checkpoint)


def test_store_rows_and_extra(tmp_path):
    X, y = toy()
    half = X.astype(np.float16)
    extra, extra_y = toy(30, seed=5)
    stores = []
    for name, values in (("real", X), ("made", extra)):
        rows = pd.DataFrame({"i": range(len(values))})
        path = tmp_path / f"{name}.zarr"
        with FeatureStore.create(path, block="b", shape=X.shape[1:], rows=rows) as store:
            store.append(values)
        stores.append(FeatureStore.open(path))
    rows, extra_rows = np.arange(59, 9, -1), np.array([4, 2, 29])
    ours = small().fit(
        stores[0], y[rows], rows=rows, extra=(stores[1], extra_y[extra_rows]), extra_rows=extra_rows
    )
    theirs = small().fit(
        half[rows], y[rows], extra=(extra.astype(np.float16)[extra_rows], extra_y[extra_rows])
    )
    expected = theirs.predict_proba(half[:10])
    np.testing.assert_array_equal(ours.predict_proba(half[:10]), expected)
    np.testing.assert_array_equal(ours.predict_proba(stores[0], rows=np.arange(10)), expected)


def test_extra_samples_change_the_model_but_not_the_scale():
    X, y = toy()
    alone = small().fit(X, y)
    more = small().fit(X, y, extra=(X[:10] * 50, y[:10]))
    np.testing.assert_array_equal(alone._factor, more._factor)
    assert not np.array_equal(alone.predict_proba(X), more.predict_proba(X))
    none = small().fit(X, y, extra=(X[:0], y[:0]))
    np.testing.assert_array_equal(none.predict_proba(X), alone.predict_proba(X))


def test_units_do_not_matter():
    X, y = toy()
    X[:, 5] = 0  # a silent channel
    np.testing.assert_array_equal(
        small().fit(X * 64, y).predict_proba(X * 64), small().fit(X, y).predict_proba(X)
    )


def test_refusals():
    X, y = toy()
    broken = X.copy()
    broken[4, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match="sample 4 holds NaN"):
        small().fit(broken, y)
    with pytest.raises(DataError, match="sample 4 holds NaN"):
        small().fit(X, y, extra=(broken, y))
    with pytest.raises(DataError, match="no finite probability"):
        small().fit(X, y).predict_proba(broken)
    with pytest.raises(DataError, match="at least two classes"):
        small().fit(X, ["HGG"] * len(y))
    with pytest.raises(DataError, match="one label a sample"):
        small().fit(X, y[:-1])
    with pytest.raises(DataError, match="class 'LGGG' has no real sample; did you mean 'LGG'"):
        small().fit(X, y, extra=(X[:1], ["LGGG"]))
    with pytest.raises(DataError, match="expected shape"):
        small().fit(X, y, extra=(X[:1, :2], ["LGG"]))
    with pytest.raises(DataError, match="maps"):
        small().fit(X[:, :, 0, 0], y)
    with pytest.raises(DataError, match="expected samples of shape"):
        small().fit(X, y).predict_proba(X[:, :2])
    with pytest.raises(SettingError, match="not fitted"):
        small().predict_proba(X)
    with pytest.raises(RarecaseError, match="lower lr"):
        small(lr=1e30, epochs=20).fit(X, y)


@pytest.mark.parametrize(
    "settings",
    [
        {"channels": ()}, {"dense": 0}, {"dropout": 1.0}, {"batch_size": 1}, {"epochs": 0},
        {"lr": 0},
    ],
)  # fmt: skip
def test_impossible_settings(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        FeatureCNN(**settings)
