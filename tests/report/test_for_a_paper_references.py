"""references.bib: one entry for every source that a part of the program names, and no other."""

import re
from pathlib import Path

import pytest
from pybtex.database import parse_file

import rarecase.report.manuscript as manuscript
from rarecase.evidence.metrics import METRICS
from rarecase.experiment.arms import cites_of, make_arms
from rarecase.experiment.classifiers.registry import CLASSIFIERS
from rarecase.features.sources.registry import SOURCES
from rarecase.generators.registry import KINDS
from rarecase.report.manuscript import references
from rarecase.versions import LIBRARIES

FOLDER = Path(manuscript.__file__).parent
NOBODYS = {
    "duplicates", "none", "threshold", "class-weight", "undersample", "augmentation", "auto",
    "outline_size", "clinical",
}  # fmt: skip
"""Arms and sources that need no reference: they do what anybody would."""
REGISTRIES = {
    **{f"generator {name}": (kind.cites, kind.text) for name, kind in KINDS.items()},
    **{f"source {name}": (each.cites, each.text) for name, each in SOURCES.items()},
    **{f"classifier {name}": (each.cites, each.text) for name, each in CLASSIFIERS.items()},
    **{f"arm {name}": (cites_of(arm), "") for name, arm in make_arms().items()},
}


@pytest.fixture(scope="module")
def parsed():
    return parse_file(str(FOLDER / "references.bib")).entries


def named():
    """Every key that something names: registries, maps, and citations in the methods' code."""
    code = "".join(path.read_text("utf-8") for path in FOLDER.glob("*.py"))
    cites = re.findall(r'"([a-z]+\d{4})"|\'([a-z]+\d{4})\'', code)
    keys = {key for pair in cites for key in pair if key}
    keys |= {key for found, _ in REGISTRIES.values() for key in found}
    return keys | set(references.OF_LIBRARY.values()) | set(references.OF_METRIC.values())


def test_it_parses_and_is_read_as_it_is(parsed):
    assert set(references.entries()) == set(parsed)
    for key, entry in parsed.items():
        assert entry.persons["author"] and entry.fields["title"], key
        assert entry.type != "article" or {"journal", "volume", "pages"} <= set(entry.fields), key
        assert entry.type != "inproceedings" or "booktitle" in entry.fields, key
        year = entry.fields.get("year", "")
        assert key.endswith(year) and (year or entry.type == "misc"), key
        assert references.entries()[key].count("{") == references.entries()[key].count("}")


def test_every_key_exists_and_every_entry_is_named(parsed):
    assert named() == set(parsed)


@pytest.mark.parametrize("part", REGISTRIES)
def test_every_part_of_the_registries_has_its_sources(part, parsed):
    keys, text = REGISTRIES[part]
    assert keys or part.split(" ", 1)[1] in NOBODYS
    years = {str(parsed[key].fields["year"]) for key in keys}
    identifiers = {parsed[key].fields.get("eprint") for key in keys}
    assert set(re.findall(r"\b(?:19|20)\d\d(?=[,)])", text)) <= years
    assert set(re.findall(r"\d{4}\.\d{5}", text)) <= identifiers


def test_sources_of_libraries_and_metrics_are_of_known_ones():
    assert set(references.OF_LIBRARY) <= set(LIBRARIES)
    assert set(references.OF_METRIC) <= {metric.name for metric in METRICS}


def test_a_bibliography_holds_the_keys_asked_for_once_and_sorted(parsed, tmp_path):
    (tmp_path / "some.bib").write_text(
        references.bibliography(["holm1979", "delong1988", "holm1979"])
    )
    assert list(parse_file(str(tmp_path / "some.bib")).entries) == ["delong1988", "holm1979"]
    with pytest.raises(KeyError):
        references.bibliography(["nobody1900"])


def test_names_from_data_are_no_citations_and_no_markup():
    name = f"{references.BEGIN}holm1979{references.END} [@delong1988]\n\u202e<script>*x*_"
    text = f"Class {references.named(name)}{references.cite('efron1993', 'efron1993')}."
    assert references.cited(text) == ["efron1993"]
    made = references.as_markdown(text)
    assert re.findall(r"(?<!\\)\[@(\w+)\]", made) == ["efron1993"]
    assert r"\<script\>\*x\*\_" in made and "\n" not in made and "\u202e" not in made
    assert references.as_page(text).endswith("[efron1993].")
