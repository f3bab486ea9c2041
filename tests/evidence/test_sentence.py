import math

import pytest

from rarecase.evidence.sentence import Change, choose_finding, headline_sentence

UP = Change(0.25, 0.42, 0.17, 0.05, 0.30)
DOWN = Change(0.42, 0.25, -0.17, -0.30, -0.05)
UNSURE = Change(0.25, 0.30, 0.05, -0.10, 0.20)
SAME = Change(0.25, 0.25, 0.0, -0.10, 0.10)
NOTHING = Change(math.nan, math.nan, math.nan, math.nan, math.nan)


@pytest.mark.parametrize(
    ("recall", "auc", "rare_patients", "finding"),
    [
        (UP, SAME, 20, "moved threshold"),
        (UNSURE, UNSURE, 20, "moved threshold"),
        (DOWN, SAME, 20, "no evidence"),
        (SAME, SAME, 20, "no evidence"),
        (DOWN, UP, 20, "ranks better"),
        (UP, DOWN, 20, "ranks worse"),
        (UP, NOTHING, 20, "not measurable"),
        (UP, UP, 9, "too few to say"),
        (UP, UP, 10, "ranks better"),
    ],
)
def test_rule(recall, auc, rare_patients, finding):
    assert choose_finding(recall=recall, auc=auc, rare_patients=rare_patients) == finding


def sentence(recall, auc, rare_patients=20):
    return headline_sentence(
        amount=1158, rare="LGG", recall=recall, auc=auc, rare_patients=rare_patients
    )[1]


def test_numbers_are_in_the_sentence():
    auc = Change(0.61, 0.60, -0.01, -0.08, 0.06)
    assert sentence(UP, auc) == (
        "With 1,158 synthetic samples the recall of class LGG moved from 0.25 to 0.42 while AUC "
        "went from 0.61 to 0.60 (difference −0.01, 95 % interval −0.08 to 0.06): a moved "
        "threshold may do the same; new information is not shown."
    )


def test_an_unsure_recall_is_said_to_be_unsure():
    assert "may be chance" in sentence(UNSURE, SAME)
    assert "may be chance" not in sentence(UP, SAME)


def test_warnings_stand_with_good_news():
    assert "not yet the full controlled test" in sentence(SAME, UP)


def test_nothing_is_said_to_move_that_did_not():
    assert "stayed at 0.25 while" in sentence(SAME, DOWN)
    assert "recall did not rise and no better ranking is shown" in sentence(SAME, UNSURE)
    assert "recall fell and no better" in sentence(DOWN, SAME)


def test_undefined_numbers_are_not_printed():
    assert "nan" not in sentence(NOTHING, NOTHING)
    assert "cannot be measured" in sentence(UP, NOTHING)
