import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecase.errors import DataError
from rarecase.evidence.predictions import check_predictions, pool_patients
from support.predictions import make_predictions


def rows(*slices, **shared):
    """Predictions of one classifier from (patient, slice, predicted, p_A) tuples."""
    table = pd.DataFrame(slices, columns=["patient", "slice", "predicted", "p_A"])
    table["p_B"] = 1 - table["p_A"]
    table["label"] = np.where(table["patient"].str.startswith("a"), "A", "B")
    table["case"] = table["patient"] + "-1"
    defaults = {
        "features": "tumour", "arm": "none", "classifier": "logistic", "amount": "0",
        "synthetic": False, "control_of": None, "planned": False, "reference": True,
        "splits": "digest", "repeat": 0, "fold": 0, "seed": 0, "threshold": 0.5, "requested": 0,
        "added": 0, "chosen": "{}", "site": None,
    }  # fmt: skip
    for name, value in {**defaults, **shared}.items():
        table[name] = value
    return table


def test_only_slices_with_a_predicted_tumour_count():
    table = rows(("a1", 0, 0, 0.0), ("a1", 1, 12, 0.6), ("a1", 2, 1, 0.8))
    pooled = pool_patients(table)
    assert pooled["p_A"].tolist() == pytest.approx([0.7])
    assert pooled["slices"].tolist() == [2]


def test_a_patient_without_predicted_tumour_is_pooled_over_all_slices():
    table = rows(("a1", 0, 0, 0.1), ("a1", 1, 0, 0.5), ("b1", 0, 0, 0.9), ("b1", 1, 3, 0.2))
    pooled = pool_patients(table).set_index("patient")
    assert pooled.loc["a1", "p_A"] == pytest.approx(0.3)
    assert pooled.loc["a1", "slices"] == 2
    assert pooled.loc["b1", "p_A"] == pytest.approx(0.2)


def test_every_classifier_is_pooled_for_itself():
    table = pd.concat(
        [
            rows(("a1", 0, 0, 0.1), ("a1", 1, 5, 0.3)),
            rows(("a1", 0, 7, 0.5), ("a1", 1, 5, 0.7), arm="acgan", amount="8", seed=1),
        ]
    )
    pooled = pool_patients(table)
    assert pooled.set_index("arm")["p_A"].to_dict() == pytest.approx({"none": 0.3, "acgan": 0.6})


def test_cases_of_a_patient_go_together_and_row_order_does_not_matter():
    table = rows(("a1", 0, 5, 0.2), ("a1", 1, 5, 0.4), ("b1", 0, 5, 0.4))
    second = rows(("a1", 0, 5, 0.9)).assign(case="a1-2")
    both = pd.concat([table, second])
    pooled = pool_patients(both)
    assert pooled.set_index("patient")["p_A"].to_dict() == pytest.approx({"a1": 0.5, "b1": 0.4})
    shuffled = pool_patients(both.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(pooled, shuffled)


@pytest.mark.parametrize("null", [np.nan, pd.NA, None])
def test_a_cell_without_a_seed_is_kept(null):
    table = rows(("a1", 0, 5, 0.2), ("b1", 0, 5, 0.2), seed=null)
    check_predictions(table)
    assert len(pool_patients(table)) == 2


@settings(deadline=None)
@given(st.data())
def test_pooling_is_the_mean_over_slices_that_show_a_tumour_or_all(data):
    p = data.draw(st.lists(st.floats(0, 1), min_size=1, max_size=6))
    seen = data.draw(st.lists(st.integers(0, 2), min_size=len(p), max_size=len(p)))
    table = rows(*(("a1", i, s, v) for i, (s, v) in enumerate(zip(seen, p, strict=True))))
    counted = [v for s, v in zip(seen, p, strict=True) if s] or p
    (pooled,) = pool_patients(table)[["p_A", "slices"]].to_numpy().tolist()
    assert pooled == pytest.approx([np.mean(counted), len(counted)])


def test_classes_come_in_the_order_of_the_columns():
    assert check_predictions(rows(("a1", 0, 5, 0.2), ("b1", 0, 5, 0.2))) == ("A", "B")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns=["predicted"]), "columns predicted are missing"),
        (lambda t: t.drop(columns=["p_B"]), "two or more classes"),
        (lambda t: t.iloc[:0], "no rows"),
        (lambda t: t.assign(p_A=np.nan), "missing or outside"),
        (lambda t: t.assign(p_A=1.5), "missing or outside"),
        (lambda t: t.assign(label="C"), r"labels \['C'\] have no column"),
        (lambda t: t.assign(threshold=1.3), "threshold 1.3 is outside 0 to 1"),
        (lambda t: t.assign(label=["A", "B", "B"]), "'a1' has two labels"),
        (lambda t: t.assign(fold=[0, 1, 0]), "'a1' is tested in two folds of repeat 0"),
        (lambda t: pd.concat([t, t]), "stands twice"),
        (lambda t: t.assign(amount=8), "amount holds int64, expected text"),
        (lambda t: t.assign(synthetic="no"), "synthetic holds .*, expected true or false"),
        (lambda t: t.assign(seed=-1), "seed holds int64, expected whole numbers or nulls"),
        (lambda t: t.assign(fold=0.0), "fold holds float64, expected whole numbers"),
        (lambda t: t.assign(planned=[True, True, False]), "'none' at amount 0 has unlike values"),
        (lambda t: t.assign(reference=False), "'tumour', 'logistic'.* have 0 reference rows"),
        (
            lambda t: pd.concat([t, t.assign(arm="other")]),
            "'tumour', 'logistic'.* have 2 reference rows",
        ),
        (lambda t: t.assign(splits=["x", "x", "y"]), "unlike splits"),
    ],
)
def test_what_cannot_be_scored_is_refused(change, message):
    table = rows(("a1", 0, 5, 0.2), ("a1", 1, 5, 0.2), ("b1", 0, 5, 0.2))
    check_predictions(table)
    with pytest.raises(DataError, match=message):
        check_predictions(change(table))


def test_a_table_survives_parquet(tmp_path):
    table = make_predictions(features=("tumour", "maps"), seeds=(0, 1))
    table.to_parquet(tmp_path / "predictions.parquet", index=False)
    again = pd.read_parquet(tmp_path / "predictions.parquet")
    assert check_predictions(again) == check_predictions(table)
    pd.testing.assert_frame_equal(pool_patients(again), pool_patients(table))


def test_repeats_may_have_splits_of_their_own():
    table = make_predictions(repeats=2)
    table["splits"] = "digest " + table["repeat"].astype(str)
    check_predictions(table)
