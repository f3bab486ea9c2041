"""The comparison of arms on `tumour` vectors: fair controls and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rarecase.evidence.evidence import PEEKED
from rarecase.evidence.tables import TABLE_NAMES, check_lines, counts_line, main_rows
from rarecase.report.blocks import (
    Block,
    Bullets,
    Cell,
    Section,
    Table,
    Text,
    plain_number,
    with_interval,
)
from rarecase.report.run_files import RunFiles

EXPLAINED = (
    "Every way to treat the imbalance on the same folds and features: a linear classifier on the "
    "features of all blocks, averaged over the tumour {outline}{unit}. Amount, penalty and "
    "threshold are chosen on inner folds of real training patients. A synthetic arm has two "
    "controls: no augmentation, and as many copies of real rows. The fold's network has learnt "
    "from all of its training patients, those of inner folds too."
)
OUTLINES = {
    "predicted": "that the fold's network outlines",
    "true": "as its mask outlines it, which nobody has for a new patient",
}
TRIVIAL = (
    "The arm trivial knows the size of the outlined tumour and the number of slices, and nothing "
    "else: an arm that is no better has learnt nothing from the images."
)
SHIFT = (
    "The network has seen the training patients and not the test patients, so their features "
    "differ by more than chance where the last of these numbers is far from one half."
)


def arms_section(run: RunFiles) -> Section | None:
    """The table of arms and the verdicts; nothing where no arms were compared."""
    evidence = run.arms_evidence
    if not evidence:
        return None
    pooled = run.setting("compare", "unit") != "slices"
    unit = " and over a patient's slices" if pooled else ", a slice a row"
    outline = OUTLINES[run.setting("compare", "outline") or "predicted"]
    blocks: list[Block] = [
        Text(EXPLAINED.format(unit=unit, outline=outline)),
        Text(counts_line(evidence)),
        arms_table(evidence, caption="Test patients: every arm on the same features"),
    ]
    if run.peeked:
        blocks.append(Text(PEEKED, "note"))
    if evidence["verdicts"]:
        blocks.append(Bullets([v["sentence"] for v in evidence["verdicts"]], "Verdicts"))
    blocks.append(Text(TRIVIAL, "note"))
    if lines := check_lines(run.arms_checks, unit="slices") if run.arms_checks else []:
        blocks += [Bullets(lines, "Self-checks"), Text(SHIFT, "note")]
    return Section("arms", "Does it help? Arms against controls", blocks)


def arms_table(evidence: Mapping[str, Any], *, caption: str) -> Table:
    """Every arm's scores on patients, with intervals, and its verdict."""
    answers = {(v["arm"], v["amount"]): v["answer"] for v in evidence["verdicts"]}
    names = [name.format(rare=evidence["rare"]) for name in TABLE_NAMES]
    rows: list[list[str | Cell]] = []
    for row in main_rows(evidence):
        scores, moved = row["patients"]["scores"], row["patients"]["difference"]
        rows.append(
            [
                str(row["arm"]),
                plain_number(row["added"], digits=0),
                *(with_interval(scores[name]) for name in names),
                "" if moved is None else with_interval(moved["auc_rare"], signed=True),
                answers.get((row["arm"], row["amount"]), ""),
            ]
        )
    return Table(
        caption=caption,
        columns=[
            "Arm", "Added", f"AUC {evidence['rare']}", "Balanced accuracy",
            "at the tuned threshold", f"Recall {evidence['rare']}", "at the tuned threshold",
            "AUC moved", "Verdict",
        ],
        rows=rows,
        heads=2,
        note="Below each score its 95 % interval from drawing patients and generator seeds. Only "
        "arms with synthetic rows have a verdict.",
    )  # fmt: skip
