"""What can be said of a scan without a doctor: is it of the kind that the model has learnt from?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rarecase.arrays import Floats
from rarecase.errors import DataError
from rarecase.imaging.normalise import apply_scale, fit_scale
from rarecase.seeds import numpy_rng

if TYPE_CHECKING:
    from rarecase.cohort import SliceCache
    from rarecase.cohort.load import CaseArrays

FEWEST = 8  # cases
_AXES = 10
_PARTS = 10  # in which the known cases are held out to learn how far a new one may lie
_BEYOND = 3.0  # deviations of the logarithm of the score
_ROBUST = 1.4826  # median deviations from the median in a standard deviation
_FACTOR = 2.0  # a voxel that is so many times smaller or larger than all known ones is said
_FIELD = 100.0  # mm; a head does not fit into less
_BINS = 20
_HOUNSFIELD = -500.0  # air is below, in a CT; nothing is, in an MRI


@dataclass(frozen=True)
class Ranges:
    """Of the cases learnt from: mm of a fitted pixel and between slices, smallest and largest (None
    where unknown), and the lowest value in any file."""

    pixel: tuple[float, float] | None
    step: tuple[float, float] | None
    lowest: float

    @staticmethod
    def fit(cache: SliceCache) -> Ranges:
        """From the cases of a study."""
        meta = cache.meta
        pixel, step = (((min(v), max(v)) if v else None) for v in (meta["pixels"], meta["steps"]))
        return Ranges(pixel, step, float(meta["lowest"]))

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)

    def unlike(self, groups: Sequence[CaseArrays]) -> list[str]:
        """What of a case lies outside."""
        said = []
        spacing = groups[0].spacing
        if spacing is not None and self.step is not None:
            low, high = self.step
            if not low / _FACTOR <= spacing[2] <= high * _FACTOR:
                said.append(
                    f"its slices lie {spacing[2]:.2f} mm apart; those learnt from {low:.2f} to "
                    f"{high:.2f} mm"
                )
        if spacing is not None and self.pixel is not None:
            side = spacing[0] * max(groups[0].images.shape[-2:])
            # Pixels are matched; what is seen of the patient is not.
            if side < _FIELD:
                said.append(f"it shows only {side:.0f} mm of the patient")
        lowest = min(float(group.images.min()) for group in groups)
        if lowest < _HOUNSFIELD < self.lowest:
            said.append(f"values go down to {lowest:.0f}, as Hounsfield units of a CT do")
        return said


@dataclass(frozen=True, eq=False)
class OutOfDistribution:
    """Score of a case's vector (d,): its distance from the known ones, along their principal axes
    and beside them. Nothing of a single known case is kept.

    Parameters
    ----------
    mean, scale
        (d,).
    axes, spread
        (d, k), and the deviation along each, (k,).
    beside
        The deviation off the axes.
    limit
        The score that cases of the same kind hardly exceed.
    """

    mean: Floats
    scale: Floats
    axes: Floats
    spread: Floats
    beside: float
    limit: float

    @staticmethod
    def fit(X: Floats, *, seed: int = 0) -> OutOfDistribution:
        """From the vectors of known cases (n, d). The limit comes from cases held out in turn:
        three deviations of their logarithms beyond the median. Both are robust: one odd case among
        thirty would otherwise make room for a scan of another kind."""
        if len(X) < FEWEST:
            raise DataError(f"out-of-distribution score: expected {FEWEST} cases or more, "
                            f"got {len(X)}.")  # fmt: skip
        part = numpy_rng(seed, "likeness").permutation(len(X)) % min(_PARTS, len(X))
        logs = np.empty(len(X))
        for number in np.unique(part):
            held = part == number
            logs[held] = np.log(_fit(X[~held], limit=np.inf).score(X[held]))
        middle = float(np.median(logs))
        spread = _ROBUST * float(np.median(np.abs(logs - middle)))
        return _fit(X, limit=float(np.exp(middle + _BEYOND * max(spread, logs.std() / 2))))

    def score(self, X: Floats) -> Floats:
        """How far vectors (n, d) lie off, (n,); about 1 for what is known."""
        rows = (X - self.mean) / self.scale
        along = rows @ self.axes
        off = np.square(rows).sum(axis=1) - np.square(along).sum(axis=1)
        known = np.square(along / self.spread).mean(axis=1)
        besides = np.clip(off, 0, None) / self.beside**2
        return np.asarray(np.sqrt((known + besides) / 2 + 1e-12))

    def arrays(self) -> dict[str, Floats]:
        """All of it as arrays, for a file."""
        return {name: np.asarray(value) for name, value in vars(self).items()}

    @staticmethod
    def of(arrays: Mapping[str, Floats]) -> OutOfDistribution:
        """Back from `arrays`."""
        plain = {n: v.item() if n in ("beside", "limit") else v for n, v in arrays.items()}
        return OutOfDistribution(**plain)  # type: ignore[arg-type]


def _fit(X: Floats, *, limit: float) -> OutOfDistribution:
    mean, deviation = X.mean(axis=0), X.std(axis=0)
    # A feature that never varies would make any other value infinitely far.
    scale = np.maximum(deviation, max(1e-3 * float(deviation.mean()), 1e-9))
    rows = (X - mean) / scale
    count = max(1, min(_AXES, len(X) // 4))
    _, values, vectors = np.linalg.svd(rows, full_matrices=False)
    axes = vectors[:count].T
    spread = np.maximum(values[:count] / np.sqrt(len(X)), 1e-6)
    off = np.square(rows).sum(axis=1) - np.square(rows @ axes).sum(axis=1)
    beside = float(np.sqrt(max(off.mean(), 1e-9)))
    return OutOfDistribution(mean, scale, axes, spread, beside, limit)


def brightness(values: NDArray[np.float32]) -> Floats:
    """The distribution of a channel's foreground, normalised by tissue so that it hardly depends on
    the size of voxels: square roots of shares, so that rare and common brightness count alike."""
    scaled = apply_scale(values, fit_scale(values, tissue=True))
    inside = scaled[scaled > 0.05]
    if not inside.size:
        return np.zeros(_BINS)
    counts, _ = np.histogram(inside, bins=_BINS, range=(0, 3))
    return np.asarray(np.sqrt(counts / inside.size))
