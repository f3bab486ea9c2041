"""`rarecase compare` and `evaluate` as a user types them."""

import json
import subprocess
import sys
from argparse import ArgumentParser

import numpy as np
import pandas as pd
import pytest

from rarecase.cli.compare import add_arguments, protocol_of
from rarecase.cli.main import main
from rarecase.evidence.verdict import MARGIN
from rarecase.pipeline.settings import Settings
from support.pages import page_words

SHORT = ["--repeats", 2, "--folds", 3, "--generator-seeds", 1, "--amounts", "1", "--jobs", 1]


def call(capsys, *words):
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    grade = np.repeat(["High", "Low"], [36, 12])
    made = pd.DataFrame(rng.normal(size=(48, 3)), columns=["age", "volume", "sphericity"])
    made["volume"] += 1.5 * (grade == "Low")
    made.insert(0, "patient", [f"{i:03d}" for i in range(48)])
    made.insert(1, "Grade", grade)
    made["comment"] = "seen twice"
    made["clinic"] = np.tile(["A", "B", "C"], 16)
    path = tmp_path / "features.csv"
    made.to_csv(path, index=False)
    return path


def test_a_table_to_verdicts_and_evaluate_says_the_same(table, tmp_path, capsys):
    out = tmp_path / "grades"
    words = ["compare", table, "--label", "Grade", "--groups", "patient", "--rare", "Low",
             "--arms", "threshold,smote", *SHORT, "--out", out]  # fmt: skip
    code, said, _ = call(capsys, *words)
    assert code == 0
    counts = "Patients by Grade: 36 High, 12 Low; rare class Low. 2 × 3 test folds"
    assert counts in " ".join(said.split())
    assert "Left out, as they hold text: comment, clinic." in said
    for name in ("none", "threshold", "duplicates", "smote"):
        assert f"\n{name}" in said
    assert "Labels permuted 20 times" in said
    kept = json.loads((out / "evidence.json").read_text())
    (verdict,) = kept["verdicts"]
    assert verdict["arm"] == "smote" and verdict["answer"] in ("inconclusive", "helps", "harms")
    assert verdict["sentence"] in " ".join(said.split())
    page = out / "report" / "index.html"
    assert said.splitlines()[-1] == f"Page: {page}"
    words_there = page_words(page, above=tmp_path)
    assert verdict["sentence"] in words_there and "Labels permuted 20 times" in words_there
    assert "Left out, as they hold text: comment, clinic." in words_there
    assert "…/features.csv" in words_there
    (out / "evidence.json").unlink()
    code, _, why = call(capsys, "evaluate", out)
    assert code == 1 and "no evidence.json there" in why and "the same command again" in why
    page.unlink()
    code, without, _ = call(capsys, *words, "--no-html")
    assert code == 0 and json.loads((out / "evidence.json").read_text()) == kept
    assert not page.exists() and "Page:" not in without
    assert call(capsys, "report", out)[1] == f"Page: {page}\n" and page.is_file()
    code, again, _ = call(capsys, "evaluate", out)
    assert code == 0 and "evidence.json says the same." in again
    assert json.loads((out / "evidence.json").read_text()) == kept
    code, other, _ = call(capsys, "evaluate", out, "--margin", "0.9")
    assert code == 0 and "says something else, and was left as it is (--write)" in other
    assert json.loads((out / "evidence.json").read_text()) == kept
    code, other, _ = call(capsys, "evaluate", out, "--margin", "0.9", "--write")
    changed = json.loads((out / "evidence.json").read_text())
    assert code == 0 and changed["margin"] == 0.9
    assert changed["verdicts"][0]["answer"] in ("no difference", "helps", "harms")
    assert call(capsys, "verify", out)[0] == 0
    code, _, why = call(capsys, "evaluate", out, "--margin", "2")
    assert code == 2 and "margin 2: expected a difference in AUC between 0 and 1" in why
    assert call(capsys, "evaluate", out, "--margin", "0.02", "--write")[0] == 0
    assert json.loads((out / "evidence.json").read_text()) == kept
    assert [line for line in again.splitlines() if line.startswith("smote")] == [
        line for line in said.splitlines() if line.startswith("smote")
    ]
    elsewhere = tmp_path / "elsewhere.html"
    code, found, _ = call(capsys, *words, "--json", "--html", elsewhere)  # every fold is there
    assert json.loads(found)["rows"] == kept["rows"]
    assert json.loads(found)["page"] == str(elsewhere) and elsewhere.is_file()
    code, _, why = call(capsys, *words, "--html", elsewhere)
    assert code == 1 and f"{elsewhere} exists and was not touched" in why
    code, _, why = call(capsys, *words, "--html", tmp_path / "x", "--no-html")
    assert code == 2 and "not both" in why


