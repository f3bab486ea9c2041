"""The how-to pages: what they say lies in a folder is read so, and their commands are commands."""

import re
import shlex
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rarecase.cli.arguments import split_settings
from rarecase.cli.main import build_parser, main
from support.written import dicom, dicom_seg, nifti, truth

DOCS = Path(__file__).parents[1] / "docs"
HOW_TO = sorted(page for page in (DOCS / "how-to").glob("*.md") if page.stem != "index")
COHORTS = [page for page in HOW_TO if page.stem not in ("table", "for-a-paper")]
PAGES = [DOCS / "quick-start.md", *sorted((DOCS / "tutorials").glob("*.ipynb")), *HOW_TO]


def words_of(page: Path) -> str:
    """A page, or the words of a notebook."""
    if page.suffix != ".ipynb":
        return page.read_text("utf-8")
    cells = nbformat.read(page, as_version=4).cells
    return "\n".join(f"{cell.source}\n" for cell in cells if cell.cell_type == "markdown")


def blocks(page: Path) -> list[str]:
    """Code without a language, in order: trees, tables, commands."""
    return re.findall(r"^```\n(.*?)^```$", words_of(page), re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[list[str]]:
    """The words of every `rarecase` line, comments and continued lines seen to."""
    joined = "\n".join(blocks(page)).replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line.startswith("rarecase ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


def tables(page: Path) -> dict[str, str]:
    """File → content of what a page writes out."""
    found = re.findall(
        r"^`([^`]+)`[^\n]*:\n\n```\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    return dict(found)


def write(path: Path, rng: np.random.Generator) -> None:
    """A file of that name: a mask if its name says so, of two values."""
    case, name = truth(rng), "/".join(path.parts[-2:])
    case.affine[:3, 3] = 0  # channels and masks lie on one another
    case.mask[3] *= 2
    values = case.mask if re.search("mask|seg|labelsTr", name) else case.image
    if name.endswith(".nii.gz"):
        nifti(path, values, case)
    elif name.endswith(".png"):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values[:, :, 2].astype(np.uint8)).save(path)
    elif name.endswith(".dcm"):
        series = path.parents[1] / "flair"
        dicom(series, case.image, case.affine, patient=path.parents[2].name)
        dicom_seg(path, np.minimum(case.mask, 1), series)


def folder_of(page: Path, root: Path) -> None:
    """What a page shows, for each of the cases that its table names."""
    said = tables(page)
    for name, text in said.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    listing = next(name for name in said if not name.endswith(".json"))
    table = pd.read_csv(root / listing, sep=None, engine="python")
    ids = table["patient" if "patient" in table else table.columns[0]]
    rng = np.random.default_rng(0)
    for line in blocks(page)[0].splitlines():
        if line.startswith("DATA/"):
            assert ids[0] in line
            for one in ids:
                write(root / line.replace(ids[0], one), rng)


@pytest.mark.parametrize("page", COHORTS, ids=lambda page: page.stem)
def test_what_a_page_shows_is_read_as_it_says(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder_of(page, tmp_path)
    look, *_ = commands(page)
    assert look[0] == "inspect"
    assert main([*look, "-q"]) == 0
    (said,) = re.findall(r"^> (.*)$", page.read_text("utf-8"), re.MULTILINE)
    first, _, heads, *rows = capsys.readouterr().out.splitlines()
    assert first == said
    assert {len(row.rstrip()) for row in rows[:5]} == {len(heads)}  # to the last column: the mask's


def test_the_table_can_be_planned_with(tmp_path, monkeypatch, capsys):
    page = DOCS / "how-to" / "table.md"
    (tmp_path / "features.csv").write_text(tables(page)["features.csv"])
    monkeypatch.chdir(tmp_path)
    assert main([*commands(page)[0], "-q"]) == 0
    assert "2 patients of low and 3 others" in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_is_one(page):
    assert commands(page)
    for words in commands(page):
        plain, dotted = split_settings(words)
        args, unknown = build_parser().parse_known_args(plain)
        assert not unknown
        assert not dotted or args.command in ("inspect", "run")
