"""Two predictions tables side by side, against pandas, scikit-learn and loops."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from rarecase.errors import DataError
from rarecase.evidence.between import between, digest_of_tests
from rarecase.evidence.paired import OTHER_FEATURES
from rarecase.evidence.rows import Key
from support.predictions import make_predictions

KEY = Key("tumour", "none", "logistic", "0")


def table(skill, seed, **changes):
    arms = {"none": {"skill": skill, "noise": 0.8}}
    return make_predictions(arms=arms, n=(18, 18), seed=seed, **changes)


def averaged(predictions):
    shown = predictions[predictions["predicted"] > 0]
    return shown.groupby(["fold", "patient", "label"])["p_B"].mean().reset_index()


def test_difference_and_error_are_those_of_averaged_patients():
    one, other = table(1.5, 1), table(0.2, 2)
    found = between(one, other, keys=(KEY, KEY), rare="B")
    pooled = [averaged(each) for each in (one, other)]
    aucs = [
        np.mean([roc_auc_score(part["label"] == "B", part["p_B"])
                 for _, part in each.groupby("fold")])
        for each in pooled
    ]  # fmt: skip
    assert found.difference == pytest.approx(aucs[0] - aucs[1])
    moved = {"A": [], "B": []}  # by loops over pairs: what the share of right pairs moved by
    for fold in range(3):
        mine, theirs = (each[each["fold"] == fold].reset_index() for each in pooled)
        for i, label in enumerate(mine["label"]):
            against = mine.index[mine["label"] != label]
            sign = 1 if label == "B" else -1
            wins = [
                np.mean(sign * (each["p_B"][i] - each["p_B"][against].to_numpy()) > 0)
                for each in (mine, theirs)
            ]
            moved[label].append(wins[0] - wins[1])
    variance = sum(np.var(each, ddof=1) / len(each) for each in moved.values())
    assert found.error == pytest.approx(np.sqrt(variance * OTHER_FEATURES.once))


def test_the_digest_is_of_who_is_tested_when_and_with_which_label():
    one = table(1.5, 1)
    same = [table(0.2, 2).sample(frac=1, random_state=0), table(0.2, 2, slices=2)]
    two_arms = make_predictions(n=(18, 18))
    assert {digest_of_tests(each) for each in (one, *same, two_arms)} == {digest_of_tests(one)}
    others = [
        one.assign(fold=(one["fold"] + 1) % 3), one[one["patient"] != "p00"],
        one.assign(label=one["label"].replace({"A": "B", "B": "A"})),
        one.assign(patient="x" + one["patient"]), table(1.5, 1, repeats=2),
    ]  # fmt: skip
    assert len({digest_of_tests(each) for each in (one, *others)}) == 6


def test_others_tested_are_refused():
    one = table(1.5, 1)
    with pytest.raises(DataError, match="expected the patients, folds and labels"):
        between(one, one[one["patient"] != "p00"], keys=(KEY, KEY), rare="B")
