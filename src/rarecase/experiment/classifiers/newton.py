"""Logistic regressions of many training sets and strengths in the same steps.

A comparison fits thousands of them to a hundred rows each: an estimator spends its time there in
checking its arguments. Newton's steps on all at once do not, and end at the same minimum, that of
scikit-learn's `LogisticRegression`:

    Σ wᵢ log(1 + exp(−zᵢ)) + |β|² / 2C,    z = β·x + β₀,  β₀ without a penalty

and with more than two classes that of the softmax, a row of β for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rarecase.arrays import Bools, Floats, Ints

STEPS = 100
TOLERATED = 1e-8  # the largest gradient, for each row of weight 1
AT_ONCE = 2**22  # values of Hessians held at a time
SMALLEST_STEP = 2.0**-20


@dataclass(frozen=True, eq=False)
class Rows:
    """Training sets padded to one length: rows (t, n, d + 1), the last value 1; which class each
    row is of (t, n, k), one column for the second of two classes; weights (t, n), 0 of padding."""

    x: Floats
    y: Floats
    weight: Floats

    @staticmethod
    def of(sets: Sequence[tuple[Floats, Ints, Floats | None]], *, classes: int) -> Rows:
        """From X (n, d), class indices (n,) and weights (n,), None where all are 1; each holds all
        of the `classes`."""
        longest, width = max(len(y) for _, y, _ in sets), sets[0][0].shape[1]
        x = np.zeros((len(sets), longest, width + 1))
        code, weight = np.zeros((len(sets), longest), np.int64), np.zeros((len(sets), longest))
        for t, (X, y, w) in enumerate(sets):
            x[t, : len(y), :-1], x[t, : len(y), -1] = X, 1.0
            code[t, : len(y)], weight[t, : len(y)] = y, 1.0 if w is None else w
        if classes == 2:
            return Rows(x, code[..., None].astype(np.float64), weight)
        return Rows(x, np.eye(classes)[code], weight)


def fit_all(
    sets: Sequence[tuple[Floats, Ints, Floats | None]], strengths: Sequence[float], *, classes: int
) -> Floats:
    """Weights of every set and strength `C` (t, p, k, d + 1), the last the offset; k is 1 for two
    classes. See `Rows.of` for `sets`, whose rows are of one width."""
    width = sets[0][0].shape[1] + 1
    outputs = 1 if classes == 2 else classes
    several = max(1, AT_ONCE // (len(strengths) * (outputs * width) ** 2))
    parts = [sets[i : i + several] for i in range(0, len(sets), several)]
    found = [_fit(Rows.of(part, classes=classes), np.asarray(strengths)) for part in parts]
    return np.concatenate(found)


def _fit(rows: Rows, strengths: Floats) -> Floats:
    count, _, width = rows.x.shape
    outputs = rows.y.shape[2]
    shape = (count, strengths.size, outputs, width)
    beta, penalty = np.zeros(shape), np.zeros(shape)
    penalty[..., :-1] = 1 / strengths[:, None, None]
    limit = TOLERATED * rows.weight.sum(axis=1)
    loss, p = _loss(rows, beta, penalty)
    for _ in range(STEPS):
        gradient = _gradient(rows, p, beta, penalty)
        open_ = np.abs(gradient).max(axis=(2, 3)) > limit[:, None]
        if not open_.any():
            break
        step = _newton(rows, p, gradient, penalty, open_)
        if not _descend(rows, beta, step, gradient, penalty, loss, p, open_):
            break
    return beta


def _loss(rows: Rows, beta: Floats, penalty: Floats) -> tuple[Floats, Floats]:
    """(t, p) and the probabilities (t, p, k, n)."""
    z = beta @ rows.x.transpose(0, 2, 1)[:, None]
    y, weight = rows.y.transpose(0, 2, 1)[:, None], rows.weight[:, None]
    if rows.y.shape[2] == 1:
        total = np.logaddexp(0.0, z)
        p = np.exp(z - total)
    else:
        top = z.max(axis=2, keepdims=True)
        total = top + np.log(np.exp(z - top).sum(axis=2, keepdims=True))
        p = np.exp(z - total)
    each = (weight * (total[:, :, 0] - (y * z).sum(axis=2))).sum(axis=-1)
    return each + (penalty * beta**2).sum(axis=(2, 3)) / 2, p


def _gradient(rows: Rows, p: Floats, beta: Floats, penalty: Floats) -> Floats:
    missed = rows.weight[:, None, None] * (p - rows.y.transpose(0, 2, 1)[:, None])
    found: Floats = missed @ rows.x[:, None] + penalty * beta
    return found


def _newton(rows: Rows, p: Floats, gradient: Floats, penalty: Floats, open_: Bools) -> Floats:
    """H⁻¹ g of those that are not at their minimum yet; 0 of the others."""
    found = np.zeros_like(gradient)
    outputs, width = gradient.shape[2:]
    places, length = np.argwhere(open_), rows.x.shape[1]
    several = max(1, AT_ONCE // (width * max(length, outputs**2 * width)))
    for first in range(0, len(places), several):
        t, c = places[first : first + several].T
        square = _hessians(rows.x[t], rows.weight[t], p[t, c])
        at = np.arange(outputs * width)
        square[:, at, at] += penalty[t, c].reshape(len(t), -1)
        if outputs > 1:  # all offsets together move nothing
            offsets = np.arange(width - 1, outputs * width, width)
            total = rows.weight[t].sum(axis=1) / outputs**2
            square[:, offsets[:, None], offsets] += total[:, None, None]
        # Rows that are all certain leave nothing to divide by.
        square[:, at, at] += 1e-12 * np.abs(square[:, at, at]).max(axis=1, keepdims=True)
        flat = gradient[t, c].reshape(len(t), -1, 1)
        found[t, c] = np.linalg.solve(square, flat).reshape(len(t), outputs, width)
    return found


def _hessians(x: Floats, weight: Floats, chance: Floats) -> Floats:
    """Of the loss without its penalty (m, k·(d + 1), k·(d + 1)), for `x` (m, n, d + 1), `weight`
    (m, n) and the probabilities `chance` (m, k, n)."""
    (many, outputs, _), width = chance.shape, x.shape[2]
    found, turned = np.empty((many, outputs, width, outputs, width)), x.transpose(0, 2, 1)
    for a in range(outputs):
        for b in range(a, outputs):
            curved = weight * chance[:, a] * ((a == b) - chance[:, b])
            found[:, a, :, b] = turned @ (curved[:, :, None] * x)
            found[:, b, :, a] = found[:, a, :, b]
    return found.reshape(many, outputs * width, outputs * width)


def _descend(
    rows: Rows, beta: Floats, step: Floats, gradient: Floats, penalty: Floats, loss: Floats,
    p: Floats, open_: Bools,
) -> bool:  # fmt: skip
    """Go as far along −`step` as lowers the loss, half as far where it does not; changes `beta`,
    `loss` and `p`. Whether anything moved."""
    wanted, moved = open_.copy(), False
    slope = (gradient * step).sum(axis=(2, 3))
    length = 1.0
    while wanted.any() and length >= SMALLEST_STEP:
        trial = np.where(wanted[..., None, None], beta - length * step, beta)
        lower, chance = _loss(rows, trial, penalty)
        # Near the minimum the loss cannot tell: its digits are used up.
        enough = lower <= loss - 1e-4 * length * slope + 1e-12 * np.abs(loss)
        taken = wanted & enough
        beta[taken], loss[taken], p[taken] = trial[taken], lower[taken], chance[taken]
        wanted &= ~taken
        moved |= bool(taken.any())
        length /= 2
    return moved
