"""What could be decided with so many patients, before anything is trained.

From the labels alone: the variance of an AUC by Hanley and McNeil (Radiology 1982), that of a
difference by how much the errors of both AUCs go together (Hanley, McNeil 1983), and the test and
the verdicts of `evidence.paired` and `evidence.verdict`. From a pilot: the standard errors that its
arms had, which fall with the root of the number of patients.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import t

from rarecase.evidence.paired import OTHER_FEATURES, POWER, TRAINED, Comparison
from rarecase.evidence.text import number, percent
from rarecase.evidence.verdict import ALPHA, FEWEST_RARE_PATIENTS, MARGIN, MOST_TIMES
from rarecase.numbers import plainly
from rarecase.plots import axes_or_new, word
from rarecase.shown import cut, html

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DIFFERENCES = (0.02, 0.05, 0.1, 0.15, 0.2)
SMALL = 0.05  # a rise for which the patients needed are said
KINDS = {
    "an arm on the same features": (0.85, 0.98, TRAINED.repeated),
    "other features": (0.3, 0.3, OTHER_FEATURES.repeated),
}
"""How the errors of two AUCs go together (benchmarks/level.py, benchmarks/calibration.py), where
one is larger by 0.05 and where they are equal (an arm that helps ranks by something more, one that
does not ranks alike), and how much learning adds to their variance."""


@dataclass(frozen=True)
class Curve:
    """What can be said of one kind of comparison: its standard error where there is a difference,
    and where there is none, and degrees of freedom."""

    what: str
    error: float
    error_alike: float
    freedom: float

    def as_json(self, *, rare: int, margin: float, questions: int) -> dict[str, Any]:
        """See `plan`."""
        tested = Comparison(0.0, self.error, self.freedom)
        return {
            "what": self.what, "error": self.error, "error_alike": self.error_alike,
            "freedom": self.freedom,
            "detectable": tested.detectable(alpha=ALPHA),
            "detectable_corrected": tested.detectable(alpha=ALPHA / questions),
            "no_difference": self.no_difference(margin=margin),
            "power": [
                {"difference": d, "power": self.power(d), "patients": self.needed(d, rare=rare)}
                for d in DIFFERENCES
            ],
        }  # fmt: skip

    def power(self, difference: float) -> float:
        """How probable it is that a rise in AUC of `difference` is found by one question at the
        full level."""
        return float(t.sf(t.ppf(1 - ALPHA, self.freedom) - difference / self.error, self.freedom))

    def no_difference(self, *, margin: float) -> float:
        """How probable `no difference` is where there is none (two one-sided tests)."""
        reach = margin / self.error_alike - float(t.ppf(1 - ALPHA, self.freedom))
        return max(0.0, 2 * float(t.cdf(reach, self.freedom)) - 1)

    def needed(self, difference: float, *, rare: int) -> int | None:
        """Rare patients with which `difference` is found four times in five, the others in
        proportion; None where it would take more than a hundred times as many."""
        found = Comparison(0.0, self.error, self.freedom).detectable(alpha=ALPHA)
        times = (found / difference) ** 2
        return math.ceil(rare * times) if times <= MOST_TIMES else None


class Plan(dict[str, Any]):
    """What `plan` found, by name."""

    def to_frame(self) -> pd.DataFrame:
        """A row for each kind of comparison and rise: what, difference, power, patients."""
        rows = [{"what": c["what"]} | each for c in self["curves"] for each in c["power"]]
        return pd.DataFrame(rows).astype({"patients": "Int64"})

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """How often a rise in AUC is found, a line for each kind of comparison."""
        ax = axes_or_new(ax)
        for what, rows in self.to_frame().groupby("what", sort=False):
            ax.plot(rows["difference"], rows["power"], "o-", label=word(what))
        ax.axhline(POWER, color="0.6", linewidth=1, linestyle="dashed")
        ax.set_ylim(0, 1.02)
        ax.set_xlabel("true rise in AUC")
        ax.set_ylabel("power")
        ax.legend(fontsize="small")
        return ax

    def __repr__(self) -> str:
        found = ", ".join(f"{cut(c['what'])} {number(c['detectable'])}" for c in self["curves"][:2])
        return (
            f"Plan: {self['rare']} rare patients and {self['common']} others; the rise in AUC "
            f"found four times in five: {found or 'none'}. See .to_frame() and .plot()."
        )

    def _repr_html_(self) -> str:
        caption = f"What {self['rare']} rare patients and {self['common']} others can decide"
        return html(caption, plan_rows(self), below=plan_lines(self))


def plan(
    rare: int,
    common: int,
    *,
    auc: float = 0.7,
    questions: int = 5,
    margin: float = MARGIN,
    pilot: Mapping[str, Any] | None = None,
) -> Plan:
    """What `compare` could decide.

    Parameters
    ----------
    rare, common
        Patients of the rare class, and all others.
    auc
        That of the arm `none`, as expected; of a pilot its own.
    questions
        Synthetic arms in the family, among which Holm's correction is made.
    margin
        A difference in AUC that counts as none.
    pilot
        The evidence of an earlier comparison of patients such as these.

    Returns
    -------
    Plan
        For JSON: `rare`, `common`, `auc`, `margin`, `questions`, `too_few` (whether no verdict will
        be given of so few), and `curves`, a list of what, error, error_alike (where nothing
        differs), freedom, detectable (a rise found four times in five by one question at the full
        level), detectable_corrected (by the least lucky of all questions), no_difference (how
        probable that answer is where it is right), power [{difference, power, patients (rare ones
        that would find it four times in five)}].

    Examples
    --------
    >>> found = plan(24, 86)["curves"][0]
    >>> found["what"], round(found["detectable"], 2)
    ('an arm on the same features', 0.09)
    """
    if pilot is None:
        curves = [
            Curve(
                what, error_of(auc, rare, common, together=moved, learning=learning),
                error_of(auc, rare, common, together=same, learning=learning),
                freedom_of(rare, common),
            )
            for what, (moved, same, learning) in KINDS.items()
        ]  # fmt: skip
    else:
        curves = [*_of_pilot(pilot, rare, common)]
        auc = _auc_of(pilot, auc)
    return Plan({
        "rare": rare, "common": common, "auc": auc, "margin": margin, "questions": questions,
        "too_few": rare < FEWEST_RARE_PATIENTS,
        "curves": [
            each.as_json(rare=rare, margin=margin, questions=questions) for each in curves
        ],
    })  # fmt: skip


def error_of(auc: float, rare: int, common: int, *, together: float, learning: float) -> float:
    """Standard error of a difference between two AUCs near `auc` whose errors have the correlation
    `together`; `learning`: what the test multiplies the variance by."""
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    more = (rare - 1) * (q1 - auc**2) + (common - 1) * (q2 - auc**2)
    variance = (auc * (1 - auc) + more) / (rare * common)
    return math.sqrt(2 * (1 - together) * variance * learning)


def freedom_of(rare: int, common: int) -> float:
    """Satterthwaite's degrees of freedom where placements of both kinds spread alike."""
    over = (1 / rare + 1 / common) ** 2
    return over / (1 / (rare**2 * max(rare - 1, 1)) + 1 / (common**2 * max(common - 1, 1)))


