"""ComBat: what a site (its scanner, its protocol) does to location and scale of every feature is
estimated from training patients, and taken out of any row of that site.

Parametric empirical Bayes of Johnson, Li and Rabinovic (Biostatistics 8, 2007, section 3.2), with
classes kept as in Fortin et al. (NeuroImage 167, 2018).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecase.arrays import Bools, Floats, Ints
from rarecase.errors import DataError, SettingError
from rarecase.features.confounded import confounded, indicators

log = logging.getLogger(__name__)

FEWEST = 3  # patients of a site
_FLAT = 1e-9  # of a column's largest value: variation that is rounding error
_STILL = 1e-12  # of a column's variance: a site in which it does not vary
_ROUNDS, _CLOSE = 1000, 1e-10  # of the iteration for a site's variances
_LISTED = 20  # names in a warning
_COINCIDE = """protect: sites and classes coincide: their effects are confounded. Patients:
{table}
Add patients of the lacking class, or leave ComBat out: without `protect` it would take what classes
differ in out with what sites differ in."""


@dataclass(frozen=True, eq=False)
class Combat:
    """Fitted to training rows: a row x of a site becomes slope · x + shift.

    Parameters
    ----------
    sites
        Names, sorted.
    slope, shift
        Of every site, (sites, d); 1 and 0 where a column is left as it is.
    constant
        Columns without values or without variation in training, (d,): left as they are.
    """

    sites: tuple[str, ...]
    slope: Floats
    shift: Floats
    constant: Bools

    @staticmethod
    def fit(
        X: Floats,
        sites: Sequence[Any],
        patients: Sequence[Any],
        *,
        protect: Ints | None = None,
        names: Sequence[str] | None = None,
        fewest: int = FEWEST,
    ) -> Combat:
        """Learn from training rows.

        A patient counts once at a site, however many rows there are: they share its weight, so that
        many slices do not pass for much evidence. Missing values count for nothing; a column with
        values of less than `fewest` patients of a site is left as it is there. A column that varies
        only between sites gets their means taken out. A single site is left as it is.

        Parameters
        ----------
        X
            Features, (n, d), finite or NaN.
        sites, patients
            Of each row, (n,).
        protect
            Class of each row, (n,): what classes differ in is then not taken for what sites differ
            in. Only estimates use it. Rows, those of training too, are changed without regard to
            their class: a new patient's is unknown, and training rows must not be treated unlike.
        names
            Of the columns, for messages.
        fewest
            Patients that a site needs, at least 2.

        Raises
        ------
        DataError
            A site is missing or has too few patients; sites and classes to be protected coincide; a
            value is infinite.
        SettingError
            `fewest` is below 2.
        """
        if fewest < 2:
            raise SettingError(f"fewest: expected 2 patients or more, got {fewest}.")
        columns = _columns(np.shape(X)[1]) if names is None else names
        values, at = _checked(X, sites, columns)
        known, site = np.unique(at, return_inverse=True)
        unit = pd.MultiIndex.from_arrays([at.tolist(), list(patients)]).factorize()[0]
        _check_sites(known, site, unit, fewest)
        if protect is not None:
            table = confounded(at.tolist(), protect, patients)
            if table is not None:
                raise DataError(_COINCIDE.format(table=table))
        slope, shift, constant = _estimate(values, site, unit, protect, fewest)
        _warn(constant, columns)
        return Combat(tuple(known.tolist()), slope, shift, constant)

    def __call__(
        self,
        X: Floats,
        sites: Sequence[Any],
        *,
        unknown: Literal["refuse", "unchanged"] = "refuse",
    ) -> Floats:
        """Harmonise rows (n, d) of `sites` (n,); NaN stays NaN.

        Parameters
        ----------
        unknown
            What becomes of rows of a site without training patients. "unchanged" returns them as
            they are: its location and scale are unknown, and to learn them from rows to be judged
            would be a leak. Training rows have been brought to the location and scale of all, so
            that a new site is taken for an average one; whatever it does to features stays in.

        Raises
        ------
        DataError
            Such a site under "refuse"; an infinite value; another number of columns.
        """
        values, at = _checked(X, sites, _columns(self.slope.shape[1]))
        new = sorted(set(at.tolist()) - set(self.sites))
        if new and unknown == "refuse":
            raise DataError(
                f"sites: no training patient comes from {', '.join(map(repr, new))} (known: "
                f"{', '.join(self.sites)}), so what it does to features is unknown. Leave these "
                "rows out, train with patients of it, or pass unknown='unchanged'."
            )
        result = values.copy()
        for name, slope, shift in zip(self.sites, self.slope, self.shift, strict=True):
            result[at == name] = slope * values[at == name] + shift
        return result

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All but the names of the sites, for a file."""
        return {"slope": self.slope, "shift": self.shift, "constant": self.constant}

    @staticmethod
    def of(arrays: Mapping[str, NDArray[Any]], sites: Sequence[str]) -> Combat:
        """Back from `arrays`."""
        return Combat(tuple(sites), **arrays)


def _columns(count: int) -> list[str]:
    return [f"column {i}" for i in range(count)]


def _checked(
    X: Floats, sites: Sequence[Any], columns: Sequence[str]
) -> tuple[Floats, NDArray[np.str_]]:
    """Features and sites as arrays; a missing site is ''."""
    values = np.asarray(X, dtype=np.float64)
    at = np.asarray(["" if pd.isna(name) else str(name) for name in sites], dtype=str)
    if values.shape != (len(at), len(columns)):
        raise DataError(f"X: expected {len(at)} rows, as sites, and {len(columns)} columns; got "
                        f"an array of {values.shape}.")  # fmt: skip
    infinite = np.isinf(values).any(axis=0)
    if infinite.any():
        name = columns[int(np.argmax(infinite))]
        raise DataError(f"X: {name!r} has infinite values; give NaN where one is missing.")
    return values, at


