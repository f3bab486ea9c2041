"""What of a run or a comparison goes into a paper: methods, tables, checklist."""

import csv
import json
import re

import numpy as np
import pandas as pd
import pytest
from pybtex.database import parse_file
from scipy.stats import t

from rarecase.checksums import record_files, write_record
from rarecase.cli.main import main
from rarecase.errors import DataError
from rarecase.report.blocks import Cell, Table
from rarecase.report.manuscript.checklist import CONDITIONS, PLACES, UNMET, checklist
from rarecase.report.manuscript.items_claim import CLAIM
from rarecase.report.manuscript.items_tripod import TRIPOD_AI
from rarecase.report.manuscript.methods import PARAGRAPHS, methods
from rarecase.report.manuscript.references import GUIDELINES, cited, entries
from rarecase.report.manuscript.study import Study
from rarecase.report.manuscript.tables import (
    frame_of,
    latex_of,
    paper_tables,
    verdicts_table,
)
from rarecase.report.manuscript.write import write_paper
from support.fake_run import fake_run

ELSEWHERE = "And on other patients? External cohorts"  # of runs that were judged on others
EXPONENT = re.compile(r"\d[eE][+-]?\d")


def text_of(folder):
    return dict(methods(Study.read(folder)))


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    """The folder of `rarecase compare --out`."""
    folder = tmp_path_factory.mktemp("compared")
    rng = np.random.default_rng(0)
    grade = np.repeat(["High", "Low"], [30, 12])
    table = pd.DataFrame(rng.normal(size=(42, 3)), columns=["age", "volume", "shape"])
    table["volume"] += 1.5 * (grade == "Low")
    table.assign(patient=[f"{i:03d}" for i in range(42)], Grade=grade).to_csv(
        folder / "t.csv", index=False
    )
    words = ["compare", folder / "t.csv", "--label", "Grade", "--groups", "patient", "--arms",
             "smote,logit-adjustment", "--repeats", 2, "--folds", 3, "--generator-seeds", 1,
             "--jobs", 1, "--no-checks", "--out", folder / "out"]  # fmt: skip
    assert main([str(word) for word in words]) == 0
    return folder / "out"


def test_a_report_writes_the_folder(reports):
    run, _ = reports["two"]
    paper = run / "report" / "paper"
    tables = {path.stem for path in (paper / "tables").iterdir()}
    assert tables == {"cohort", "sites", "features", "classifiers", "results", "verdicts"}
    for name in tables:
        assert {f"{name}.csv", f"{name}.tex"} <= {p.name for p in (paper / "tables").iterdir()}
    bibliography = parse_file(str(paper / "references.bib")).entries
    said = (paper / "methods.md").read_text("utf-8")
    assert set(bibliography) == set(re.findall(r"@([a-z]+\d{4}|rarecase)", said)) | {*GUIDELINES}
    assert "ronneberger2015" in bibliography and "wolpert1992" not in bibliography
    rows = [*csv.DictReader((paper / "checklist.csv").open(encoding="utf-8"))]
    assert len(rows) == len(TRIPOD_AI) + len(CLAIM)


def test_the_page_shows_it(reports):
    _, page = reports["two"]
    section = page.split('id="for-a-paper"')[1]
    assert "@article{delong1988," in section and "[delong1988]" in section
    assert "TRIPOD+AI 2024" in section and "tables_paper" not in section


@pytest.mark.parametrize("kind", ["two", "three", "bare", "unaugmented"])
def test_numbers_are_never_in_exponents_and_every_citation_has_an_entry(reports, kind):
    text = text_of(reports[kind][0])
    assert all(text.values()) and not any(EXPONENT.search(said) for said in text.values())
    assert not re.search(r"\bNone\b|\bnan\b|\{", " ".join(text.values()))
    marks = re.findall("\ue000(.*?)\ue001", " ".join(text.values()))
    assert marks and {key for mark in marks for key in mark.split(";")} <= set(entries())


