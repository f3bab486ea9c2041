"""How like the test patients' features synthetic ones are, beside other real patients'."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rarecase.report.blocks import DASH, Cell, Table, plain_number
from rarecase.report.run_files import RunFiles, read_table
from rarecase.report.tables import arm_name

COLUMNS = {
    "precision": "Precision", "recall": "Recall", "coverage": "Coverage",
    "told apart": "Told apart", "nn ratio": "Nearest", "near copies": "Near copies",
    "membership": "Membership",
}  # fmt: skip
SOURCES = {"made": "synthetic", "real": "other real patients"}
NOTE = (
    "Samples that the classifier may be given, against the features of test patients (of maps, "
    "means over the area); mean over folds and generator seeds, below it the lowest and highest. "
    "Beside them real training patients, a third in place of samples: as well as a perfect "
    "generator could do. Precision: samples that lie among the test patients'; recall and "
    "coverage: how much of the test patients' variety is met; told apart: AUC of a classifier "
    "(0.5: not at all); nearest: distance to the nearest training sample in units of a test "
    "patient's (0: copies, 1: as far as new patients); membership: AUC with which samples give "
    "away who was trained on (0.5: not)."
)


def fidelity_table(run: RunFiles) -> Table | None:
    """Each arm's synthetic samples and real ones by class; None where nothing was measured."""
    rows: list[Sequence[str | Cell]] = []
    for arm in run.arms:
        found = [
            table
            for generator in run.generators
            if generator.arm == arm
            and (table := read_table(generator.beside("fidelity") / "fidelity.csv")) is not None
        ]
        if not found:
            continue
        whole = pd.concat(found)
        for name in run.classes:
            for source, words in SOURCES.items():
                part = whole[(whole["class"] == name) & (whole["source"] == source)]
                values = [_mean(part[column]) for column in COLUMNS]
                rows.append([arm_name({"arm": arm}), name, words, *values])
    if not rows:
        return None
    return Table(
        caption="Synthetic features against those of patients who were not learnt from",
        columns=["Arm", "Class", "Samples", *COLUMNS.values()],
        rows=rows,
        heads=3,
        note=NOTE,
    )


def _mean(values: pd.Series) -> str | Cell:
    """A cell of one measure in every fold, without those where there were too few samples."""
    known = values.dropna()
    if known.empty:
        return DASH
    spread = f"{plain_number(known.min())} to {plain_number(known.max())}"
    return Cell(plain_number(known.mean()), spread if len(known) > 1 else "")
