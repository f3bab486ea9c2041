import numpy as np
import pytest

from rarecase import compare
from rarecase.errors import DataError, LeakError, SettingError
from rarecase.experiment.inner_folds import site_folds
from rarecase.features.feature_set import make_table


def table(n=12):
    """Patients of two rows each, every third of them rare."""
    rng = np.random.default_rng(0)
    who = np.repeat([f"p{i:02d}" for i in range(n)], 2)
    y = np.repeat(np.where(np.arange(n) % 3 == 0, "rare", "common"), 2)
    sites = np.repeat([["Berlin", "Ankara", "Cadiz"][i // 4 % 3] for i in range(n)], 2)
    return rng.normal(size=(2 * n, 3)), y, who, sites


def test_each_site_is_a_fold_in_the_order_of_names():
    X, y, who, sites = table()
    found = site_folds(make_table(X, y, groups=who), sites)
    assert found.tolist() == [1] * 4 + [0] * 4 + [2] * 4


def test_each_site_is_tested_once_by_what_the_others_taught():
    X, y, who, sites = table(48)
    found = compare(X, y, groups=who, sites=sites, arms=["smote"], checks=False, draws=20,
                    permutations=99, generator_seeds=1)  # fmt: skip
    tested = found.predictions.groupby("fold")["patient"].unique()
    of_site = {name: set(who[sites == name]) for name in ("Ankara", "Berlin", "Cadiz")}
    assert [set(patients) for patients in tested] == list(of_site.values())
    assert found.evidence["repeats"] == 1


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda y, s: s[:-1], DataError, r"expected one site a row \(24\), got \(23,\)"),
        (lambda y, s: np.where(s == "Cadiz", None, s), DataError, "some rows have no site"),
        (lambda y, s: np.full(24, "Bonn"), SettingError, "all rows come from 'Bonn'"),
        (
            lambda y, s: np.where(np.arange(24) == 1, "Cadiz", s),
            LeakError,
            "patient 'p00' was examined at two sites",
        ),
        (
            lambda y, s: np.where(y == "rare", "Bonn", "Cadiz"),
            DataError,
            "every patient of class 'rare' comes from 'Bonn'",
        ),
    ],
)
def test_sites_that_cannot_be(change, error, words):
    X, y, who, sites = table()
    with pytest.raises(error, match=words):
        site_folds(make_table(X, y, groups=who), change(y, sites))
