"""Which column, which values, which classes."""

import numpy as np
import pandas as pd
import pytest

from rarecase.cohort import read_cohort
from rarecase.cohort.labels import choose_labels
from rarecase.errors import SettingError

TABLE = pd.DataFrame(
    {
        "case": list("abcdef"),
        "patient": list("abcdef"),
        "cluster": ["1", "2", "2.0", "3", np.nan, "1"],
        "grade": ["low", "high", "low", "low", "high", "high"],
    }
)


def chosen(spec, **settings):
    settings.setdefault("own", None)
    labels = choose_labels(TABLE, spec, **settings)
    return [None if pd.isna(label) else label for label in labels]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("cluster", ["1", "2", "2", "3", None, "1"]),
        ("grade", ["low", "high", "low", "low", "high", "high"]),
        ("cluster=2", ["rest", "cluster=2", "cluster=2", "rest", None, "rest"]),
        ("cluster=2.0", ["rest", "cluster=2", "cluster=2", "rest", None, "rest"]),
        ("cluster=1, 3", ["cluster=1,3", "rest", "rest", "cluster=1,3", None, "cluster=1,3"]),
    ],
)
def test_specs(spec, expected):
    assert chosen(spec) == expected


def test_numbers_are_values_too():
    table = TABLE.assign(cluster=[1.0, 2.0, 2.0, 3.0, np.nan, 1.0])
    assert choose_labels(table, "cluster=2", own=None).tolist()[:3] == [
        "rest", "cluster=2", "cluster=2"
    ]  # fmt: skip


def test_merge():
    merge = {"low": ["1", 3]}
    assert chosen("cluster", merge=merge) == ["low", "2", "2", "low", None, "low"]
    assert chosen("cluster=low", merge=merge)[:2] == ["cluster=low", "rest"]


def test_own_label_is_the_default():
    assert chosen(None, own="grade") == TABLE["grade"].tolist()


@pytest.mark.parametrize(
    ("spec", "settings", "message"),
    [
        (None, {}, r"several columns could be the label(.|\n)*cluster: 1 \(2\), 2 \(2\), 3 \(1\), "
                   r"missing \(1\)(.|\n)*grade: high \(3\), low \(3\)"),
        ("clster=2", {}, "no column 'clster'; did you mean 'cluster'"),
        ("cluster=7", {}, "'cluster' has no value '7'. Values: 1, 2, 3"),
        ("cluster=", {}, "names no value after '='"),
        ("cluster", {"merge": {"x": ["9"]}}, "no value '9' to merge into 'x'. Values: 1, 2, 3"),
        ("cluster", {"merge": {"x": ["1"], "y": ["1"]}}, "'1' is merged into 'x' and into 'y'"),
    ],
)  # fmt: skip
def test_errors(spec, settings, message):
    with pytest.raises(SettingError, match=message):
        chosen(spec, **settings)


def test_missing_labels_are_dropped_with_the_reason(build):
    root = build.tcga({"CS_0001": 1, "CS_0002": 2, "HT_0003": 0})
    cohort = read_cohort(root, "grade")
    assert set(cohort.patients) == {"TCGA_CS_0001", "TCGA_CS_0002"}
    assert [(d.case, d.reason) for d in cohort.dropped] == [("TCGA_HT_0003_19990101", "no label")]
