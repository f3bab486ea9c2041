"""The references that a study uses: `references.bib` beside this file is the one place of them.

A text cites by marks, which `cite` makes of keys: what is cited is then what is referred to, and a
name of a class or a case cannot be taken for a citation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

BEGIN, END = "\ue000", "\ue001"  # of a mark: characters of nobody's alphabet
_MARK = re.compile(f"{BEGIN}([a-z0-9;]*){END}")
_SPECIAL = re.compile(r"[\\`*<>\[\]$~^|#@]|(?<!\w)_|_(?!\w)")

OF_LIBRARY = {
    "rarecase": "rarecase",
    "torch": "paszke2019",
    "lightning-fabric": "falcon2019",
    "numpy": "harris2020",
    "scipy": "virtanen2020",
    "scikit-learn": "pedregosa2011",
    "imbalanced-learn": "lemaitre2017",
    "pandas": "mckinney2010",
    "nibabel": "brett",
    "SimpleITK": "lowekamp2013",
    "pydicom": "mason2011",
    "highdicom": "bridge2022",
    "nilearn": "abraham2014",
    "scikit-image": "vanderwalt2014",
    "matplotlib": "hunter2007",
}
"""Of libraries, by distribution; others ask for none."""
OF_METRIC = {
    "brier": "brier1950",
    "calibration_slope": "vancalster2019",
    "calibration_intercept": "vancalster2019",
    "calibration_error": "naeini2015",
    "net_benefit": "vickers2006",
}
"""Of metrics, by name."""
OF_FIDELITY = {
    "precision": ("precision and recall", "kynkaanniemi2019"),
    "coverage": ("coverage", "naeem2020"),
    "two-sample AUC": ("a two-sample test by a classifier", "lopezpaz2017"),
    "nn ratio": ("distances to the nearest training sample", "meehan2020"),
    "membership": ("a membership attack", "chen2020"),
}
"""Of measures of synthetic samples, with what they are, by column of fidelity.csv."""
GUIDELINES = ("collins2024", "tejani2024")
"""Of the checklist."""


@cache
def entries() -> dict[str, str]:
    """Every entry of references.bib as it stands there, by key."""
    text = Path(__file__).with_name("references.bib").read_text(encoding="utf-8")
    found = (each.strip() for each in re.split(r"^(?=@)", text, flags=re.MULTILINE))
    return {each.split("{", 1)[1].split(",", 1)[0]: each for each in found if each}


def bibliography(keys: Iterable[str]) -> str:
    """The entries of these keys as a BibTeX file, sorted by key; `KeyError` for an unknown one."""
    return "\n\n".join(entries()[key] for key in sorted(set(keys))) + "\n"


def cite(*keys: str) -> str:
    """A citation with a blank before it, for a text; nothing without keys."""
    return f" {BEGIN}{';'.join(dict.fromkeys(keys))}{END}" if keys else ""


def cited(text: str) -> list[str]:
    """The keys that a text cites, each once, as it cites them."""
    keys = (key for mark in _MARK.findall(text) for key in mark.split(";"))
    return [key for key in dict.fromkeys(keys) if key in entries()]


def named(text: object) -> str:
    """A name from data in one line, without marks and without characters that cannot be seen."""
    seen = "".join(c if c.isprintable() and c not in (BEGIN, END) else " " for c in str(text))
    return " ".join(seen.split())


def as_page(text: str) -> str:
    """A text for the page: a citation by its keys."""
    return _MARK.sub(lambda mark: f"[{mark[1].replace(';', ', ')}]", text)


def as_markdown(text: str) -> str:
    """A text as Markdown, citations as pandoc reads them; what else would be markup is escaped.

    >>> as_markdown("by *Holm*" + cite("holm1979"))
    'by \\\\*Holm\\\\* [@holm1979]'
    """
    escaped = _SPECIAL.sub(lambda special: f"\\{special[0]}", text)
    keys = _MARK.sub(
        lambda mark: "[" + "; ".join(f"@{k}" for k in mark[1].split(";")) + "]", escaped
    )
    return keys
