"""What the README says is what was measured, and what there is."""

import json
import re
import runpy
from pathlib import Path

from rarecase.cohort.layouts import LAYOUTS
from rarecase.pipeline.presets import PRESETS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_demos_sentences_are_those_that_were_measured():
    script = runpy.run_path(str(ROOT / "benchmarks" / "readme.py"))
    kept = json.loads((ROOT / "benchmarks" / "results" / "readme.json").read_text("utf-8"))
    assert kept["sentences"]
    assert script["with_quote"](README, kept) == README
    assert script["as_quote"](kept) in README


def test_it_is_short_and_its_links_lead_somewhere():
    assert len(README.splitlines()) <= 110
    for target in re.findall(r"\]\(([^)#]+)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_every_preset_and_layout_stands_in_its_tables():
    rows = [line for line in README.splitlines() if line.startswith("|")]
    assert {name for name in PRESETS if any(f"| `{name}` |" in row for row in rows)} == {*PRESETS}
    start = rows.index("| your data | how it is recognised |")
    assert len(rows[start + 2 : rows.index("| preset | what it is | for |")]) == len(LAYOUTS)
