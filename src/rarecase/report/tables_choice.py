"""Tables of features × classifier, and of what was chosen in every fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rarecase.evidence.metrics import AUC
from rarecase.evidence.tables_features import p_cell, reference_rows, sorted_sets
from rarecase.evidence.text import cell
from rarecase.report.blocks import Cell, Table, scored
from rarecase.report.tables import FLAT, has_flat

Evidence = Mapping[str, Any]
SHOWN = (AUC, "balanced_accuracy", "tuned_balanced_accuracy")
MEAN = (
    "A set counts by the mean over its classifiers (those that other sets have too), so that none "
    "is picked after seeing test patients. Δ: the difference in AUC on the same patients. p: of "
    "their placements (DeLong), one-sided against {baseline} (does it know more?), two-sided "
    "against what inner folds choose; corrected (Holm) over the sets of which it was asked."
)
FIXED = (
    " What inner folds choose against {baseline} is one question, fixed beforehand, and not "
    "corrected."
)
PICKED = (
    "Shaded: of each set the classifier with the largest AUC; picked after looking at these "
    "patients, it is flattered."
)
PROMISED = (
    "Promised: the AUC of the choice on inner folds of the fold's training patients, which it was "
    "chosen by. Gave: its AUC on the test patients of that fold, who had no say."
)


def sets_table(evidence: Evidence) -> Table:
    """Every set of features: its AUC without augmentation, against the baseline and against what
    inner folds choose."""
    found = evidence["features"]
    others = {w: found[w] for w in ("baseline", "choice") if found[w] is not None}
    lines: list[list[str | Cell]] = []
    for each in sorted_sets(evidence):
        line: list[str | Cell] = [each["features"], scored(each["auc"])]
        for what in others:
            against = each["against"][what]
            moved = "" if against is None else scored(against["difference"], change=True)
            line += [moved, p_cell(against)]
        lines.append(line)
    baseline = str(found["baseline"])
    note = MEAN.format(baseline=baseline)
    note += FIXED.format(baseline=baseline) if len(others) > 1 else ""
    if has_flat(each["auc"] for each in found["sets"]):
        note += f" {FLAT}"
    return Table(
        caption=f"AUC of class {evidence['rare']} by set of features, the arm none",
        columns=["Features", "Mean AUC",
                 *(text for name in others.values() for text in (f"Δ {name}", "p"))],
        rows=lines,
        note=note,
    )  # fmt: skip


def features_table(evidence: Evidence) -> Table:
    """Every features × classifier without augmentation: AUC and balanced accuracy."""
    rows = reference_rows(evidence)
    labels = {m["name"]: str(m["label"]) for m in evidence["metrics"]}
    lines: list[list[str | Cell]] = [
        [row["features"], row["classifier"],
         *(scored(row["patients"]["scores"][name]) for name in SHOWN)]
        for row in rows
    ]  # fmt: skip
    first = {row["features"]: place for place, row in reversed([*enumerate(rows)])}
    return Table(
        caption="Features × classifier, the arm none: nothing is done about the imbalance",
        columns=["Features", "Classifier", *(labels[n][0].upper() + labels[n][1:] for n in SHOWN)],
        rows=lines,
        heads=2,
        note=PICKED,
        marked=sorted(first.values()),
    )


def choices_table(evidence: Evidence) -> Table:
    """What was chosen in every fold, what it promised and what it gave, and over all folds."""
    found = evidence["choices"]
    repeats = evidence["repeats"] > 1
    lines: list[list[str | Cell]] = [
        [
            *([str(each["repeat"])] if repeats else []), str(each["fold"]),
            each["features"], each["classifier"], each["arm"],
            cell(each["promised"]), cell(each["auc"]),
        ]
        for each in found["folds"]
    ]  # fmt: skip
    total = "all" if repeats else ""
    often = [
        ", ".join(f"{name} {count}" for name, count in found["counts"][what].items())
        for what in ("features", "classifier", "arm")
    ]
    lines.append(
        [*([total] if repeats else []), "" if repeats else "all", *often, cell(found["promised"]),
         scored(found["auc"])]
    )  # fmt: skip
    heads = [*(["Repeat"] if repeats else []), "Fold", "Features", "Classifier", "Arm"]
    return Table(
        caption="What was chosen in every fold",
        columns=[*heads, "Promised AUC", "Gave AUC"],
        rows=lines,
        heads=len(heads),
        note=PROMISED,
        marked=[len(lines) - 1],
    )
