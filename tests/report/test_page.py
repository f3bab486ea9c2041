import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from rarecase.errors import DataError
from rarecase.evidence.answer import findings
from rarecase.report import make_report
from support.fake_run import fake_run

SECTIONS = [
    "summary",
    "answer",
    "charts",
    "results",
    "amounts",
    "table-3",
    "believing",
    "cohort",
    "segmenter",
    "overlays",
    "patients",
    "features",
    "paper",
    "method",
    "for-a-paper",
]
KINDS = ["two", "three", "bare", "unaugmented"]
VOID = {"meta", "img", "br", "hr", "link"}


class Page(HTMLParser):
    """The page's elements, checking that every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.found, self.text = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.found if name == tag]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


@pytest.mark.parametrize("kind", KINDS)
def test_every_section_is_there_and_in_the_contents(reports, kind):
    page = Page(reports[kind][1])
    # With one set of features and nothing added there is nothing to set side by side.
    absent = ("answer", "amounts") if kind == "unaugmented" else ()
    names = [name for name in SECTIONS if name not in absent]
    assert [s["id"] for s in page.all("section")] == names
    contents = [a["href"] for a in page.all("a") if "class" not in a]
    assert contents == [f"#{name}" for name in names]


@pytest.mark.parametrize("kind", KINDS)
def test_every_link_leads_somewhere_and_every_table_and_figure_has_one(reports, kind):
    page = Page(reports[kind][1])
    ids = [attrs["id"] for _, attrs in page.found if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = [a["href"].removeprefix("#") for a in page.all("a")]
    assert set(links) <= set(ids)
    assert {attrs["id"] for attrs in page.all("figure")} <= set(links)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_outside_the_file_is_needed(reports, kind):
    text = reports[kind][1]
    page = Page(text)
    for _, attrs in page.found:
        for name in ("src", "href", "srcset", "action", "data"):
            value = attrs.get(name) or ""
            assert value == "" or value.startswith(("data:image/png;base64,", "#"))
    assert not {"link", "iframe", "object"} & {tag for tag, _ in page.found}
    assert all(part.startswith("#") for part in re.findall(r"url\(([^)]*)", text))
    assert "@import" not in text


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_pages_own_script_may_run(reports, kind):
    text = reports[kind][1]
    (policy,) = [
        meta["content"]
        for meta in Page(text).all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{digest}';")


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_open_and_speak(reports, kind):
    run, text = reports[kind]
    pictures = [attrs for attrs in Page(text).all("svg") if attrs.get("role") == "img"]
    files = sorted((run / "report" / "figures").iterdir())
    assert {file.suffix for file in files} == {".svg", ".pdf"}
    assert len(pictures) == len(files) / 2 > 0
    assert all(len(picture["aria-label"]) > 20 for picture in pictures)
    for file in files:
        if file.suffix == ".svg":
            root = ElementTree.fromstring(file.read_text(encoding="utf-8"))
            assert float(root.get("width").removesuffix("pt")) > 300
        else:
            assert file.read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize("kind", KINDS)
def test_no_undefined_number_reaches_the_reader(reports, kind):
    words = Page(reports[kind][1]).words
    assert not re.search(r"\b(nan|None|inf)\b", words.split("Settings (study.yaml)")[0])


def test_the_finding_stands_first_and_the_numbers_are_those_of_the_evidence(reports):
    run, text = reports["two"]
    evidence = json.loads((run / "evidence.json").read_text())
    words = Page(text).words
    assert len(evidence["verdicts"]) == 2
    for verdict in evidence["verdicts"]:
        assert words.count(verdict["sentence"]) == 1
    said = [*(finding.text for finding in findings(evidence)), "Test patients: every arm"]
    places = [words.index(text) for text in said]
    assert places == sorted(places)
    assert evidence["best"]["note"] in words
    for row in evidence["rows"]:
        for name in ("recall_LGG", "brier", "calibration_error"):
            score = row["patients"]["scores"][name]
            assert f"{score['value']:.2f} {score['low']:.2f} to {score['high']:.2f}" in words


def test_text_from_files_is_escaped(reports):
    text = reports["three"][1]
    assert "men <b>" not in text
    assert "men &lt;b&gt;&amp;$x$" in text
    assert "men <b>&$x$" in Page(text).words


def test_what_is_there_is_said(reports):
    words = Page(reports["two"][1]).words
    for piece in (
        "Pre-training on simulated patients",
        "1 case left out",
        "X-1: no label",
        "Patients by site",
        "2 of 24 cases without a mask",
        "LGG, rare (paper: LGG)",
        "0.569",
        "0.501 overall, not 0.524",
        "0.500 to 0.477",
        "The U-Net is pre-trained on simulated patients",
        "slices 1 12.2 s",
        "segmenter 2 2 h 3 min",
        "1,000 of 1,158",
    ):
        assert piece in words, piece


def test_what_is_missing_is_said(reports):
    bare = Page(reports["bare"][1]).words
    for piece in (
        "not pre-trained",
        "No test case has a mask",
        "No case has a true mask",
        "the filter kept nothing",
        "The filter kept no synthetic sample of HGG and LGG (acgan, repeat 0, fold 0)",
        "No case was left out",
        "The cohort is simulated",
    ):
        assert piece in bare, piece
    unaugmented = Page(reports["unaugmented"][1]).words
    assert "No generator's samples were kept in this run." in unaugmented
    assert "No synthetic arm was planned beforehand" in unaugmented
    assert "none planned" in unaugmented


def test_three_classes_have_their_own_tables(reports):
    words = Page(reports["three"][1]).words
    assert "Macro AUC" in words
    assert "wgan: the pictures below" in words
    assert "the paper (two classes, as printed)" in words
    assert "8 test patients of class men" in words


def test_the_same_run_gives_the_same_page(reports):
    run, text = reports["two"]
    assert make_report(run).read_text(encoding="utf-8") == text


def test_other_files_in_the_report_folder_are_kept(tmp_path, reports):
    run = tmp_path / "run"
    shutil.copytree(reports["unaugmented"][0], run)
    (run / "report" / "notes.txt").write_text("mine")
    (run / "report" / "figures" / "old.png").write_bytes(b"")

    def others():  # the checksums are of the page too
        files = (p for p in run.rglob("*") if p.is_file() and "report" not in p.parts)
        return {p: p.read_bytes() for p in files if p.name != "checksums.json"}

    before = others()
    make_report(run)
    assert (run / "report" / "notes.txt").read_text() == "mine"
    assert not (run / "report" / "figures" / "old.png").exists()
    assert not list(run.rglob("*.partial"))
    assert others() == before


def test_it_can_be_written_elsewhere(tmp_path, reports):
    page = make_report(reports["unaugmented"][0], out=tmp_path / "elsewhere")
    assert page == tmp_path / "elsewhere" / "index.html"
    assert page.is_file()


def test_a_run_that_is_not_finished_is_named(tmp_path):
    with pytest.raises(DataError, match=r"cohort\.csv: no such file"):
        make_report(tmp_path)


def test_a_broken_table_is_named(tmp_path):
    run = fake_run(tmp_path, generator=False, features=False, pretrain=False)
    (run / "repeat-0" / "fold-0" / "segmenter" / "history.csv").write_bytes(b"\xff\xfe\x00,\x81")
    with pytest.raises(DataError, match=r"history\.csv: not a CSV table"):
        make_report(run)


def test_a_sparse_run_still_makes_a_page(tmp_path, reports):
    """Only what must be there: cohort and evidence."""
    source = reports["two"][0]
    for needed in ("cohort/cohort.csv", "cohort/cohort.json", "evidence.json"):
        (tmp_path / needed).parent.mkdir(exist_ok=True)
        shutil.copy(source / needed, tmp_path / needed)
    words = Page(make_report(tmp_path).read_text(encoding="utf-8")).words
    for piece in (
        "No training history of a segmenter",
        "predictions.parquet is missing",
        "no cached slices",
        "holds no study.yaml",
        "No step left a record",
    ):
        assert piece in words, piece


def test_report_and_evidence_import_no_torch():
    code = (
        "import sys, importlib, pkgutil, rarecase.report, rarecase.evidence\n"
        "for package in (rarecase.report, rarecase.evidence):\n"
        "    for m in pkgutil.iter_modules(package.__path__):\n"
        "        importlib.import_module(f'{package.__name__}.{m.name}')\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
