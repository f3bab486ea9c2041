"""Checks that every generator must pass, `CHECKS` by name; a generator of one's own runs them too.

Each takes `make` (settings → an unfitted generator), the shape of a sample and an empty folder:

    @pytest.mark.parametrize("check", contract.CHECKS.values(), ids=contract.CHECKS)
    def test_mine(check, tmp_path):
        check(partial(MyGenerator, width=8), (6, 4, 4), tmp_path)

Those of `TRAINED` are for generators that train, `LEARNS` takes one that was given time to learn.
"""

import numpy as np
import pandas as pd
import pytest

from rarecase.errors import DataError, SettingError
from rarecase.features.store import FeatureStore
from rarecase.generators import (
    Duplicates,
    Gaussian,
    GaussianMixture,
)
from rarecase.progress import use

COUNTS = {"HGG": 40, "LGG": 20}
UNBOUNDED = (Gaussian, GaussianMixture)  # make values below 0 of data that has none


def toy(shape, *, seed=0, negative=False):
    """Two classes around well separated channel means; patients of ten samples each."""
    rng = np.random.default_rng(seed)
    y = np.repeat(list(COUNTS), list(COUNTS.values()))
    means = {"HGG": np.tile([1.0, 4.0], shape[0])[: shape[0]]}
    means["LGG"] = 5.0 - means["HGG"]
    sides = (1,) * (len(shape) - 1)
    X = np.stack([rng.normal(means[label].reshape(-1, *sides), 0.5, shape) for label in y])
    X = X - 3.0 if negative else np.maximum(X, 0.0)
    groups = [f"{label}-{i // 10}" for i, label in enumerate(y)]
    return X.astype(np.float32), y, groups


def nearest_mean(X, y, samples):
    """An independent classifier: the class whose training mean is closest."""
    names = np.unique(y)
    distances = [
        ((samples - X[y == name].mean(0)) ** 2).reshape(len(samples), -1).sum(1) for name in names
    ]
    return names[np.argmin(distances, axis=0)]


class Killer:
    """A reporter that ends the process's work (KeyboardInterrupt) after so many epochs."""

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


def check_shapes_and_types(make, shape, tmp_path):
    X, y, groups = toy(shape)
    gan = make().fit(X, y, groups=groups)
    made, labels = gan.sample({"LGG": 21, "HGG": 3})
    assert made.shape == (24, *shape)
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert made.min() >= 0 or isinstance(gan, UNBOUNDED)  # as the training data
    assert labels.tolist() == ["LGG"] * 21 + ["HGG"] * 3
    assert gan.classes_ == ["HGG", "LGG"]
    assert gan.shape_ == shape
    assert gan.trained_on_ == sorted(set(groups))
    empty, none = gan.sample({"LGG": 0})
    assert empty.shape == (0, *shape)
    assert len(none) == 0


def check_conditioning(make, shape, *, negative):
    X, y, _ = toy(shape, negative=negative)
    gan = make().fit(X, y)
    made, labels = gan.sample({"HGG": 60, "LGG": 60})
    guessed = nearest_mean(X, y, made)
    for name in COUNTS:
        assert (guessed == labels)[labels == name].mean() > 0.8
    assert made.reshape(120, -1).std(0).mean() > 0  # not one sample over and over
    assert (made.min() < 0) == negative or isinstance(gan, UNBOUNDED)
    if not gan.discriminates:
        return
    assert gan.agreement(X, y).mean() > 0.8
    # The discriminator's word is about the sample: under swapped labels it must turn around.
    swapped = np.where(labels == "HGG", "LGG", "HGG")
    np.testing.assert_array_equal(gan.agreement(made, swapped), ~gan.agreement(made, labels))


def check_seeds(make, shape, tmp_path):
    X, y, _ = toy(shape)
    first, again, other = make().fit(X, y), make().fit(X, y), make(random_state=1).fit(X, y)
    few, _ = first.sample({"LGG": 10})
    many, _ = first.sample({"HGG": 7, "LGG": 37})
    np.testing.assert_array_equal(many[7:17], few)
    np.testing.assert_array_equal(again.sample({"LGG": 10})[0], few)
    np.testing.assert_array_equal(first.sample({"LGG": 19}, start=18)[0], many[25:])
    assert not np.array_equal(other.sample({"LGG": 10})[0], few)
    fewest = 20 if isinstance(first, Duplicates) else 31  # there are 20 real ones
    assert len(np.unique(many[7:].reshape(37, -1), axis=0)) >= fewest


def check_round_trip(make, shape, tmp_path):
    X, y, groups = toy(shape)
    gan = make().fit(X, y, groups=groups)
    gan.save(tmp_path / "gan")
    back = type(gan).load(tmp_path / "gan")
    made, labels = gan.sample({"HGG": 5, "LGG": 5})
    np.testing.assert_array_equal(back.sample({"HGG": 5, "LGG": 5})[0], made)
    if gan.discriminates:
        np.testing.assert_array_equal(back.agreement(made, labels), gan.agreement(made, labels))
    assert back.trained_on_ == gan.trained_on_
    assert back.classes_ == gan.classes_
    pd.testing.assert_frame_equal(back.history_, gan.history_)
    if hasattr(gan, "diagnosis_"):
        assert gan.diagnosis_["label"].tolist() == gan.classes_
        pd.testing.assert_frame_equal(back.diagnosis_, gan.diagnosis_)
    assert not list((tmp_path / "gan").glob("*.partial"))


