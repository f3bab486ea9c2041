"""Charts of how well arms classify, as users of classifiers expect them: drawn from the evidence,
and from the curves of its predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from rarecase.arrays import Floats
from rarecase.charts.components import components
from rarecase.charts.confusion import confusion
from rarecase.charts.lines import Line, calibration, decision, precision_recall, roc
from rarecase.charts.scores import scores
from rarecase.evidence.operating import GRID, Band, Operating
from rarecase.evidence.rows import Key, key_of
from rarecase.evidence.tables_features import CHANCE, in_front
from rarecase.evidence.text import Score, number, percent, with_interval
from rarecase.imaging.drawing import canvas, look, panels, short
from rarecase.report.blocks import Figure, counted, drawn
from rarecase.report.shown_arms import Shown
from rarecase.report.style import class_colours

Evidence = Mapping[str, Any]
HALF = 5.0  # inches: of a figure that stands beside another
PURE = 0.95  # a share beside which the others are not worth a drawing
MOST_BARS = 12  # verdicts of which parts of the chance are drawn
DOTS = 5  # every how manyth point of a curve says its value
PLACED = (
    "Drawn within each test fold and averaged over folds, repeats and seeds, so that the area is "
    "the number in the legend."
)
"""As said of ROC and precision–recall curves."""


def half(draw: Callable[[Axes], Axes], lines: Sequence[Line], *, each: int = 1) -> Canvas:
    """A square chart of half the page's width, with its lines below it, `each` so many rows."""
    with look():
        figure = canvas(HALF * 0.84 + 0.19 * each * len(lines), width=HALF)
        (axes,) = panels(figure, 1, 1)
        draw(axes)
        handles = [line.handle for line in lines]
        figure.legend(handles=handles, loc="outside lower left", fontsize=8.5, handlelength=3)
    return figure


def roc_figure(shown: Sequence[Shown], curves: Mapping[Key, Operating], *, rare: str) -> Figure:
    """Found against false alarms; a band around the first arm."""

    def words(x: float, y: float) -> str:
        return f"{percent(x)} false alarms, {percent(y)} found"

    lines = [_line(s, curves[s.key].found, "auc_rare", "AUC", words) for s in shown]
    text = (
        f"ROC curves of class {rare} against all others. {PLACED} Shaded: 95 % interval of the "
        "first. Beware: with few patients a curve moves in large steps, and curves that cross say "
        "little."
    )
    return drawn(half(lambda axes: roc(axes, lines), lines), name="roc", caption=text,
                 alt=_alt("ROC curves", shown, "auc_rare"))  # fmt: skip


def precision_figure(
    shown: Sequence[Shown], curves: Mapping[Key, Operating], *, evidence: Evidence
) -> Figure:
    """Precision against recall."""
    patients, rare = evidence["counts"]["patients"], evidence["rare"]
    share = patients[rare] / sum(patients.values())

    def words(x: float, y: float) -> str:
        return f"{percent(x)} found, {percent(y)} of those called are right"

    metric = "average_precision"
    lines = [_line(s, curves[s.key].precision, metric, "AP", words) for s in shown]
    text = (
        f"Precision and recall of class {rare}. {PLACED} AP: average precision; dotted: the "
        f"class's share, {percent(share)}. Beware: precision falls with that share, so a hospital "
        "with fewer such patients will see less of it."
    )
    figure = half(lambda axes: precision_recall(axes, lines, share=share), lines)
    return drawn(figure, name="precision-recall", caption=text,
                 alt=_alt("Precision–recall curves", shown, metric))  # fmt: skip