def test_other_files_hold_the_same(table, tmp_path, capsys):
    frame = pd.read_csv(table, dtype={"patient": str})
    frame.to_parquet(tmp_path / "features.parquet")
    frame.to_csv(tmp_path / "features.tsv", sep="\t", index=False)
    columns = ["age", "volume", "sphericity"]
    np.savez(tmp_path / "features.npz", X=frame[columns].to_numpy(), y=frame["Grade"].to_numpy(str),
             groups=frame["patient"].to_numpy(str))  # fmt: skip
    found = []
    for name in ("features.csv", "features.tsv", "features.parquet", "features.npz"):
        columns = [] if name.endswith("npz") else ["--label", "Grade", "--groups", "patient"]
        code, said, _ = call(capsys, "compare", tmp_path / name, *columns, "--arms", "threshold",
                             "--no-checks", *SHORT, "--json")  # fmt: skip
        assert code == 0
        found.append(json.loads(said)["rows"])
    assert found[0] == found[1] == found[2] == found[3]


def test_semicolons_and_commas_in_numbers(table, capsys):
    words = ["compare", table, "--label", "Grade", "--groups", "patient", "--arms", "none",
             "--no-checks", *SHORT, "--json"]  # fmt: skip
    frame = pd.read_csv(table, dtype={"patient": str}).round(3)
    frame.to_csv(table, index=False)
    _, plain, _ = call(capsys, *words)
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        frame["Größe"] = frame.pop(frame.columns[-1])
        frame.to_csv(table, index=False, sep=";", decimal=",", encoding=encoding)
        code, said, err = call(capsys, *words)
        assert code == 0, err
        assert json.loads(said)["rows"] == json.loads(plain)["rows"]
        assert ("read as Windows-1252" in err) is (encoding == "cp1252")


def test_classes_that_differ_in_capitals_are_said(table, capsys):
    frame = pd.read_csv(table, dtype={"patient": str})
    first = frame["patient"] == frame["patient"].iloc[0]
    frame.loc[first, "Grade"] = frame.loc[first, "Grade"].str.swapcase()
    frame.to_csv(table, index=False)
    _, _, said = call(capsys, "compare", table, "--label", "Grade", "--groups", "patient",
                      "--arms", "none", "--no-checks", *SHORT)  # fmt: skip
    assert "differ in capitals alone" in said


def test_what_an_archive_has_not_is_said(tmp_path, capsys):
    path = tmp_path / "features.npz"
    X = np.random.default_rng(0).normal(size=(30, 2))
    np.savez(path, X=X, y=np.repeat([0, 1], [20, 10]), patient=np.arange(30))
    code, _, said = call(capsys, "compare", path, "--groups", "patients")
    assert code == 2 and "--groups patients" in said and "did you mean 'patient'" in said
    code, _, said = call(capsys, "compare", path, "--ignore", "f0")
    assert code == 2 and "have no names to leave out" in said
    for content in (b"", None):
        path.write_bytes(content or b"")
        if content is None:
            with path.open("wb") as file:
                np.save(file, X)
        code, _, said = call(capsys, "compare", path)
        assert code == 1 and f"{path}: cannot be read as .npz" in said


def test_each_clinic_is_tested_by_what_the_others_taught(table, capsys):
    code, said, _ = call(capsys, "compare", table, "--label", "Grade", "--groups", "patient",
                         "--site", "clinic", "--arms", "threshold", "--jobs", 1,
                         "--json")  # fmt: skip
    found = json.loads(said)
    assert code == 0 and found["repeats"] == 1
    assert [fold["patients"] for fold in found["folds"]] == [{"High": 12, "Low": 4}] * 3


