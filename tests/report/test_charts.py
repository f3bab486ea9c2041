"""The section of charts, and the figures of curves: their words are the numbers of the evidence."""

from types import SimpleNamespace

import pytest

from rarecase.evidence import make_evidence
from rarecase.evidence.text import with_interval
from rarecase.report.blocks import Figure, Grid
from rarecase.report.figures_scores import components_figure
from rarecase.report.section_charts import charts_section
from support.predictions import make_predictions


@pytest.fixture(scope="module")
def run():
    arms = {"none": {}, "smote": {"synthetic": True, "noise": 0.5}}
    table = make_predictions(arms=arms, classes=("A", "B", "C"), n=(20, 14, 13), seeds=(0, 1))
    evidence = make_evidence(table, rare="C", draws=60)
    return SimpleNamespace(evidence=evidence, predictions=table, rare="C", classes=["A", "B", "C"])


def figures(section):
    for block in section.blocks:
        if isinstance(block, Grid):
            yield from block.blocks
        elif isinstance(block, Figure):
            yield block


def test_charts_say_the_numbers_of_the_evidence(run):
    found = {figure.name: figure for figure in figures(charts_section(run))}
    assert list(found) == ["roc", "precision-recall", "calibration", "decision", "scores-0",
                           "scores-1", "confusion-default", "confusion-tuned"]  # fmt: skip
    for row in run.evidence["rows"]:
        said = {name: with_interval(score) for name, score in row["patients"]["scores"].items()}
        assert f"AUC {said['auc_rare']}" in found["roc"].svg
        assert f"AP {said['average_precision']}" in found["precision-recall"].svg
        if row["control_of"] is None:
            assert f"slope {said['calibration_slope']}" in found["calibration"].svg
            assert f"{row['arm']}: {said['net_benefit']}" in found["decision"].svg
    counts = run.evidence["rows"][0]["patients"]["curves"]["confusion"]["default"]
    for true, called in counts.items():
        for name, count in called.items():
            said = f"{true}, called {name}: {count:.1f} of {sum(called.values()):.0f}"
            assert f">{said}<" in found["confusion-default"].svg
    assert "n = 13" in found["scores-0"].svg and "n = 20" in found["scores-0"].svg


def test_where_nothing_can_be_ranked_there_are_no_charts(run):
    rows = [
        row | {"patients": row["patients"] | {"scores": row["patients"]["scores"] | {
            "auc_rare": {"value": None, "low": None, "high": None}}}}
        for row in run.evidence["rows"]
    ]  # fmt: skip
    nothing = SimpleNamespace(**vars(run) | {"evidence": run.evidence | {"rows": rows}})
    assert charts_section(nothing) is None


def test_parts_of_the_chance_are_drawn_where_there_are_several(run):
    (verdict,) = run.evidence["verdicts"]

    def drawn(chance):
        reference = verdict["against"]["reference"] | {"chance": chance}
        changed = verdict | {"against": verdict["against"] | {"reference": reference}}
        return components_figure(run.evidence | {"verdicts": [changed]})

    assert "smote: 30 % the seeds of generators" in drawn({"patients": 0.7, "seeds": 0.3}).svg
    assert drawn({"patients": 1.0, "seeds": 0.0}) is None
    assert drawn({}) is None