def calibration_figure(shown: Sequence[Shown], *, rare: str) -> Figure:
    """Share of the class in fifths of the predictions, with slope and intercept."""
    lines = []
    for each in shown:
        bins = each.row["patients"]["curves"]["calibration"]
        value, low, high = _scores([b["share"] for b in bins])
        slope, large = (
            with_interval(each.score(f"calibration_{name}")) for name in ("slope", "intercept")
        )
        words = [
            f"said {number(b['p'])}, true of {with_interval(b['share'])}; n = {b['patients']:.0f}"
            for b in bins
        ]
        lines.append(
            _look(each, f"slope {slope}\nintercept {large}", np.array([b["p"] for b in bins]),
                  value, low=low, high=high, words=words)
        )  # fmt: skip
    text = (
        f"Do probabilities of class {rare} mean what they say? In fifths of the predictions, "
        "pooled over folds, repeats and seeds; bars are 95 % intervals. On the dotted line they do "
        "(slope 1, intercept 0). Beware: an arm that adds samples of the rare class says too much "
        "of it, and ranks patients as well as before."
    )
    figure = half(lambda axes: calibration(axes, lines), lines, each=2)
    return drawn(figure, name="calibration", caption=text,
                 alt=_alt("Calibration curves", shown, "calibration_slope"))  # fmt: skip


def decision_figure(shown: Sequence[Shown], *, rare: str) -> Figure:
    """Net benefit against the probability from which one acts."""
    lines, points = [], shown[0].row["patients"]["curves"]["decision"]
    thresholds = np.array([point["threshold"] for point in points])
    everybody = np.array([np.nan if p["all"] is None else p["all"] for p in points])
    for place, each in enumerate(shown):
        found = [p["net_benefit"] for p in each.row["patients"]["curves"]["decision"]]
        value, low, high = _scores(found)
        words = [
            f"from {percent(t)}: net benefit {with_interval(s)}"
            for t, s in zip(thresholds, found, strict=True)
        ]
        at_share = with_interval(each.score("net_benefit"))
        lines.append(
            _look(each, at_share, thresholds, value, words=words,
                  low=low[: len(low) if place == 0 else 0],
                  high=high[: len(high) if place == 0 else 0])
        )  # fmt: skip
    text = (
        f"Is acting on a predicted {rare} worth it? Net benefit counts those found, less false "
        "alarms at the price that the probability from which one acts implies. Dashed: acting on "
        "everybody; line at 0: on nobody. In the legend: where one acts from the class's own "
        "share on. Shaded: 95 % interval of the first. Beware: only the part of the axis where "
        "somebody would act counts."
    )

    def draw(axes: Axes) -> Axes:
        return decision(axes, lines, thresholds=thresholds, everybody=everybody)

    return drawn(half(draw, lines), name="decision", caption=text,
                 alt=_alt("Decision curves", shown, "net_benefit"))  # fmt: skip


def confusion_figures(shown: Shown, *, classes: Sequence[str]) -> list[Figure]:
    """Which class is called which, at the default and the tuned threshold."""
    both, found = shown.row["patients"]["curves"]["confusion"], []
    texts = {
        "default": "Patients by their class and by the most probable one; shaded and in percent: "
        "of their class. Means over repeats and seeds. Beware: accuracy is high where nobody is "
        "called the rare class; look at its own line.",
        "tuned": "The same after the threshold for the rare class was tuned on training patients: "
        "what that gains in one class it may cost in another.",
    }
    for which, text in texts.items():
        counts = np.array([[both[which][t][c] for c in classes] for t in classes], float)
        words = [f"{t}, called {c}: {n:.1f} of {sum(row):.0f}"
                 for t, row in zip(classes, counts, strict=True)
                 for c, n in zip(classes, row, strict=True)]  # fmt: skip
        with look():
            figure = canvas(1.9 + 0.5 * len(classes), width=HALF)
            (axes,) = panels(figure, 1, 1)
            confusion(axes, counts, classes, words=words)
            axes.set_title(f"{short(shown.name, most=20)}, {which} threshold")
        alt = f"Confusion matrix of {shown.name}, {which} threshold: {'; '.join(words)}"
        found.append(drawn(figure, name=f"confusion-{which}", caption=text, alt=alt))
    return found


