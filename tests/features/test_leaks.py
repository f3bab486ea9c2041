"""Columns that know the class: what stops, what warns, and what is left in peace."""

import numpy as np
import pandas as pd
import pytest

from rarecase.errors import LeakError
from rarecase.features.leaks import refuse, suspicions

N = 40
Y = np.repeat(["High", "Low"], [28, 12])
LOW = Y == "Low"
RNG = np.random.default_rng(0)
NOISE = pd.DataFrame(RNG.normal(size=(N, 3)), columns=["age", "volume", "sphericity"])


def found(columns=None, *, y=Y, aside=None, noise=NOISE, **more):
    frame = noise.assign(**(columns or {}))
    other = None if aside is None else pd.DataFrame(aside)
    return {(s.column, s.kind): s for s in suspicions(frame, y, aside=other, **more)}


def test_noise_is_no_suspicion():
    assert found() == {} == found(groups=[f"p{i}" for i in range(N)])


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("months", LOW * 10, "label"),
        ("code", pd.Categorical(np.where(LOW, "q", "z")), "label"),
        ("wild", np.where(LOW, 0, 5) + RNG.random(N), "separates"),
        ("os_months", RNG.normal(size=N), "outcome"),
        ("vital_status", RNG.integers(0, 2, N), "outcome"),
        ("RNASeqCluster", RNG.integers(0, 4, N), "outcome"),
        ("scan_date", RNG.integers(0, 900, N), "date"),
        ("when", 20110300 + RNG.integers(1, 29, N), "date"),
        ("number", RNG.permutation(N) + 7, "id"),
        ("PatientID", RNG.permutation(4 * N)[:N], "id"),
        ("who", pd.Categorical([f"n{i}" for i in RNG.permutation(N)]), "id"),
        ("site", LOW * 3, "site"),
    ],
)
def test_what_knows_the_class_stops(name, values, kind):
    suspicion = found({name: values})[name, kind]
    assert suspicion.stops
    with pytest.raises(LeakError, match=f"--accept {name}"):
        refuse([suspicion])


def test_a_gap_may_know_the_class():
    gappy = np.where(LOW, np.nan, RNG.normal(size=N))
    suspicion = found({"dose": gappy})["dose", "separates"]
    assert suspicion.stops and "by its gaps alone tells class 'Low'" in suspicion.words


def test_a_perfect_column_of_noise_in_a_small_table_is_a_warning():
    y = np.repeat(["a", "b"], [7, 3])
    noise = pd.DataFrame(RNG.normal(size=(10, 60)))
    noise[17] = np.where(y == "b", 5, 0) + RNG.random(10)
    suspicion = found(y=y, noise=noise)["17", "separates"]
    assert not suspicion.stops and "in 10 of 10 patients" in suspicion.words
    refuse([suspicion])


def test_what_would_stop_alone_is_a_warning_among_many_columns():
    y = np.repeat(["a", "b"], [15, 5])  # noise: 2 of 15,504 ways
    wild = np.where(y == "b", 5, 0) + RNG.random(20)
    alone = found({"wild": wild}, y=y, noise=pd.DataFrame(index=range(20)))
    assert alone["wild", "separates"].stops
    many = found({"wild": wild}, y=y, noise=pd.DataFrame(RNG.normal(size=(20, 60))))
    assert not many["wild", "separates"].stops


def test_an_almost_perfect_column_is_a_warning():
    almost = np.where(LOW, 3.0, 0) + RNG.random(N)
    almost[0] = 9
    suspicion = found({"almost": almost})["almost", "separates"]
    assert not suspicion.stops and "in 39 of 40 patients" in suspicion.words


def test_codes_in_any_order_are_looked_at_as_categories():
    codes = RNG.choice([1, 3, 4], N)
    codes[LOW] = 2
    assert found({"code": codes})["code", "separates"].stops


def test_patients_are_counted_not_rows():
    y, who = np.repeat(["a", "b"], [9, 3]), np.arange(12)
    wild = np.where(y == "b", 5, 0) + RNG.random(12)
    rows = np.repeat(np.arange(12), 20)  # of 240 rows noise could never, of 12 patients it can
    frame = pd.DataFrame({"wild": wild[rows] + 0.01 * RNG.normal(size=240)})
    (suspicion,) = suspicions(frame, y[rows], groups=who[rows])
    assert not suspicion.stops and "in 12 of 12 patients" in suspicion.words


def test_ids_that_repeat_stop_without_groups_alone():
    for aside in ({"patient": np.repeat([f"p{i}" for i in range(20)], 2)},
                  {"who": np.repeat([f"p{i}" for i in range(20)], 2)},
                  {"case_id": [*range(N - 1), 0]}):  # fmt: skip
        (name,) = aside
        assert found(aside=aside)[name, "rows"].stops
        assert (name, "rows") not in found(aside=aside, groups=np.arange(N))
    assert found(aside={"reader": RNG.choice(["Ann", "Bob"], N), "scanner_id": N * [3]}) == {}


def test_a_site_that_equals_the_class_stops_and_one_that_does_not_does_not():
    sites = np.where(LOW, "Rome", np.where(np.arange(N) % 2, "Bern", "Oslo"))
    suspicion = found(aside={"hospital": sites})["hospital", "site"]
    assert suspicion.stops and "Rome: 0 High, 12 Low" in suspicion.words
    assert found(aside={"hospital": RNG.permutation(sites)}) == {}


def test_grades_are_outcomes_where_a_grade_is_asked_for():
    grade = {"histologic_grade": RNG.integers(2, 4, N)}
    assert found(grade, name="Grade")["histologic_grade", "outcome"].stops
    assert found(grade, name="recurrence") == {}
    texture = {"original_glcm_ClusterShade": RNG.normal(size=N)}
    assert found(texture, name="COCCluster") == {}


def test_each_class_of_several_is_looked_at():
    y = np.repeat(["a", "b", "c"], [14, 14, 12])
    wild = np.where(y == "c", 5, 0) + RNG.random(N)
    assert "tells class 'c'" in found({"wild": wild}, y=y)["wild", "separates"].words
    assert found({"ten": np.repeat([10, 20, 30], [14, 14, 12])}, y=y)["ten", "label"].stops


def test_what_is_accepted_by_name_is_said_and_stops_no_more(caplog):
    two = list(found({"months": LOW * 10, "os": RNG.normal(size=N)}).values())
    with pytest.raises(LeakError, match="'os' is named like an outcome") as error:
        refuse(two, ["months"])
    assert "column 'months'" not in str(error.value)
    refuse(two, ["months", "os"])
    assert "accepted: column 'months' is the classes under another name" in caplog.text
