"""Small feature sets whose classes differ by what a test says."""

import numpy as np
import pandas as pd

from rarecase.experiment.auto import Candidate
from rarecase.experiment.design import make_design
from rarecase.experiment.fold_rows import Place
from rarecase.features.feature_set import make_features, store_features
from rarecase.features.store import FeatureStore
from rarecase.generators.resampling import Duplicates


class Broken(Duplicates):
    """A generator that never fits."""

    def fit(self, X, y, **more):
        raise ValueError("this one never fits")


def vectors(n=(45, 15), *, names=("common", "rare"), shift=0.8, d=4, rows=1, seed=0):
    """X (n · rows, d), y and groups: class number k is `shift` further along feature k − 1, or, of
    two classes, along all; every patient has `rows` rows."""
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(len(names)), n)
    X = rng.normal(size=(len(code), d))
    if len(names) == 2:
        X += shift * code[:, None]
    else:
        X[code > 0, code[code > 0] - 1] += shift
    X = np.repeat(X, rows, axis=0) + 0.3 * rng.normal(size=(len(code) * rows, d))
    who = [f"p{i:03d}" for i in range(len(code))]
    return X, np.repeat(np.array(names)[code], rows), np.repeat(who, rows)


def vector_set(*args, **settings):
    """`vectors` as a feature set."""
    X, y, groups = vectors(*args, **settings)
    return make_features(X, y, groups=groups)


def candidates(rows=1):
    """Two sets, `noise` and `signal`, each with logistic regression and LDA."""
    X, y, groups = vectors((40, 15), d=3, shift=1.5, rows=rows)
    noise = np.random.default_rng(0).normal(size=X.shape)
    sets = [
        make_features(noise, y, groups=groups, name="noise"),
        make_features(X, y, groups=groups, name="signal"),
    ]
    designs = [make_design(["smote"], classifier=kind, seeds=1) for kind in ("logistic", "lda")]
    return [Candidate(each, design) for each in sets for design in designs]


def write_store(path, X, **columns):
    """A feature store of samples `X` (n, …) and the columns of its rows."""
    with FeatureStore.create(
        path, block="b", shape=X.shape[1:], rows=pd.DataFrame(columns)
    ) as store:
        store.append(X)
    return FeatureStore.open(path)


def map_set(path, n=(20, 10), *, slices=2, shape=(3, 4, 4), shift=1.5, seed=0, X=None):
    """Maps of slices in a store at `path`: class LGG, the rare one, lifts the first channel. The
    last slice of every patient has no predicted mask."""
    rng = np.random.default_rng(seed)
    label = np.repeat(np.repeat(["HGG", "LGG"], n), slices)
    if X is None:
        X = np.maximum(rng.normal(size=(len(label), *shape)), 0).astype(np.float32)
        X[label == "LGG", 0] += shift
    number = np.arange(len(label))
    who = [f"p{i // slices:02d}" for i in number]
    store = write_store(
        path, X, case=who, slice=number % slices, patient=who, label=label,
        predicted=np.where(number % slices == slices - 1, 0, 5),
    )  # fmt: skip
    return store_features(store, classes=("HGG", "LGG"), rare="LGG", name="bottleneck")


def place_of(features, *, folds=3, fold=0, repeat=0):
    """Patient i is tested in fold i modulo `folds`."""
    return Place(np.arange(len(features.patients)) % folds, repeat, fold, "digest")
