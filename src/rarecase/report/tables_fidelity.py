"""How like the test patients' features synthetic ones are, beside other real patients'."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rarecase.report.blocks import DASH, Cell, Table, mean_with_range, plain_number
from rarecase.report.run_files import RunFiles, read_table
from rarecase.report.tables import arm_name

COLUMNS = {
    "precision": "Precision", "recall": "Recall", "coverage": "Coverage",
    "told apart": "Told apart", "nn ratio": "Nearest", "near copies": "Near copies",
    "membership": "Membership",
}  # fmt: skip
UNLIKE = 0.25  # of the coverage that real patients have: less is said
SOURCES = {"made": "synthetic", "real": "other real patients"}
NOTE = (
    "Samples that the classifier may be given, against the features of test patients (of maps, "
    "means over the area); mean over folds and seeds, below it the lowest and highest. Beside "
    "them as many real ones: a third of the training patients stands in for samples, the others "
    "for what was learnt from, which is about what a good generator would get (the segmenter was "
    "trained on them, not on test patients). Precision: samples that lie among the test "
    "patients'; recall and coverage: how much of the test patients' variety is met; told apart: "
    "AUC of a classifier (0.5: not at all); nearest: distance to the nearest training sample in "
    "units of a test patient's (0: copies, 1: as far as new patients); near copies: samples much "
    "nearer than that; membership: AUC with which samples give away who was trained on (0.5: "
    "not). A dash: fewer than 6 samples."
)
IMAGES_NOTE = " A generator of images is set against slices that show a tumour."


def read_fidelity(run: RunFiles) -> pd.DataFrame:
    """fidelity.csv of every generator together, with its arm, and its fold and seed as `cell`;
    empty where nothing was measured."""
    parts = [
        table.assign(arm=generator.arm, cell=f"{generator.fold.name}, seed {generator.seed}")
        for generator in run.generators
        if (table := read_table(generator.beside("fidelity") / "fidelity.csv")) is not None
    ]
    columns = ["arm", "cell", "class", "source", "samples", *COLUMNS]
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)


def fidelity_table(run: RunFiles) -> Table | None:
    """Each arm's synthetic samples and real ones by class; None where nothing was measured."""
    whole = read_fidelity(run)
    if whole.empty:
        return None
    rows: list[Sequence[str | Cell]] = [
        [arm_name({"arm": arm}), name, words, *(_mean(part[column]) for column in COLUMNS)]
        for arm in run.arms
        for name in run.classes
        for source, words in SOURCES.items()
        if len(part := _part(whole, arm, name, source))
    ]
    return Table(
        caption="Synthetic features against those of patients who were not learnt from",
        columns=["Arm", "Class", "Samples", *COLUMNS.values()],
        rows=rows,
        heads=3,
        note=NOTE + (IMAGES_NOTE if "acgan-images" in run.arms else ""),
    )


def unlike_new_patients(run: RunFiles) -> list[str]:
    """A sentence an arm and class whose samples cover next to nothing of the test patients', by
    the folds and seeds in which as many of either kind were looked at: fewer cover less."""
    whole, found = read_fidelity(run), []
    for arm in run.arms:
        for name in run.classes:
            both = [_part(whole, arm, name, source).set_index("cell") for source in SOURCES]
            known = [part["coverage"].dropna().index for part in both]
            cells = [
                cell
                for cell in known[0].intersection(known[1])
                if both[0].loc[cell, "samples"] >= both[1].loc[cell, "samples"]
            ]
            made, real = (float(part.loc[cells, "coverage"].mean()) for part in both)
            if made < UNLIKE * real:
                found.append(
                    f"Synthetic samples of class {name} ({arm_name({'arm': arm})}) are not like "
                    f"those of new patients: they cover {plain_number(made)} of the test patients' "
                    f"variety, other real patients {plain_number(real)}."
                )
    return found


def _part(whole: pd.DataFrame, arm: str, name: str, source: str) -> pd.DataFrame:
    mine = (whole["arm"] == arm) & (whole["class"] == name) & (whole["source"] == source)
    return whole[mine]


def _mean(values: pd.Series) -> str | Cell:
    """A cell of one measure in every fold, without those where there were too few samples."""
    known = values.dropna().tolist()
    return mean_with_range(known) if known else DASH
