import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score

from rarecase.errors import DataError, SettingError
from rarecase.evidence import make_evidence, pool_patients
from rarecase.evidence.predictions import KEY
from support.predictions import make_predictions

ACGAN = {"synthetic": True, "amount": "64"}


def arms(**about):
    """`none` and a synthetic arm that differs from it by `about`."""
    return {"none": {}, "acgan": ACGAN | about}


def row(evidence, arm, amount=None, features="tumour"):
    wanted = {"arm": arm, "features": features} | ({} if amount is None else {"amount": amount})
    return next(r for r in evidence["rows"] if all(r[k] == v for k, v in wanted.items()))


def verdicts(evidence):
    return {(v["features"], v["arm"], v["amount"]): v for v in evidence["verdicts"]}


def several_amounts(**about):
    """`none`, acgan at 128 and at 64 (planned), with its control; in that order."""
    table = make_predictions(arms=arms(**about), seed=1)
    more = make_predictions(arms=arms(amount="128", planned=False), seed=1)
    is_none = table["arm"] == "none"
    return pd.concat([table[is_none], more[more["arm"] == "acgan"], table[~is_none]])


def test_is_json_and_holds_every_row_in_the_order_of_the_table_the_reference_first():
    predictions = several_amounts()
    late = pd.concat([predictions.query("arm != 'none'"), predictions.query("arm == 'none'")])
    evidence = make_evidence(late, rare="B", draws=200)
    assert json.loads(json.dumps(evidence, allow_nan=False)) == evidence
    assert [(r["arm"], r["amount"]) for r in evidence["rows"]] == [
        ("none", "0"), ("acgan", "128"), ("acgan", "64"), ("duplicates:acgan", "64"),
    ]  # fmt: skip
    assert evidence["counts"] == {"patients": {"A": 24, "B": 12}, "slices": {"A": 96, "B": 48}}
    assert sum(f["patients"]["B"] for f in evidence["folds"]) == 12
    assert all(r["complete"] for r in evidence["rows"])
    assert [(v["arm"], v["amount"]) for v in evidence["verdicts"]] == [("acgan", "64")]
    assert evidence["paper"] == {name: row(evidence, "acgan", "64")[name] for name in KEY}


def test_patients_vectors_beside_slices_maps_are_no_slices():
    maps = make_predictions(arms=arms(), seed=1)
    first = maps.drop_duplicates([*KEY, "repeat", "fold", "seed", "patient"])
    both = pd.concat([first.assign(features="region", case=first["patient"], slice=0), maps])
    assert make_evidence(both, rare="B", draws=50)["counts"]["slices"] == {"A": 96, "B": 48}


def test_scores_are_those_of_the_pooled_patients():
    predictions = make_predictions()
    evidence = make_evidence(predictions, rare="B", draws=200)
    pooled = pool_patients(predictions.query("arm == 'none'"))
    called = np.where(pooled["p_B"] > 0.5, "B", "A")
    scores = row(evidence, "none")["patients"]["scores"]
    assert scores["recall_B"]["value"] == pytest.approx(
        recall_score(pooled["label"], called, pos_label="B")
    )
    scores.pop("calibration_error")  # drawing patients again can only add to it
    assert all(s["low"] <= s["value"] <= s["high"] for s in scores.values())
    slices = predictions.query("arm == 'none'")
    called = np.where(slices["p_B"] > 0.5, "B", "A")
    assert row(evidence, "none")["slices"]["scores"]["accuracy"] == pytest.approx(
        (called == slices["label"]).mean()
    )


def test_a_moved_threshold_moves_recall_and_not_the_auc():
    evidence = make_evidence(make_predictions(n=(40, 20), arms=arms(shift=1.5)), rare="B")
    moved = row(evidence, "acgan")["patients"]["difference"]
    assert moved["recall_B"]["value"] > 0.1
    assert moved["recall_A"]["value"] < 0
    assert moved["auc_rare"]["value"] == pytest.approx(0, abs=0.02)
    assert evidence["verdicts"][0]["answer"] == "inconclusive"


@pytest.mark.parametrize(("skill", "answer"), [(3.0, "helps"), (-3.0, "harms")])
def test_ranking_that_changes_is_seen(skill, answer):
    table = make_predictions(n=(40, 20), repeats=3, arms=arms(skill=skill))
    evidence = make_evidence(table, rare="B", draws=200)
    verdict = evidence["verdicts"][0]
    assert verdict["answer"] == answer
    auc = row(evidence, "acgan")["patients"]["difference"]["auc_rare"]
    assert auc["low"] > 0 if skill > 0 else auc["high"] < 0
    assert verdict["against"]["reference"]["difference"] == pytest.approx(auc["value"])
    none = row(evidence, "none")["patients"]["scores"]["auc_rare"]["value"]
    assert verdict["possible"] == pytest.approx(1 - none)