def test_with_fewer_rare_patients_to_learn_from(table, tmp_path, capsys):
    out = tmp_path / "grades"
    words = ["compare", table, "--label", "Grade", "--groups", "patient", "--arms", "smote",
             "--no-checks", *SHORT, "--out", out]  # fmt: skip
    code, said, _ = call(capsys, *words, "--scarcity", "3,6", "--no-html")
    assert code == 0
    title = "AUC of Low, and what it moved, by the number of its patients to learn from"
    assert title in " ".join(said.split())
    kept = pd.read_csv(out / "scarcity.csv")
    assert kept["k"].unique().tolist() == [3, 6]
    code, said, _ = call(capsys, *words, "--scarcity", "--json")
    assert sorted({row["k"] for row in json.loads(said)["scarcity"]}) == [4, 8]
    shown = page_words(out / "report" / "index.html", above=tmp_path)
    assert "With fewer rare patients" in shown and "smote, 8 rare patients: 0." in shown
    assert (out / "report" / "figures" / "scarcity.pdf").is_file()
    code, _, said = call(capsys, *words, "--scarcity", "3,60")
    assert code == 2 and "expected numbers from 2 to 8" in said


def test_another_table_judges_what_was_learnt(table, tmp_path, capsys):
    out = tmp_path / "grades"
    code, _, said = call(capsys, "compare", table, "--label", "Grade", "--groups", "patient",
                         "--arms", "smote", *SHORT, "--out", out, "--no-html")  # fmt: skip
    assert code == 0, said
    other = pd.read_csv(table, dtype={"patient": str})
    code, _, said = call(capsys, "evaluate", out, "--on", table)
    assert code == 1 and "48 patient(s) are in the training and in the test part" in said
    other["patient"] = "B" + other["patient"]
    elsewhere = tmp_path / "elsewhere.csv"
    other.to_csv(elsewhere, index=False)
    code, said, _ = call(capsys, "evaluate", out, "--on", elsewhere, "--no-html")
    assert code == 0
    assert "One test set" in said and "36 High, 12 Low" in " ".join(said.split())
    made = out / "external" / "elsewhere"
    assert set(pd.read_parquet(made / "predictions.parquet")["patient"]) == set(other["patient"])
    evidence = json.loads((made / "evidence.json").read_text())
    assert evidence["verdicts"][0]["arm"] == "smote"
    code, again, _ = call(capsys, "evaluate", out, "--on", elsewhere, "--json")
    assert evidence["checks"]["permuted_mean"] is not None
    page = made / "report" / "index.html"
    assert json.loads(again) == evidence | {"page": str(page)}
    judged = page_words(page, above=tmp_path)
    assert "Does what grades learnt hold on elsewhere?" in judged
    assert "None of them was learnt from." in judged and "B0" not in judged  # no patient's name
    assert evidence["verdicts"][0]["sentence"] in judged
    assert call(capsys, "report", out)[0] == 0
    home = page_words(out / "report" / "index.html", above=tmp_path)
    assert "elsewhere: every arm on patients elsewhere" in home
    assert call(capsys, "verify", out)[0] == 0
    other.drop(columns="volume").to_csv(elsewhere, index=False)
    code, _, said = call(capsys, "evaluate", out, "--on", elsewhere, "--name", "poorer")
    assert code == 1 and "lacks 1 of 3 features: volume" in said


