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


def test_helps_only_against_both_controls_and_with_balanced_accuracy():
    good, chance = comparison(), comparison(0.0, greater=0.5, less=0.5)
    assert one(Contrast(good, good, 0.01)).answer == "helps"
    assert one(Contrast(good, chance, 0.01)).answer == "no evidence"
    assert one(Contrast(chance, good, 0.01)).answer == "no evidence"
    assert one(Contrast(good, good, -0.01)).answer == "no evidence"
    assert one(Contrast(good, good, math.nan)).answer == "no evidence"
    assert one(Contrast(good, None, 0.01)).answer == "not controlled"
    assert one(Contrast(good, good, 0.01), rare_patients=9).answer == "too few to say"


def test_harms_is_against_none_alone():
    bad = comparison(-0.05, greater=0.999, less=0.001)
    assert one(Contrast(bad, comparison(), 0.1)).answer == "harms"
    assert one(Contrast(comparison(), bad, 0.1)).answer == "no evidence"


def test_the_more_arms_the_harder_it_is():
    p = comparison(greater=0.02)
    assert judge({"a": Contrast(p, p, 0.0)}, rare_patients=20)["a"].answer == "helps"
    several = judge({n: Contrast(p, p, 0.0) for n in "abc"}, rare_patients=20)
    assert {v.answer for v in several.values()} == {"no evidence"}
    assert several["a"].p_helps == pytest.approx(0.06)
    alone = judge({"a": Contrast(p, p, 0.0)}, rare_patients=20)["a"]
    assert several["a"].detectable > alone.detectable


@pytest.mark.parametrize(
    ("tested", "rare_patients", "words"),
    [
        (Contrast(comparison(), comparison(), 0.01), 40, "smote helps: patients of class LGG"),
        (Contrast(comparison(), comparison(), 0.01), 4, "too few to say, with 4 test patients"),
        (Contrast(comparison(), None, 0.01), 40, "not controlled"),
        (
            Contrast(comparison(), comparison(), -0.02),
            40,
            "balanced accuracy at tuned thresholds is 0.020",
        ),
        (Contrast(comparison(-0.1, greater=1.0, less=0.001), comparison(), 0.0), 40, "smote harms"),
        (Contrast(comparison(0.0, greater=0.5, less=0.5), comparison(), 0.0), 40, "a rise of 0.0"),
        (
            Contrast(comparison(greater=0.5, error=0.4), comparison(greater=0.5), 0.0),
            40,
            "no rise, however large",
        ),
    ],
)
def test_every_answer_has_its_sentence(tested, rare_patients, words):
    verdict = one(tested, rare_patients=rare_patients)
    text = explain("smote", verdict, tested, rare="LGG", rare_patients=rare_patients)
    assert words in text