def test_few_rare_patients_are_too_few_whatever_the_numbers():
    evidence = make_evidence(make_predictions(n=(40, 9), arms=arms(skill=5.0)), rare="B", draws=9)
    assert evidence["verdicts"][0]["answer"] == "too few to say"


def test_families_have_verdicts_of_their_own_and_one_is_primary():
    table = make_predictions(
        arms={"none": {}, "smote": {"synthetic": True, "noise": 1.0}, "acgan": ACGAN},
        features=("maps", "tumour"), classifiers=("cnn", "logistic"),
    )  # fmt: skip
    evidence = make_evidence(table, rare="B", draws=50, primary=("tumour", "cnn"))
    keys = [tuple(v[name] for name in KEY) for v in evidence["verdicts"]]
    assert len(keys) == len(set(keys)) == 8
    assert {(v["features"], v["classifier"]) for v in evidence["verdicts"] if v["primary"]} == {
        ("tumour", "cnn")
    }
    alone = table.query("features == 'maps' and classifier == 'cnn'")
    single = make_evidence(alone, rare="B", draws=50)
    assert single["primary"] == {"features": "maps", "classifier": "cnn", "arm": None}
    for mine in single["verdicts"]:  # the correction is within the family
        same = next(v for v in evidence["verdicts"] if all(v[k] == mine[k] for k in KEY))
        assert (same["p_helps"], same["answer"]) == (mine["p_helps"], mine["answer"])
    with pytest.raises(SettingError, match="maps with cnn; maps with logistic"):
        make_evidence(table, rare="B", primary=("tumour", "svm"))


def test_nothing_is_read_out_of_a_name():
    table = make_predictions(arms=arms(skill=2.0), n=(40, 20), repeats=2)
    names = {"none": "as it is", "acgan": "duplicates:none", "duplicates:acgan": "acgan"}
    renamed = table.assign(
        arm=table["arm"].map(names), control_of=table["control_of"].map(names, na_action="ignore")
    )
    first, again = (make_evidence(t, rare="B", draws=50) for t in (table, renamed))
    assert [r["patients"] for r in first["rows"]] == [r["patients"] for r in again["rows"]]
    assert [v["p_helps"] for v in first["verdicts"]] == [v["p_helps"] for v in again["verdicts"]]
    assert again["verdicts"][0]["arm"] == "duplicates:none"
    real = make_evidence(table.assign(synthetic=False), rare="B", draws=50)
    assert real["verdicts"] == [] and real["paper"] is None


@pytest.mark.parametrize("lost", ["acgan", "duplicates:acgan", "none"])
@pytest.mark.parametrize(
    ("which", "said"),
    [("fold == 2", "fold 2"), ("fold == 2 and seed == 1", "fold 2 seed 1")],
)
def test_a_missing_cell_of_the_arm_or_its_control_leaves_the_verdict_incomplete(lost, which, said):
    table = make_predictions(arms={"none": {"seeds": (0, 1)}, "acgan": ACGAN}, seeds=(0, 1))
    rest = table.drop(table.query(f"arm == '{lost}' and {which}").index)
    evidence = make_evidence(rest, rare="B", draws=50)
    verdict = evidence["verdicts"][0]
    assert verdict["answer"] == "incomplete"
    assert verdict["p_helps"] is verdict["p_harms"] is verdict["detectable"] is None
    assert said in verdict["sentence"]
    assert [r["arm"] for r in evidence["rows"] if not r["complete"]] == [lost]


def test_an_arm_whose_control_was_not_run_has_no_verdict():
    evidence = make_evidence(make_predictions(arms=arms(), controls=False), rare="B", draws=9)
    assert evidence["verdicts"][0]["answer"] == "incomplete"
    assert evidence["verdicts"][0]["against"]["control"] is None


def test_rows_without_a_seed_count_once_whatever_seeds_are_drawn():
    plain = {"none": {}, "threshold": {"threshold": 0.3}}
    alone = make_evidence(make_predictions(arms=plain), rare="B", draws=100)
    beside = plain | {"smote": {"synthetic": True, "noise": 1.0}}
    table = make_predictions(arms=beside, seeds=(0, 1))
    evidence = make_evidence(table, rare="B", draws=100)
    assert evidence["seeds"] == [0, 1]
    for arm in plain:
        assert row(evidence, arm)["patients"] == row(alone, arm)["patients"]


