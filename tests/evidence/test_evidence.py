import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score

from rarecase.errors import DataError, SettingError
from rarecase.evidence import make_evidence, pool_patients


def make_predictions(
    *,
    arms=(("none", 0), ("acgan", 64)),
    n=(24, 12),
    folds=3,
    repeats=1,
    seeds=(0,),
    classes=("A", "B"),
    shift=0.0,
    skill=0.0,
    seed=0,
):
    """A predictions table in which arm `acgan` moves the rare class's probability by `shift`
    for everybody and by `skill` for the rare patients."""
    rng = np.random.default_rng(seed)
    labels = [c for c, count in zip(classes, n, strict=True) for _ in range(count)]
    rows = []
    for repeat in range(repeats):
        for i, label in enumerate(labels):
            base = rng.normal(size=len(classes)) + 1.0 * (np.array(classes) == label)
            base[0] += 1.0
            for j in range(4):
                logits = base + 0.3 * rng.normal(size=len(classes))
                for arm, amount in arms:
                    for s in seeds:
                        z = logits.copy()
                        if arm != "none":
                            z[-1] += shift + skill * (label == classes[-1])
                        p = np.exp(z) / np.exp(z).sum()
                        rows.append(
                            {
                                "arm": arm,
                                "amount": amount,
                                "repeat": repeat,
                                "fold": i % folds,
                                "generator_seed": s,
                                "threshold": 0.5,
                                "case": f"c{i}",
                                "slice": j,
                                "patient": f"p{i:02d}",
                                "label": label,
                                "predicted": j * 10,
                                **{f"p_{c}": v for c, v in zip(classes, p, strict=True)},
                            }
                        )
    return pd.DataFrame(rows)


def row(evidence, arm, amount):
    return next(r for r in evidence["rows"] if (r["arm"], r["amount"]) == (arm, amount))


def test_is_json_and_holds_every_arm_and_amount():
    predictions = make_predictions(arms=(("acgan", 128), ("none", 0), ("acgan", 64)))
    evidence = make_evidence(predictions, rare="B", headline=64, draws=200)
    again = json.loads(json.dumps(evidence, allow_nan=False))
    assert again == evidence
    assert [(r["arm"], r["amount"]) for r in evidence["rows"]] == [
        ("none", 0),
        ("acgan", 64),
        ("acgan", 128),
    ]
    assert evidence["counts"] == {"patients": {"A": 24, "B": 12}, "slices": {"A": 96, "B": 48}}
    assert sum(f["patients"]["B"] for f in evidence["folds"]) == 12
    assert all(r["complete"] for r in evidence["rows"])


def test_scores_are_those_of_the_pooled_patients():
    predictions = make_predictions()
    evidence = make_evidence(predictions, rare="B", headline=64, draws=200)
    pooled = pool_patients(predictions.query("arm == 'none'"))
    called = np.where(pooled["p_B"] > 0.5, "B", "A")
    scores = row(evidence, "none", 0)["patients"]["scores"]
    assert scores["recall_B"]["value"] == pytest.approx(
        recall_score(pooled["label"], called, pos_label="B")
    )
    scores.pop("calibration_error")  # drawing patients again can only add to it
    assert all(s["low"] <= s["value"] <= s["high"] for s in scores.values())
    slices = predictions.query("arm == 'none'")
    called = np.where(slices["p_B"] > 0.5, "B", "A")
    assert row(evidence, "none", 0)["slices"]["scores"]["accuracy"] == pytest.approx(
        (called == slices["label"]).mean()
    )


def test_a_moved_threshold_is_called_one():
    predictions = make_predictions(n=(40, 20), shift=1.5)
    evidence = make_evidence(predictions, rare="B", headline=64)
    moved = row(evidence, "acgan", 64)["patients"]["difference"]
    assert moved["recall_B"]["value"] > 0.1
    assert moved["recall_A"]["value"] < 0
    assert moved["auc_rare"]["value"] == pytest.approx(0, abs=0.02)
    headline = evidence["headline"]
    assert headline["finding"] == "moved threshold"
    assert "a moved threshold may do the same" in headline["sentence"]
    assert headline["sentence"].startswith("With 64 synthetic samples the recall of class B moved")


