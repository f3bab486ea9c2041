"""Tables of scores, from evidence.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rarecase.evidence.paper import WITH, WITHOUT, PublishedRow, recompute_table_3
from rarecase.report.blocks import DASH, Cell, Table, plain_number, with_interval

Evidence = dict[str, Any]
Row = dict[str, Any]


def arm_name(row: Row) -> str:
    """An arm for readers.

    >>> arm_name({"arm": "none"}), arm_name({"arm": "acgan"}), arm_name({"arm": "acgan-512"})
    ('none', 'ACGAN', 'ACGAN of width 512')
    >>> arm_name({"arm": "duplicates:acgan"})
    'duplicates, as many as ACGAN'
    >>> arm_name({"arm": "acgan-images"})
    'ACGAN of images'
    """
    control, _, of = str(row["arm"]).partition(":")
    if of:
        return f"{control}, as many as {arm_name({'arm': of})}"
    kind, _, width = str(row["arm"]).partition("-")
    if kind != "acgan":
        return str(row["arm"])
    return f"ACGAN of {'width ' if width.isdigit() else ''}{width}" if width else "ACGAN"


def score_columns(evidence: Evidence) -> dict[str, str]:
    """Name of a score → head of its column."""
    classes = [str(c) for c in evidence["classes"]]
    columns = {
        f"recall_{c}": f"Recall {c}" + (" (rare)" if c == evidence["rare"] else "") for c in classes
    }
    columns |= {"balanced_accuracy": "Balanced accuracy", "accuracy": "Accuracy"}
    columns["auc_rare"] = f"AUC {evidence['rare']}" if len(classes) > 2 else "AUC"
    if len(classes) > 2:
        columns["auc_macro"] = "Macro AUC"
    return columns


def headline_rows(evidence: Evidence) -> list[int]:
    """Index of the row of the headline, none when it was not reached."""
    headline = evidence["headline"]
    return [
        i
        for i, row in enumerate(evidence["rows"])
        if row["arm"] == headline["arm"] and row["amount"] == headline["amount"]
    ]


def patients_table(evidence: Evidence) -> Table:
    """Every arm and amount with its scores on patients."""
    columns = score_columns(evidence)
    rows: list[list[str | Cell]] = [
        [
            arm_name(row),
            f"{row['amount']:,}",
            *(with_interval(row["patients"]["scores"][name]) for name in columns),
        ]
        for row in evidence["rows"]
    ]
    draws, marked = evidence["bootstrap"]["draws"], headline_rows(evidence)
    scores = [score for row in evidence["rows"] for score in row["patients"]["scores"].values()]
    flat = any(s["value"] is not None and s["low"] == s["high"] for s in scores)
    # The bootstrap cannot leave 0 or 1: with nobody called otherwise no draw differs.
    narrow = (
        " An interval without width comes from patients who are all called alike; it is no "
        "certainty."
        if flat
        else ""
    )
    shaded = " The shaded row is the headline amount, fixed beforehand." if marked else ""
    return Table(
        caption="Test patients: scores by arm and amount of synthetic samples",
        columns=["Arm", "Added", *columns.values()],
        rows=rows,
        heads=2,
        note="Below each score its 95 % interval from resampling patients within their class "
        f"({draws:,} draws).{shaded}{narrow}",
        marked=marked,
    )


def differences_table(evidence: Evidence) -> Table:
    """Every arm and amount minus the control, on patients."""
    columns = score_columns(evidence)
    changed = [(i, row) for i, row in enumerate(evidence["rows"]) if row["patients"]["difference"]]
    marked = headline_rows(evidence)
    rows: list[list[str | Cell]] = [
        [
            arm_name(row),
            f"{row['amount']:,}",
            *(with_interval(row["patients"]["difference"][name], signed=True) for name in columns),
        ]
        for _, row in changed
    ]
    return Table(
        caption="Test patients: differences to no augmentation",
        columns=["Arm", "Added", *columns.values()],
        rows=rows,
        heads=2,
        note="An interval that holds 0 is compatible with no change. With several amounts looked "
        "at, some interval will miss 0 by chance"
        + (": only the shaded row was fixed beforehand." if marked else "."),
        marked=[place for place, (i, _) in enumerate(changed) if i in marked],
    )


def slices_table(evidence: Evidence) -> Table:
    """Every arm and amount with its scores on slices."""
    columns = score_columns(evidence)
    rows: list[list[str | Cell]] = [
        [
            arm_name(row),
            f"{row['amount']:,}",
            *(plain_number(row["slices"]["scores"][name]) for name in columns),
        ]
        for row in evidence["rows"]
    ]
    return Table(
        caption="Test slices: the same scores counted by slice, as the paper did",
        columns=["Arm", "Added", *columns.values()],
        rows=rows,
        heads=2,
        note="Slices of a patient are not independent samples, so no interval is given.",
        marked=headline_rows(evidence),
    )


def table_3(evidence: Evidence) -> list[Table]:
    """Accuracies as the paper's Table 3 lists them: ours on slices, ours on patients, theirs."""
    classes, rare = [str(c) for c in evidence["classes"]], str(evidence["rare"])
    order = [*(c for c in classes if c != rare), rare]
    control = next(row for row in evidence["rows"] if row["arm"] == evidence["control"])
    chosen = [evidence["rows"][i] for i in headline_rows(evidence)]
    ours: list[list[str | Cell]] = []
    for unit in ("slices", "patients"):
        for row in (control, *chosen):
            added = f"with {row['amount']:,} {arm_name(row)} samples"
            ours.append(
                [
                    f"Ours, {unit}",
                    "without" if row is control else added,
                    *_accuracies(row, unit, order),
                ]
            )
        if not chosen:
            ours.append(
                [f"Ours, {unit}", "with: headline amount not reached", *[DASH] * (len(order) + 2)]
            )
    theirs = [_published(row) for row in (WITHOUT, WITH)]
    heads = ["", "Synthetic samples"]
    if len(order) == 2:
        columns = [
            *heads,
            f"{order[0]} (paper: HGG)",
            f"{order[1]}, rare (paper: LGG)",
            "All",
            "Balanced",
        ]
        return [
            Table(
                caption="Accuracy by class and in total",
                columns=columns,
                rows=[*ours, *theirs],
                heads=2,
                note="The paper's balanced accuracy is recomputed; all else of it is as printed.",
            )
        ]
    return [
        Table(
            caption="Accuracy by class and in total, this run",
            columns=[*heads, *order, "All", "Balanced"],
            rows=ours,
            heads=2,
        ),
        Table(
            caption="Accuracy by class and in total, the paper (two classes, as printed)",
            columns=[*heads, "HGG", "LGG", "All", "Balanced (recomputed)"],
            rows=theirs,
            heads=2,
        ),
    ]


def _accuracies(row: Row, unit: str, order: Sequence[str]) -> list[str | Cell]:
    names = [*(f"recall_{c}" for c in order), "accuracy", "balanced_accuracy"]
    counts = row["counts"][unit]
    sizes = [*(counts[c] for c in order), sum(counts.values())]
    cells: list[str | Cell] = []
    for i, name in enumerate(names):
        score = row[unit]["scores"][name]
        value = score["value"] if isinstance(score, dict) else score
        below = f"of {sizes[i]:,}" if i < len(sizes) else ""
        cells.append(Cell(plain_number(value, digits=3), below))
    return cells


def _published(row: PublishedRow) -> list[str | Cell]:
    balanced = str(recompute_table_3(row).balanced)
    name = row.name.removesuffix(" synthetic features")
    return ["Paper, slices", name, row.hgg, row.lgg, row.overall, balanced]
