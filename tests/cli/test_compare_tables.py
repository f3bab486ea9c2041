"""`rarecase compare` on tables with gaps, categories, several sets of features, and leaks."""

import json

import numpy as np
import pandas as pd
import pytest

from rarecase.cli.arguments import sets_of
from rarecase.cli.main import main
from rarecase.errors import SettingError
from rarecase.evidence.result import Result
from support.pages import page_words

SHORT = ["--repeats", 1, "--folds", 3, "--generator-seeds", 1, "--amounts", "1", "--jobs", 1,
         "--no-checks", "--arms", "threshold"]  # fmt: skip
ROLES = ["--label", "Grade=3,4", "--groups", "patient"]


def call(capsys, *words):
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    return code, " ".join(said.out.split()), said.err


def cohort(seed, n=48, prefix="p"):
    rng = np.random.default_rng(seed)
    grade = np.resize([2, 2, 3, 2, 4, 2], n)
    made = pd.DataFrame(rng.normal(size=(n, 4)), columns=["flair_a", "flair_b", "t1ce_a", "age"])
    made["flair_a"] += 1.2 * (grade > 2)
    made = made.mask(rng.random(made.shape) < 0.15)
    made.insert(0, "patient", [f"{prefix}{i:03d}" for i in range(n)])
    sex = rng.choice(["f", "m", "NA"], n)
    hospital = rng.permutation(np.resize(["A", "B", "C"], n))
    return made.assign(Grade=grade, sex=sex, death01=rng.integers(0, 2, n), hospital=hospital)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "features.csv"
    cohort(0).to_csv(path, index=False)
    return path


