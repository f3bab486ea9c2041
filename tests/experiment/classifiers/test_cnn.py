"""The CNN learns, repeats itself, resumes, and refuses what it cannot use."""

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from sklearn.base import clone, is_classifier
from sklearn.model_selection import cross_val_predict
from sklearn.utils.validation import has_fit_parameter

from rarecase.errors import DataError, RarecaseError, SettingError
from rarecase.experiment.classifiers import FeatureCNN
from rarecase.experiment.classifiers.cnn_network import (
    FeatureNet,
    classification_loss,
    predicted_class,
)
from rarecase.features.samples import Joined, Samples
from rarecase.progress import use
from support.contract import Killer
from support.features import write_store


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
    assert net.classes_.tolist() == list(classes)
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


def joined(X, y, extra, extra_y):
    """Real samples and synthetic ones, as an arm hands them over."""
    both = Joined(Samples(X), Samples(extra)) if len(extra) else Samples(X)
    return both, np.concatenate([y, extra_y])


def test_resume_ends_with_the_same_bits(tmp_path):
    real, extra = toy(), toy(20, seed=3)
    checkpoint = tmp_path / "cnn.safetensors"
    whole = small().fit(*joined(*real, *extra))
    with pytest.raises(KeyboardInterrupt), use(Killer(2)):
        small().fit(*joined(*real, *extra), checkpoint=checkpoint)
    assert checkpoint.is_file()
    resumed = small().fit(*joined(*real, *extra), checkpoint=checkpoint)
    np.testing.assert_array_equal(resumed.predict_proba(real[0]), whole.predict_proba(real[0]))
    columns = ["epoch", "loss", "accuracy"]
    pd.testing.assert_frame_equal(resumed.history_[columns], whole.history_[columns])
    with pytest.raises(DataError, match="another training"):
        small().fit(*joined(*real, *toy(20, seed=4)), checkpoint=checkpoint)
    with pytest.raises(DataError, match="another training"):
        small(dense=16).fit(*joined(*real, *extra), checkpoint=checkpoint)
    weight = np.linspace(0.5, 1.5, 80)
    with pytest.raises(DataError, match="another training"):
        small().fit(*joined(*real, *extra), weight, checkpoint=checkpoint)


def test_samples_of_a_store_are_those_of_an_array(tmp_path):
    X, y = toy()
    half = X.astype(np.float16)
    extra, extra_y = toy(30, seed=5)
    real, made = (write_store(tmp_path / f"{len(v)}.zarr", v, i=range(len(v))) for v in (X, extra))
    rows, picked = np.arange(59, 9, -1), np.array([4, 2, 29])
    labels = np.concatenate([y[rows], extra_y[picked]])
    ours = small().fit(Joined(Samples(real, rows=rows), Samples(made, rows=picked)), labels)
    theirs = small().fit(
        *joined(half[rows], y[rows], extra.astype(np.float16)[picked], extra_y[picked])
    )
    expected = theirs.predict_proba(half[:10])
    np.testing.assert_array_equal(ours.predict_proba(half[:10]), expected)
    np.testing.assert_array_equal(ours.predict_proba(Samples(real, rows=np.arange(10))), expected)
    np.testing.assert_allclose(ours.predict_proba(real)[:10], expected, rtol=1e-6)


def test_added_samples_change_the_model_but_not_the_scale():
    X, y = toy()
    alone = small().fit(X, y)
    more = small().fit(*joined(X, y, X[:10] * 50, y[:10]))
    np.testing.assert_array_equal(alone._factor, more._factor)
    assert not np.array_equal(alone.predict_proba(X), more.predict_proba(X))
    at_once = small().fit(
        np.concatenate([X, X[:10] * 50]), np.concatenate([y, y[:10]]), real=len(X)
    )
    np.testing.assert_array_equal(at_once._factor, more._factor)
    np.testing.assert_array_equal(at_once.predict_proba(X), more.predict_proba(X))


def test_weights_of_one_are_none_and_others_matter():
    X, y = toy()
    plain = small().fit(X, y).predict_proba(X)
    ones = small().fit(X, y, np.ones(len(y))).predict_proba(X)
    np.testing.assert_allclose(ones, plain, rtol=1e-4, atol=1e-5)
    rare = np.where(y == "LGG", 1.9, 0.1)
    assert small().fit(X, y, rare).predict_proba(X)[:, 1].mean() > plain[:, 1].mean() + 0.05
    X, y = toy(classes=("a", "b", "c"))
    plain = small().fit(X, y).predict_proba(X)
    ones = small().fit(X, y, sample_weight=np.ones(len(y))).predict_proba(X)
    np.testing.assert_allclose(ones, plain, rtol=1e-4, atol=1e-5)
    for size in (len(y) - 1, len(y) + 1):
        with pytest.raises(DataError, match="sample_weight: expected one a sample"):
            small().fit(X, y, np.ones(size))


def test_weights_are_those_of_the_loss_by_hand():
    logits, label = torch.randn(5), torch.tensor([0, 1, 1, 0, 1])
    weight = torch.tensor([1.0, 0.0, 2.0, 1.0, 0.5])
    each = F.binary_cross_entropy(torch.sigmoid(logits), label.float(), reduction="none")
    torch.testing.assert_close(
        classification_loss(logits, label, weight=weight), (each * weight).mean()
    )


def test_it_is_a_scikit_learn_classifier():
    net = small(random_state=3)
    again = clone(net)
    assert again is not net and again.get_params() == net.get_params()
    assert is_classifier(net) and has_fit_parameter(net, "sample_weight")
    assert net.set_params(dense=9).dense == 9 and again.dense == 32
    with pytest.raises(ValueError, match="Invalid parameter"):
        net.set_params(no_such=1)
    X, y = toy(30)
    fitted = again.fit(X, y)
    assert fitted is again and not hasattr(net, "classes_")
    assert {k: v for k, v in vars(again).items() if not k.startswith("_")}.keys() >= {"classes_"}
    assert again.get_params() == clone(again).get_params()
    assert not hasattr(clone(again), "classes_")
    assert 0 <= again.score(X, y) <= 1
    p = cross_val_predict(small(epochs=1), X, y, cv=2, method="predict_proba")
    assert p.shape == (30, 2)
    np.testing.assert_array_equal(
        small().fit(X, y).predict_proba(X), small(random_state=0).fit(X, y).predict_proba(X)
    )


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
        small().fit(*joined(X, y, broken, y))
    with pytest.raises(DataError, match="no finite probability"):
        small().fit(X, y).predict_proba(broken)
    with pytest.raises(DataError, match="expected two classes or more"):
        small().fit(X, ["HGG"] * len(y))
    with pytest.raises(DataError, match="one label per sample"):
        small().fit(X, y[:-1])
    with pytest.raises(DataError, match="expected shape"):
        joined(X, y, X[:1, :2], ["LGG"])
    with pytest.raises(DataError, match="take classifier 'logistic' for vectors"):
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
        FeatureCNN(**settings).fit(*toy(8))
