"""The documentation's tables are those of the registries, and its links lead somewhere."""

import re
from pathlib import Path

import pytest

from rarecase.experiment.arms import PLAIN, VARIANTS
from rarecase.features.sources.registry import SOURCES
from rarecase.generators.filters import FILTERS
from rarecase.generators.registry import KINDS

ROOT = Path(__file__).parents[1]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]


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


def test_every_generator_and_filter_stands_in_its_table():
    assert first_cells("generators.md", "name") == [*KINDS]
    assert set(first_cells("generators.md", "filter")) == {*FILTERS}
    text = (ROOT / "docs" / "generators.md").read_text(encoding="utf-8")
    trained = {name for name in KINDS if f"| `{name}` | yes |" in text}
    assert trained == {kind.name for kind in KINDS.values() if kind.trained}


def test_every_arm_and_source_stands_in_its_table():
    arms = {*first_cells("evidence.md", "arm")}
    assert arms - {"every generator", "duplicates"} == {arm.name for arm in (*PLAIN, *VARIANTS)}
    listed = " ".join(first_cells("data.md", "source"))
    assert all(name in listed for name in SOURCES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target
