"""What objects show of themselves is short whatever their size, and all of it is text."""

from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from sklearn.linear_model import LogisticRegression

import rarecase
from rarecase.cohort import Case, CaseArrays, Cohort, Dropped, Inspection, Problem, SliceCache
from rarecase.deploy.predict import Predicted
from rarecase.errors import DataError, SettingError
from rarecase.evidence import Result, make_evidence
from rarecase.evidence.scarcity import ScarcityCurve
from rarecase.evidence.tables import to_frame
from rarecase.experiment import make_design
from rarecase.features.feature_set import make_features
from rarecase.generators import KINDS, make_generator
from rarecase.imaging import Grid, Volume
from rarecase.pipeline.estimate import Cost, Estimate
from rarecase.pipeline.step import Step
from rarecase.segmenter import Segmenter, UNet
from rarecase.shown import CELL, ROWS, facts, html, short
from support.predictions import make_predictions

HOSTILE = "<script>alert('x')</script>\"&\u202e$a$\x1b[31m\n" + "x" * 10_000
MOST, LINES = 1000, 6  # characters of a text, lines of it
TAGS = {"table", "caption", "thead", "tbody", "tr", "th", "td", "p"}


@pytest.fixture(autouse=True)
def closed():
    mpl.use("agg")
    yield
    pyplot.close("all")