def check_what_is_saved(make, shape, tmp_path):
    """`sampling_strategy` comes back as it was; broken folders are named; strings are paths."""
    X, y, _ = toy(shape)
    codes = np.where(y == "HGG", 0, 1)
    for strategy in ("not majority", {1: 50}, {np.int64(1): np.int64(50)}):
        gan = make(sampling_strategy=strategy).fit(X, codes)
        gan.save(str(tmp_path / "gan"))
        back = type(gan).load(str(tmp_path / "gan"))
        assert back.sampling_strategy == strategy
    gan.set_params(sampling_strategy=lambda y: {1: 50})
    with pytest.raises(SettingError, match="sampling_strategy: a function cannot be saved"):
        gan.save(tmp_path / "other")
    assert not (tmp_path / "other").exists()
    for file in (tmp_path / "gan").iterdir():
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2] if file.suffix != ".csv" else b"")
        with pytest.raises(DataError, match=f"{file.name}: not"):
            type(gan).load(tmp_path / "gan")
        file.unlink()
        with pytest.raises(DataError, match=f"{file.name}: no such file"):
            type(gan).load(tmp_path / "gan")
        file.write_bytes(whole)
    sampler = type(gan).load(tmp_path / "gan")
    assert np.bincount(sampler.fit_resample(X, codes)[1]).tolist() == [40, 50]


def check_resume(make, shape, tmp_path):
    X, y, _ = toy(shape)
    whole = make().fit(X, y)
    checkpoint = tmp_path / "training.safetensors"
    with pytest.raises(KeyboardInterrupt), use(Killer(2)):
        make().fit(X, y, checkpoint=str(checkpoint))
    assert checkpoint.is_file()
    resumed = make().fit(X, y, checkpoint=checkpoint)
    np.testing.assert_array_equal(resumed.sample({"LGG": 20})[0], whole.sample({"LGG": 20})[0])
    one, other = (gan.history_.drop(columns="seconds") for gan in (resumed, whole))
    pd.testing.assert_frame_equal(one, other)
    with pytest.raises(DataError, match="another training"):
        make().fit(X * 2, y, checkpoint=checkpoint)
    with pytest.raises(DataError, match="another training"):
        make().fit(_shuffled_within_classes(X, y), y, checkpoint=checkpoint)
    with pytest.raises(DataError, match="another training"):
        make(random_state=5).fit(X, y, checkpoint=checkpoint)


def _shuffled_within_classes(X, y):
    """The first channel dealt out anew among a class's samples: labels and all sums stay."""
    rng, dealt = np.random.default_rng(0), X.copy()
    for name in np.unique(y):
        mine = np.flatnonzero(y == name)
        dealt[mine, 0] = X[rng.permutation(mine), 0]
    return dealt


def check_stores(make, shape, tmp_path):
    """A store and its rows give what the same array gives; samples stream into a store."""
    X, y, _ = toy(shape)
    path = tmp_path / "real.zarr"
    with FeatureStore.create(path, block="b", shape=shape, rows=pd.DataFrame({"y": y})) as store:
        store.append(X)
    rows = np.random.default_rng(0).permutation(len(X))[:45]
    half = X.astype(np.float16)
    from_array = make().fit(half[rows], y[rows])
    from_store = make().fit(FeatureStore.open(path), y[rows], rows=rows)
    made, labels = from_array.sample({"HGG": 5, "LGG": 20})
    np.testing.assert_array_equal(from_store.sample({"HGG": 5, "LGG": 20})[0], made)
    written = from_store.sample_to_store(tmp_path / "made.zarr", {"HGG": 5, "LGG": 20})
    np.testing.assert_array_equal(written.read_all(), made.astype(np.float16))
    assert written.rows["label"].tolist() == labels.tolist()
    agrees = True
    if from_array.discriminates:
        agrees = from_array.agreement(made, labels)
    np.testing.assert_array_equal(written.rows["agrees"], agrees)
    keep = {"HGG": np.arange(5) > 2, "LGG": np.arange(20) % 3 == 0}
    mask = np.concatenate([keep["LGG"], keep["HGG"]])
    order = [*range(5, 25), *range(5)]  # the classes in the order of the counts
    some = from_store.sample_to_store(
        tmp_path / "some.zarr", {"LGG": 20, "HGG": 5}, keep=dict(sorted(keep.items()))
    )
    np.testing.assert_array_equal(some.read_all(), made.astype(np.float16)[order][mask])
    assert some.rows["label"].tolist() == labels[order][mask].tolist()
    assert some.rows["agrees"].tolist() == written.rows["agrees"].to_numpy()[order][mask].tolist()