def large_sites(sites: Sequence[Any], patients: Sequence[Any]) -> Bools:
    """Which rows are of a site with patients enough to learn from (n,).

    >>> large_sites(["a", "a", "a", "b"], [1, 2, 3, 4]).tolist()
    [True, True, True, False]
    """
    table = pd.DataFrame({"site": list(sites), "patient": list(patients)})
    counts = table.groupby("site")["patient"].nunique()
    return np.asarray(table["site"].map(counts) >= FEWEST)


def _check_sites(known: NDArray[np.str_], site: Ints, unit: Ints, fewest: int) -> None:
    for i, name in enumerate(known.tolist()):
        rows = int((site == i).sum())
        if not name:
            raise DataError(f"sites: {rows} row(s) have none, and ComBat needs one for each. Fill "
                            "them in, or leave ComBat out.")  # fmt: skip
        found = len(np.unique(unit[site == i]))
        if found < fewest:
            raise DataError(
                f"sites: {name!r} has {found} training patient(s) in {rows} row(s); ComBat needs "
                f"{fewest}. Merge it with a site of the same scanner, leave its patients out, or "
                "leave ComBat out."
            )


def _estimate(
    values: Floats, site: Ints, unit: Ints, protect: Ints | None, fewest: int
) -> tuple[Floats, Floats, Bools]:
    """Slope and shift, (sites, d), and which columns are constant, (d,)."""
    in_site, seen = indicators(site), ~np.isnan(values)
    # Rows of a patient at a site share a weight of 1, in every column those that have a value.
    weight = seen / np.maximum((indicators(unit).T @ seen)[unit], 1)
    patients = np.rint(in_site.T @ weight)
    total = np.maximum(patients.sum(axis=0), 1)
    values = np.where(seen, values, 0)
    size = np.abs(values).max(axis=0)
    centre = (weight * values).sum(axis=0) / total
    moved = np.where(seen, values - centre, 0)
    mean, square = _residuals(moved, weight, in_site, protect)
    offset = mean - (patients * mean).sum(axis=0) / total
    deviation = np.sqrt(square.sum(axis=0) / total)
    constant = np.ptp(moved, axis=0) <= _FLAT * size
    flat = deviation <= _FLAT * size
    moves, scale = np.zeros_like(offset), np.ones_like(offset)
    for i in range(len(offset) if len(offset) > 1 else 0):
        enough = patients[i] >= fewest
        only = enough & flat & ~constant
        moves[i, only] = offset[i, only]
        c = enough & ~flat
        unit_of = deviation[c]
        found = _shrunk(offset[i, c] / unit_of, square[i, c] / unit_of**2, patients[i, c])
        moves[i, c], scale[i, c] = found[0] * unit_of, np.sqrt(found[1])
    return 1 / scale, centre - (centre + moves) / scale, constant


def _residuals(
    rows: Floats, weight: Floats, in_site: Floats, protect: Ints | None
) -> tuple[Floats, Floats]:
    """Of the weighted least-squares fit of every column to sites and classes: the coefficient and
    the sum of squared residuals of each site, (sites, d)."""
    design = in_site
    if protect is not None:
        design = np.hstack([in_site, indicators(np.asarray(protect))[:, 1:]])
    pairs = design[:, :, None] * design[:, None, :]
    gram = np.einsum("nd,npq->dpq", weight, pairs, optimize=True)
    # Without a value of a site the matrix is singular; the site's coefficient is then not used.
    inverse = np.linalg.pinv(gram, rcond=1e-10, hermitian=True)
    fitted = np.einsum("dpq,dq->pd", inverse, (weight * rows).T @ design)
    return fitted[: in_site.shape[1]], in_site.T @ (weight * (rows - design @ fitted) ** 2)


def _shrunk(gamma: Floats, square: Floats, n: Floats) -> tuple[Floats, Floats]:
    """A site's location and variance in each column, drawn towards what its columns share: equation
    3.1 of Johnson et al. with priors by the method of moments, all (columns,).

    With V and S² the mean and variance of the columns' variances (λ = 2 + V² / S², θ = V + V³ / S²)
    it is written by `pull` = S² / (S² + V²), which holds for equal variances too.
    """
    if not n.size:
        return gamma, gamma
    own, spare = square / (n - 1), min(1, n.size - 1)  # one column shares nothing and stays as is
    middle, spread, between = own.mean(), own.var(ddof=spare), gamma.var(ddof=spare)
    if middle < _STILL:
        return gamma, np.ones_like(gamma)
    pull = spread / (spread + middle**2)
    delta = np.full_like(gamma, middle)
    for _ in range(_ROUNDS):
        drawn = (n * between * gamma + delta * gamma.mean()) / (n * between + delta)
        sums, last = square + n * (gamma - drawn) ** 2, delta
        delta = (pull * sums / 2 + middle) / (pull * n / 2 + 1)
        if (np.abs(delta - last) <= _CLOSE * last).all():
            break
    return drawn, delta


def _warn(constant: Bools, columns: Sequence[str]) -> None:
    found = [str(columns[i]) for i in np.flatnonzero(constant).tolist()]
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    if found:
        log.warning("ComBat: columns without variation in training stay as they are: %s%s",
                    ", ".join(found[:_LISTED]), more)  # fmt: skip
