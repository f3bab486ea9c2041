"""What single closed-form generators promise beyond the contract."""

import numpy as np
import pandas as pd
import pytest
from sklearn.covariance import ledoit_wolf_shrinkage

from rarecase.errors import DataError, SettingError
from rarecase.experiment.arms import make_arms
from rarecase.experiment.sampling import new_generator
from rarecase.generators import (
    BorderlineSmote,
    Borrowed,
    Gaussian,
    GaussianMixture,
    Mixup,
    Remix,
    Smote,
)
from rarecase.generators.gaussian import Units, shrinkage
from rarecase.generators.registry import KINDS
from rarecase.generators.validation import cast_values


def two_moons(n, seed):
    rng = np.random.default_rng(seed)
    side = rng.integers(2, size=n)
    return np.stack([rng.normal(6.0 * side - 3, 0.3), rng.normal(size=n)], axis=1)


def test_a_mixture_finds_the_parts_that_one_gaussian_smears_over():
    X, y = np.concatenate([two_moons(80, 0), two_moons(80, 1) + 20]), np.repeat(["a", "b"], 80)
    made, _ = GaussianMixture(components=2).fit(X, y).sample({"a": 400})
    smeared, _ = Gaussian().fit(X, y).sample({"a": 400})
    assert (np.abs(made[:, 0]) < 1.5).mean() < 0.02
    assert (np.abs(smeared[:, 0]) < 1.5).mean() > 0.25
    left = (made[:, 0] < 0).mean()
    assert left == pytest.approx((X[:80, 0] < 0).mean(), abs=0.08)


def test_a_mixture_of_a_small_class_stays_one_gaussian():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 4)), np.repeat(["a", "b"], [40, 10])
    one, _ = GaussianMixture(components=3, smallest=40).fit(X, y).sample({"b": 5})
    assert np.isfinite(one).all()
    parts = GaussianMixture(components=3).fit(X, y)._places
    assert [len(each) for each in parts][1] == 1
    with pytest.raises(SettingError, match="components: expected above 0"):
        GaussianMixture(components=0).fit(X, y)


def slices(seed=0, patients=(30, 4), each=5, d=3):
    """Patients around the mean of their class, slices around their patient: the common class varies
    along the first axis, slices along the last."""
    rng = np.random.default_rng(seed)
    y = np.repeat(["common", "rare"], patients)
    between = rng.normal(size=(sum(patients), d)) * [5.0, 0.1, 0.1]
    between[y == "rare"] *= 0.02
    X = np.repeat(between + 10.0 * (y == "rare")[:, None], each, axis=0)
    X += rng.normal(size=X.shape) * [0.1, 0.1, 2.0]
    who = np.repeat([f"p{i}" for i in range(sum(patients))], each)
    return X, np.repeat(y, each), who


def test_rare_samples_vary_as_common_patients_and_as_slices_do():
    X, y, who = slices()
    made, _ = Borrowed().fit(X, y, groups=who).sample({"rare": 2000})
    with pytest.raises(DataError, match="a patient has samples of two classes"):
        Borrowed().fit(X, y, groups=np.zeros(len(X)))
    rare = X[y == "rare"]
    assert made.mean(axis=0) == pytest.approx(rare.mean(axis=0), abs=1.2)
    spread = made.std(axis=0)
    assert spread[0] > 3 * rare.std(axis=0)[0]  # between patients: borrowed from the common class
    assert spread[2] == pytest.approx(2.0, rel=0.15)  # within patients: of everybody's slices


def test_the_common_class_keeps_its_own_variation():
    X, y, who = slices()
    gan = Borrowed().fit(X, y, groups=who)
    made, _ = gan.sample({"common": 3000})
    np.testing.assert_allclose(made.std(axis=0), X[y == "common"].std(axis=0), rtol=0.12)