def test_what_was_not_done_is_said(reports):
    bare, plain = text_of(reports["bare"][0]), text_of(reports["unaugmented"][0])
    assert "No masks of lesions were given." in bare["Patients and images"]
    assert "no synthetic samples were generated" in plain["Class imbalance"]
    assert "No verdict on a synthetic arm was sought." in plain["Statistical analysis"]
    assert "holm1979" not in cited(plain["Statistical analysis"])


def test_numbers_are_those_of_the_run(tmp_path):
    run = fake_run(tmp_path, seeds=(0, 1), repeats=2, pretrain=False)
    settings = (run / "study.yaml").read_text()
    settings = settings.replace("  epochs: 6\n", "  learning_rate: 0.00001\n  batch: 7\n")
    (run / "study.yaml").write_text(settings.replace("seed: 0\n", "seed: 41\n", 1))
    evidence = json.loads((run / "evidence.json").read_text())
    evidence["margin"], evidence["rules"]["alpha"], evidence["rules"]["fewest"] = 0.03, 0.01, 8
    evidence["rules"]["learning"]["arms"]["repeated"] = 1.7
    evidence["bootstrap"] |= {"draws": 1234, "level": 0.9}
    (run / "evidence.json").write_text(json.dumps(evidence))
    text = text_of(run)
    assert "24 patients: 14 HGG and 10 LGG" in text["Patients and images"]
    assert (
        "24 cases with 96 slices (4 per case) in 2 channels (t1 and flair)"
        in (text["Patients and images"])
    )
    assert "given for 22 of 24 cases" in text["Patients and images"]
    assert "3 sites (patients: Oslo 9, Lyon 8, Riga 7)" in text["Patients and images"]
    assert "1 case (4 %) was left out" in text["Patients and images"]
    segmentation = text["Segmentation"]
    assert "Training took 6 epochs in batches of 7" in segmentation
    assert "at a learning rate of 0.00001" in segmentation and "random weights" in segmentation
    assert "rotation (±10°), shift (±5 %)" in segmentation
    assert "acgan on bottleneck added 64, 256 and 1,158 samples" in text["Class imbalance"]
    assert "256 was fixed beforehand" in text["Class imbalance"]
    assert "2-fold cross-validation stratified by class, drawn 2 times" in text["Test patients"]
    said = text["Statistical analysis"]
    assert "90 % intervals are percentile intervals of 1,234 bootstrap" in said
    assert "p below 0.01" in said and "98 % interval" in said and "±0.03" in said
    assert "variance multiplied by 1.7" in said and "Below 8 rare patients" in said
    assert "the seed 41." in text["Software"]
    allowed = (
        (run / "study.yaml").read_text().replace("segmenter:\n", "segmenter:\n  allow_seen: true\n")
    )
    (run / "study.yaml").write_text(allowed)
    assert "fitted on the others alone" in text["Test patients"]
    assert "fitted on the others alone" not in text_of(run)["Test patients"]


def test_versions_are_those_that_steps_recorded(tmp_path):
    run = fake_run(tmp_path, generator=False, pretrain=False, pictures=False)
    assert "Versions of other libraries were not recorded" in text_of(run)["Software"]
    for name, number in (("cohort", "1.0"), ("slices", "2.0")):
        record = run / name / "step.json"
        versions = {"torch": number, "Python": "3.11"}
        write_record(record, json.loads(record.read_text()) | {"versions": versions})
    software = text_of(run)["Software"]
    assert "torch 1.0 and 2.0" in software and "paszke2019" in cited(software)
    assert "numpy" not in software


