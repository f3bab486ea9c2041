"""How like real samples are synthetic ones, and how much of the real variety do they cover?

Of one class at a time: pass the samples of a class. All take real (n, d) and synthetic (m, d), any
floating type, and keep memory to a few blocks beside them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches

from rarecase.arrays import Floats, Ints
from rarecase.errors import DataError
from rarecase.generators.audit.distances import Samples, checked_pair, distance_blocks, nearest
from rarecase.generators.validation import whose
from rarecase.ranking import concordance, mean_defined
from rarecase.seeds import numpy_rng

NEIGHBOURS = 5
BLOCK = 1024  # rows in memory as float64 at a time
EXACT = 5000  # rows from which the shrinkage of a covariance is estimated
SHOWN = 5000  # samples of either kind that the two-sample classifier is shown


@dataclass(frozen=True)
class Neighbourhood:
    """Precision and recall (Kynkäänniemi et al. 2019, arXiv 1904.06991), density and coverage
    (Naeem et al. 2020, arXiv 2002.09797). All from 0 on; density may pass 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def neighbourhood(real: Samples, synthetic: Samples, *, k: int = NEIGHBOURS) -> Neighbourhood:
    """From balls around each sample that reach to its k-th neighbour among its own kind.

    precision: share of synthetic samples within a real ball; recall: share of real samples within a
    synthetic ball; density: real balls that a synthetic sample lies in, over k; coverage: share of
    real balls that hold a synthetic sample. Strictly within, as their authors' `prdc` has it: where
    more than k samples are alike to the last digit a ball is empty. Slices of one patient are each
    other's neighbours: set what comes out beside what other real patients get.

    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> found = neighbourhood(X[:100], X[100:])
    >>> found.precision > 0.8, found.coverage > 0.8
    (True, True)
    """
    real, synthetic = checked_pair(real, synthetic)
    around_real = nearest(real, real, k=k, same=True)[:, -1]
    around_made = nearest(synthetic, synthetic, k=k, same=True)[:, -1]
    precise = np.zeros(len(synthetic), dtype=bool)
    recalled = np.zeros(len(real), dtype=bool)
    covered = np.zeros(len(real), dtype=bool)
    inside = 0
    for rows, columns, block in distance_blocks(real, synthetic):
        within = block < around_real[rows, None]
        inside += int(within.sum())
        precise[columns] |= within.any(axis=0)
        covered[rows] |= within.any(axis=1)
        recalled[rows] |= (block < around_made[None, columns]).any(axis=1)
    return Neighbourhood(
        precision=float(precise.mean()),
        recall=float(recalled.mean()),
        density=inside / (k * len(synthetic)),
        coverage=float(covered.mean()),
    )


def frechet_distance(real: Samples, synthetic: Samples) -> float:
    """|μ − μ'|² + tr(Σ + Σ' − 2 (Σ Σ')^½), the squared Fréchet distance of two Gaussians.

    Dowson and Landau 1982; used as FID by Heusel et al. 2017; here with Ledoit-Wolf covariances.
    Few samples alone make it large: read it beside `frechet_baseline`.

    >>> X = np.random.default_rng(0).normal(size=(400, 3))
    >>> round(frechet_distance(X, X + 2.0))
    12
    """
    real, synthetic = checked_pair(real, synthetic)
    (mean, cov), (other_mean, other_cov) = _moments(real), _moments(synthetic)
    # tr (Σ Σ')^½ by the symmetric Σ^½ Σ' Σ^½, whose roots are real.
    values, vectors = np.linalg.eigh(cov)
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.linalg.eigvalsh(root @ other_cov @ root)
    apart = float(np.square(mean - other_mean).sum())
    spread = float(np.trace(cov) + np.trace(other_cov))
    return max(apart + spread - 2 * float(np.sqrt(np.clip(cross, 0, None)).sum()), 0.0)


