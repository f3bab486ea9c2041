import math

import numpy as np
import pytest

from rarecase.evidence.paired import Comparison
from rarecase.evidence.verdict import Contrast, explain, holm, judge


def comparison(difference=0.05, *, greater=0.001, less=0.999, error=0.02):
    return Comparison(difference, greater, less, greater, less, error, 24)


def one(tested, *, rare_patients=40):
    return judge({"smote": tested}, rare_patients=rare_patients)["smote"]


def test_holm_against_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    rng = np.random.default_rng(0)
    for size in (1, 2, 7):
        p = rng.random(size) ** 3
        assert holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1])


def test_holm_leaves_out_what_is_not_known():
    found = holm([0.01, math.nan, 0.03])
    assert found[[0, 2]].tolist() == [0.02, 0.03]
    assert math.isnan(found[1])


def test_helps_only_against_reference_and_control_and_with_balanced_accuracy():
    good, chance = comparison(), comparison(0.0, greater=0.5, less=0.5)
    assert one(Contrast(good, good, 0.01)).answer == "helps"
    assert one(Contrast(good, chance, 0.01)).answer == "inconclusive"
    assert one(Contrast(chance, good, 0.01)).answer == "inconclusive"
    assert one(Contrast(good, good, -0.01)).answer == "inconclusive"
    assert one(Contrast(good, good, math.nan)).answer == "inconclusive"
    assert one(Contrast(good, good, 0.01), rare_patients=9).answer == "too few to say"


def test_harms_is_against_the_reference_alone():
    bad = comparison(-0.05, greater=0.999, less=0.001)
    assert one(Contrast(bad, comparison(), 0.1)).answer == "harms"
    assert one(Contrast(comparison(), bad, 0.1)).answer == "inconclusive"


def test_the_more_arms_the_harder_it_is():
    p = comparison(greater=0.02)
    assert judge({"a": Contrast(p, p, 0.0)}, rare_patients=20)["a"].answer == "helps"
    several = judge({n: Contrast(p, p, 0.0) for n in "abc"}, rare_patients=20)
    assert {v.answer for v in several.values()} == {"inconclusive"}
    assert several["a"].p_helps == pytest.approx(0.06)
    alone = judge({"a": Contrast(p, p, 0.0)}, rare_patients=20)["a"]
    assert several["a"].detectable > alone.detectable


def test_what_is_incomplete_has_no_verdict_but_counts_in_the_correction():
    p = comparison(greater=0.02)
    whole, part = Contrast(p, p, 0.0), Contrast(p, p, 0.0, missing="2 of its 25 cells are missing")
    found = judge({"a": whole, "b": part}, rare_patients=20)
    assert found["b"].answer == "incomplete"
    assert math.isnan(found["b"].p_helps) and math.isnan(found["b"].p_harms)
    assert found["a"].p_helps == pytest.approx(0.04)  # as if b had been tested and shown nothing
    assert one(Contrast(p, None, 0.0, missing="its control was not run")).answer == "incomplete"
    assert one(part, rare_patients=4).answer == "incomplete"


@pytest.mark.parametrize(
    ("tested", "rare_patients", "words"),
    [
        (Contrast(comparison(), comparison(), 0.01), 40, "smote helps: patients of class LGG"),
        (Contrast(comparison(), comparison(), 0.01), 4, "too few to say, with 4 test patients"),
        (Contrast(comparison(), None, missing="no control"), 40, "incomplete, as no control;"),
        (
            Contrast(comparison(), comparison(), -0.02),
            40,
            "balanced accuracy at tuned thresholds is 0.020",
        ),
        (Contrast(comparison(-0.1, greater=1.0, less=0.001), comparison(), 0.0), 40, "smote harms"),
        (Contrast(comparison(0.0, greater=0.5, less=0.5), comparison(), 0.0), 40, "a rise of 0.0"),
        (
            Contrast(comparison(greater=0.5, error=0.1), comparison(greater=0.5), 0.0, 0.25),
            40,
            "no rise, however large, would have been found with a power of 80 %: 0.26 would be",
        ),
        (
            Contrast(comparison(greater=0.5, error=0.1), comparison(greater=0.5), 0.0, 0.3),
            40,
            "a rise of 0.26 would have been found",
        ),
        (
            Contrast(comparison(0.0, greater=0.5), comparison(greater=0.5), 0.0, 0.3),
            40,
            "(ΔAUC 0.00 against none, +0.05 against its control; adjusted p 0.50",
        ),
    ],
)
def test_every_answer_has_its_sentence(tested, rare_patients, words):
    verdict = one(tested, rare_patients=rare_patients)
    text = explain(
        "smote", verdict, tested, reference="none", rare="LGG", rare_patients=rare_patients
    )
    assert words in text
