"""The documentation's tables are those of the registries, and its links lead somewhere."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rarecase import compare
from rarecase.generators.filters import FILTERS

ROOT = Path(__file__).parents[1]
BOOKS = sorted((ROOT / "docs").rglob("*.ipynb"))
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *BOOKS, ROOT / "CONTRIBUTING.md"]
SECTION = r"^(\w+)\n-{3,}$"  # of a docstring


def first_cells(page: str, heading: str) -> list[str]:
    """What stands in the first column of the table with that head, code marks taken off."""
    lines = (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    cells = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells.append(line.split("|")[1].strip().strip("`"))
    return cells


def test_tables_are_those_of_the_registries():
    done = subprocess.run(
        [sys.executable, ROOT / "tools/tables.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_filter_stands_in_its_table():
    assert set(first_cells("generators.md", "filter")) == {*FILTERS}


def test_every_package_with_public_names_has_a_page_of_the_reference():
    source = ROOT / "src"
    public = {
        ".".join(file.parent.relative_to(source).parts)
        for file in source.rglob("__init__.py")
        if "__all__" in file.read_text(encoding="utf-8")
    }
    pages = {page.stem for page in (ROOT / "docs" / "api").glob("rarecase*.md")}
    assert pages == public
    listed = (ROOT / "docs" / "api" / "index.md").read_text(encoding="utf-8").splitlines()
    assert pages <= {*listed}


def docstrings():
    """Every docstring with sections, and where it stands."""
    for file in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                text = ast.get_docstring(node) or ""
                if re.search(SECTION, text, re.MULTILINE):
                    yield f"{file.name}: {node.name}", text


def test_examples_of_docstrings_with_sections_have_their_own():
    found = dict(docstrings())
    assert len(found) > 50
    for where, text in found.items():
        before, example, _ = text.partition("\n>>>")
        if example:  # else it would be read as more parameters
            assert re.findall(SECTION, before, re.MULTILINE)[-1:] in ([], ["Examples"]), where


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("repeats", [1, 2])
def test_the_verdict_by_hand_is_the_verdict(tmp_path, monkeypatch, repeats):
    rng = np.random.default_rng(0)
    y = np.repeat(["High", "Low"], [30, 15])  # folds of equal size
    X = rng.normal(size=(45, 4)) + 0.6 * (y == "Low")[:, None]
    found = compare(
        X, y, rare="Low", arms=["smote"], repeats=repeats, folds=3, inner=2, draws=10, checks=False
    )
    (tmp_path / "grades").mkdir()
    found.write(tmp_path / "grades")
    page = (ROOT / "docs" / "verdict-by-hand.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (verdict,) = found.evidence["verdicts"]
    words = (
        ("control", 'control = "Low", "smote", "duplicates:smote"', "control"),
        ("none", 'control = "Low", "smote", "none"', "reference"),
    )
    for name, line, against in words:
        told = re.sub(r'control = "Low".*', line, code)
        if name == "none":
            told = told.replace(
                'on=[*cell, "patient", "rare"]', 'on=[*cell[:2], "patient", "rare"]'
            )
            told = told.replace('moved["x"] =', 'moved["seed"] = moved["seed_x"]\nmoved["x"] =', 1)
        by_hand: dict = {}
        exec(told, by_hand)  # it is the page's own
        for number in ("difference", "error", "freedom", "p_greater", "p_less"):
            expected = verdict["against"][against][number]
            assert by_hand[number] == pytest.approx(expected, rel=1e-9), (name, number)