def frechet_baseline(
    real: Samples, *, groups: ArrayLike | None = None, draws: int = 10, seed: int = 0
) -> float:
    """Fréchet distance between two random halves of the real samples, averaged over `draws`: what
    half as many samples give when nothing is wrong (as many: about half of it).

    `groups` (n,): whose each sample is; halves are of patients then, whose slices are more alike
    than those of two patients. `DataError` with fewer than four samples or two patients.
    """
    samples = np.asarray(real).reshape(len(real), -1)
    if len(samples) < 4:
        raise DataError(f"real: expected four samples or more, got {len(samples)}.")
    who = _codes(groups, len(samples))
    if (patients := int(who.max()) + 1) < 2:
        raise DataError("groups: expected two patients or more, got one.")
    rng, found = numpy_rng(seed, "halves"), []
    for _ in range(draws):
        first = np.isin(who, rng.permutation(patients)[: patients // 2])
        if min(first.sum(), (~first).sum()) > 1:
            found.append(frechet_distance(samples[first], samples[~first]))
    return float(np.mean(found)) if found else float("nan")


def kernel_distance(real: Samples, synthetic: Samples) -> float:
    """Unbiased squared maximum mean discrepancy under the kernel (x·y / d + 1)³ (KID, Bińkowski et
    al. 2018, arXiv 1801.01401). About 0, also below it, where both are alike."""
    real, synthetic = checked_pair(real, synthetic)
    d = real.shape[1]

    def within(X: Samples) -> float:
        parts = (X[rows].astype(np.float64) for rows in gen_batches(len(X), BLOCK))
        lengths = np.concatenate([np.einsum("ij,ij->i", part, part) for part in parts])
        own = float(((lengths / d + 1) ** 3).sum())
        return (_kernel_sum(X, X) - own) / (len(X) * (len(X) - 1))

    across = _kernel_sum(real, synthetic) / (len(real) * len(synthetic))
    return within(real) + within(synthetic) - 2 * across


def two_sample_auc(
    real: Samples,
    synthetic: Samples,
    *,
    groups: ArrayLike | None = None,
    synthetic_groups: ArrayLike | None = None,
    folds: int = 5,
    seed: int = 0,
) -> float:
    """AUC, on samples held out, of a linear classifier that learns to tell real from synthetic.

    Lopez-Paz and Oquab 2017 (arXiv 1610.06545). One half: it cannot; below it: synthetic samples
    are copies of real ones that it has met on the other side. Of more than 5,000 samples of a kind
    so many are drawn. `groups` (n,), `synthetic_groups` (m,): whose each sample is; a patient's
    slices are held out together then, in as many folds as there are patients, up to `folds`.
    Without, a perfect generator is found out by the slices of one patient, which are alike."""
    real, synthetic = checked_pair(real, synthetic)
    who = _codes(groups, len(real))
    other = _codes(synthetic_groups, len(synthetic), name="synthetic_groups")
    size = min(int(codes.max()) + 1 for codes in (who, other))
    alone = groups is None and synthetic_groups is None
    least, kind = (folds, "samples") if alone else (2, "patients")
    if size < least:
        raise DataError(f"real, synthetic: expected {least} {kind} or more of each, got {size}.")
    rng = numpy_rng(seed, "two-sample")
    a, b = (
        np.sort(rng.choice(len(each), SHOWN, replace=False)) if len(each) > SHOWN else slice(None)
        for each in (real, synthetic)
    )
    X = np.concatenate([real[a], synthetic[b]]).astype(np.float64)
    y = np.repeat([0, 1], [len(real[a]), len(synthetic[b])])
    patient = None if alone else np.concatenate([who[a], who.max() + 1 + other[b]])
    splitter = StratifiedKFold if alone else StratifiedGroupKFold
    split = splitter(min(folds, size), shuffle=True, random_state=seed)
    found = []
    for train, held in split.split(X, y, patient):
        if min(np.unique(y[train]).size, np.unique(y[held]).size) < 2:
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        chance = model.fit(X[train], y[train]).predict_proba(X[held])[:, 1]
        found.append(concordance(chance, y[held] == 1))
    return float(mean_defined(found))


def _codes(groups: ArrayLike | None, count: int, *, name: str = "groups") -> Ints:
    """Numbers from 0 on, one per patient; each sample its own where nobody said."""
    return np.unique(whose(groups, count, name=name), return_inverse=True)[1]


def _moments(X: Samples) -> tuple[Floats, Floats]:
    """Mean and Ledoit-Wolf covariance, a block of rows at a time."""
    mean = X.mean(axis=0, dtype=np.float64)
    d = X.shape[1]
    cov = np.zeros((d, d))
    for rows in gen_batches(len(X), BLOCK):
        part = X[rows].astype(np.float64) - mean
        cov += part.T @ part
    cov /= len(X)
    # Exact up to so many rows; beyond, the share falls as one over their number.
    few = X[:EXACT].astype(np.float64) - mean
    share = float(ledoit_wolf_shrinkage(few, assume_centered=True)) * len(few) / len(X)
    scale = np.trace(cov) / d
    cov *= 1 - share
    cov[np.diag_indices(d)] += share * scale
    return mean, cov


def _kernel_sum(a: Samples, b: Samples) -> float:
    total, same = 0.0, a is b  # with itself each pair of blocks is met once, and counts twice
    for rows in gen_batches(len(a), BLOCK):
        for columns in gen_batches(len(b), BLOCK):
            if same and columns.start < rows.start:
                continue
            product = a[rows].astype(np.float64) @ b[columns].astype(np.float64).T
            product /= a.shape[1]
            product += 1
            total += float((product**3).sum()) * (2 if same and rows != columns else 1)
    return total