def _of_pilot(pilot: Mapping[str, Any], rare: int, common: int) -> list[Curve]:
    """The larger error of either comparison of every arm that a pilot judged."""
    there = pilot["counts"]["patients"]
    before = there[pilot["rare"]]
    rest = sum(n for name, n in there.items() if name != pilot["rare"])
    # Variance falls with the number of pairs of patients that say something new.
    shrunk = math.sqrt((1 / rare + 1 / common) / (1 / before + 1 / rest))
    curves = []
    for verdict in pilot["verdicts"]:
        each = [c for c in verdict["against"].values() if c and c["error"] and c["freedom"]]
        if each:
            worst = max(each, key=lambda c: c["error"])
            freedom = worst["freedom"] * freedom_of(rare, common) / freedom_of(before, rest)
            error, what = worst["error"] * shrunk, f"{verdict['arm']} ({verdict['features']})"
            curves.append(Curve(what, error, error, freedom))
    return curves


def _auc_of(pilot: Mapping[str, Any], otherwise: float) -> float:
    known = [1 - v["possible"] for v in pilot["verdicts"] if v["possible"] is not None]
    return float(np.median(known)) if known else otherwise


def plan_rows(found: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """A plan as a table: heads, and a row for each kind of comparison."""
    heads = ["what is compared", "ΔAUC found", f"one of {found['questions']}"]
    heads += [f"power at {number(each)}" for each in DIFFERENCES]
    heads += ["patients for 0.05", "no difference"]
    rows = []
    for curve in found["curves"]:
        needed = next(p["patients"] for p in curve["power"] if p["difference"] == SMALL)
        rows.append([
            curve["what"], number(curve["detectable"]), number(curve["detectable_corrected"]),
            *(percent(each["power"]) for each in curve["power"]),
            "too many" if needed is None else str(needed), percent(curve["no_difference"]),
        ])  # fmt: skip
    return heads, rows


def plan_lines(found: Mapping[str, Any]) -> list[str]:
    """What a plan's table means, and its verdict on the numbers of patients."""
    few = (
        f"Under {FEWEST_RARE_PATIENTS} rare patients the only verdict is 'too few to say'. "
        if found["too_few"] else ""
    )  # fmt: skip
    text = (
        f"ΔAUC found: the rise that is found four times in five by one question asked beforehand "
        f"(--primary), or by each of {found['questions']} arms. Power: how often a rise of so much "
        f"is found by one question. Patients: rare ones that find 0.05 four times in five, the "
        f"others in proportion. No difference: how often that is said "
        f"(±{plainly(found['margin'])}) where there is none. An AUC of {number(found['auc'])} "
        "without augmentation is expected."
    )
    return [few + text]