@pytest.mark.parametrize(("skill", "finding"), [(3.0, "ranks better"), (-3.0, "ranks worse")])
def test_ranking_that_changes_is_seen(skill, finding):
    evidence = make_evidence(make_predictions(n=(40, 20), skill=skill), rare="B", headline=64)
    assert evidence["headline"]["finding"] == finding
    auc = row(evidence, "acgan", 64)["patients"]["difference"]["auc_rare"]
    assert auc["low"] > 0 if skill > 0 else auc["high"] < 0


def test_few_rare_patients_are_too_few_whatever_the_numbers():
    evidence = make_evidence(make_predictions(n=(40, 9), skill=5.0), rare="B", headline=64)
    assert evidence["headline"]["finding"] == "too few to say"
    assert "9 patients of class B" in evidence["headline"]["sentence"]


def test_no_headline_is_chosen_afterwards():
    evidence = make_evidence(make_predictions(skill=5.0), rare="B", headline=None, draws=50)
    assert evidence["headline"]["finding"] == "not measured"
    assert "No headline amount was fixed" in evidence["headline"]["sentence"]
    evidence = make_evidence(make_predictions(skill=5.0), rare="B", headline=999, draws=50)
    assert (
        "999 synthetic samples fixed beforehand was not reached"
        in (evidence["headline"]["sentence"])
    )


def test_without_rare_patients_in_any_fold_with_others_auc_is_null():
    predictions = make_predictions(n=(12, 12), folds=1)
    predictions["fold"] = (predictions["label"] == "B").astype(int)
    evidence = make_evidence(predictions, rare="B", headline=64, draws=50)
    assert row(evidence, "none", 0)["patients"]["scores"]["auc_rare"] == {
        "value": None,
        "low": None,
        "high": None,
    }
    assert row(evidence, "none", 0)["slices"]["scores"]["auc_rare"] is None
    assert evidence["headline"]["finding"] == "not measurable"
    assert any("AUC is not defined" in note for note in evidence["notes"])


def test_a_missing_fold_is_noted_and_compared_like_with_like():
    predictions = make_predictions()
    lost = (predictions["arm"] == "acgan") & (predictions["fold"] == 2)
    evidence = make_evidence(predictions[~lost], rare="B", headline=64, draws=50)
    found = row(evidence, "acgan", 64)
    assert not found["complete"]
    assert found["counts"]["patients"] == {"A": 16, "B": 8}
    # No shift and no skill: on common folds the arms are the same classifier.
    assert all(d["value"] == pytest.approx(0) for d in found["patients"]["difference"].values())
    assert found["slices"]["difference"]["accuracy"] == pytest.approx(0)
    assert any("acgan 64" in note for note in evidence["notes"])


def test_three_classes_repeats_and_seeds():
    predictions = make_predictions(classes=("A", "B", "C"), n=(20, 15, 12), repeats=2, seeds=(0, 1))
    evidence = make_evidence(predictions, rare="C", headline=64, draws=100)
    assert evidence["repeats"] == 2
    assert evidence["generator_seeds"] == [0, 1]
    scores = row(evidence, "acgan", 64)["patients"]["scores"]
    assert list(scores) == [
        "recall_A",
        "recall_B",
        "recall_C",
        "accuracy",
        "balanced_accuracy",
        "macro_f1",
        "auc_rare",
        "auc_macro",
        "average_precision",
        "brier",
        "calibration_error",
        *(f"tuned_recall_{c}" for c in "ABC"),
        "tuned_accuracy",
        "tuned_balanced_accuracy",
        "tuned_macro_f1",
    ]
    assert scores["balanced_accuracy"]["value"] == pytest.approx(
        np.mean([scores[f"recall_{c}"]["value"] for c in "ABC"])
    )


def test_same_seed_same_numbers_whatever_the_order_of_rows():
    predictions = make_predictions()
    first = make_evidence(predictions, rare="B", headline=64, seed=4, draws=100)
    again = make_evidence(
        predictions.sample(frac=1, random_state=0), rare="B", headline=64, seed=4, draws=100
    )
    assert json.dumps(first, sort_keys=True) == json.dumps(again, sort_keys=True)
    other = make_evidence(predictions, rare="B", headline=64, seed=5, draws=100)
    assert row(other, "none", 0) != row(first, "none", 0)


def test_refuses_what_it_cannot_answer():
    predictions = make_predictions()
    with pytest.raises(SettingError, match="rare='LGG' is not a class"):
        make_evidence(predictions, rare="LGG", headline=64)
    with pytest.raises(DataError, match="arm 'none' is missing"):
        make_evidence(predictions.query("arm != 'none'"), rare="B", headline=64)