def test_what_was_learnt_from_must_still_be_what_it_was(table, tmp_path, capsys):
    out, elsewhere = tmp_path / "grades", tmp_path / "elsewhere.csv"
    words = ["--label", "Grade", "--groups", "patient", "--arms", "none", "--no-checks"]
    assert call(capsys, "compare", table, *words, *SHORT, "--out", out, "--no-html")[0] == 0
    other = pd.read_csv(table, dtype={"patient": str})
    other.assign(patient="B" + other["patient"]).to_csv(elsewhere, index=False)
    code, _, said = call(capsys, "evaluate", out, "--on", elsewhere, "--name", "../../up")
    assert code == 2 and "--name ../../up: expected a plain name" in said
    other.assign(age=other["age"] + 1).to_csv(table, index=False)
    code, _, said = call(capsys, "evaluate", out, "--on", elsewhere)
    assert code == 1 and f"{table}: it has changed since" in said
    table.unlink()
    code, _, said = call(capsys, "evaluate", out, "--on", elsewhere)
    assert code == 1 and "learnt from is not there any more" in said


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("predictions.parquet", b"PAR1 and no more", "damaged (not what was written once)"),
        ("compare.json", b"{}", "damaged (not what was written once)"),
    ],
)
def test_a_damaged_comparison_is_named(table, tmp_path, capsys, name, content, expected):
    out = tmp_path / "grades"
    words = ["compare", table, "--label", "Grade", "--groups", "patient", "--arms", "none",
             "--no-checks", *SHORT]  # fmt: skip
    assert call(capsys, *words, "--out", out, "--no-html")[0] == 0
    (out / name).write_bytes(content)
    other = ["--on", table] if name == "compare.json" else []
    code, _, said = call(capsys, "evaluate", out, *other)
    assert code == 1 and f"{out / name}: {expected}" in said


def test_a_damaged_fold_is_computed_anew(table, tmp_path, capsys):
    out = tmp_path / "grades"
    words = ["compare", table, "--label", "Grade", "--groups", "patient", "--arms", "none",
             "--no-checks", *SHORT]  # fmt: skip
    assert call(capsys, *words, "--out", out, "--no-html")[0] == 0
    kept = (out / "predictions.parquet").read_bytes()
    place = out / "cells/repeat-1/fold-2/features-logistic/arms"
    (place / "predictions.parquet").write_bytes(b"PAR1")
    code, _, said = call(capsys, *words, "--out", out, "--no-html")
    assert code == 0 and "It is computed anew" in said
    assert (out / "predictions.parquet").read_bytes() == kept


def test_names_may_hold_brackets(table, tmp_path, capsys):
    made = pd.read_csv(table).rename(columns={"comment": "said [/b] of", "age": "age [years]"})
    made["Grade"] = made["Grade"].replace("Low", "<script>[red]Low[/]")
    made.to_csv(table, index=False)
    out = tmp_path / "o [x"
    code, said, _ = call(capsys, "compare", table, "--label", "Grade", "--groups", "patient",
                         "--arms", "smote", "--no-checks", *SHORT, "--out", out)  # fmt: skip
    assert code == 0
    assert "Features: 3 (age [years], volume, sphericity)." in said
    assert "said [/b] of" in said and "12 <script>[red]Low[/]" in said and "o [x" in said
    page = out / "report" / "index.html"
    assert "<script>[red]" not in page.read_text()
    assert "12 <script>[red]Low[/]" in page_words(page, above=tmp_path)


def test_an_index_and_forgotten_patients_stop_it(table, capsys):
    made = pd.read_csv(table, dtype={"patient": str})
    made["patient"] = "p" + made["patient"]
    pd.concat([made, made]).reset_index(drop=True).to_csv(table)
    words = ["compare", table, "--label", "Grade", "--arms", "none", "--no-checks", *SHORT]
    code, said, warned = call(capsys, *words)
    assert code == 1
    assert "'Unnamed: 0' numbers the rows and is left out" in warned
    assert "column 'patient' looks like one of patients: 96 rows share theirs" in warned
    code, said, warned = call(capsys, *words, "--groups", "patient")
    assert code == 0 and "looks like" not in warned and "Features: 3 (age" in said
    code, said, warned = call(capsys, *words, "--accept", "patient")
    assert code == 0 and "accepted: column 'patient' looks like" in warned
    assert "Accepted by name: patient (rows)." in said
    made.assign(patient=range(1000, 1048)).to_csv(table, index=False)
    code, said, warned = call(capsys, *words)
    assert code == 1 and "column 'patient' numbers the rows or the patients" in warned


def test_a_class_may_be_called_none(table, capsys):
    made = pd.read_csv(table)
    made["Grade"] = made["Grade"].replace({"Low": " None ", "High": "NA"})
    made.loc[0, "Grade"] = ""
    made.to_csv(table, index_label=False)  # as R writes it: the index without a head
    code, said, warned = call(
        capsys, "compare", table, "--label", "Grade", "--groups", "patient", "--arms", "none",
        "--no-checks", *SHORT,
    )  # fmt: skip
    assert code == 0, warned
    assert "Patients by Grade: 35 NA, 12 None" in said
    assert "1 rows without Grade are left out" in warned


