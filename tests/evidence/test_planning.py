"""What a plan promises, against simulated placements and the verdicts themselves."""

import numpy as np
import pytest
from scipy.stats import norm

from rarecase.evidence.planning import error_of, freedom_of, plan, plan_lines, plan_rows
from rarecase.ranking import concordance


def test_the_error_is_that_of_simulated_scores():
    rare, common, together, rng = 30, 90, 0.8, np.random.default_rng(0)
    positive = np.arange(rare + common) < rare
    shift = norm.ppf(0.7) * np.sqrt(2)
    moved = []
    for _ in range(3000):
        shared, *own = rng.normal(size=(3, rare + common))
        # Scores with a correlation r have AUCs whose errors have one that is a little smaller.
        scores = [
            np.sqrt(together) * shared + np.sqrt(1 - together) * o + shift * positive for o in own
        ]
        moved.append(concordance(scores[0], positive) - concordance(scores[1], positive))
    found = error_of(0.7, rare, common, together=together, learning=1.0)
    assert np.std(moved) == pytest.approx(found, rel=0.06)


def test_degrees_of_freedom_are_satterthwaites():
    assert freedom_of(20, 20) == pytest.approx(38)
    assert freedom_of(10, 10_000) == pytest.approx(9, rel=0.01)


def test_power_agrees_with_simulated_tests():
    found = plan(24, 86)["curves"][0]
    rng, (low, high) = np.random.default_rng(1), (0.05, 0.1)
    freedom = found["freedom"]
    estimate = found["error"] * np.sqrt(rng.chisquare(freedom, 100_000) / freedom)
    for difference in (low, high):
        said = next(p["power"] for p in found["power"] if p["difference"] == difference)
        drawn = rng.normal(difference, found["error"], 100_000) / estimate
        assert np.mean(drawn > 1.717) == pytest.approx(said, abs=0.03)
    needed = found["power"][2]["patients"]
    with_them = plan(needed, round(needed * 86 / 24))["curves"][0]["power"][2]
    assert with_them["difference"] == 0.1 and with_them["power"] == pytest.approx(0.8, abs=0.03)


def test_more_patients_decide_more():
    few, many = plan(12, 40), plan(120, 400)
    for a, b in zip(few["curves"], many["curves"], strict=True):
        assert b["detectable"] < a["detectable"] < a["detectable_corrected"]
        assert b["no_difference"] >= a["no_difference"]
    assert plan(9, 90)["too_few"] and not few["too_few"]
    assert "too few to say" in plan_lines(plan(9, 90))[0]
    assert "too few" not in plan_lines(few)[0]


def pilot(error=0.03):
    one = {"error": error, "freedom": 25.0}
    verdict = {"arm": "smote", "features": "radiomics", "possible": 0.25,
               "against": {"reference": one, "control": one | {"error": error / 2}}}  # fmt: skip
    return {"rare": "b", "counts": {"patients": {"a": 60, "b": 20}}, "verdicts": [verdict]}


def test_errors_of_a_pilot_shrink_with_the_root_of_its_patients():
    (same,) = plan(20, 60, pilot=pilot())["curves"]
    assert same["error"] == pytest.approx(0.03) and same["freedom"] == pytest.approx(25)
    found = plan(80, 240, pilot=pilot())
    assert found["curves"][0]["error"] == pytest.approx(0.015)
    assert found["auc"] == 0.75


def test_a_pilot_that_judged_nothing_plans_nothing():
    none = pilot() | {"verdicts": []}
    assert plan(20, 60, pilot=none)["curves"] == []


def test_the_table_has_a_row_for_each_kind_of_comparison():
    heads, rows = plan_rows(plan(24, 86, questions=3))
    assert {len(row) for row in rows} == {len(heads)}
    assert "one of 3" in heads and rows[0][0] == "an arm on the same features"
