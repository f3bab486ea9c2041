"""Which features know the rare class, against independent computations."""

import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from rarecase.evidence import make_evidence, pool_patients
from rarecase.evidence.feature_sets import find_baseline, two_sided
from rarecase.evidence.fits import fits_of
from rarecase.evidence.paired import OTHER_FEATURES, Comparison, compare_fits
from support.predictions import SETS, make_predictions, make_sets

FEW = {"draws": 100}


def evidence_of(table, **kwargs):
    return make_evidence(table, rare="B", **(FEW | kwargs))


@pytest.fixture(scope="module")
def table():
    return make_sets(n=(40, 20), folds=4)


@pytest.fixture(scope="module")
def evidence(table):
    return evidence_of(table)


def row(evidence, features):
    return next(each for each in evidence["features"]["sets"] if each["features"] == features)


def auc(table, features):
    """Of the pooled patients, within folds, by another library; the mean over classifiers."""
    here = pool_patients(table.query("features == @features and arm == 'none'"))
    parts = here.groupby(["classifier", "repeat", "fold"])
    return np.mean([roc_auc_score(part["label"] == "B", part["p_B"]) for _, part in parts])


def test_every_set_is_there_once_by_the_mean_of_its_classifiers(table, evidence):
    assert [each["features"] for each in evidence["features"]["sets"]] == [*SETS, "auto"]
    for name in (*SETS, "auto"):
        score = row(evidence, name)["auc"]
        assert score["value"] == pytest.approx(auc(table, name))
        assert score["low"] <= score["value"] <= score["high"]
    assert json.loads(json.dumps(evidence, allow_nan=False)) == evidence


def test_differences_are_those_of_the_aucs(table, evidence):
    found = evidence["features"]
    assert found["baseline"] == "outline_size" and found["choice"] == "auto"
    assert evidence["primary"] == {"features": "auto", "classifier": "auto", "arm": None}
    for what, other in (("baseline", "outline_size"), ("choice", "auto")):
        moved = row(evidence, "tumour")["against"][what]["difference"]
        assert moved["value"] == pytest.approx(auc(table, "tumour") - auc(table, other))
        assert moved["low"] <= moved["value"] <= moved["high"]


def test_p_is_corrected_over_the_sets_that_were_asked_and_that_of_the_choice_not(evidence):
    for what, asked in (("baseline", ["clinical", "radiomics", "tumour"]), ("choice", [*SETS])):
        found = [row(evidence, name)["against"][what] for name in asked]
        smallest = min(found, key=lambda each: each["p"])
        assert smallest["adjusted"] == pytest.approx(min(1.0, len(asked) * smallest["p"]))
    choice = row(evidence, "auto")["against"]
    assert choice["baseline"]["adjusted"] == choice["baseline"]["p"] and choice["choice"] is None
    assert row(evidence, "outline_size")["against"]["baseline"] is None


def test_p_is_that_of_the_paired_tests_on_all_classifiers(table, evidence):
    patients = sorted(table["patient"].unique())
    pooled = pool_patients(table[table["reference"]])
    fits: dict[str, list] = {}
    for key, mine in fits_of(pooled, classes=("A", "B"), patients=patients).items():
        fits.setdefault(key[0], []).extend(mine)
    asked = {"rare": 1, "learning": OTHER_FEATURES}
    tested = compare_fits(fits["tumour"], fits["outline_size"], **asked)
    assert row(evidence, "tumour")["against"]["baseline"]["p"] == tested.p_greater
    tested = compare_fits(fits["tumour"], fits["auto"], **asked)
    twice = 2 * min(tested.p_greater, tested.p_less)
    assert row(evidence, "tumour")["against"]["choice"]["p"] == pytest.approx(min(1.0, twice))


def test_two_sided_p():
    tested = Comparison(-0.1, 0.05, 4.0)
    assert two_sided(tested) == pytest.approx(2 * tested.p_less)
    assert two_sided(Comparison(0.0, 0.05, 4.0)) == 1
    assert np.isnan(two_sided(Comparison(*[np.nan] * 3)))


def test_the_best_is_said_first_and_the_choice_after_it(evidence):
    first, second = evidence["features"]["sentences"]
    assert evidence["features"]["best"] == "radiomics"
    assert first.startswith("radiomics knows class B best: AUC 0.9")
    assert " as the mean of 2 classifiers, +0." in first
    assert first.endswith(
        "against outline_size (the size of the mask); best of 3 sets, optimistic."
    )
    assert second.startswith("Features and classifier chosen on inner folds")
    assert "; adjusted p < " in first and "; p < " in second


def test_features_that_are_alike_are_not_shown_to_differ():
    alike = make_sets(sets=dict.fromkeys(SETS, 0.0), n=(40, 20), folds=4)
    first = evidence_of(alike)["features"]["sentences"][0]
    assert first.startswith("No features are shown to know more of class B than outline_size")


def test_without_the_size_of_the_mask_the_cheapest_is_the_baseline_or_of_ones_own_the_first():
    assert find_baseline(["radiomics", "clinical", "tumour"]) == "clinical"
    assert find_baseline(["mine", "clinical", "outline_size"]) == "outline_size"
    assert find_baseline(["mine", "clinical"]) == "mine" and find_baseline(["tumour"]) is None
    found = evidence_of(make_sets(sets={"mine": 1.0, "clinical": 0.0}, choice=None))["features"]
    assert found["baseline"] == "mine" and found["choice"] is None


def test_few_rare_patients_are_too_few_to_say():
    first = evidence_of(make_sets(n=(40, 9)))["features"]["sentences"][0]
    assert first.startswith("Too few to say which features know class B, with 9 test patients")


def test_where_a_fold_is_missing_the_other_classifiers_count_or_there_is_no_p(table):
    lost = (table["features"] == "radiomics") & (table["fold"] == 0)
    found = evidence_of(table[~(lost & (table["classifier"] == "lda"))])
    rest = table[(table["features"] != "radiomics") | (table["classifier"] == "logistic")]
    assert row(found, "radiomics")["complete"]
    assert row(found, "radiomics")["auc"]["value"] == pytest.approx(auc(rest, "radiomics"))
    found = evidence_of(table[~lost])
    assert not row(found, "radiomics")["complete"]
    assert row(found, "radiomics")["against"]["baseline"]["adjusted"] is None
    assert found["features"]["best"] != "radiomics"
    # It still counts among those that are corrected for.
    others = [row(found, name)["against"]["baseline"] for name in ("clinical", "tumour")]
    smallest = min(others, key=lambda each: each["p"])
    assert smallest["adjusted"] == pytest.approx(min(1.0, 3 * smallest["p"]))


def test_the_papers_protocol_answers_nothing(table):
    assert evidence_of(table, faithful=True)["features"] is None


def test_one_set_is_held_against_chance():
    (said,) = evidence_of(make_predictions(n=(24, 12)))["features"]["sentences"]
    assert said.startswith("tumour: AUC of class B 0.")
    weak = make_predictions(arms={"none": {"skill": -1.0}})
    assert "chance, 0.50, is not ruled out" in evidence_of(weak)["features"]["sentences"][0]