def test_a_comparison_has_the_same(comparison):
    paper = comparison / "report" / "paper"
    text = text_of(comparison)
    assert "The table held 42 patients: 30 High and 12 Low." in text["Patients and images"]
    assert "read from the column Grade" in text["Patients and images"]
    assert text["Segmentation"] == "No network was trained to segment."
    assert "(3 columns)" in text["Features"] and "standardised" in text["Features"]
    assert {"chawla2002", "menon2021"} <= set(cited(text["Class imbalance"]))
    assert "among 0.5, 1 and 2 times" in text["Class imbalance"]
    assert "3 inner folds" in text["Classifiers and tuning"]
    assert "3-fold cross-validation stratified by class, drawn 2 times" in text["Test patients"]
    versions = json.loads((comparison / "compare.json").read_text())["versions"]
    assert {"numpy", "scikit-learn", "Python"} <= set(versions)
    assert f"scikit-learn {versions['scikit-learn']}" in text["Software"]
    bibliography = parse_file(str(paper / "references.bib")).entries
    assert "pedregosa2011" in bibliography and "ronneberger2015" not in bibliography
    cohort = pd.read_csv(paper / "tables" / "cohort.csv")
    assert cohort.to_dict("list") == {
        "Class": ["High", "Low (rare)", "all"], "Patients": [30, 12, 42], "Rows": [30, 12, 42],
    }  # fmt: skip


def test_what_a_table_was_tuned_to_is_read_from_its_predictions(comparison):
    chosen = pd.read_parquet(comparison / "predictions.parquet")["chosen"]
    tuned = sorted({json.loads(each)["C"] for each in chosen.dropna()})
    words = [f"{value:g}" for value in tuned]
    listed = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    assert f"logistic: C {listed})" in text_of(comparison)["Classifiers and tuning"]


def test_a_folder_without_evidence_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"evidence\.json"):
        Study.read(tmp_path)