def test_without_groups_each_sample_is_a_patient():
    X, y, _ = slices(each=1)
    alone = Borrowed().fit(X, y)
    named = Borrowed().fit(X, y, groups=[f"p{i:03d}" for i in range(len(X))])
    np.testing.assert_array_equal(alone.sample({"rare": 9})[0], named.sample({"rare": 9})[0])
    assert not np.any(alone._within)


def test_a_patients_many_slices_do_not_move_its_class():
    X, y, who = slices()
    more = np.concatenate([X, np.repeat(X[-5:], 20, axis=0)])
    y2, who2 = np.concatenate([y, np.repeat(y[-5:], 20)]), np.concatenate([who, [who[-1]] * 100])
    one, other = (Borrowed().fit(*each[:2], groups=each[2]) for each in
                  ((X, y, who), (more, y2, who2)))  # fmt: skip
    np.testing.assert_allclose(one._means[1], other._means[1])


def two_classes():
    X = np.random.default_rng(0).normal(size=(60, 2))
    return X, np.repeat(["common", "rare"], [40, 20])


def test_a_random_state_may_be_what_scikit_learn_takes(tmp_path):
    X, y = two_classes()
    states = [3, 4, np.int64(3), np.random.RandomState(3), np.random.RandomState(4)]
    found = [Gaussian(random_state=s).fit(X, y) for s in states]
    drawn = [each.sample({each.classes_[0]: 5})[0] for each in found]
    np.testing.assert_array_equal(drawn[0], drawn[2])
    for one, other in ((0, 1), (0, 3), (3, 4)):
        assert not np.allclose(drawn[one], drawn[other])
    found[3].save(tmp_path / "kept")
    again = Gaussian.load(tmp_path / "kept").sample({found[3].classes_[0]: 5})[0]
    np.testing.assert_array_equal(again, drawn[3])
    a, b = (Gaussian(random_state=None).fit(X, y).seed_ for _ in range(2))
    assert a != b


def test_smote_needs_a_neighbour():
    with pytest.raises(SettingError, match="neighbours: expected above 0"):
        Smote(neighbours=0).fit(*two_classes())


@pytest.mark.parametrize("kind", [np.int64, np.uint64, np.int32])
def test_values_beyond_a_type_become_its_last(kind):
    ends = cast_values(np.array([-1e30, 1e30]), np.dtype(kind))
    assert ends[0] == np.iinfo(kind).min
    assert ends[1] == pytest.approx(float(np.iinfo(kind).max))


def test_a_sparse_table_of_whole_numbers_stays_one():
    X, y = two_classes()
    table = pd.DataFrame(np.rint(3 * np.abs(X)), dtype=pd.SparseDtype("int32"))
    both, _ = (sampler := Gaussian()).fit_resample(table, y)
    assert both.dtypes.tolist() == table.dtypes.tolist()
    made, _ = sampler.sample({"rare": 20})
    np.testing.assert_array_equal(both[60:].to_numpy(), np.rint(made))


@pytest.mark.parametrize("value", [0.0, -1.0, np.inf, np.nan, None, "1"])
@pytest.mark.parametrize("kind", [Mixup, Remix])
def test_mixing_needs_a_finite_alpha(kind, value):
    with pytest.raises(SettingError, match="alpha: expected above 0 and up to 1,000,000,000,0"):
        kind(alpha=value).fit(*two_classes())
    largest, _ = kind(alpha=1e12).fit(*two_classes()).sample({"rare": 99})
    assert np.isfinite(largest).all()


@pytest.mark.parametrize("value", [-1, 0.5, np.inf, np.nan, None])
def test_remix_takes_partners_that_are_no_rarer(value):
    with pytest.raises(SettingError, match="kappa: expected a finite number of at least 1"):
        Remix(kappa=value).fit(*two_classes())
    Remix(kappa=1).fit(*two_classes())


