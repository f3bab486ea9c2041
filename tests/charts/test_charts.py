"""Charts are pure: data and axes in, the same axes out, and every mark says its value."""

from xml.etree import ElementTree

import numpy as np
import pytest

from rarecase.charts import scarcity
from rarecase.charts.amounts import amounts
from rarecase.charts.components import components
from rarecase.charts.confusion import confusion
from rarecase.charts.forest import Entry, Mark, forest
from rarecase.charts.lines import Line, calibration, decision, precision_recall, roc
from rarecase.charts.plane import plane
from rarecase.charts.scores import scores
from rarecase.charts.svg import SVG, svg
from rarecase.imaging.drawing import canvas, look, panels

X = np.array([0.0, 0.5, 1.0])
HOSTILE = '<script>alert("1")</script> $x$ א' + "x" * 10_000
LINE = Line(HOSTILE, X, np.array([0.1, np.nan, 0.9]), words=["first", "none", "last"],
            low=X - 0.1, high=X + 0.1)  # fmt: skip
COLOURS = {"A": "#0072B2", "B": "#D55E00"}
POINTS = {"A": np.eye(2), "B": np.ones((3, 2))}
CHARTS = {
    "roc": (lambda axes: roc(axes, [LINE]), ["first", "last"]),
    "precision_recall": (
        lambda axes: precision_recall(axes, [LINE], share=0.3), ["first", "last"]
    ),
    "calibration": (lambda axes: calibration(axes, [LINE]), ["first", "last"]),
    "decision": (
        lambda axes: decision(axes, [LINE], thresholds=X, everybody=np.array([0.3, 0.0, -9.0])),
        ["first", "last"],
    ),
    "scarcity": (
        lambda axes: scarcity.draw_scarcity(
            axes, [scarcity.Line("a", [4, 6, 8], np.stack([X, X, X], axis=1), ["4", "6", "8"])],
            label="AUC",
        ),
        ["4", "6", "8"],
    ),
    "amounts": (
        lambda axes: amounts(axes, [Line("a", 9 * X, X, words=["0", "4", "9"])], planned=9),
        ["0", "4", "9"],
    ),
    "forest": (
        lambda axes: forest(
            axes, [Entry(HOSTILE, [Mark(0.1, -0.1, 0.3, "one"), Mark(np.nan, 0, 1, "no")], ("n",))],
            at=0.0, band=0.02, heads=("n",), columns=(0.0,),
        ),
        ["one"],
    ),
    "confusion": (
        lambda axes: confusion(axes, np.array([[3.0, 1], [0, 0]]), ["A", HOSTILE],
                               words=["a", "b", "c", "d"]),
        ["a", "b", "c", "d"],
    ),
    "scores": (
        lambda axes: scores(axes, {"A": np.array([0.01, 0.02, 0.97]), "B": np.array([])},
                            colours=COLOURS, thresholds=[0.4]),
        ["A: 2 of 3 from 0.00 to 0.05", "A: 1 of 3 from 0.95 to 1.00",
         "A: median 0.02 of 3 patients"],
    ),
    "components": (
        lambda axes: components(axes, {"smote": {"patients": 0.75, "seeds": 0.25}},
                                parts={"patients": "who", "repeats": "folds", "seeds": "seeds"}),
        ["smote: 75 % who", "smote: 25 % seeds"],
    ),
    "plane": (
        lambda axes: plane(axes, POINTS, behind=POINTS, colours=COLOURS, kind="real"),
        ["A: 2 real samples", "B: 3 real samples"],
    ),
}  # fmt: skip


@pytest.fixture
def axes():
    with look():
        return panels(canvas(3.0, width=5.0), 1, 1)[0]


@pytest.mark.parametrize("name", CHARTS)
def test_axes_come_back_and_marks_say_their_values(axes, name):
    draw, words = CHARTS[name]
    with look():
        assert draw(axes) is axes
    root = ElementTree.fromstring(svg(axes.figure, name=name))
    titles = [title.text for title in root.iter(f"{{{SVG}}}title")]
    assert sorted(titles) == sorted(words)
    assert not [*root.iter(f"{{{SVG}}}script")]


def test_a_point_far_below_is_left_out_and_the_axis_ends_near_nothing(axes):
    line = Line("a", X, np.array([0.4, 0.1, -30.0]), words=["in", "too", "out"])
    with look():
        decision(axes, [line], thresholds=X, everybody=np.array([0.3, 0.0, -9.0]))
    assert axes.get_ylim()[0] == pytest.approx(-0.1)
    titles = ElementTree.fromstring(svg(axes.figure, name="x")).iter(f"{{{SVG}}}title")
    assert sorted(title.text for title in titles) == ["in", "too"]


def test_only_every_nth_point_of_a_curve_has_a_dot(axes):
    x = np.linspace(0, 1, 11)
    with look():
        roc(axes, [Line("a", x, x, words=[str(i) for i in range(11)], every=5)])
    titles = ElementTree.fromstring(svg(axes.figure, name="x")).iter(f"{{{SVG}}}title")
    assert [title.text for title in titles] == ["0", "5", "10"]


def test_shares_of_a_class_without_patients_are_none(axes):
    with look():
        confusion(axes, np.array([[3.0, 1], [0, 0]]), ["A", "B"], words=list("abcd"))
    assert [t.get_text() for t in axes.texts] == ["3\n75 %", "1\n25 %", "0\n0 %", "0\n0 %"]
