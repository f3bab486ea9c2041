"""The top of a page: its numbers are those of the evidence, and its cautions the grave ones."""

import pytest

from rarecase.evidence import make_evidence
from rarecase.evidence.answer import findings
from rarecase.evidence.rows import key_of
from rarecase.evidence.synthesis import moved
from rarecase.evidence.text import with_interval
from rarecase.report import figures_forest
from rarecase.report.blocks import Answer, Figure, Section, Text
from rarecase.report.cautions import grave_cautions, other_cautions
from rarecase.report.figures_forest import all_arms_forest, arms_forest, told_rows
from rarecase.report.page import Page, write_page
from rarecase.report.run_files import RunFiles
from rarecase.report.section_first import first_section
from rarecase.report.shown_arms import shown_arms
from support.fake_run import fake_run
from support.predictions import make_predictions

SMOTE = {"synthetic": True, "noise": 0.4}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    made = fake_run(tmp_path_factory.mktemp("first") / "run", features=False, pretrain=False)
    return RunFiles(made)


@pytest.fixture(scope="module")
def evidence():
    table = make_predictions(arms={"none": {}, "weight": {"noise": 0.2}, "smote": SMOTE,
                                   "remix": SMOTE}, n=(24, 12))  # fmt: skip
    return make_evidence(table, rare="B", draws=60)


def test_three_findings_then_grave_cautions_then_the_figure(run):
    answer, *cautions, figure = first_section(run).blocks
    assert isinstance(answer, Answer)
    assert list(answer.findings) == findings(run.evidence)
    assert len(answer.findings) == 3
    assert [caution.text for caution in cautions] == grave_cautions(run)
    assert all(caution.style == "warning" for caution in cautions)
    assert isinstance(figure, Figure) and figure.name == "arms-forest"


def test_a_caution_stands_at_the_top_or_below_and_not_twice(run):
    run = RunFiles(run.root)
    run.evidence = run.evidence | {"checks": {"suspicious": True, "permuted_mean": 0.71}}
    known = (("grade", True), ("ki67", False))
    run.features = {"warnings": [{"column": c, "accepted": accepted} for c, accepted in known]}
    grave, rest = grave_cautions(run), other_cautions(run)
    assert not set(grave) & set(rest)
    assert any("0.71" in text and "leaks" in text for text in grave)
    assert any("grade" in text and "ki67" not in text for text in grave)
    assert any("without a mask" in text for text in rest)


def test_every_mark_of_the_forest_says_the_numbers_of_its_verdict(evidence):
    figure = arms_forest(evidence)
    for verdict in evidence["verdicts"]:
        for other, words in (("reference", "none"), ("control", "copies of real samples")):
            said = with_interval(moved(verdict, other), change=True)
            arm = f"{verdict['arm']}, {verdict['answer']}; against {words}: {said}"
            assert f"<title>{arm}</title>" in figure.svg.replace("svg:", "")
    plain = next(row for row in evidence["rows"] if row["arm"] == "weight")
    change = with_interval(plain["patients"]["difference"]["auc_rare"], change=True)
    assert f"weight, against none: {change}" in figure.svg
    assert "12 / 24" in figure.svg


def test_of_many_arms_the_first_figure_has_room_for_some_and_the_other_has_all(
    evidence, monkeypatch
):
    assert all_arms_forest(evidence) is None
    monkeypatch.setattr(figures_forest, "MOST", 1)
    few, every = arms_forest(evidence), all_arms_forest(evidence)
    assert [text.count("against none") for text in (few.svg, every.svg)] == [1, 3]
    assert "2 more arms" in few.caption


def test_arms_that_rank_as_the_reference_does_are_left_out_and_synthetic_ones_never():
    arms = {"none": {}, "threshold": {}, "smote": {"synthetic": True}}
    table = make_predictions(arms=arms, n=(24, 12))
    found = make_evidence(table, rare="B", draws=20)
    assert [key_of(row).arm for row in told_rows(found)] == ["smote"]


def test_of_a_score_that_is_better_when_low_right_is_better_too():
    arms = {"none": {}, "weight": {"skill": 2.0}}
    table = make_predictions(arms=arms, n=(24, 12))
    found = make_evidence(table, rare="B", draws=20, metric="brier")
    moved_ = found["rows"][1]["patients"]["difference"]["brier"]
    assert moved_["value"] < 0
    assert f"weight, against none: +{-moved_['value']:.2f}" in arms_forest(found).svg


def test_charts_are_of_the_reference_the_best_synthetic_arms_and_a_control(evidence):
    names = [each.name for each in shown_arms(evidence)]
    assert names[0] == "none"
    assert sorted(names[1:3]) == ["remix", "smote"]
    assert names[3] == f"{names[1]}'s control"
    looks = [(each.colour, each.style, each.marker) for each in shown_arms(evidence)]
    assert all(len({look[i] for look in looks}) == len(looks) for i in range(3))


def test_a_badge_has_words_and_a_sign_and_hostile_names_are_text(tmp_path):
    hostile = '<script>alert("1")</script>'
    table = make_predictions(arms={"none": {}, hostile: SMOTE}, classes=("A", hostile), n=(20, 12))
    found = make_evidence(table, rare=hostile, draws=20)
    blocks = [Answer(findings(found)), arms_forest(found), Text("x")]
    made = write_page(Page("t", (), [Section("a", "b", blocks)]), tmp_path / "page")
    page = made.read_text(encoding="utf-8")
    assert page.count("<script") == 1
    assert '<strong class="badge inconclusive">' in page
    assert "●</span> inconclusive" in page