def test_what_is_asked_for_is_whole_numbers_of_known_classes():
    X, y = two_classes()
    whole = Gaussian().fit(X, (y == "rare").astype(int))
    for counts in ({1: 2.5}, {1: "3"}, {1: None}):
        with pytest.raises(DataError, match="counts, start: expected whole numbers from 0 on"):
            whole.sample(counts)
    with pytest.raises(DataError, match="counts, start: expected whole numbers from 0 on"):
        whole.sample({1: 2}, start=0.5)
    with pytest.raises(DataError, match="counts: expected a dictionary"):
        whole.sample([2])
    with pytest.raises(DataError, match=r"class '1' .* classes are integers, 0, 1; .*quotes"):
        whole.sample({"1": 1})
    with pytest.raises(DataError, match="classes are booleans, False, True;"):
        Gaussian().fit(X, y == "rare").sample({"True": 1})
    with pytest.raises(DataError, match="class 2 was not in the training data; Known: 0, 1"):
        whole.sample({2: 1})


def test_borderline_smote_starts_at_the_border():
    """Rare samples among common ones and as many far from all: plain SMOTE starts from both."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(75, 2)), rng.normal(size=(12, 2)) + 100])
    y = np.repeat(["common", "rare"], [63, 24])
    border, _ = BorderlineSmote().fit(X, y).sample({"rare": 300})
    plain, _ = Smote().fit(X, y).sample({"rare": 300})
    assert border.max() < 10
    assert 0.3 < (plain.min(axis=1) > 90).mean() < 0.7


def test_borderline_smote_without_a_border_is_plain():
    X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([0, 100], [40, 20])[:, None]
    y = np.repeat(["common", "rare"], [40, 20])
    made, _ = BorderlineSmote().fit(X, y).sample({"rare": 50})
    assert made.min() > 90
    assert len(np.unique(made, axis=0)) == 50


def test_remix_mixes_with_classes_so_much_more_frequent():
    """Each class has an axis of its own; a sample says what it was mixed of."""
    counts = {"common": 60, "between": 20, "rare": 5}
    y = np.repeat(list(counts), list(counts.values()))
    X = np.eye(3)[np.repeat([0, 1, 2], list(counts.values()))]
    remix = Remix(kappa=3, tau=0.4).fit(X, y)
    common, between, rare = (remix.sample({name: 200})[0] for name in counts)
    np.testing.assert_array_equal(common, np.tile([1, 0, 0], (200, 1)))  # none is more frequent
    assert (between[:, 0] > 0).all() and not between[:, 2].any()
    assert (rare[:, 2] >= 0.6 - 1e-9).all()
    assert (rare[:, 0] > 0).any() and (rare[:, 1] > 0).any()
    assert ((rare > 0).sum(axis=1) == 2).all()
    np.testing.assert_array_equal(Remix(kappa=13).fit(X, y).sample({"rare": 9})[0], X[[-1] * 9])


def table(dtype=np.float64):
    """Two classes in four columns, the last of which never varies."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(90, 4)), np.repeat(["common", "rare"], [70, 20])
    X[y == "rare"] += 1.5
    X[:35, 0] -= 6.0  # two parts
    X[:, 3] = 0.1
    return X.astype(dtype), y


@pytest.mark.parametrize("kind", [Gaussian, GaussianMixture])
def test_units_do_not_matter_to_gaussians(kind):
    X, y = table()
    units = np.array([1e-3, 1e6, 1.0, 1e3])
    one, other = (kind().fit(values, y).sample({"common": 200, "rare": 200})[0]
                  for values in (X, X * units))  # fmt: skip
    np.testing.assert_allclose(other, one * units, rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [Gaussian, GaussianMixture, Borrowed])
def test_a_column_that_never_varies_stays_as_it_is(kind, dtype):
    X, y = table(dtype)
    made, _ = kind().fit(X, y).sample({"common": 200, "rare": 200})
    assert np.unique(made[:, 3]).tolist() == [X[0, 3]]
    assert (made[:, :3].std(axis=0) > 0.5).all()


