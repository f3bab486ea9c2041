"""How like the test patients' features synthetic ones are, beside other real patients'."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rarecase.evidence.text import DASH, cell
from rarecase.report.blocks import Cell, Table, mean_with_range
from rarecase.report.found import Found

COLUMNS = {
    "precision": "Precision", "recall": "Recall", "coverage": "Coverage",
    "two-sample AUC": "Two-sample AUC", "nn ratio": "Nearest", "near copies": "Near copies",
    "membership": "Membership",
}  # fmt: skip
UNLIKE = 0.25  # of the coverage that real patients have: less is said
SOURCES = {"synthetic": "synthetic", "real": "other real patients"}
NOTE = (
    "Samples that the classifier may be given, against the features of test patients (of maps, "
    "means over the area); mean over folds and seeds, below it the lowest and highest. Beside "
    "them the real-vs-real baseline, as many real samples: a third of the training patients stands "
    "in for the synthetic, the others for what was learnt from, which is about what a good "
    "generator would get (the segmenter was trained on them, not on test patients). Precision: "
    "samples that lie among the test patients'; recall and coverage: how much of the test "
    "patients' variety is met; two-sample AUC: of a classifier that tells them from test patients "
    "(0.5: not at all); nearest: distance to the nearest training sample in units of a test "
    "patient's (0: copies, 1: as far as new patients); near copies: samples much nearer than that; "
    "membership: AUC with which samples give away who was trained on (0.5: not). A dash: fewer "
    "than 6 samples. A generator of images is set against slices that show a tumour."
)


def read_fidelity(run: Found) -> pd.DataFrame:
    """fidelity.csv of every generator together, with its arm as `name`, and its fold and seed as
    `cell`; empty where nothing was measured."""
    parts = [
        each.fidelity.assign(name=name, cell=each.cell)
        for name, generators in run.sources.items()
        for each in generators
        if each.fidelity is not None
    ]
    columns = ["name", "cell", "class", "source", "samples", *COLUMNS]
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)


def fidelity_table(run: Found) -> Table | None:
    """Each arm's synthetic samples and real ones by class; None where nothing was measured."""
    whole = read_fidelity(run)
    if whole.empty:
        return None
    rows: list[Sequence[str | Cell]] = [
        [name, label, words, *(_mean(part[column]) for column in COLUMNS)]
        for name in run.sources
        for label in run.classes
        for source, words in SOURCES.items()
        if len(part := _part(whole, name, label, source))
    ]
    return Table(
        caption="Synthetic features against those of patients who were not learnt from",
        columns=["Arm", "Class", "Samples", *COLUMNS.values()],
        rows=rows,
        heads=3,
        note=NOTE,
    )


def unlike_new_patients(run: Found) -> list[str]:
    """A sentence per arm and class whose samples cover next to nothing of the test patients', by
    the folds and seeds in which as many of either kind were looked at: fewer cover less."""
    whole, found = read_fidelity(run), []
    for name in run.sources:
        for label in run.classes:
            both = [_part(whole, name, label, source).set_index("cell") for source in SOURCES]
            known = [part["coverage"].dropna().index for part in both]
            cells = [
                each
                for each in known[0].intersection(known[1])
                if both[0].loc[each, "samples"] >= both[1].loc[each, "samples"]
            ]
            synthetic, real = (float(part.loc[cells, "coverage"].mean()) for part in both)
            if synthetic < UNLIKE * real:
                found.append(
                    f"Synthetic samples of class {label} ({name}) are not like those of new "
                    f"patients: they cover {cell(synthetic)} of the test patients' variety, other "
                    f"real patients {cell(real)}."
                )
    return found


def _part(whole: pd.DataFrame, name: str, label: str, source: str) -> pd.DataFrame:
    mine = (whole["name"] == name) & (whole["class"] == label) & (whole["source"] == source)
    return whole[mine]


def _mean(values: pd.Series) -> str | Cell:
    """A cell of one measure in every fold, without those where there were too few samples."""
    known = values.dropna().tolist()
    return mean_with_range(known) if known else DASH