def test_interrupted_without_a_folder_nothing_was_kept(table, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("rarecase.pipeline.compare.run_tasks", interrupted)
    code, _, said = call(capsys, "compare", table, "--label", "Grade", "--groups", "patient")
    assert code == 130 and "nothing was kept" in said


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["{table}", "--label", "Grade", "--jobs", "0"], 2, "--jobs 0: expected"),
        (["{table}", "--label", "Grade", "--amounts", "nan"], 2, "amounts: expected shares"),
        (["{table}", "--label", "Grade", "--amounts", "1e7"], 2, "up to 100"),
        (["{table}", "--label", "Grade", "--scarcity", "4.7"], 2, "numbers such as 4,8,16"),
        (["{table}", "--label", "Grade", "--scarcity", "100"], 2, "scarcity: expected"),
        (["{table}", "--label", "age"], 1, "48 classes among 48 patients"),
        (["nowhere.csv", "--label", "Grade"], 1, "nowhere.csv: no such file"),
        (["{table}"], 2, "--label COLUMN is missing"),
        (["{table}", "--label", "grade"], 2, "did you mean 'Grade'"),
        (["{table}", "--label", "Grade", "--groups", "patients"], 2, "did you mean 'patient'"),
        (["{table}", "--label", "Grade", "--rare", "low"], 2, "did you mean 'Low'"),
        (["{table}", "--label", "Grade", "--arms", "smoote"], 2, "did you mean 'smote'"),
        (
            ["{table}", "--label", "Grade", "--groups", "patient", "--folds", "13"],
            2,
            "Take at most 12 folds",
        ),
        (["{table}", "--label", "Grade", "--amounts", "half"], 2, "--amounts half: expected"),
        (["{table}", "--label", "Grade", "--site", "clinc"], 2, "did you mean 'clinic'"),
        (["{table}", "--label", "Grade", "--scarcity", "few"], 2, "--scarcity few: expected"),
        (["{table}", "--label", "Grade", "more"], 2, "Unexpected argument 'more'"),
    ],
)
def test_what_is_wrong_is_said(table, capsys, words, code, expected):
    given, _, said = call(capsys, "compare", *(str(w).format(table=table) for w in words))
    assert given == code, said
    assert expected in said


def test_a_folder_that_is_something_else_is_not_touched(table, tmp_path, capsys):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("mine")
    code, _, said = call(capsys, "compare", table, "--label", "Grade", "--out", tmp_path / "thesis")
    assert code == 1 and "holds no comparison; nothing in it was touched" in said
    assert [p.name for p in (tmp_path / "thesis").iterdir()] == ["chapter.txt"]
    code, _, said = call(capsys, "evaluate", tmp_path / "thesis")
    assert code == 1 and "no predictions.parquet" in said


