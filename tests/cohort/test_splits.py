"""Folds: patients are never shared, classes are balanced, every impossible wish is named."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecase.cohort import Case, Cohort, assign_folds, check_disjoint, validation_patients
from rarecase.errors import DataError, LeakError, SettingError


def cohort(high=12, low=7, *, visits=1, sites=None, folds=None) -> Cohort:
    cases = []
    for label, count in (("HGG", high), ("LGG", low)):
        for i in range(count):
            patient = f"{label}{i:02d}"
            for visit in range(visits):
                cases.append(
                    Case(
                        f"{patient}-{visit}",
                        patient,
                        label=label,
                        site=sites[i % len(sites)] if sites else None,
                        fold=folds(patient, visit) if folds else None,
                    )
                )
    return Cohort(tuple(cases), (), "test", ("flair",))


@settings(max_examples=25, deadline=None)
@given(
    high=st.integers(5, 40),
    low=st.integers(5, 40),
    visits=st.integers(1, 3),
    folds=st.integers(2, 5),
    seed=st.integers(0, 10**6),
)
def test_kfold_tests_every_patient_once_and_balances_classes(high, low, visits, folds, seed):
    data = cohort(high, low, visits=visits)
    table = assign_folds(data, folds=folds, repeats=2, seed=seed)
    for _, one in table.groupby("repeat"):
        assert sorted(one["patient"]) == sorted(data.patients)
        for label, count in (("HGG", high), ("LGG", low)):
            sizes = one[one["patient"].str.startswith(label)].groupby("fold").size()
            assert len(sizes) == folds
            assert sizes.min() >= count // folds and sizes.max() <= -(-count // folds)


def test_same_seed_same_folds_other_seed_and_repeat_other_folds():
    data = cohort()
    table = assign_folds(data, repeats=2, seed=3)
    assert table.equals(assign_folds(data, repeats=2, seed=3))
    assert not table.equals(assign_folds(data, repeats=2, seed=4))
    first, second = (part["fold"].tolist() for _, part in table.groupby("repeat"))
    assert first != second
    assert table.columns.tolist() == ["repeat", "patient", "fold"]


def test_the_order_of_cases_does_not_matter():
    data = cohort()
    turned = Cohort(data.cases[::-1], (), "test", ("flair",))
    assert assign_folds(data).equals(assign_folds(turned))


def test_holdout_is_the_papers():
    table = assign_folds(cohort(61, 40), "holdout", repeats=3)
    for _, one in table.groupby("repeat"):
        tested = one.loc[one["fold"] == 0, "patient"].str[:3]
        assert Counter(tested) == {"HGG": 7, "LGG": 4}
        assert set(one["fold"]) == {-1, 0}


def test_given_folds_keep_their_numbers():
    table = assign_folds(
        cohort(folds=lambda patient, _: [1, 2, None][int(patient[-2:]) % 3]), "given"
    )
    assert set(table["fold"]) == {-1, 1, 2}


def test_given_folds_that_leak():
    with pytest.raises(LeakError, match="Patient 'HGG00' is in the given folds 0 and 1"):
        assign_folds(cohort(visits=2, folds=lambda _, visit: visit), "given")


def test_sites():
    table = assign_folds(cohort(sites=["north", "east", "south"]), "site")
    assert table.loc[table["patient"] == "HGG00", "fold"].tolist() == [1]
    assert set(table["fold"]) == {0, 1, 2}


def test_a_patient_at_two_sites_leaks():
    cases = [Case(f"c{i}", "p", label="a", site=site) for i, site in enumerate("NS")]
    cases.append(Case("d", "q", label="b", site="N"))
    with pytest.raises(LeakError, match="'p' was examined at the sites 'N' and 'S'"):
        assign_folds(Cohort(tuple(cases), (), "test", ("flair",)), "site")


@pytest.mark.parametrize(
    ("data", "kind", "options", "error", "message"),
    [
        (cohort(9, 3), "kfold", {}, SettingError, "'LGG' has 3 .*the 5 folds. Take at most 3"),
        (cohort(9, 1), "kfold", {}, SettingError, r"'LGG' has 1 .*Leave the class out"),
        (cohort(), "kfold", {"folds": 1}, SettingError, "folds: 1, at least 2"),
        (cohort(), "kfold", {"repeats": 0}, SettingError, "repeats: 0"),
        (cohort(), "k-fold", {}, SettingError, "'k-fold' is unknown; did you mean 'kfold'"),
        (cohort(), "given", {}, SettingError, "needs a column 'fold'"),
        (cohort(), "site", {}, DataError, "Case 'HGG00-0' has no site"),
        (cohort(sites=["x"]), "site", {}, SettingError, "all patients come from 'x'"),
        (cohort(sites=["x", "y"]), "site", {"repeats": 2}, SettingError, "all be the same"),
        (cohort(9, 1), "holdout", {}, SettingError, "class 'LGG' has 1"),
        (cohort(4, 1, sites=["x", "y"]), "site", {}, DataError, "every patient of class 'LGG'"),
        (cohort(folds=lambda *_: 0), "given", {}, DataError, "every patient of class 'HGG', 'LGG'"),
    ],
)  # fmt: skip
def test_impossible_folds(data, kind, options, error, message):
    with pytest.raises(error, match=message):
        assign_folds(data, kind, **options)


@settings(max_examples=30, deadline=None)
@given(
    high=st.integers(1, 60),
    low=st.integers(1, 9),
    fraction=st.floats(0.01, 0.9),
    seed=st.integers(0, 99),
)
def test_validation_patients_are_stratified(high, low, fraction, seed):
    patients = cohort(high, low).patients
    chosen = validation_patients(patients, fraction, seed)
    assert chosen == validation_patients(dict(reversed(patients.items())), fraction, seed)
    assert set(chosen) <= set(patients) and len(set(chosen)) == len(chosen)
    for label, count in (("HGG", high), ("LGG", low)):
        held_out = sum(name.startswith(label) for name in chosen)
        assert held_out < count
        if count >= 3:
            assert held_out >= 1
            assert abs(held_out - fraction * count) <= 1
        else:
            assert held_out == 0


def test_no_validation():
    assert validation_patients(cohort().patients, 0, 0) == ()
    with pytest.raises(SettingError, match="fraction: 1"):
        validation_patients(cohort().patients, 1, 0)


def test_disjoint():
    check_disjoint(["a", "b"], ["c"])
    with pytest.raises(LeakError, match=r"2 patient\(s\) .*test part: b, c"):
        check_disjoint(["a", "b", "c"], ["c", "b", "d"])
