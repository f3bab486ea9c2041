"""`rarecase report` of several folders, as a user types it."""

import re

import pytest

from rarecase.cli.main import main
from rarecase.evidence import make_evidence
from rarecase.evidence.between import between
from rarecase.evidence.result import Result
from rarecase.evidence.rows import Key
from rarecase.evidence.text import signed
from support.pages import page_words
from support.predictions import make_predictions

KEY = Key("tumour", "none", "logistic", "0")


def call(capsys, *words):
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture(scope="module")
def tables():
    """Two of the same patients in the same folds, one in others, one of others."""
    arms = {"none": {}, "smote": {"synthetic": True, "noise": 0.1}}
    better = {name: about | {"skill": 1.5} for name, about in arms.items()}
    first = make_predictions(arms=arms, seed=1)
    return {
        "first": first, "<b>better": make_predictions(arms=better, seed=2),
        "folds": first.assign(fold=(first["fold"] + first["patient"].eq("p00")) % 3),
        "people": first.assign(patient="x" + first["patient"]),
    }  # fmt: skip


@pytest.fixture
def folders(tables, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, table in tables.items():
        Result(table, make_evidence(table, rare="B", draws=50)).write(tmp_path / name)
    return [*tables]


def test_several_stand_side_by_side_with_differences_where_tests_are_the_same(
    folders, tables, tmp_path, capsys
):
    code, out, err = call(capsys, "report", *folders)
    assert code == 0, err
    page = tmp_path / "report" / "index.html"
    assert out == "Page: report/index.html\n"
    words = page_words(page, above=tmp_path)
    assert "4 results side by side" in words and "<b>better" not in page.read_text()
    assert words.count("24 A and 12 B") == 4 and "1 inconclusive" in words
    found = between(tables["<b>better"], tables["first"], keys=(KEY, KEY), rare="B")
    low, high = found.interval(level=0.95)
    row = f"<b>better − first none (tumour, logistic) {signed(found.difference)} "
    assert row + f"{low:.2f} to {high:.2f}".replace("-", "−") in words
    assert "smote (tumour, logistic)" in words.split("Row of both")[1]
    assert words.count("the same patients, but in other folds or with other labels") == 2
    apart = re.findall(r"other patients were tested \(36 and 36, 0 in both\)", words)
    assert len(apart) == 3
    code, _, err = call(capsys, "report", *folders)
    assert code == 1 and "report/index.html exists and was not touched" in err
    assert call(capsys, "report", *folders, "--html", "again.html")[0] == 0


def test_what_is_no_result_is_named(folders, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    code, _, err = call(capsys, "report", "first", "empty", "--html", "new")
    assert code == 1 and "empty: not a run folder" in err and not (tmp_path / "new").exists()
