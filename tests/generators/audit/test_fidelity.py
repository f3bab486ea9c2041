"""Each measure against one written from its definition with SciPy and scikit-learn."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors

from rarecase.errors import DataError
from rarecase.generators.audit import distances, fidelity
from rarecase.generators.audit.distances import nearest
from rarecase.generators.audit.fidelity import (
    frechet_baseline,
    frechet_distance,
    kernel_distance,
    neighbourhood,
    two_sample_auc,
)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    """Several blocks even of few samples."""
    monkeypatch.setattr(distances, "BLOCK", 37)
    monkeypatch.setattr(fidelity, "BLOCK", 41)


def pair(n=150, m=110, d=6, *, shift=0.4, dtype=np.float32):
    rng = np.random.default_rng(0)
    real, made = rng.normal(size=(n, d)) * 3 + 10, rng.normal(size=(m, d)) * 2 + 10 + shift
    return real.astype(dtype), made.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nearest_as_scikit_learn_finds_them(dtype):
    real, made = pair(dtype=dtype)
    expected, _ = NearestNeighbors(n_neighbors=4).fit(real).kneighbors(made)
    np.testing.assert_allclose(nearest(made, real, k=4), expected, rtol=1e-6)
    expected, _ = NearestNeighbors(n_neighbors=3).fit(real).kneighbors()
    np.testing.assert_allclose(nearest(real, real, k=3, same=True), expected, rtol=1e-6)
    assert (nearest(real[5:9], real) == 0).all()
    with pytest.raises(DataError, match="expected 1 to 149"):
        nearest(real, real, k=150, same=True)


@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_neighbourhood_by_its_definition(shift):
    real, made = pair(shift=shift, dtype=np.float64)
    k = 4
    rr, mm, rm = cdist(real, real), cdist(made, made), cdist(real, made)
    around_real, around_made = np.sort(rr)[:, k], np.sort(mm)[:, k]
    found = neighbourhood(real, made, k=k)
    assert found.precision == pytest.approx((rm < around_real[:, None]).any(axis=0).mean())
    assert found.recall == pytest.approx((rm < around_made[None]).any(axis=1).mean())
    assert found.density == pytest.approx((rm < around_real[:, None]).sum() / (k * len(made)))
    assert found.coverage == pytest.approx((rm.min(axis=1) < around_real).mean())


def test_a_generator_of_one_sample_is_precise_and_covers_nothing():
    real, _ = pair()
    found = neighbourhood(real, np.repeat(real[:1], 50, axis=0) + 0.001)
    assert found.precision == 1 and found.coverage < 0.1 and found.recall < 0.1


@pytest.mark.parametrize(("n", "d"), [(150, 6), (20, 40)])
def test_frechet_by_the_matrix_root(n, d):
    real, made = pair(n, n - 5, d, dtype=np.float64)
    one, other = LedoitWolf().fit(real), LedoitWolf().fit(made)
    root = sqrtm(one.covariance_ @ other.covariance_).real
    apart = np.square(one.location_ - other.location_).sum()
    expected = apart + np.trace(one.covariance_ + other.covariance_ - 2 * root)
    assert frechet_distance(real, made) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-6)


def test_the_floor_falls_with_more_samples_and_is_what_halves_give():
    few, many = pair(40)[0], pair(600)[0]
    assert frechet_baseline(many) < frechet_baseline(few)
    assert frechet_baseline(few) == frechet_baseline(few)
    halves = frechet_distance(few[:20], few[20:])
    assert frechet_baseline(few) == pytest.approx(halves, rel=0.8)


def test_kernel_distance_by_scikit_learns_kernel():
    real, made = pair(dtype=np.float64)

    def mean(a, b, *, same):
        kernel = polynomial_kernel(a, b, degree=3, coef0=1)
        n = len(kernel)
        return (kernel.sum() - np.trace(kernel)) / (n * (n - 1)) if same else kernel.mean()

    expected = mean(real, real, same=True) + mean(made, made, same=True)
    expected -= 2 * mean(real, made, same=False)
    assert kernel_distance(real, made) == pytest.approx(expected, rel=1e-9)
    halves = kernel_distance(real[:75], real[75:])
    assert abs(halves) < abs(kernel_distance(real, made))


def test_two_samples_are_told_apart_when_they_differ():
    real, made = pair(200, 200, shift=0.0)
    assert two_sample_auc(real[:100], real[100:]) == pytest.approx(0.5, abs=0.12)
    assert two_sample_auc(real, made + 4) > 0.9
    assert two_sample_auc(real[:100], real[:100]) < 0.4  # copies
    with pytest.raises(DataError, match="expected 5 samples or more of each, got 3"):
        two_sample_auc(real, made[:3])


def patients(n, slices, *, seed, d=20):
    """Slices of `n` patients who all come from one distribution."""
    rng = np.random.default_rng(seed)
    middle = np.repeat(rng.normal(size=(n, d)), slices, axis=0)
    return middle + 0.1 * rng.normal(size=middle.shape), np.repeat(np.arange(n), slices)


def test_other_patients_are_not_told_apart_when_patients_are_held_out_whole():
    (real, who), (other, whose) = patients(30, 8, seed=0, d=60), patients(30, 8, seed=1, d=60)
    assert two_sample_auc(real, other) > 0.75
    by_patient = two_sample_auc(real, other, groups=who, synthetic_groups=whose)
    assert by_patient == pytest.approx(0.5, abs=0.15)
    assert two_sample_auc(real, other + 3, groups=who, synthetic_groups=whose) > 0.95
    with pytest.raises(DataError, match="expected 2 patients or more of each, got 1"):
        two_sample_auc(real, other, groups=np.zeros(len(real)))
    with pytest.raises(DataError, match="synthetic_groups: expected one per sample"):
        two_sample_auc(real, other, synthetic_groups=whose[:9])


def test_the_floor_by_patients_is_what_other_patients_give():
    (real, who), (other, _) = patients(12, 8, seed=0), patients(12, 8, seed=1)
    apart = frechet_distance(real, other)
    assert frechet_baseline(real) < 0.3 * apart
    assert apart < frechet_baseline(real, groups=who) < 4 * apart
    with pytest.raises(DataError, match="groups: expected two patients"):
        frechet_baseline(real, groups=np.zeros(len(real)))
    with pytest.raises(DataError, match="real: expected four samples"):
        frechet_baseline(real[:3])


def test_what_cannot_be_compared_is_said():
    real, made = pair()
    with pytest.raises(DataError, match="as many features, got 6 and 5"):
        neighbourhood(real, made[:, :5])
    broken = made.copy()
    broken[100, 2] = np.nan
    with pytest.raises(DataError, match="synthetic: some values are missing"):
        frechet_distance(real, broken)
    with pytest.raises(DataError, match="synthetic: expected two samples"):
        kernel_distance(real, made[:1])