def test_copies_of_the_most_frequent_class_are_said(caplog):
    X, y = table()
    alone = Borrowed().fit(X, y)
    alone.sample({"rare": 10})
    assert not caplog.records
    made = alone.sample({"common": 10})[0]
    alone.sample({"common": 300})
    (said,) = caplog.records
    assert "those generated of common, the most frequent class, are copies" in said.getMessage()
    near = np.abs(made[:, None] - X[y == "common"][None]).max(axis=2).min(axis=1)
    assert near == pytest.approx(0, abs=1e-9)
    caplog.clear()
    Borrowed().fit(X, y, groups=np.arange(len(y)) // 2).sample({"common": 10})
    assert not caplog.records


def test_what_is_borrowed_does_not_hang_on_units():
    X, y = table()
    units = np.array([1.0, 1e3, 1e-3, 1.0])

    def made(values, standardise=True):
        given = Borrowed(standardise=standardise, random_state=0).fit(values, y)
        return given.sample({"rare": 100})[0]

    np.testing.assert_allclose(made(X * units) / units, made(X), rtol=1e-6)
    as_they_come = made(X * units, standardise=False) / units
    assert not np.allclose(as_they_come, made(X), rtol=1e-3)


def test_a_columns_deviation_is_that_of_all_samples():
    X, _ = table()
    whole = X / Units(X, standardise=True).size
    np.testing.assert_allclose(whole[:, :3].std(axis=0), 1.0)
    assert Units(whole, standardise=True).size == pytest.approx(np.ones(4))
    far = Units(np.float32([[4096.0], [4097.0], [4098.0]]), standardise=True)
    assert far.size == pytest.approx(np.sqrt([2 / 3]), rel=1e-6)


@pytest.mark.parametrize("shape", [(7, 40), (40, 7), (12, 12), (3, 500), (60, 200)])
def test_shrinkage_is_scikit_learns_whichever_is_larger(shape):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape) * rng.uniform(0.1, 3, shape[1]) + rng.normal(size=(shape[0], 1))
    X -= X.mean(axis=0)
    expected = ledoit_wolf_shrinkage(X, assume_centered=True)
    assert 0 < expected < 1
    assert shrinkage(X) == pytest.approx(expected, rel=1e-10)


def test_shrinkage_of_wide_samples_forms_no_matrix_of_columns(monkeypatch):
    def refused(*_, **__):
        raise AssertionError

    monkeypatch.setattr("rarecase.generators.gaussian.ledoit_wolf_shrinkage", refused)
    noise = np.random.default_rng(0).normal(size=(4, 30_000))
    assert shrinkage(noise - noise.mean(axis=0)) == pytest.approx(0.5, abs=0.01)
    same = np.outer([1.0, -1.0, 1.0, -1.0], noise[0])
    assert shrinkage(same) == pytest.approx(0.0, abs=1e-12)


def test_no_arm_standardises_what_a_comparison_has_rotated():
    samplers = (a.sampler for a in make_arms().values() if a.sampler and a.sampler.kind in KINDS)
    made = [new_generator(each, seed=0, standardised=True) for each in samplers]
    asked = [each for each in made if "standardise" in each.get_params()]
    assert [type(each) for each in asked] == [Gaussian, GaussianMixture, Borrowed]
    assert not any(each.standardise for each in asked)


@pytest.mark.parametrize("name", ["gaussian", "gaussian-mixture"])
def test_arms_leave_the_axes_of_a_comparison_as_they_are(name):
    """Rotated, shrinkage and noise are the same: what varies little must not be blown up to what
    varies much before the covariance is shrunk."""
    X, y = table()
    X = X * [1.0, 1e-3, 1e-3, 0.0]
    arm = new_generator(make_arms()[name].sampler, seed=0, standardised=True)
    assert not arm.standardise
    narrow = arm.fit(X, y).sample({"rare": 3000})[0][:, 1].std()
    own = arm.set_params(standardise=True).fit(X, y).sample({"rare": 3000})[0][:, 1].std()
    assert narrow > 3 * own
