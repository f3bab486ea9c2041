import pandas as pd
import pytest

from rarecase.evidence import make_evidence, metrics
from rarecase.evidence.tables import (
    as_text,
    check_lines,
    curve_rows,
    main_rows,
    said_below,
    table_rows,
    to_frame,
)
from support.predictions import make_predictions

ARMS = {
    "none": {},
    "threshold": {"threshold": 0.3},
    "smote": {"synthetic": True},
    "acgan": {"synthetic": True, "amount": "64", "added": 60},
}
CHECKS = {
    "permuted_auc": [0.5, 0.52], "permuted_mean": 0.51, "permuted_error": 0.01,
    "suspicious": False, "leak": {"rows split": 0.9, "patients split": 0.7},
    "shift_auc": [0.55], "shift_mean": 0.55,
}  # fmt: skip


@pytest.fixture(scope="module")
def evidence():
    return make_evidence(make_predictions(arms=ARMS), rare="B", draws=50, checks=CHECKS)


@pytest.fixture(scope="module")
def both():
    table = make_predictions(
        arms=ARMS, features=("tumour", "maps"), classifiers=("logistic", "cnn")
    )
    return make_evidence(table, rare="B", draws=50)


def test_controls_are_left_to_the_verdicts(evidence):
    assert [row["arm"] for row in main_rows(evidence)] == list(ARMS)
    assert to_frame(evidence)["control_of"].notna().sum() == 2


def test_features_classifier_and_amount_are_columns_only_where_they_differ(evidence, both):
    assert table_rows(evidence)[0][:3] == ["arm", "amount", "added"]
    assert table_rows(both)[0][:4] == ["features", "classifier", "arm", "amount"]
    tuned = make_predictions(arms={"none": {}, "smote": {"synthetic": True}})
    heads, _ = table_rows(make_evidence(tuned, rare="B", draws=9))
    assert heads[:2] == ["arm", "added"]


@pytest.mark.parametrize("full", [False, True])
def test_the_tables_are_made_of_the_metrics(evidence, full):
    heads, rows = table_rows(evidence, full=full)
    assert {len(row) for row in rows} == {len(heads)}
    shown = [m["label"] for m in evidence["metrics"] if full or m["main"]]
    assert all(any(head.startswith(label) for head in heads) for label in shown)
    assert ("Brier score" in heads) == full


def test_frame_holds_every_metric_and_the_verdict(evidence):
    frame = to_frame(evidence).set_index("arm")
    for metric in evidence["metrics"]:
        assert {metric["name"], f"{metric['name']}_low"} <= set(frame.columns)
    verdict = next(v for v in evidence["verdicts"] if v["arm"] == "smote")
    assert frame.loc["smote", "verdict"] == verdict["answer"]
    assert frame.loc["smote", "p_helps"] == verdict["p_helps"]
    assert pd.isna(frame.loc["none", "verdict"]) and pd.isna(frame.loc["none", "brier_difference"])


def test_text_holds_verdicts_the_best_arm_and_the_checks(evidence, both):
    text = as_text(evidence)
    assert all(verdict["sentence"] in text for verdict in evidence["verdicts"])
    assert "acgan at 64 (60 added on average)" in text
    assert "best of 4, optimistic" in text
    assert all(line in text for line in check_lines(CHECKS))
    assert any("tumour with logistic" in line for line in said_below(both))


def test_what_the_checks_could_not_measure_is_not_printed():
    nothing = dict.fromkeys(CHECKS) | {"leak": {"rows split": None, "patients split": 1}}
    assert len(check_lines(nothing)) == 1
    odd = CHECKS | {"suspicious": True}
    assert "leak" in check_lines(odd)[0] and "slices" in check_lines(odd, unit="slices")[1]


def test_scarcity_curve_is_arms_by_k(evidence):
    frames = [to_frame(evidence).assign(k=k) for k in (8, 4)]
    frames[0].loc[frames[0]["arm"] == "smote", ["verdict", "auc_rare_difference"]] = "helps", 0.1
    heads, rows = curve_rows(pd.concat(frames))
    assert heads == ["arm", "amount", "4", "8"]
    assert [row[0] for row in rows] == list(ARMS)
    assert rows[2][3].endswith("(+0.10) helps")
    assert "(" not in rows[0][2]  # nothing moves against itself


def test_a_metric_is_one_line_and_then_stands_everywhere(monkeypatch):
    def mean_p(fit, weights, *, rare):
        return (weights @ fit.p[:, rare]) / weights.sum(axis=1)

    line = metrics.Metric("mean_p", "mean p {rare}", mean_p)
    monkeypatch.setattr(metrics, "METRICS", (*metrics.METRICS, line))
    evidence = make_evidence(make_predictions(arms=ARMS), rare="B", draws=50)
    for row in evidence["rows"]:
        score = row["patients"]["scores"]["mean_p"]
        assert score["low"] <= score["value"] <= score["high"]
    assert {"mean_p", "mean_p_low", "mean_p_difference"} <= set(to_frame(evidence).columns)
    assert table_rows(evidence, full=True)[0][-1] == "mean p B"