class Page(HTMLParser):
    """Tags and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.rows, self.said = set(), 0, ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.rows += tag == "tr"
        assert {name for name, _ in attrs} <= {"style", "scope", "class", "border"}

    def handle_data(self, data):
        self.said += data


def cohort(name="case", *, count=110):
    labels = [name if i % 5 else "common" for i in range(count)]
    cases = tuple(
        Case(f"{name}{i}", f"{name}{i}", label, images={"t1": Path(f"/home/me/{i}")})
        for i, label in enumerate(labels)
    )
    dropped, home = (Dropped(name, name),), Path("/home/me")
    return Cohort(cases, dropped, "brats", ("t1",), notes=(name,), root=home)


def inspection(name="case"):
    table = cohort(name).to_frame().assign(minimum=0.00001, tumour_ml=np.arange(110.0),
                                               tumour_pixels=None)  # fmt: skip
    problems = tuple(Problem("warning", name, name) for _ in range(200))
    return Inspection("brats", ("t1",), {"common": 22, name: 88}, "common", table, problems)


@cache
def result(name="smote"):
    arms = {"none": {}, name: {"synthetic": True}}
    table = make_predictions(arms=arms, features=("tumour", "maps"))
    return Result(table, make_evidence(table, rare="B", draws=20))


@cache
def curve(name="smote"):
    frames = [to_frame(result(name).evidence).assign(k=k) for k in (4, 8)]
    return ScarcityCurve(pd.concat(frames))


def fold_set(name="few"):
    rng = np.random.default_rng(0)
    return make_features(rng.normal(size=(40, 500)), np.repeat(["many", name], [30, 10]), name=name)


def pictures(name="case"):
    arrays = np.zeros((5, 2, 8, 8), np.float32), np.zeros((5, 8, 8), np.uint8)
    rows = pd.DataFrame({"case": [name] * 5})
    return SliceCache(*arrays, rows, ("t1", "t2"), {"kind": name})


def predicted(name="case"):
    return Predicted(name, {name: 0.00001, "b": 1 - 0.00001}, name, 1.5, 3, Path("/home/me/m.nii"),
                     None, unlike=(name,) * 9)  # fmt: skip


OBJECTS = {
    "Cohort": cohort,
    "Case": lambda name="case": cohort(name, count=1).cases[0],
    "Inspection": inspection,
    "Result": result,
    "Scores": lambda name="smote": result(name).scores,
    "Verdicts": lambda name="smote": result(name).verdicts,
    "ScarcityCurve": curve,
    "FeatureSet": fold_set,
    "SliceCache": pictures,
    "Predicted": predicted,
    "Plan": lambda name="": rarecase.plan(24, 86),
    "Protocol": lambda name="a": rarecase.Protocol(accept=(name,) * 500, features=(name,)),
    "Arm": lambda name="a": rarecase.Arm("mine", rarecase.Sampler("smote", {"k": name})),
    "Sampler": lambda name="a": rarecase.Sampler("acgan", {"width": 64}, filter=name),
    "Classifier": lambda name="a": rarecase.Classifier(
        name, LogisticRegression(), grid={"C": tuple(np.geomspace(1e-9, 1e9, 400))}
    ),
    "Design": lambda name="a": make_design(["smote"], classifier="logistic"),
    "Volume": lambda name="a": Volume(
        np.zeros((4, 4, 4), np.float32), Grid((4, 4, 4), np.eye(4)), Grid((4, 4, 4), np.eye(4)),
        notes=(name,) * 99,
    ),
    "CaseArrays": lambda name="a": CaseArrays(
        np.zeros((50, 1, 64, 64), np.float32), None, np.zeros(50, bool), np.arange(50), None,
        (name,),
    ),
    "Segmenter": lambda name="a": Segmenter(
        UNet(in_channels=1, width=4, depth=1), ("t1",), trained_on=(name,) * 300
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [*OBJECTS])
def test_what_is_shown_is_short_and_all_of_it_is_text(name):
    for each in (OBJECTS[name](), OBJECTS[name](HOSTILE)):
        said, page = repr(each), Page(each._repr_html_())
        assert len(said) <= MOST and len(said.splitlines()) <= LINES
        assert said.splitlines()[0].startswith(name)
        assert page.tags <= TAGS and page.rows <= 2 * (ROWS + 1)
        for text in (said, page.said):
            assert all(c.isprintable() or c == "\n" for c in text)
            assert "/home/me" not in text and "e-05" not in text


def test_a_large_cohort_is_a_line_and_a_table_that_says_what_it_leaves_out():
    found = cohort()
    said = (
        "Cohort(cases=110; patients=88 case, 22 common (rare); channels=t1; layout=brats; "
        "left_out=1)"
    )
    assert repr(found) == said
    page = Page(found._repr_html_())
    assert page.rows == ROWS + 1 and f"Shown: {ROWS} of 110 rows." in page.said
    assert "Left out: case, case" in page.said and said in page.said


def test_one_thing_is_named_by_what_it_is_made_of_and_not_where():
    said = repr(cohort(count=1).cases[0])
    assert said == "Case(case=case0; patient=case0; label=common; images=t1: 0)"


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_generator_is_shown_as_estimators_are(kind):
    made = make_generator(kind)
    assert len(repr(made)) < MOST and "<table" in made._repr_html_()


def test_a_table_says_what_it_cuts():
    rows = [[HOSTILE, 0.000012] + [None] * 30 for _ in range(500)]
    text = html(HOSTILE, ([f"column {i}" for i in range(32)], rows), above=[HOSTILE], total=9000)
    page = Page(text)
    assert page.tags <= TAGS and len(text) < 20_000
    assert "12 of 9,000 rows, 14 of 32 columns" in page.said and "0.000012" in page.said
    assert Page(facts("A", {"a": HOSTILE})).said.count("x") <= CELL


def test_values_are_said_in_few_words():
    values = {
        "x": "x", "–": float("nan"), "3 rows × 1 columns":
        pd.DataFrame({"a": range(3)}), "int64 (3,)": np.arange(3), "0.25": np.float32(0.25),
        "a, b, c, d and 2 more": list("abcdef"), "7 × Case": cohort(count=7).cases,
        "print": print,
    }  # fmt: skip
    for said, value in values.items():
        assert short(value) == said
    assert short([0.5] * 1000) == "0.5, 0.5, 0.5, 0.5 and 996 more"


def test_models_studies_and_their_cells_say_what_they_are(tmp_path):
    X, y = fold_set().X[:, :3], np.repeat(["many", "few"], [30, 10])
    found = rarecase.compare(
        X, y, arms=["none"], folds=2, repeats=1, inner=2, checks=False, draws=9
    )
    assert repr(found.model).startswith("TableModel(calls=few from a probability of 0.")
    assert "columns=0, 1, 2" in repr(found.model)
    study = rarecase.Study(preset="demo", out=tmp_path / "first")
    assert repr(study).startswith("Study(data=the simulated cohort; out=first; features=")
    said = repr(study.settings)
    assert len(said) < MOST and said.startswith("Settings(") and "size=96" in said
    assert repr(study.settings.tuning) == "TuningSettings()"
    step = Step("slices", "segment", print, study)
    assert repr([step, step]).count("Step(name=slices; stage=segment") == 2
    cost = Estimate((Cost("segmenter", "segment", 3, 20.0, 10**9),), 10**9, 300)
    assert repr(cost) == "Estimate(seconds=60; memory, GB=1; disk, GB=1; slices=300)"
    assert Page(cost._repr_html_()).rows == 2
    assert "features" in Page(study._repr_html_()).said and str(tmp_path) not in repr(study)
    store = rarecase.FeatureStore.create(
        tmp_path / "a.zarr", block="enc1", shape=(3,), rows=pd.DataFrame({"case": ["a"]})
    )
    assert repr(store) == "FeatureStore(block=enc1; n=1; shape=3)"
    assert Page(store._repr_html_()).rows == 2
    assert "UNet" in Page(UNet(in_channels=1, width=4, depth=1)._repr_html_()).said


PLOTTED = ["Cohort", "Inspection", "Result", "Scores", "Verdicts", "ScarcityCurve", "Plan"]


@pytest.mark.parametrize("name", PLOTTED)
def test_what_can_be_plotted_takes_axes_and_gives_them_and_has_a_frame(name):
    each = OBJECTS[name](HOSTILE)
    _, mine = pyplot.subplots()
    assert each.plot(ax=mine) is mine
    mine.figure.canvas.draw()  # which would read dollars as mathematics
    assert each.plot() is not mine
    if name != "Result":
        assert len(each.to_frame())
    words = [t.get_text() for t in [*mine.get_yticklabels(), *mine.get_xticklabels()]]
    assert max(map(len, words)) < 100


def test_a_cohort_is_plotted_by_class():
    axes = cohort().plot()
    assert [bar.get_width() for bar in axes.patches] == [88, 22]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["case", "common"]


def test_tumours_are_plotted_by_class_where_they_were_measured():
    axes = inspection().plot()
    points = [line for line in axes.lines if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in points] == [22, 88]
    bare = inspection()
    bare.cases["tumour_ml"] = None
    with pytest.raises(DataError, match="no case has a mask"):
        bare.plot()


def test_a_scarcity_curve_is_plotted_by_arm():
    found = curve()
    axes = found.plot()
    known = found.to_frame().query("features == 'maps' and arm == 'smote'")
    drawn = next(c for c in axes.containers if c.get_label().startswith("smote (maps"))
    np.testing.assert_allclose(drawn.lines[0].get_ydata(), known["auc_rare"])
    with pytest.raises(SettingError, match="did you mean 'auc_rare'"):
        found.plot("auc_rar")


def test_a_plan_is_plotted_as_power():
    found = rarecase.plan(24, 86)
    axes, frame = found.plot(), found.to_frame()
    drawn = np.concatenate([line.get_ydata() for line in axes.lines[:2]])
    np.testing.assert_allclose(drawn, frame["power"])
    assert frame["patients"].dtype == "Int64"
