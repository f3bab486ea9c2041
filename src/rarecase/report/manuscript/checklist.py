"""Which items of TRIPOD+AI (Collins et al. 2024) and of CLAIM (Tejani et al., the update of 2024) a
study answers, where, and what is left to its authors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pandas as pd

from rarecase.report.blocks import Table
from rarecase.report.manuscript.items_claim import CLAIM
from rarecase.report.manuscript.items_tripod import TRIPOD_AI
from rarecase.report.manuscript.study import Study


class Place(NamedTuple):
    """Where an answer stands: a paragraph of methods.md, a section of the page, files of the report
    (`paper/…`) or of the study's folder."""

    methods: str = ""
    page: str = ""
    files: tuple[str, ...] = ()


PLACES = {
    "patients": Place("Patients and images", "Cohort", ("paper/tables/cohort.csv",)),
    "left out": Place("Patients and images", "Cohort", ("cohort/cohort.json",)),
    "folds": Place("Test patients", "Cohort", ("evidence.json",)),
    "network": Place("Segmentation", "Segmenter"),
    "features": Place("Features", "", ("features.json",)),
    "imbalance": Place("Class imbalance", "What each arm adds"),
    "tuning": Place("Classifiers and tuning"),
    "statistics": Place("Statistical analysis"),
    "checks": Place("Statistical analysis", "What each arm adds"),
    "results": Place("", "What each arm adds", ("paper/tables/results.csv",)),
    "verdicts": Place("", "What each arm adds", ("paper/tables/verdicts.csv",)),
    "patients' scores": Place("", "", ("predictions.parquet",)),
    "elsewhere": Place("Test patients", "And on other patients? External cohorts", ("external",)),
    "software": Place("Software", "How it was done"),
    "settings": Place("", "How it was done", ("study.yaml", "compare.json")),
    "cautions": Place("", "Before believing a number"),
    "model": Place("", "", ("model",)),
}
CONDITIONS: Mapping[str, Callable[[Study], bool]] = {
    "run": lambda study: study.run is not None,
    "network": lambda study: (
        study.run is not None and any(fold.segmenter.card for fold in study.run.folds)
    ),
    "treated": lambda study: set(study.arms) > {"none"},
    "verdicts": lambda study: bool(study.evidence["verdicts"]),
    "checks": lambda study: bool(study.evidence.get("checks")),
    "others": lambda study: study.run is not None and bool(study.run.others),
    "stack": lambda study: "stack" in study.chosen,
    "model": lambda study: (study.root / "model").is_dir(),
    "versions": lambda study: len(study.versions) > 1,
    "sites": lambda study: study.run is not None and bool(_sites(study)),
    "by site": lambda study: (
        "site" in (study.told("split", "kind"), study.said.get("site") and "site")
    ),
}
"""What of a study an answer needs."""
UNMET = {
    "network": "no network was trained here",
    "treated": "nothing was done about the imbalance here",
    "verdicts": "nothing was judged here",
    "checks": "self-checks were left out",
    "others": "not done here: rarecase evaluate --on judges another cohort",
    "stack": "no ensemble was made here",
    "model": "no model lies here: rarecase export or predict makes it",
    "versions": "versions were not recorded",
    "sites": "no site is known here",
    "by site": "folds were not drawn by site here",
}
"""What is said where it has not."""
COLUMNS = ["Guideline", "Item", "What it asks", "Answered", "Where", "Left to the authors"]


def _sites(study: Study) -> list[str]:
    assert study.run is not None
    return [s for s in study.run.cohort.get("site", pd.Series(dtype=str)).astype(str) if s]


def checklist(study: Study) -> pd.DataFrame:
    """A row for every item of both guidelines, the columns `COLUMNS`."""
    rows = []
    for guideline, items in (("TRIPOD+AI 2024", TRIPOD_AI), ("CLAIM 2024", CLAIM)):
        for item in items:
            met = not item.needs or CONDITIONS[item.needs](study)
            answered = item.answered if met and item.where else "no"
            where = places(item.where, study) if answered != "no" else ""
            unmet = "" if met else UNMET.get(item.needs, "")
            left = item.left or ("" if answered == "yes" else "all of it")
            said = unmet if unmet and not (met or item.left) else "; ".join(
                each for each in (unmet, left) if each)  # fmt: skip
            rows.append([guideline, item.number, item.asks, answered, where, said])
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


def places(keys: tuple[str, ...], study: Study) -> str:
    """Paragraphs, sections and files of an answer in words; of a comparison without sections."""
    run = study.run is not None
    each = [PLACES[key] for key in keys]
    said = {
        "methods": [place.methods for place in each if place.methods],
        "page": [place.page for place in each if run and place.page],
        "files": [f for p in each for f in p.files if _is_there(f, study)],
    }
    return "; ".join(
        f"{what}: {', '.join(dict.fromkeys(names))}" for what, names in said.items() if names
    )


def _is_there(name: str, study: Study) -> bool:
    return name.startswith("paper/") or (study.root / name).exists()


def checklist_table(study: Study, frame: pd.DataFrame) -> Table:
    """The same for the page."""
    counts = frame["Answered"].value_counts()
    return Table(
        caption="TRIPOD+AI and CLAIM: what this study answers, and where",
        columns=list(frame.columns),
        rows=[[str(value) for value in row] for row in frame.to_numpy()],
        heads=len(frame.columns),
        note=f"{counts.get('yes', 0)} items are answered, {counts.get('in part', 0)} in part; "
        f"{counts.get('no', 0)} only the authors can answer. Items are put in few words; report "
        "against the guidelines themselves: Collins et al., BMJ 2024;385:e078378, and Tejani et "
        "al., Radiology: Artificial Intelligence 2024;6(4):e240300.",
    )