def scores_figures(
    shown: Sequence[Shown], curves: Mapping[Key, Operating], *, evidence: Evidence
) -> list[Figure]:
    """Distributions of the patients' probabilities of the rare class, by class, one of each arm."""
    classes, rare = [str(c) for c in evidence["classes"]], str(evidence["rare"])
    two = len(classes) == 2  # among more a threshold is on another scale than the probability
    order = [rare, *(c for c in classes if c != rare)]
    text = (
        f"How sure of class {rare} the classifier is, patient by patient, each the mean over "
        "slices, repeats and seeds; bars count patients, triangles are medians."
        f"{' Dashed: the thresholds tuned in the folds.' * two} Beware: every fold has its own "
        "classifier, so that what overlaps here may be apart within a fold."
    )
    found = []
    for place, each in enumerate(shown):
        mine, said = curves[each.key], short(each.name, most=24)
        label, p = np.array(mine.label), mine.p[:, classes.index(rare)]
        with look():
            figure = canvas(0.9 + 0.8 * len(classes), width=HALF)
            (axes,) = panels(figure, 1, 1)
            scores(axes, {c: p[label == c] for c in order}, colours=class_colours(classes, rare),
                   thresholds=mine.thresholds if two else ())  # fmt: skip
            axes.set_title(said)
            axes.set_xlabel(f"probability of {short(rare, most=20)}")
        alt = f"Distribution of probabilities of {rare} by class, of {each.name}"
        caption = text if place == 0 else f"The same of {said}."
        found.append(drawn(figure, name=f"scores-{place}", caption=caption, alt=alt))
    return found


def components_figure(evidence: Evidence) -> Figure | None:
    """What the chance in the differences comes from, of every verdict of which it is known apart;
    None where there is none, or all is due to one thing."""
    verdicts = in_front(evidence, list(evidence["verdicts"]))
    full = len({key_of(v).family for v in verdicts}) > 1
    known = {
        key_of(v).title(full=full): shares for v in verdicts
        if len(shares := v["against"]["reference"].get("chance") or {}) > 1
    }  # fmt: skip
    known = dict([*known.items()][:MOST_BARS])
    if all(max(shares.values()) > PURE for shares in known.values()):
        return None
    with look():
        figure = canvas(1.1 + 0.27 * len(known))
        (axes,) = panels(figure, 1, 1)
        components(axes, known, parts=CHANCE)
        figure.legend(loc="outside lower center", ncols=3)
    patients = sum(evidence["counts"]["patients"].values())
    text = (
        "What the uncertainty of each difference to the reference is due to, with "
        f"{counted(patients, 'patient')}, {counted(evidence['repeats'], 'repeat')} and "
        f"{counted(len(evidence['seeds']), 'seed')}: "
        "more of what has the largest share narrows it most. Beware: shares of few repeats or "
        "seeds are rough."
    )
    return drawn(figure, name="components", caption=text,
                 alt=f"Shares of variance of {', '.join(known)}")  # fmt: skip


def _line(
    shown: Shown, band: Band, metric: str, label: str, words: Callable[[float, float], str]
) -> Line:
    """A curve over `GRID`; a band where its ends are known."""
    known = GRID.size if np.isfinite(band.low).any() else 0
    return _look(
        shown, f"{label} {with_interval(shown.score(metric))}", GRID, band.value,
        low=band.low[:known], high=band.high[:known], every=DOTS,
        words=[words(x, y) for x, y in zip(GRID, band.value, strict=True)],
    )  # fmt: skip


def _look(
    shown: Shown, said: str, x: Floats, y: Floats, *, words: Sequence[str], low: Floats,
    high: Floats, every: int = 1,
) -> Line:  # fmt: skip
    return Line(
        f"{short(shown.name, most=20)}: {said}", x, y, shown.colour, shown.style, shown.marker,
        low=low, high=high, words=[f"{shown.name}: {each}" for each in words], every=every,
    )  # fmt: skip


def _scores(found: Sequence[Score]) -> Floats:
    """(3, n): values and the ends of their intervals, NaN where they are not known."""
    parts = ("value", "low", "high")
    return np.array([[np.nan if s[p] is None else s[p] for s in found] for p in parts], float)


def _alt(what: str, shown: Sequence[Shown], metric: str) -> str:
    each = [f"{s.name} {with_interval(s.score(metric))}" for s in shown]
    return f"{what} with what they come to: {'; '.join(each)}"
