import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rarecase import compare
from rarecase.experiment.inner_folds import outer_folds
from rarecase.experiment.self_checks import FoldChecks, fold_checks, gather, self_checks, shift_auc
from rarecase.experiment.setup import make_plan
from rarecase.features.feature_set import make_table


def data(n=(30, 12), *, shift=0.0, d=4, rows=1, seed=5):
    rng = np.random.default_rng(seed)
    y = np.repeat(["common", "rare"], n)
    X = rng.normal(size=(sum(n), d)) + shift * (y == "rare")[:, None]
    who = [f"p{i:03d}" for i in range(sum(n))]
    X = np.repeat(X, rows, axis=0) + 0.3 * rng.normal(size=(sum(n) * rows, d))
    return X, np.repeat(y, rows), np.repeat(who, rows)


PLAN = make_plan(["none"], model=None, amounts=(1.0,), inner=3, generator_seeds=1, random_state=0)


def test_chance_is_found_where_it_is_and_the_leak_of_a_split_by_rows():
    X, y, groups = data(d=60, rows=4)
    found = compare(X, y, groups=groups, arms=["none"], repeats=1, folds=3, draws=20,
                    permutations=99, generator_seeds=1)  # fmt: skip
    assert len(found.checks.permuted) == 20 and len(found.checks.shift) == 3
    assert not found.checks.suspicious
    assert found.checks.leak["rows split"] > 0.9  # rows of one patient look alike
    assert found.checks.leak["patients split"] < 0.75
    assert "Had rows been split instead of patients" in str(found)
    assert "Test patients can be told from training patients" in str(found)


def test_permuted_labels_are_chance_even_where_real_ones_are_not():
    X, y, _ = data((60, 30), shift=2.0)
    table = make_table(X, y)
    fold_of = outer_folds(table, folds=3, repeats=1, seed=0)[0]
    found = self_checks(table, PLAN, fold_of)
    assert abs(found.mean - 0.5) < 0.06 and not found.suspicious
    again = self_checks(table, PLAN, fold_of, n_jobs=2)
    assert again == found
    assert found.leak is None  # a patient has one row


def test_a_shift_is_seen_as_large_as_an_independent_classifier_sees_it():
    X, y, _ = data((80, 40))
    table = make_table(X, y)
    fold_of = outer_folds(table, folds=3, repeats=1, seed=0)[0]
    none = np.mean([shift_auc(table, PLAN, fold_of=fold_of, fold=f) for f in range(3)])
    assert none == pytest.approx(0.5, abs=0.12)
    tested = fold_of == 0
    moved = X + 1.2 * tested[:, None] * np.array([1, 0, 0, 0])
    found = shift_auc(make_table(moved, y), PLAN, fold_of=fold_of, fold=0)
    chance = cross_val_predict(
        make_pipeline(StandardScaler(), LogisticRegression()), moved, tested,
        cv=StratifiedKFold(5, shuffle=True, random_state=0), method="predict_proba",
    )[:, 1]  # fmt: skip
    assert found == pytest.approx(roc_auc_score(tested, chance), abs=0.06)
    assert found > 0.7


def test_what_is_not_defined_is_said_as_none_and_read_back():
    fold = FoldChecks((0.4, math.nan), math.nan)
    said = fold.as_json()
    assert said == {"permuted": [0.4, None], "shift": None}
    back = FoldChecks.from_json(said)
    assert back.permuted[0] == 0.4 and math.isnan(back.permuted[1]) and math.isnan(back.shift)
    both = gather([fold, FoldChecks((0.6, math.nan), 0.7)])
    assert both.permuted[0] == pytest.approx(0.5) and math.isnan(both.permuted[1])
    assert both.as_json()["permuted_error"] is None and not both.suspicious
    assert both.as_json()["shift_mean"] == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("n", "said"), [((8, 4), "too few in a fold to say"), ((30, 12), "with an AUC of")]
)
def test_a_shift_is_not_read_off_a_handful_of_patients(n, said):
    X, y, _ = data(n)
    found = compare(X, y, folds=3, repeats=1, arms=["none"], draws=1)
    assert said in str(found)
    assert math.isnan(found.checks.shift[0]) == ("too few" in said)


def test_a_fold_of_one_patient_has_no_shift_to_measure():
    X, y, _ = data()
    fold_of = np.where(np.arange(42) == 3, 0, -1)
    found = fold_checks(make_table(X, y), PLAN, fold_of=fold_of, repeat=0, fold=0)
    assert math.isnan(found.shift) and all(math.isnan(p) for p in found.permuted)
