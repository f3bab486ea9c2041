"""What inner folds chose, promised and gave."""

import json

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from rarecase.errors import DataError
from rarecase.evidence import make_evidence, pool_patients
from rarecase.evidence.choices import broken
from support.predictions import make_predictions, make_sets


def choices(table, **kwargs):
    return make_evidence(table, rare="B", draws=100, **kwargs)["choices"]


def test_a_row_for_each_fold_with_what_it_gave():
    table = make_sets(folds=3)
    found = choices(table)
    assert (found["features"], found["classifier"], found["arm"]) == ("auto", "auto", "auto")
    assert [(f["repeat"], f["fold"]) for f in found["folds"]] == [(0, 0), (0, 1), (0, 2)]
    mine = pool_patients(table.query("features == 'auto' and arm == 'auto'"))
    for each in found["folds"]:
        part = mine[mine["fold"] == each["fold"]]
        assert each["auc"] == pytest.approx(roc_auc_score(part["label"] == "B", part["p_B"]))
        assert each["features"] == "radiomics" and each["promised"] == 0.8
    assert found["counts"]["features"] == {"radiomics": 3} and found["counts"]["arm"] == {"none": 3}
    assert found["promised"] == pytest.approx(0.8)
    assert "features radiomics 3; classifier lda 3; arm none 3" in found["sentence"]


def test_folds_may_choose_unlike_things():
    table = make_sets()
    other = json.dumps({"features": "tumour", "classifier": "forest", "arm": "smote"})
    taken = (table["arm"] == "auto") & (table["fold"] == 1)
    table.loc[taken, "chosen"] = other
    found = choices(table)
    assert found["counts"]["features"] == {"radiomics": 2, "tumour": 1}
    assert found["counts"]["arm"] == {"none": 2, "smote": 1}
    assert found["folds"][1]["promised"] is None and found["promised"] == pytest.approx(0.8)


@pytest.mark.parametrize(("skill", "promised", "warned"), [
    (-0.5, 0.99, True),  # far above what came
    (-0.5, 0.30, False),
    (6.0, 0.999, False),  # kept
])  # fmt: skip
def test_a_promise_far_above_what_came_is_warned_of(skill, promised, warned):
    table = make_sets(sets={"clinical": 0.0, "radiomics": skill}, promised=promised)
    found = choices(table)
    assert (found["caution"] is not None) == warned
    if warned:
        assert "promised an AUC of 0.99" in found["caution"]


def test_a_promise_inside_the_interval_or_hardly_above_the_score_is_kept():
    score = {"value": 0.70, "low": 0.69, "high": 0.71}
    assert broken(0.76, score) and not broken(0.74, score)
    assert not broken(0.79, {"value": 0.62, "low": 0.45, "high": 0.80})
    assert not broken(None, score) and not broken(0.9, dict.fromkeys(score))


def test_with_fixed_features_an_arm_may_be_chosen():
    table = make_predictions()
    taken = table[table["arm"] == "none"].assign(arm="auto", reference=False, amount="tuned")
    taken["chosen"] = json.dumps({"arm": "none", "C": 1.0, "promised": 0.7})
    found = choices(pd.concat([table, taken]))
    assert found["folds"][0]["features"] == "tumour" and found["folds"][0]["arm"] == "none"
    assert "features" not in found["sentence"]


def test_where_nothing_was_chosen_nothing_is_said():
    assert choices(make_predictions()) is None


def test_what_is_no_json_is_refused():
    with pytest.raises(DataError, match="column chosen holds 'C=1'"):
        choices(make_predictions().assign(chosen="C=1"))