def test_the_best_is_the_best_of_all_arms_and_no_control():
    table = make_predictions(
        arms={"none": {}, "threshold": {"skill": 2.0}, "acgan": ACGAN | {"skill": -1.0}},
        features=("tumour", "maps"),
    )
    table.loc[table["control_of"].notna() & (table["label"] == "B"), ["p_A", "p_B"]] = [0.0, 1.0]
    best = make_evidence(table, rare="B", draws=50)["best"]
    assert (best["arm"], best["features"], best["of"]) == ("threshold", "tumour", 6)
    assert "optimistic" in best["note"]


def test_the_papers_own_protocol_picks_on_test_slices_and_gives_no_verdict():
    table = several_amounts(skill=-2.0)
    evidence = make_evidence(table, rare="B", draws=50, faithful=True)
    assert evidence["protocol"] == "faithful"
    assert evidence["verdicts"] == []
    assert evidence["paper"]["amount"] == "128"  # not the one that was planned


def test_checks_are_carried_along():
    found = {"permuted_mean": 0.5}
    assert make_evidence(make_predictions(), rare="B", draws=9, checks=found)["checks"] == found
    assert make_evidence(make_predictions(), rare="B", draws=9)["checks"] is None


def test_without_rare_patients_in_any_fold_with_others_auc_is_null():
    predictions = make_predictions(n=(12, 12), folds=1)
    predictions["fold"] = (predictions["label"] == "B").astype(int)
    evidence = make_evidence(predictions, rare="B", draws=50)
    assert row(evidence, "none")["patients"]["scores"]["auc_rare"] == {
        "value": None,
        "low": None,
        "high": None,
    }
    assert row(evidence, "none")["slices"]["scores"]["auc_rare"] is None
    assert evidence["verdicts"][0]["p_helps"] is None
    assert "not defined" in evidence["verdicts"][0]["sentence"]
    assert evidence["best"] is None
    assert any("AUC is not defined" in note for note in evidence["notes"])


def test_a_missing_fold_is_noted_and_compared_like_with_like():
    predictions = make_predictions(arms=arms())
    lost = (predictions["arm"] == "acgan") & (predictions["fold"] == 2)
    evidence = make_evidence(predictions[~lost], rare="B", draws=50)
    found = row(evidence, "acgan")
    assert not found["complete"]
    assert found["counts"]["patients"] == {"A": 16, "B": 8}
    # No shift and no skill: on common folds the arms are the same classifier.
    assert all(d["value"] == pytest.approx(0) for d in found["patients"]["difference"].values())
    assert found["slices"]["difference"]["accuracy"] == pytest.approx(0)
    assert any("acgan at 64" in note for note in evidence["notes"])


def test_three_classes_repeats_and_seeds():
    predictions = make_predictions(
        arms=arms(), classes=("A", "B", "C"), n=(20, 15, 12), repeats=2, seeds=(0, 1)
    )
    evidence = make_evidence(predictions, rare="C", draws=100)
    assert evidence["repeats"] == 2
    assert evidence["seeds"] == [0, 1]
    scores = row(evidence, "acgan")["patients"]["scores"]
    assert list(scores) == [metric["name"] for metric in evidence["metrics"]]
    assert set(scores) >= {
        "auc_rare", "auc_macro", "average_precision", "brier", "calibration_error",
        *(f"recall_{c}" for c in "ABC"), "accuracy", "balanced_accuracy", "macro_f1",
        *(f"tuned_recall_{c}" for c in "ABC"), "tuned_accuracy", "tuned_balanced_accuracy",
        "tuned_macro_f1",
    }  # fmt: skip
    assert scores["balanced_accuracy"]["value"] == pytest.approx(
        np.mean([scores[f"recall_{c}"]["value"] for c in "ABC"])
    )


def test_same_seed_same_numbers_whatever_the_order_of_rows():
    predictions = make_predictions()
    first = make_evidence(predictions, rare="B", seed=4, draws=100)
    again = make_evidence(predictions.sample(frac=1, random_state=0), rare="B", seed=4, draws=100)
    for name in ("rows", "verdicts"):  # their order is that of the table
        assert sorted(map(json.dumps, again.pop(name))) == sorted(map(json.dumps, first[name]))
    assert again == {name: first[name] for name in again}
    other = make_evidence(predictions, rare="B", seed=5, draws=100)
    assert row(other, "none") != row(first, "none")


def test_refuses_what_it_cannot_answer():
    predictions = make_predictions()
    with pytest.raises(SettingError, match="rare='LGG' is not a class"):
        make_evidence(predictions, rare="LGG")
    with pytest.raises(DataError, match="0 reference rows"):
        make_evidence(predictions.query("arm != 'none'"), rare="B")
