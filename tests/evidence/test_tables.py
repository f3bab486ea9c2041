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
from rarecase.evidence.tables_features import feature_rows
from support.predictions import make_predictions, make_sets

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
    assert ("Brier score B" in heads) == full


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
    def mean_p(drawn):
        return (drawn.weights @ drawn.fit.p[:, drawn.rare]) / drawn.total

    line = metrics.Metric("mean_p", "mean p {rare}", mean_p)
    monkeypatch.setattr(metrics, "METRICS", (*metrics.METRICS, line))
    evidence = make_evidence(make_predictions(arms=ARMS), rare="B", draws=50)
    for row in evidence["rows"]:
        score = row["patients"]["scores"]["mean_p"]
        assert score["low"] <= score["value"] <= score["high"]
    assert {"mean_p", "mean_p_low", "mean_p_difference"} <= set(to_frame(evidence).columns)
    assert table_rows(evidence, full=True)[0][-1] == "mean p B"


NAMES = ("clinical", "tumour", "region", "radiomics", "radiomics+clinical", "bottleneck")
MANY = {name: place / 2 for place, name in enumerate(NAMES)} | {"outline_size": -2.0}


@pytest.fixture(scope="module")
def chosen():
    arms = {name: {"synthetic": True} for name in ("smote", "borderline-smote", "gaussian")}
    table = make_sets(sets=MANY, classifiers=("logistic", "lda", "forest"), arms=arms, n=(30, 15))
    # A classifier of one set alone, which has others too, is left out of its mean.
    own = {"none": {"skill": -2.0}, "acgan": {"synthetic": True, "amount": "64"}}
    other = make_predictions(arms=own, features=("bottleneck",), classifiers=("cnn",), n=(30, 15))
    return make_evidence(pd.concat([table, other]), rare="B", draws=50)


def test_features_stand_side_by_side_the_choice_first_then_the_largest_auc(chosen):
    heads, lines = feature_rows(chosen)
    assert heads[:6] == ["features", "logistic", "lda", "forest", "cnn", "mean (95 % interval)"]
    assert lines[0][0] == "auto" and lines[-1][0] == "outline_size"
    assert {line[0] for line in lines} == {*MANY, "auto"}
    best = [float(line[5][:4]) for line in lines[1:]]
    assert best == sorted(best, reverse=True)
    for line in lines[1:]:
        each = [float(text) for text in line[1:4] if text] or [float(line[4])]
        assert float(line[5][:4]) == pytest.approx(sum(each) / len(each), abs=0.01)
    assert heads[6:] == ["Δ outline_size (95 % interval)", "p"] and lines[-1][6:] == ["", ""]


def test_what_is_printed_of_many_sets_is_short_and_narrow(chosen):
    text = as_text(chosen)
    sentences, table = text.split("\n\n")[1:3]
    assert sentences.startswith(chosen["features"]["sentences"][0])
    assert chosen["choices"]["sentence"] in sentences
    assert max(map(len, table.splitlines()[:-1])) <= 100  # the last is prose
    arms = text.split("Arms on what is chosen (auto with auto)\n")[1].split("\n\n")[0]
    assert [line.split()[0] for line in arms.splitlines()[-5:]] == [
        "none", "smote", "borderline-smote", "gaussian", "auto"
    ]  # fmt: skip
    assert "On other features and classifiers, exploratory: 1 inconclusive (acgan at 64" in text
    (other,) = (v["sentence"] for v in chosen["verdicts"] if v["arm"] == "acgan")
    assert other not in text


def test_many_classifiers_have_no_column_each():
    kinds = ("logistic", "lda", "forest", "trees", "svm")
    table = make_sets(sets={"clinical": 0.0, "tumour": 1.0}, classifiers=kinds, choice=None)
    heads, _ = feature_rows(make_evidence(table, rare="B", draws=9))
    assert heads[:2] == ["features", "mean (95 % interval)"]


def test_one_set_and_older_evidence_have_no_table_of_features(evidence):
    assert feature_rows(evidence) is None
    older = {k: v for k, v in evidence.items() if k not in ("features", "choices")}
    assert feature_rows(older) is None and as_text(older)
