import math

import numpy as np
import pytest
from scipy.stats import t

from rarecase.evidence.explain import explain
from rarecase.evidence.paired import Comparison
from rarecase.evidence.verdict import Contrast, corrected, holm, judge


def comparison(difference=0.05, *, greater=None, error=0.016):
    """Against a control; `greater`: the p that the error is to give."""
    if greater is not None:
        error = difference / t.isf(greater, 24)
    return Comparison(difference, error, 24.0)


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


def test_helps_only_against_reference_and_control():
    good, chance = comparison(), comparison(0.0, error=0.03)
    assert one(Contrast(good, good, 0.01)).answer == "helps"
    assert one(Contrast(good, chance, 0.01)).answer == "inconclusive"
    assert one(Contrast(chance, good, 0.01)).answer == "inconclusive"
    # Decisions are told of, and decide nothing.
    assert one(Contrast(good, good, -0.01)).answer == "helps"
    assert one(Contrast(good, good, math.nan)).answer == "helps"
    assert one(Contrast(good, good, 0.01), rare_patients=9).answer == "too few to say"


def test_harms_is_against_the_reference_alone():
    bad = comparison(-0.06)
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
            "; balanced accuracy at tuned thresholds is 0.020 lower than that of none.",
        ),
        (Contrast(comparison(-0.1), comparison(), 0.0), 40, "smote harms"),
        (Contrast(comparison(0.0, error=0.03), comparison(), 0.0), 40, "a rise of 0.08 would"),
        (
            Contrast(comparison(error=0.1), comparison(error=0.05), 0.0, 0.25),
            40,
            "no rise, however large, would have been found with a power of 80 %: 0.26 would be",
        ),
        (
            Contrast(comparison(error=0.1), comparison(error=0.05), 0.0, 0.3),
            40,
            "a rise of 0.26 would have been found",
        ),
        (
            Contrast(comparison(0.0, error=0.03), comparison(), 0.0, 0.3),
            40,
            "(ΔAUC 0.00 against none, +0.05 against its control; adjusted p 0.50",
        ),
        (
            Contrast(comparison(0.001, error=0.004), comparison(-0.003, error=0.004), 0.0),
            40,
            "smote: no difference for class LGG (ΔAUC 0.00 against none, 0.00 against its control; "
            "with 90 % confidence between −0.010 and +0.008, less than 0.020 either way).",
        ),
        (
            Contrast(comparison(0.05, error=0.04), comparison(0.05, error=0.04), 0.0, 0.3),
            40,
            "; about 170 patients of class LGG would decide it).",
        ),
    ],
)
def test_every_answer_has_its_sentence(tested, rare_patients, words):
    verdict = one(tested, rare_patients=rare_patients)
    text = explain(
        "smote", verdict, tested, reference="none", rare="LGG", rare_patients=rare_patients
    )
    assert words in text


def test_no_difference_is_said_where_both_intervals_lie_within_the_margin():
    close, wide = comparison(0.004, error=0.008), comparison(0.004, error=0.011)
    assert t.ppf(0.95, 24) * 0.008 + 0.004 < 0.02 < t.ppf(0.95, 24) * 0.011 + 0.004
    assert one(Contrast(close, close, 0.0)).answer == "no difference"
    assert one(Contrast(close, wide, 0.0)).answer == "inconclusive"
    assert one(Contrast(wide, close, 0.0)).answer == "inconclusive"
    both = Contrast(wide, wide, 0.0)
    assert judge({"a": both}, rare_patients=40, margin=0.03)["a"].answer == "no difference"
    assert one(Contrast(close, close, 0.0), rare_patients=9).answer == "too few to say"
    # A small difference that is there is said to be there.
    sure = comparison(0.01, error=0.002)
    assert one(Contrast(sure, sure, 0.0)).answer == "helps"
    # Arms that rank everybody alike have an error of 0, which proves nothing.
    same = Comparison(0.0, 0.0, 0.0)
    assert one(Contrast(same, same, 0.0)).answer == "inconclusive"


def test_what_is_needed_is_enough_and_not_much_less():
    def answer(times, difference):
        like = Comparison(difference, 0.04 / math.sqrt(times), 1e9)
        return one(Contrast(like, like, 0.0))

    # Where the difference is what it seems, 80 of 100 such studies are decided: the error is then
    # one of which the difference is 1.64 + 0.84 times; that of a difference of 0 reaches 0.02.
    for difference, far in ((0.05, 0.05), (0.0, 0.02)):
        times = answer(1, difference).needed / 40
        assert far / (0.04 / math.sqrt(times)) == pytest.approx(1.645 + 0.842, abs=0.01)
    assert answer(1, 0.05).answer == answer(1, 0.0).answer == "inconclusive"
    assert math.isnan(answer(1, 0.0201).needed) is False
    assert math.isnan(answer(0.001, 0.0199).needed)  # more than a hundred times as many
    assert math.isnan(answer(100, 0.05).needed)  # it is decided


def test_what_was_asked_first_is_not_corrected_and_the_others_come_after_it():
    p = comparison(greater=0.03)
    arms = {n: Contrast(p, p, 0.0) for n in "abc"}
    found = judge(arms, rare_patients=40, first="b")
    assert found["b"].answer == "helps" and found["b"].p_helps == pytest.approx(0.03)
    assert found["a"].p_helps == found["c"].p_helps == pytest.approx(0.06)
    assert found["b"].detectable < found["a"].detectable
    # Where the first question has no answer, none that comes after it has one.
    good, chance = comparison(), comparison(0.001, error=0.03)
    found = judge(
        {"a": Contrast(good, good, 0.0), "b": Contrast(chance, chance, 0.0)},
        rare_patients=40, first="b",
    )  # fmt: skip
    assert found["a"].answer == found["b"].answer == "inconclusive"
    assert found["a"].p_helps == found["b"].p_helps


def test_with_a_first_question_the_level_holds_over_all():
    rng = np.random.default_rng(0)
    p = rng.random((20_000, 4))
    any_ = np.mean([(corrected(row, first=1) < 0.05).any() for row in p])
    assert any_ == pytest.approx(0.05, abs=0.005)
    assert corrected([0.01, 0.04]).tolist() == holm([0.01, 0.04]).tolist()
    assert corrected([0.2], first=0).tolist() == [0.2]
