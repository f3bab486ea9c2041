"""All results in one table, with a verdict for each synthetic arm on each of the features."""

import json

import pytest

from rarecase.report import make_report
from rarecase.report.run_files import RunFiles
from rarecase.report.section_results import amounts_section, results_section
from rarecase.report.tables import metric_tables, results_table, table_3
from support.fake_run import fake_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return fake_run(tmp_path_factory.mktemp("results") / "run", generator=True, features=False)


@pytest.fixture
def files(run):
    return RunFiles(run)


def test_maps_and_vectors_stand_in_one_table_with_one_verdict_per_arm_and_features(files):
    table = results_table(files.evidence, caption="x")
    assert table.columns[:4] == ["Features", "Classifier", "Arm", "Amount"]
    named = {tuple(row[:4]): row for row in table.rows}
    assert list(named) == [
        ("bottleneck", "cnn", "none", "0"), ("bottleneck", "cnn", "acgan", "64"),
        ("bottleneck", "cnn", "acgan", "256"), ("bottleneck", "cnn", "acgan", "1,158"),
        ("tumour", "logistic", "none", "0"), ("tumour", "logistic", "threshold", "0"),
        ("tumour", "logistic", "smote", "tuned"),
    ]  # fmt: skip
    place = table.columns.index("Verdict")
    answers = {key: row[place] for key, row in named.items() if row[place]}
    verdicts = files.evidence["verdicts"]
    assert list(answers.values()) == [verdict["answer"] for verdict in verdicts]
    assert [key[2] for key in answers] == ["acgan", "smote"]
    assert [list(named)[i][2] for i in table.marked] == ["acgan", "smote"]


def test_every_metric_of_the_evidence_is_a_column_and_controls_are_there(files):
    patients, changes, slices = metric_tables(files.evidence, ("tumour", "logistic"))
    labels = [metric["label"] for metric in files.evidence["metrics"]]
    for table in (patients, changes, slices):
        assert [column.lower() for column in table.columns[3:]] == [n.lower() for n in labels]
    assert [row[0] for row in patients.rows] == [
        "none", "threshold", "smote", "as many copies as smote"
    ]  # fmt: skip
    assert [row[0] for row in changes.rows] == [row[0] for row in patients.rows][1:]


def test_table_3_shows_the_planned_row_and_that_of_its_reference(files):
    (table,) = table_3(files.evidence)
    assert [row[:2] for row in table.rows] == [
        ["Ours, slices", "without"], ["Ours, slices", "with acgan at 256"],
        ["Ours, patients", "without"], ["Ours, patients", "with acgan at 256"],
        ["Paper, slices", "without"], ["Paper, slices", "with"],
    ]  # fmt: skip
    rows = {(r["features"], r["arm"], r["amount"]): r for r in files.evidence["rows"]}
    ours = rows["bottleneck", "acgan", "256"]["slices"]["scores"]["recall_LGG"]
    assert table.rows[1][3].text == f"{ours:.3f}"


def test_amounts_are_drawn_of_arms_that_were_counted(files):
    assert [block.name for block in amounts_section(files).blocks] == ["amounts-acgan"]
    rows = [row for row in files.evidence["rows"] if row["features"] == "tumour"]
    files.evidence = files.evidence | {"rows": rows}
    assert amounts_section(files) is None


def test_self_checks_stand_with_the_results(files):
    words = str(results_section(files))
    assert "Labels permuted 20 times" in words and "Two-sample AUC" in words


def test_other_cohorts_are_shown(run):
    other = run / "external" / "elsewhere"
    other.mkdir(parents=True)
    (other / "evidence.json").write_bytes((run / "evidence.json").read_bytes())
    (other / "external.json").write_text(json.dumps({"data": "/somewhere/elsewhere", "dice": 0.52}))
    page = make_report(run).read_text(encoding="utf-8")
    assert "elsewhere: every arm on patients elsewhere" in page
    assert "mean Dice of 0.52" in page
    assert "/somewhere" not in page  # where it lies is nobody's business