def test_one_command_from_a_table_with_gaps_to_evidence_and_on_another(table, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["compare", table, *ROLES, "--impute", "median", "--categorical", "sex",
             "--ignore", "death01", *SHORT, "--out", out, "--no-html"]  # fmt: skip
    code, said, err = call(capsys, *words)
    assert code == 0, err
    assert "Features: 5 (flair_a, flair_b, t1ce_a, age, sex)." in said
    assert "of their values are missing, filled in within each fold" in said
    assert "32 rest" in said and "16 Grade=3,4" in said
    kept = json.loads((out / "features.json").read_text())
    assert kept["sets"]["features"]["categories"] == {"sex": ["f", "m"]}
    assert kept["left_out"] == {"hospital": "they hold text"} and kept["impute"] == "median"
    assert "Features: 5 (flair_a" in str(Result.read(out))
    assert "Left out, as they hold text: hospital." in call(capsys, "evaluate", out)[1]
    other = cohort(1, prefix="q")
    other["sex"] = other["sex"].replace({"f": "x"})  # the codes of categories are others here
    other["age"] = "?"
    other.to_csv(tmp_path / "other.csv", index=False)
    code, said, err = call(capsys, "evaluate", out, "--on", tmp_path / "other.csv", "--no-html")
    assert code == 0, err
    assert "column 'sex' has categories that the training part of repeat 0, fold 0 lacks" in err
    p = pd.read_parquet(out / "external/other/predictions.parquet")
    assert p.filter(like="p_").notna().all().all() and set(p["patient"]) == set(other["patient"])


def test_gaps_are_refused_without_impute_but_by_who_takes_them(table, capsys):
    words = ["compare", table, *ROLES, "--ignore", "death01", *SHORT]
    code, _, err = call(capsys, *words)
    assert code == 1 and "first in feature 'flair_a' of row" in err and "--impute median" in err
    code, said, err = call(capsys, *words, "--classifier", "boosting")
    assert code == 0 and "left to the classifier" in said, err
    code, _, err = call(capsys, *words, "--classifier", "boosting", "--arms", "smote")
    assert code == 1 and "--impute median" in err
    code, _, err = call(capsys, *words, "--impute", "mean")
    assert code == 2 and "expected 'median'" in err


def test_sites_are_left_out_one_by_one_with_gaps_and_categories(table, capsys):
    words = ["compare", table, *ROLES, "--impute", "median", "--categorical", "sex", "--ignore",
             "death01", "--site", "hospital", *SHORT, "--json"]  # fmt: skip
    code, said, err = call(capsys, *words)
    assert code == 0, err
    assert len(json.loads(said)["folds"]) == 3


def test_sets_by_pattern_file_and_joined(table, tmp_path, capsys):
    frame = pd.read_csv(table)
    rng = np.random.default_rng(3)
    emb = pd.DataFrame(rng.normal(size=(48, 6))).add_prefix("e").assign(patient=frame["patient"])
    emb.iloc[::-1].to_csv(tmp_path / "emb.csv", index=False)
    out = tmp_path / "out"
    words = ["compare", table, *ROLES, "--impute", "median", "--categorical", "sex", *SHORT,
             "--features", "radiomics=flair_*,t1ce_*", "--features", "clinical=age,sex",
             "--features", f"emb={tmp_path / 'emb.csv'}",
             "--features", "clinical,radiomics+clinical,emb", "--out", out]  # fmt: skip
    code, said, err = call(capsys, *words)
    assert code == 0, err
    assert "Features radiomics+clinical: 5" in said
    assert "Left out, as no set of features names them: death01." in said
    shown = page_words(out / "report" / "index.html", above=tmp_path)
    assert "Which features know class Grade=3,4?" in shown and "emb=…/emb.csv" in shown
    kept = json.loads((out / "features.json").read_text())["sets"]
    assert kept["radiomics+clinical"]["parts"] == [0, 0, 0, 1, 1]
    assert kept["emb"]["columns"] == [f"e{i}" for i in range(6)]
    evidence = json.loads((out / "evidence.json").read_text())
    assert evidence["primary"]["features"] == "auto"
    other, more = cohort(1, prefix="q"), emb.assign(patient="q" + emb["patient"].str[1:])
    other.to_csv(tmp_path / "other.csv", index=False)
    more.to_csv(tmp_path / "more.csv", index=False)
    code, _, err = call(capsys, "evaluate", out, "--on", tmp_path / "other.csv")
    assert code == 2 and "--features emb=FILE" in err
    code, said, err = call(capsys, "evaluate", out, "--on", tmp_path / "other.csv", "--features",
                           f"emb={tmp_path / 'more.csv'}", "--json", "--no-html")  # fmt: skip
    assert code == 0, err
    assert {row["features"] for row in json.loads(said)["rows"]} == {
        "clinical", "radiomics+clinical", "emb", "auto",
    }  # fmt: skip


def test_an_outcome_stops_it_until_it_is_accepted_by_name(table, tmp_path, capsys):
    words = ["compare", table, *ROLES, "--impute", "median", *SHORT, "--out", tmp_path / "out"]
    code, _, err = call(capsys, *words)
    assert code == 1 and "column 'death01' is named like an outcome ('death')" in err
    code, said, err = call(capsys, *words, "--accept", "death01")
    assert code == 0 and "Accepted by name: death01 (outcome)." in said
    shown = page_words(tmp_path / "out/report/index.html", above=tmp_path)
    assert "death01 outcome" in shown and "accepted by name" in shown
    kept = json.loads((tmp_path / "out/features.json").read_text())["warnings"]
    assert [(w["column"], w["kind"], w["accepted"]) for w in kept] == [("death01", "outcome", True)]


def test_a_site_that_equals_the_class_stops_it(table, capsys):
    frame = pd.read_csv(table)
    frame.assign(hospital=np.where(frame["Grade"] > 2, "A", "B")).to_csv(table, index=False)
    code, _, err = call(capsys, "compare", table, *ROLES, "--ignore", "death01", *SHORT)
    assert code == 1 and "column 'hospital' tells the class" in err and "A: 16 Grade=3,4" in err
    words = [
        "--ignore",
        "death01,hospital",
        "--impute",
        "median",
    ]  # the scanners stay what they are
    assert call(capsys, "compare", table, *ROLES, *SHORT, *words)[0] == 1
    assert call(capsys, "compare", table, *ROLES, *SHORT, *words, "--accept", "hospital")[0] == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["clinical"], "no set 'clinical'"), (["a=", "a"], "expected NAME=COLUMN"),
     (["a=age", "a=sex"], "defined twice"), (["a+=age"], "expected NAME"),
     (["a=age", "a+b"], "no set 'b'"), (["a++b"], "a+b joins two")],
)  # fmt: skip
def test_sets_that_are_none_are_refused(table, capsys, words, expected):
    given = [part for word in words for part in ("--features", word)]
    code, _, err = call(capsys, "compare", table, *ROLES, "--impute", "median", *SHORT, *given)
    assert code == 2 and expected in err, err


def test_a_label_value_that_is_not_there(table, capsys):
    code, _, err = call(capsys, "compare", table, "--label", "Grade=7", *SHORT)
    assert code == 2 and "has no value '7'. Values: 2, 3, 4" in err


def test_the_syntax_of_sets():
    assert sets_of(["a,b", "c=x_*,y", "a+c"]) == (["a", "b", "a+c"], {"c": ["x_*", "y"]})
    assert sets_of([]) == ([], {})
    with pytest.raises(SettingError):
        sets_of(["a b=c"])
