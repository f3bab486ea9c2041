"""What a clinic asks of a score: how many of the rare class it finds at a rate of false alarms that
is set, whether its probabilities mean what they say, and whether acting on it does more good than
acting on nobody, or on everybody.

Each takes a fit as it was drawn and the index `of` a class (the rare one, if None) against the
rest, and returns one value per draw.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from rarecase.arrays import Floats
from rarecase.evidence.drawn import Drawn
from rarecase.ranking import mean_defined, ratio

CERTAIN = 1e-6  # a probability nearer to 0 or 1 is taken for this far from it
STEPS = 50  # of Newton
CONVERGED = 1e-10
STEEPEST = 100.0  # a slope beyond it: the samples are separated, and no slope fits them best
ROUNDING = 1e-9


def sensitivity_at(drawn: Drawn, *, specificity: float, of: int | None = None) -> Floats:
    """Sensitivity at a specificity from 0 to 1: on the ROC curve of each fold, whose points are
    joined by straight lines; the mean over folds (vertical averaging, Fawcett 2006)."""
    ranked = drawn.ranked(drawn.rare if of is None else of)
    if ranked is None:
        return np.full(len(drawn.weights), np.nan)
    alarms = ranked.per_positive((1 - specificity) * ranked.everybody)
    width = ranked.others - ranked.others_above
    inside = ratio(alarms - ranked.others_above + ROUNDING, width)
    step = (ranked.others_above <= alarms + ROUNDING).astype(np.float64)
    reached = np.where(width > 0, np.clip(inside, 0, 1), step)
    drawn_rare, there = ranked.sum(ranked.weight), ranked.everybody > 0
    found = ratio(ranked.sum(ranked.weight * reached), drawn_rare)
    return mean_defined(np.where(there, found, np.nan))


def specificity_at(drawn: Drawn, *, sensitivity: float, of: int | None = None) -> Floats:
    """The largest specificity at which the ROC curve of a fold has a sensitivity from 0 to 1; the
    mean over folds."""
    ranked = drawn.ranked(drawn.rare if of is None else of)
    if ranked is None:
        return np.full(len(drawn.weights), np.nan)
    wanted = ranked.per_positive(sensitivity * ranked.sum(ranked.weight))
    share = ratio(wanted - ranked.positives_above, ranked.positives - ranked.positives_above)
    width = ranked.others - ranked.others_above
    alarms = ranked.others_above + np.clip(np.nan_to_num(share), 0, 1) * width
    reached = ranked.positives + ROUNDING >= wanted
    fewest = np.minimum.reduceat(np.where(reached, alarms, np.inf), ranked.starts)
    drawn_rare = ranked.sum(ranked.weight)
    found = 1 - ratio(fewest, ranked.everybody)
    return mean_defined(np.where((drawn_rare > 0) & np.isfinite(fewest), found, np.nan))


def precision_at(drawn: Drawn, *, recall: float, of: int | None = None) -> Floats:
    """Precision where a recall from 0 to 1 is first reached, going down the ranks of a fold; the
    mean over folds. Its area over all recalls is the average precision."""
    ranked = drawn.ranked(drawn.rare if of is None else of)
    if ranked is None:
        return np.full(len(drawn.weights), np.nan)
    drawn_rare = ranked.sum(ranked.weight)
    wanted = ranked.per_positive(recall * drawn_rare)
    reached = (ranked.positives + ROUNDING >= wanted) & (ranked.positives > 0)
    right, called = (
        np.minimum.reduceat(np.where(reached, each, np.inf), ranked.starts)
        for each in (ranked.positives, ranked.positives + ranked.others)
    )
    there = (drawn_rare > 0) & np.isfinite(called)
    return mean_defined(ratio(*(np.where(there, each, np.nan) for each in (right, called))))


def calibration_slope(drawn: Drawn, *, of: int | None = None) -> Floats:
    """Slope b of a logistic regression of the class on logit p, log odds = a + b logit p (Cox
    1958): 1 where probabilities are neither too extreme (below 1) nor too timid. In draws one
    Newton step from the fit of all samples."""
    z, y = _logits(drawn, of)
    found = _regression(z, y)
    if found is None:
        return np.full(len(drawn.weights), np.nan)
    p = expit(found[0] + found[1] * z)
    missed, curve = y - p, p * (1 - p)
    terms = np.column_stack([missed, missed * z, curve, curve * z, curve * z * z])
    g0, g1, h0, h1, h2 = (drawn.weights @ terms).T
    return np.asarray(found[1] + ratio(h0 * g1 - h1 * g0, h0 * h2 - h1 * h1))


def calibration_intercept(drawn: Drawn, *, of: int | None = None) -> Floats:
    """Calibration in the large: a in log odds = a + logit p; 0 where as many are of the class as
    the probabilities say, above 0 where there are more (Van Calster et al. 2019). In draws one
    Newton step from the fit of all samples."""
    z, y = _logits(drawn, of)
    if y.all() or not y.any():
        return np.full(len(drawn.weights), np.nan)
    a = 0.0
    for _ in range(STEPS):
        p = expit(a + z)
        step = float((y - p).sum() / (p * (1 - p)).sum())
        a += float(np.clip(step, -5, 5))
        if abs(step) < CONVERGED:
            break
    p = expit(a + z)
    return np.asarray(a + ratio(drawn.weights @ (y - p), drawn.weights @ (p * (1 - p))))


def net_benefit(drawn: Drawn, *, threshold: float | None = None, of: int | None = None) -> Floats:
    """True positives less false ones at the price of `threshold`, t / (1 − t) each, a sample
    (Vickers and Elkin 2006). Those are acted on whose probability is at least t; None: the share of
    the class in the draw, where acting on nobody and on everybody are both worth 0."""
    of = drawn.rare if of is None else of
    p, there = drawn.fit.p[:, of], drawn.there[:, of].astype(np.float64)
    share = ratio(drawn.weights @ there, drawn.total)
    t = share if threshold is None else np.full(len(share), threshold)
    acted = drawn.weights * (p >= t[:, None])
    right, everybody = (acted @ np.column_stack([there, np.ones_like(there)])).T
    return ratio(right - (everybody - right) * ratio(t, 1 - t), drawn.total)


def _logits(drawn: Drawn, of: int | None) -> tuple[Floats, Floats]:
    of = drawn.rare if of is None else of
    z = logit(np.clip(drawn.fit.p[:, of], CERTAIN, 1 - CERTAIN))
    return z, drawn.there[:, of].astype(np.float64)


def _regression(z: Floats, y: Floats) -> Floats | None:
    """(a, b) of log odds = a + b z without a penalty; None where none is best."""
    if y.all() or not y.any() or np.ptp(z) == 0:
        return None
    x = np.column_stack([np.ones_like(z), z])
    found = np.zeros(2)
    for _ in range(STEPS):
        p = expit(x @ found)
        hessian = x.T @ ((p * (1 - p))[:, None] * x)
        try:
            step = np.linalg.solve(hessian, x.T @ (y - p))
        except np.linalg.LinAlgError:
            return None
        found = found + step
        if not np.isfinite(found).all() or abs(found[1]) > STEEPEST:
            return None
        if np.abs(step).max() < CONVERGED:
            return found
    return None