def latex_cells(made):
    """Rows of cells of a tabular, structure checked: braces and environments match."""
    assert len(re.findall(r"(?<!\\)\{", made)) == len(re.findall(r"(?<!\\)\}", made))
    for name in ("table", "tabular"):
        assert made.count(f"\\begin{{{name}}}") == made.count(f"\\end{{{name}}}") == 1
    assert [made.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
    body = made.split(r"\toprule")[1].split(r"\bottomrule")[0].replace("\\midrule\n", "")
    rows = [row for row in body.strip().split("\\\\\n") if row]
    rows = [row.removesuffix("\\\\") for row in rows]
    return [[cell.strip() for cell in re.split(r"(?<!\\)&", row)] for row in rows]


@pytest.mark.parametrize("kind", ["two", "three", "unaugmented"])
def test_every_table_is_the_reports_as_csv_and_latex(reports, kind):
    for name, table in paper_tables(Study.read(reports[kind][0])):
        frame = frame_of(table)
        assert len(frame) == len(table.rows), name
        first = [row[0].text if isinstance(row[0], Cell) else row[0] for row in table.rows]
        assert frame.iloc[:, 0].tolist() == first
        rows = latex_cells(latex_of(table))
        assert {len(row) for row in rows} == {len(table.columns)}, name
        assert len(rows) == len(table.rows) + 1


HOSTILE = {
    "[2cm] x": "{[}2cm{]} x", "*": "{*}", r"\input{/etc/passwd}": None,
    "50 % & $x$ #1 a_b ~^": None,
    "<script>": r"\textless{}script\textgreater{}", "\u202eabc\n\ndef": "abc def",
    "=cmd|' /C calc'!A0": None, "−0.04": "$-$0.04",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text_in_latex(name):
    table = Table(name, ["Class", name], [[name, Cell("0.5", "0.1 to 0.9")], ["b", name]])
    rows = latex_cells(latex_of(table))
    assert [len(row) for row in rows] == [2, 2, 2]
    assert rows[1][1] == "0.5 (0.1 to 0.9)"
    if HOSTILE[name] is not None:
        assert rows[1][0] == rows[0][1] == HOSTILE[name]
    assert not re.search(r"\\(?!textbackslash|textless|textgreater|textascii|textbar|[&%$#_{}])",
                         "".join(rows[0]).replace("Class", ""))  # fmt: skip


def test_numbers_of_a_csv_are_numbers_and_columns_have_names_of_their_own():
    table = Table("", ["Set", "Δ a", "p", "Δ b", "p"],
                  [["x", Cell("−0.04", "−0.10 to 0.02"), "0.2", "−1,234.5", "0.3"]])  # fmt: skip
    assert frame_of(table).to_dict("list") == {
        "Set": ["x"], "Δ a": ["-0.04"], "Δ a: interval": ["−0.10 to 0.02"], "Δ a: p": ["0.2"],
        "Δ b": ["-1,234.5"], "Δ b: p": ["0.3"],
    }  # fmt: skip


def test_intervals_of_verdicts_are_students(comparison):
    study = Study.read(comparison)
    verdict = study.evidence["verdicts"][0]
    found = verdict["against"]["reference"]
    low, high = t.interval(0.9, found["freedom"], found["difference"], found["error"])
    table = verdicts_table(study)
    shown = table.rows[0][table.columns.index("Δ reference")]
    numbers = [float(n.replace("−", "-")) for n in shown.below.split(" to ")]
    assert numbers == pytest.approx([low, high], abs=0.006)
    assert "90 % intervals" in table.note


def test_both_guidelines_are_whole_and_in_order():
    whole = re.compile(r"(\d+)([a-g]?)")
    keys = [whole.fullmatch(item.number).groups() for item in TRIPOD_AI]
    assert len(keys) == 52 and [*dict.fromkeys(int(n) for n, _ in keys)] == [*range(1, 28)]
    assert keys == sorted(keys, key=lambda key: (int(key[0]), key[1]))
    assert [int(item.number) for item in CLAIM] == [*range(1, 45)]
    for item in (*TRIPOD_AI, *CLAIM):
        assert set(item.where) <= set(PLACES) and item.needs in ("", *CONDITIONS)
        assert (item.answered == "no") == (not item.where)
    assert set(UNMET) <= set(CONDITIONS)


def test_answers_stand_where_the_checklist_says(reports):
    run, page = reports["two"]
    titles = re.findall(r"<h2><span[^>]*>\d+\. (.*?)</span>", page)
    found = checklist(Study.read(run))
    assert {place.methods for place in PLACES.values()} - {""} <= {name for name, _ in PARAGRAPHS}
    assert {place.page for place in PLACES.values()} - {"", ELSEWHERE} <= set(titles)
    for where in found.loc[found["Answered"] != "no", "Where"]:
        for name in re.findall(r"files: (.*)", where):
            for file in name.split(", "):
                assert (run / file).exists() or (run / "report" / file).exists()
    assert not found.loc[found["Answered"] == "no", "Where"].any()
    assert found.loc[found["Answered"] != "yes", "Left to the authors"].all()


def test_an_item_is_answered_only_by_a_study_that_did_it(reports, comparison):
    def answered(folder, guideline, number):
        table = checklist(Study.read(folder)).set_index(["Guideline", "Item"])
        return tuple(table.loc[(guideline, number), ["Answered", "Left to the authors"]])

    two, plain = reports["two"][0], reports["unaugmented"][0]
    assert answered(two, "CLAIM 2024", "24")[0] == "yes"
    assert answered(comparison, "CLAIM 2024", "24") == ("no", UNMET["network"])
    assert answered(two, "TRIPOD+AI 2024", "13")[0] == "in part"
    assert answered(plain, "TRIPOD+AI 2024", "13")[1].startswith(UNMET["treated"])
    assert answered(two, "CLAIM 2024", "33") == ("no", UNMET["others"])
    assert answered(two, "CLAIM 2024", "23") == ("no", UNMET["versions"])
    assert answered(comparison, "CLAIM 2024", "23") == ("yes", "")
    assert "page:" not in "".join(checklist(Study.read(comparison))["Where"])


def test_hostile_names_of_classes_are_text_in_the_methods(tmp_path):
    name = "<script>alert(1)</script> [@holm1979] \u202e"
    run = fake_run(tmp_path, classes=("a", name), generator=False, tuned=False, pretrain=False)
    record_files(run, ["evidence.json"])
    paper = write_paper(Study.read(run), run / "report")
    said = (paper / "methods.md").read_text("utf-8")
    assert r"\<script\>alert(1)\</script\> \[\@holm1979\]" in said and "<script>" not in said
    assert "holm1979" not in parse_file(str(paper / "references.bib")).entries
    assert r"\textless{}script\textgreater{}" in (paper / "tables" / "cohort.tex").read_text(
        "utf-8"
    )
