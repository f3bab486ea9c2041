"""Grey levels beside each other (GLCM, IBSI 3.6)."""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from rarecase.arrays import Floats, Ints
from rarecase.features.radiomics.region import Merge, offsets, paired

NAMES = (
    "joint_maximum", "joint_average", "joint_variance", "joint_entropy", "difference_average",
    "difference_variance", "difference_entropy", "sum_average", "sum_variance", "sum_entropy",
    "uniformity", "contrast", "dissimilarity", "inverse_difference",
    "inverse_difference_normalised", "inverse_difference_moment",
    "inverse_difference_moment_normalised", "inverse_variance", "correlation", "autocorrelation",
    "cluster_tendency", "cluster_shade", "cluster_prominence", "information_corr_1",
    "information_corr_2",
)  # fmt: skip


def cooccurrence_features(
    levels: Ints, most: int, *, flat: bool = False, merge: Merge = "none"
) -> dict[str, float]:
    """Features of pairs of neighbours' grey levels (z, y, x), 1 … `most`, 0: does not count.

    `flat`: pairs within slices, in 4 directions; else in 13 of the volume.
    """
    counts = np.stack([_pairs(levels, most, offset, flat=flat) for offset in offsets(flat=flat)])
    over = {"none": (), "directions": (0,), "slices": (1,), "all": (0, 1)}[merge]
    counts = counts.sum(axis=over).reshape(-1, most, most)
    counts = counts[counts.any(axis=(1, 2))]
    if not len(counts):
        return {f"cm_{name}": float("nan") for name in NAMES}
    found = matrix_features(counts + counts.swapaxes(1, 2))
    return {
        f"cm_{name}": float(value) for name, value in zip(NAMES, found.mean(axis=0), strict=True)
    }


def _pairs(levels: Ints, most: int, offset: tuple[int, int, int], *, flat: bool) -> Floats:
    """Counts of pairs at an offset (slices or 1, most, most)."""
    here, there = paired(levels, offset)
    both = (here > 0) & (there > 0)
    planes = len(levels) if flat else 1
    key = (here[both] - 1) * most + there[both] - 1
    if flat:
        key = key + np.nonzero(both)[0] * most**2
    return np.bincount(key, minlength=planes * most**2).reshape(planes, most, most).astype(float)


def matrix_features(counts: Floats) -> Floats:
    """The features `NAMES` of symmetric matrices (m, levels, levels): (m, features).

    A correlation of grey levels that do not vary is not defined: NaN.
    """
    p = counts / counts.sum(axis=(1, 2), keepdims=True)
    n = p.shape[1]
    level = np.arange(1, n + 1, dtype=np.float64)
    apart, sums = np.arange(n), np.arange(2, 2 * n + 1)
    difference, total = np.zeros((len(p), n)), np.zeros((len(p), 2 * n - 1))
    for i in range(n):
        total[:, i : i + n] += p[:, i]
        difference[:, : n - i] += p[:, i, i:]
        difference[:, 1 : i + 1] += p[:, i, :i][:, ::-1]
    one = p.sum(axis=2)  # of a symmetric matrix rows and columns are alike
    mean = one @ level
    variance = one @ level**2 - mean**2
    variance = np.where(variance > 1e-12 * mean**2, variance, 0.0)
    auto = np.einsum("mij,i,j->m", p, level, level)
    entropy, single = _entropy(p.reshape(len(p), -1)), _entropy(one)
    about = sums[None] - 2 * mean[:, None]
    far, sum_mean = difference @ apart, total @ sums
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = (auto - mean**2) / variance
        information = (entropy - 2 * single) / single
    return np.stack(
        [
            p.max(axis=(1, 2)), mean, variance, entropy,
            far, difference @ apart**2 - far**2, _entropy(difference),
            sum_mean, (total * (sums[None] - sum_mean[:, None]) ** 2).sum(axis=1), _entropy(total),
            (p**2).sum(axis=(1, 2)), difference @ apart**2, far,
            difference @ (1 / (1 + apart)), difference @ (1 / (1 + apart / n)),
            difference @ (1 / (1 + apart**2)), difference @ (1 / (1 + (apart / n) ** 2)),
            difference[:, 1:] @ (1 / apart[1:] ** 2) if n > 1 else np.zeros(len(p)),
            correlation, auto,
            (total * about**2).sum(axis=1), (total * about**3).sum(axis=1),
            (total * about**4).sum(axis=1),
            information, np.sqrt(np.maximum(0, 1 - np.exp(-2 * (2 * single - entropy)))),
        ],
        axis=1,
    )  # fmt: skip


def _entropy(p: Floats) -> Floats:
    """In bits, of each row (m, k)."""
    return np.asarray(-xlogy(p, p).sum(axis=1) / np.log(2))
