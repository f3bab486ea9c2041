"""Tables of features × classifier, and of what was chosen in every fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rarecase.evidence.metrics import AUC
from rarecase.evidence.tables_features import choice_family, p_of, reference_rows
from rarecase.evidence.text import cell
from rarecase.report.blocks import Cell, Table, scored
from rarecase.report.tables import FLAT, has_flat

Evidence = Mapping[str, Any]
TUNED = "tuned_balanced_accuracy"
BALANCED = "balanced_accuracy"
PICKED = (
    "Shaded: of each set of features the classifier with the largest AUC, picked after looking at "
    "these patients, which flatters it. Δ: the difference in AUC on the same patients; p is "
    "two-sided, the larger of a permutation test of patients and a t test of folds, and corrected "
    "(Holm) over all that were set against the same one, so that a small p survives the picking."
)
FIXED = (
    " What inner folds choose against {baseline} is one question, fixed beforehand, and not "
    "corrected."
)
PROMISED = (
    "Promised: the AUC of the choice on inner folds of the fold's training patients, which it was "
    "chosen by. Gave: its AUC on the test patients of that fold, who had no say."
)


def features_table(evidence: Evidence) -> Table:
    """Every features × classifier without augmentation: AUC and balanced accuracy, and AUC against
    the baseline and against what inner folds choose."""
    found, rows = evidence["features"], reference_rows(evidence)
    chosen = choice_family(evidence)
    metrics = {m["name"]: str(m["label"]) for m in evidence["metrics"]}
    others = {w: found[w]["features"] for w in ("baseline", "choice") if found[w] is not None}
    lines: list[list[str | Cell]] = []
    for row in rows:
        scores = row["scores"]
        line = [row["features"], row["classifier"],
                *(scored(scores[name]) for name in (AUC, BALANCED, TUNED))]  # fmt: skip
        is_choice = chosen == (row["features"], row["classifier"])
        for what in others:
            against = row["against"][what]
            moved = "" if against is None else scored(against["difference"], change=True)
            line += [moved, p_of([row], what, choice=is_choice)]
        lines.append(line)
    note = PICKED if len(rows) > 1 else ""
    if "baseline" in others and chosen is not None:
        note += FIXED.format(baseline=others["baseline"])
    if any(has_flat([row["scores"][name] for name in (AUC, BALANCED, TUNED)]) for row in rows):
        note += f" {FLAT}"
    heads = [f"{metrics[AUC]}", "Balanced accuracy", "Tuned balanced accuracy"]
    return Table(
        caption="Features × classifier, the arm none: nothing is done about the imbalance",
        columns=["Features", "Classifier", *heads,
                 *(text for name in others.values() for text in (f"Δ {name}", "p"))],
        rows=lines,
        heads=2,
        note=note,
        marked=[place for place, row in enumerate(rows) if row["leading"]],
    )  # fmt: skip


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