def test_the_base_install_is_enough(table):
    """Without PyTorch, Zarr, matplotlib: as a user of tables installs it."""
    hidden = ("torch", "zarr", "lightning_fabric", "matplotlib", "safetensors", "nibabel")
    code = (
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {hidden!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "from rarecase.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    words = ["compare", str(table), "--label", "Grade", "--groups", "patient",
             "--arms", "smote,gaussian,remix", "--repeats", "1", "--folds", "3", "--jobs", "1",
             "--no-checks", "--generator-seeds", "1"]  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "gaussian" in done.stdout
    words[words.index("smote,gaussian,remix")] = "acgan"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'rarecase[torch]'" in done.stderr


def test_features_of_a_network_that_knows_the_patients_are_refused(tmp_path, capsys):
    from rarecase.features import FeatureStore

    rng = np.random.default_rng(0)
    label = np.repeat(["HGG", "LGG"], [18, 9])
    rows = pd.DataFrame({"patient": [f"p{i:02d}" for i in range(27)], "label": label})
    path = tmp_path / "tumour.zarr"
    with FeatureStore.create(path, block="tumour", shape=(5,), rows=rows, seen=["p03"]) as store:
        store.append(rng.normal(size=(27, 5)))
    words = ["compare", path, "--arms", "threshold", "--no-checks", *SHORT]
    code, _, said = call(capsys, *words)
    assert code == 1 and "has learnt from 1 of the patients that would be tested (p03)" in said
    code, said, _ = call(capsys, *words, "--allow-seen")
    assert code == 0 and "18 HGG, 9 LGG" in " ".join(said.split())


def test_a_column_of_sites_is_no_feature_elsewhere_either(table, tmp_path, capsys):
    frame = pd.read_csv(table, dtype={"patient": str})
    frame["clinic"] = frame["clinic"].map({"A": 1, "B": 2, "C": 3})  # numbers, which could be one
    frame.to_csv(table, index=False)
    out, elsewhere = tmp_path / "grades", tmp_path / "elsewhere.csv"
    code, _, said = call(capsys, "compare", table, "--label", "Grade", "--groups", "patient",
                         "--site", "clinic", "--arms", "threshold", "--no-checks", "--jobs", 1,
                         "--out", out, "--no-html")  # fmt: skip
    assert code == 0, said
    frame["patient"] = "B" + frame["patient"]
    frame.drop(columns="clinic").to_csv(elsewhere, index=False)  # nobody there has such a column
    code, _, said = call(capsys, "evaluate", out, "--on", elsewhere, "--no-html")
    assert code == 0, said


def test_the_question_asked_beforehand_is_tested_first(table, tmp_path, capsys):
    words = ["compare", table, "--label", "Grade", "--groups", "patient", "--rare", "Low",
             "--arms", "smote,gaussian", *SHORT]  # fmt: skip
    out = tmp_path / "asked"
    code, _, _ = call(capsys, *words, "--primary", "gaussian", "--out", out, "--no-html")
    said = json.loads((out / "evidence.json").read_text())
    assert code == 0
    assert said["primary"] == {"features": "features", "classifier": "logistic", "arm": "gaussian"}
    first = {v["arm"]: v for v in said["verdicts"]}
    assert first["gaussian"]["primary"] and not first["smote"]["primary"]
    p = max(each["p_greater"] for each in first["gaussian"]["against"].values())
    assert first["gaussian"]["p_helps"] == p <= first["smote"]["p_helps"]
    assert call(capsys, "evaluate", out)[1].count("says the same") == 1
    for wrong, why in (
        ("mixup", "one of the synthetic arms that are compared: smote, gaussian"),
        ("smote@other", "such features and classifier are not compared; there are features with"),
    ):
        code, _, err = call(capsys, *words, "--primary", wrong)
        assert code == 2 and why in " ".join(err.split())


def test_a_plan_says_what_could_be_decided_and_trains_nothing(table, tmp_path, capsys):
    words = ["compare", table, "--label", "Grade", "--groups", "patient", "--plan"]
    code, said, _ = call(capsys, *words, "--arms", "smote,gaussian", "--auc", 0.8)
    assert code == 0 and "What 12 patients of Low and 36 others can decide" in said
    assert "one of 2" in said and "An AUC of 0.80 without augmentation is expected." in said
    out = tmp_path / "pilot"
    made = ["--arms", "smote", *SHORT, "--out", out, "--no-html"]
    assert call(capsys, *words[:-1], *made)[0] == 0
    code, said, _ = call(capsys, *words, out, "--arms", "smote", "--json")
    (curve,) = json.loads(said)["curves"]
    against = json.loads((out / "evidence.json").read_text())["verdicts"][0]["against"]
    assert curve["what"] == "smote (features)"
    assert curve["error"] == pytest.approx(max(each["error"] for each in against.values()))
    code, _, err = call(capsys, *words, "--metric", "brier")
    assert code == 2 and "--metric: verdicts are about brier, and a plan is of auc_rare" in err
    code, _, err = call(capsys, *words, "--auc", 70)
    assert code == 2 and "--auc 70.0: expected a number between 0 and 1." in err


def test_the_margin_is_the_same_wherever_nobody_says_one(table):
    parser = ArgumentParser()
    add_arguments(parser)
    said = vars(parser.parse_args([str(table)]))
    old = {name: value for name, value in said.items() if name not in ("margin", "primary")}
    assert said["margin"] == protocol_of(old).margin == MARGIN == Settings().margin