def check_resampling(make, shape, tmp_path):
    X, y, _ = toy(shape)
    sampler = make()
    X_all, y_all = sampler.fit_resample(X, y)
    np.testing.assert_array_equal(X_all[: len(X)], X)
    np.testing.assert_array_equal(y_all[: len(y)], y)
    assert y_all[len(y) :].tolist() == ["LGG"] * 20
    assert X_all.dtype == X.dtype
    assert sampler.sample_indices_.tolist() == [*range(len(X)), *[-1] * 20]
    more, asked = make(sampling_strategy={"LGG": 25, "HGG": 41}).fit_resample(X, y)
    assert len(more) == 66
    assert sorted(asked[60:].tolist()) == ["HGG"] + ["LGG"] * 5


def check_types_of_values(make, shape, tmp_path):
    """Whole numbers stay whole and truth stays as frequent as it was made, not one of the two cut
    off and the other always true."""
    X, y, _ = toy(shape)
    kinds = {np.int16: np.rint, np.uint8: lambda made: np.clip(np.rint(made), 0, 255),
             bool: lambda made: made >= 0.5}  # fmt: skip
    for kind, expected in kinds.items():
        real = (X > 3) if kind is bool else np.rint(X).astype(kind)
        sampler = make()
        both, _ = sampler.fit_resample(real, y)
        assert both.dtype == kind
        made, _ = sampler.sample({"LGG": 20})
        np.testing.assert_array_equal(both[60:], expected(made))
    if len(shape) == 1:
        _check_columns(make, X, y)


def _check_columns(make, X, y):
    kinds = ["float64", "float32", "int8", "bool", "Int64", "boolean"]
    columns = dict(enumerate(kinds))
    whole = X.astype(np.float64)
    whole[:, 2], whole[:, 4] = 40 * X[:, 2] - 60, np.rint(X[:, 4])  # int8 ends at 127
    whole[:, 2] = np.clip(np.rint(whole[:, 2]), -128, 127)
    whole[:, [3, 5]] = X[:, [3, 5]] > 3
    names = [f"f{i}" for i in columns]
    frame = pd.DataFrame(whole, columns=names).astype(dict(zip(names, kinds, strict=True)))
    sampler = make()
    both, _ = sampler.fit_resample(frame, y)
    pd.testing.assert_series_equal(both.dtypes, frame.dtypes)
    pd.testing.assert_frame_equal(both[: len(X)], frame)
    made, _ = sampler.sample({"LGG": 20})
    expected = made.astype(np.float64)
    expected[:, 2] = np.clip(np.rint(made[:, 2]), -128, 127)
    expected[:, 4] = np.rint(made[:, 4])
    expected[:, [3, 5]] = made[:, [3, 5]] >= 0.5
    np.testing.assert_allclose(both[len(X) :].to_numpy(np.float64), expected, rtol=1e-6)


def check_integer_labels(make, shape, tmp_path):
    X, y, _ = toy(shape)
    gan = make().fit(X, np.where(y == "HGG", 0, 1))
    gan.save(tmp_path / "gan")
    made, labels = type(gan).load(tmp_path / "gan").sample({np.int64(1): 3})
    assert labels.tolist() == [1, 1, 1]
    np.testing.assert_array_equal(made, gan.sample({1: 3})[0])


def check_refusals(make, shape, tmp_path):
    X, y, _ = toy(shape)
    broken = X.copy()
    broken[7].flat[0] = np.nan
    with pytest.raises(DataError, match="sample 7 holds NaN"):
        make().fit(broken, y)
    lonely = y.astype("U5")
    lonely[0] = "oligo"
    with pytest.raises(DataError, match="class 'oligo' has one sample"):
        make().fit(X, lonely)
    with pytest.raises(DataError, match="two classes or more"):
        make().fit(X[:40], y[:40])
    with pytest.raises(DataError, match="one label per sample"):
        make().fit(X, y[:-1])
    with pytest.raises(DataError, match="groups: expected one per sample"):
        make().fit(X, y, groups=["p"])
    with pytest.raises(SettingError, match="not fitted"):
        make().sample({"LGG": 1})
    gan = make().fit(X, y)
    with pytest.raises(DataError, match="did you mean 'LGG'"):
        gan.sample({"LGGG": 1})
    with pytest.raises(DataError, match="from 0 on"):
        gan.sample({"LGG": -1})
    if not gan.discriminates:
        with pytest.raises(SettingError, match="has no discriminator"):
            gan.agreement(X, y)
        return
    with pytest.raises(DataError, match="expected samples of shape"):
        gan.agreement(np.zeros((2, shape[0] + 1, *shape[1:])), ["LGG", "HGG"])


CHECKS = {
    check.__name__: check
    for check in (
        check_shapes_and_types, check_seeds, check_round_trip, check_what_is_saved, check_stores,
        check_resampling, check_types_of_values, check_integer_labels, check_refusals,
    )
}  # fmt: skip
TRAINED = {"check_resume": check_resume}
LEARNS = check_conditioning
