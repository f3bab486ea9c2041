"""The three findings, read from evidence of arms whose skill is known."""

import pandas as pd
import pytest
from scipy.stats import t

from rarecase.evidence import make_evidence
from rarecase.evidence.answer import findings, what_would_help
from rarecase.evidence.synthesis import answer_of, asked_verdicts, moved
from rarecase.evidence.text import with_interval
from support.predictions import make_predictions, make_sets

SMOTE = {"synthetic": True}


def made(arms, *, n=(30, 20), faithful=False, **rest):
    table = make_predictions(arms={"none": {}, **arms}, n=n, repeats=2, **rest)
    return make_evidence(table, rare="B", draws=60, faithful=faithful)


@pytest.fixture(scope="module")
def chosen():
    who = {"classes": ("HGG", "LGG"), "n": (30, 15)}
    arms = {"smote": SMOTE | {"noise": 0.3}, "remix": SMOTE | {"noise": 0.5}}
    table = make_sets(arms=arms, choice=("radiomics", "lda"), **who)
    other = make_predictions(arms={"none": {}, **arms}, features=("maps",), **who)
    table = pd.concat([table, other.assign(chosen="{}")], ignore_index=True)
    return make_evidence(table, rare="LGG", draws=60)


def test_the_best_classifier_is_what_inner_folds_chose_with_its_nested_auc(chosen):
    best, _, _ = findings(chosen)
    score = chosen["choices"]["auc"]
    assert best.value.replace("95 % interval ", "") == f"AUC {with_interval(score)}"
    assert "radiomics with lda" in best.text
    assert "15 of class LGG, 30 others" in best.text
    assert "flatters" not in best.text


def test_without_a_choice_the_best_of_many_is_said_to_be_flattered():
    evidence = made({"smote": SMOTE, "remix": SMOTE | {"skill": 0.5}})
    best, _, _ = findings(evidence)
    assert with_interval(evidence["best"]["auc"])[:4] in best.value
    assert f"the best of {evidence['best']['of']} that were looked at" in best.text


def test_features_that_know_are_those_whose_adjusted_p_is_small(chosen):
    _, features, _ = findings(chosen)
    known = [
        each["features"] for each in chosen["features"]["sets"]
        if each["features"] != chosen["features"]["choice"]
        and (against := each["against"]["baseline"]) and against["adjusted"] < 0.05
    ]  # fmt: skip
    assert len(known) == 4
    listed, more = features.value.split(" and ")
    assert set(listed.split(", ")) < set(known) and more == "1 more"


@pytest.mark.parametrize(
    ("arms", "n", "answer", "words"),
    [
        ({"smote": SMOTE | {"skill": 2.0}}, (40, 30), "helps", "It helps: smote"),
        ({"smote": SMOTE | {"skill": -2.0}}, (40, 30), "harms", "It harms: smote"),
        ({"smote": SMOTE | {"noise": 1.0}}, (24, 12), "inconclusive", "12 patients of class B"),
        ({"smote": SMOTE | {"noise": 0.1}}, (120, 100), "no difference", "smote does not help"),
        ({"smote": SMOTE}, (24, 6), "too few to say", "6 patients of class B were tested"),
        ({}, (24, 12), "not asked", "No synthetic arm was planned"),
    ],
)
def test_synthesis_has_the_answer_of_its_verdict(arms, n, answer, words):
    evidence = made(arms, n=n)
    assert [v["answer"] for v in evidence["verdicts"]] == [answer] * len(arms)
    found = findings(evidence)[-1]
    assert (found.answer, found.value) == (answer, answer)
    assert words in found.text


def test_several_arms_have_one_answer_with_counts():
    arms = {"helpful": SMOTE | {"skill": 2.0}, "harmful": SMOTE | {"skill": -2.0}}
    evidence = made(arms, n=(40, 30))
    found = findings(evidence)[-1]
    assert found.answer == "helps"
    assert found.text.startswith("1 of 2 ways to add synthetic samples helps: helpful")
    assert found.text.endswith("Of the others: harms for 1.")


@pytest.mark.parametrize(
    ("answers", "together"),
    [
        (["no difference", "no difference"], "no difference"),
        (["no difference", "inconclusive"], "inconclusive"),
        (["harms", "inconclusive"], "harms"),
        (["harms", "helps"], "helps"),
        (["too few to say"] * 2, "too few to say"),
        (["incomplete", "no difference"], "inconclusive"),
        ([], "not asked"),
    ],
)
def test_one_answer_of_several(answers, together):
    assert answer_of([{"answer": answer} for answer in answers]) == together


def test_changes_have_the_interval_of_the_test():
    for verdict in made({"smote": SMOTE | {"noise": 0.4}})["verdicts"]:
        for other in ("reference", "control"):
            against = verdict["against"][other]
            low, high = t.interval(0.95, against["freedom"], against["difference"],
                                   against["error"])  # fmt: skip
            score = moved(verdict, other)
            assert score["value"] == against["difference"]
            assert (score["low"], score["high"]) == pytest.approx((low, high))


def test_the_answer_is_of_what_was_chosen_and_not_of_other_features(chosen):
    assert len(chosen["verdicts"]) > len(asked_verdicts(chosen)) > 0
    assert {v["features"] for v in asked_verdicts(chosen)} == {chosen["features"]["choice"]}


def test_where_all_is_right_without_synthesis_there_is_nothing_to_gain():
    table = make_predictions(arms={"none": {}, "smote": SMOTE}, n=(24, 12))
    table["p_B"] = (table["label"] == "B") * 0.8 + 0.1
    table["p_A"] = 1 - table["p_B"]
    evidence = make_evidence(table, rare="B", draws=30)
    best, _, synthesis = findings(evidence)
    assert (synthesis.value, synthesis.answer) == ("nothing to gain", "inconclusive")
    assert "does not prove it perfect" in best.text
    assert "Patients elsewhere" in what_would_help(evidence)


def test_under_the_papers_protocol_nothing_is_asked():
    best, features, synthesis = findings(made({"smote": SMOTE}, faithful=True))
    assert best.value.startswith("AUC")
    assert features.value == synthesis.value == "not asked"
    assert "chooses on the test set" in synthesis.text


def test_patients_that_would_decide_are_said_where_nothing_is_known():
    evidence = made({"smote": SMOTE | {"noise": 0.4}}, n=(24, 12))
    (verdict,) = evidence["verdicts"]
    assert verdict["answer"] == "inconclusive"
    said = what_would_help(evidence)
    assert "ore patients" in said
    assert ("would decide whether" in said) == (verdict["needed"] is not None)
