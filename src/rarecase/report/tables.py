"""Tables of scores, from the evidence: its rows name the arms, its metrics the columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rarecase.evidence.paper import WITH, WITHOUT, PublishedRow, recompute_table_3
from rarecase.evidence.rows import key_of
from rarecase.evidence.tables import arm_rows, name_columns
from rarecase.evidence.text import DASH, cell
from rarecase.report.blocks import Cell, Table, scored

Evidence = Mapping[str, Any]
Row = Mapping[str, Any]
AUC = "auc_rare"
# The bootstrap cannot leave 0 or 1: with nobody called otherwise no draw differs.
FLAT = "An interval without width comes from patients who all come out alike; it is no certainty."


def results_table(evidence: Evidence, *, caption: str, rows: Sequence[Row] | None = None) -> Table:
    """Arm × amount (and features × classifier, where there are several) with the main metrics on
    patients, first what verdicts are about, and the verdict. `rows`: those of `arm_rows`, or
    others."""
    rows = arm_rows(evidence) if rows is None else rows
    about = evidence.get("metric", AUC)
    metrics = [m for m in evidence["metrics"] if m["main"] or m["name"] == about]
    answers = {key_of(v): v["answer"] for v in evidence["verdicts"]}
    named = name_columns(rows)
    heads = [*(name.capitalize() for name in named), "Added"]
    lines: list[Sequence[str | Cell]] = []
    for row in rows:
        scores, moved = row["patients"]["scores"], row["patients"]["difference"]
        cells = {m["name"]: scored(scores[m["name"]]) for m in metrics}
        change = "" if moved is None else scored(moved[about], change=True)
        answer = answers.get(key_of(row), "")
        lines.append([*_names(row, named), cells.pop(about), change, answer, *cells.values()])
    titles = {m["name"]: _title(m) for m in metrics}
    first = titles.pop(about)
    notes = [
        f"Below each score its 95 % interval from {evidence['bootstrap']['draws']:,} draws of "
        "patients within their class, and of seeds. Δ: the change against the reference of the "
        "same features and classifier, the first of their rows. Only arms with synthetic samples "
        "have a verdict."
    ]
    if any(row["planned"] and row["synthetic"] for row in rows):
        notes.append("Shaded: planned beforehand.")
    if any(has_flat(row["patients"]["scores"].values()) for row in rows):
        notes.append(FLAT)
    return Table(
        caption=caption,
        columns=[*heads, first, f"Δ{first}", "Verdict", *titles.values()],
        rows=lines,
        heads=len(heads),
        note=" ".join(notes),
        marked=[i for i, row in enumerate(rows) if row["planned"] and row["synthetic"]],
    )


def metric_tables(
    evidence: Evidence, family: tuple[str, str], *, sample: str = "slice"
) -> list[Table]:
    """Every metric of the rows of one features × classifier, their controls too: on patients, what
    it changed there, and on slices (or what a `sample` is), where a patient may have several."""
    rows = [row for row in evidence["rows"] if key_of(row).family == family]
    changed = [row for row in rows if row["patients"]["difference"] is not None]
    metrics, count = evidence["metrics"], evidence["counts"]
    several = count["slices"] != count["patients"]
    kinds: list[tuple[str, list[Row], Callable[[Row, str], str | Cell], str]] = [
        ("On test patients", rows, lambda row, name: scored(row["patients"]["scores"][name]),
         "Of Brier score and calibration error lower is better."),
        ("Changes against the reference, on test patients", changed,
         lambda row, name: scored(row["patients"]["difference"][name], change=True),
         "An interval that holds 0 is compatible with no change. With many rows looked at, some "
         "interval misses 0 by chance."),
        (f"On test {sample}s, as the paper counted", rows if several else [],
         lambda row, name: cell(row["slices"]["scores"][name]),
         f"{sample.capitalize()}s of a patient are not independent samples, so no interval is "
         "given."),
    ]  # fmt: skip
    return [
        Table(
            caption=caption,
            columns=["Arm", "Amount", "Added", *(_title(m) for m in metrics)],
            rows=[
                [*_names(row, ["arm", "amount"]), *(value(row, m["name"]) for m in metrics)]
                for row in those
            ],
            heads=3,
            note=note,
        )
        for caption, those, value, note in kinds
        if those
    ]


def _names(row: Row, columns: Sequence[str]) -> list[str]:
    """What names a row in a table, and how many samples it added."""
    key = key_of(row)
    said = key._asdict() | {"amount": f"{int(key.amount):,}" if key.is_count else key.amount}
    if row["control_of"] is not None:
        said["arm"] = f"as many copies as {row['control_of']}"
    return [*(said[name] for name in columns), f"{row['added'] or 0:,.0f}"]


def _title(metric: Mapping[str, Any]) -> str:
    label = str(metric["label"])
    return label[0].upper() + label[1:]


def has_flat(scores: Iterable[Mapping[str, float | None]]) -> bool:
    """Whether any of the intervals has no width."""
    return any(score["low"] is not None and score["low"] == score["high"] for score in scores)


def reference_of(evidence: Evidence, family: tuple[str, str]) -> Row:
    """The row that all others of a features × classifier are measured against."""
    rows: list[Row] = evidence["rows"]
    return next(row for row in rows if row["reference"] and key_of(row).family == family)


def table_3(evidence: Evidence) -> list[Table]:
    """Accuracies as the paper's Table 3 lists them: ours on slices, ours on patients, theirs."""
    classes, rare = [str(c) for c in evidence["classes"]], str(evidence["rare"])
    order = [*(c for c in classes if c != rare), rare]
    with_ = next((r for r in evidence["rows"] if evidence["paper"] == key_of(r)._asdict()), None)
    primary = (evidence["primary"]["features"], evidence["primary"]["classifier"])
    without = reference_of(evidence, primary if with_ is None else key_of(with_).family)
    ours: list[list[str | Cell]] = []
    for unit in ("slices", "patients"):
        ours.append([f"Ours, {unit}", "without", *_accuracies(without, unit, order)])
        if with_ is None:
            ours.append([f"Ours, {unit}", "with: none planned", *[DASH] * (len(order) + 2)])
        else:
            said = f"with {key_of(with_).title(full=False)}"
            ours.append([f"Ours, {unit}", said, *_accuracies(with_, unit, order)])
    theirs = [_published(row) for row in (WITHOUT, WITH)]
    heads = ["", "Synthetic samples"]
    if len(order) == 2:
        columns = [*heads, f"{order[0]} (paper: HGG)", f"{order[1]}, rare (paper: LGG)", "All",
                   "Balanced"]  # fmt: skip
        note = "The paper's balanced accuracy is recomputed; all else of it is as printed."
        caption = "Accuracy by class and in total"
        return [Table(caption, columns, [*ours, *theirs], heads=2, note=note)]
    return [
        Table("Accuracy by class and in total, this run", [*heads, *order, "All", "Balanced"], ours,
              heads=2),
        Table("Accuracy by class and in total, the paper (two classes, as printed)",
              [*heads, "HGG", "LGG", "All", "Balanced (recomputed)"], theirs, heads=2),
    ]  # fmt: skip


def _accuracies(row: Row, unit: str, order: Sequence[str]) -> list[str | Cell]:
    names = [*(f"recall_{c}" for c in order), "accuracy", "balanced_accuracy"]
    counts = row["counts"][unit]
    sizes = [*(counts[c] for c in order), sum(counts.values())]
    cells: list[str | Cell] = []
    for i, name in enumerate(names):
        score = row[unit]["scores"][name]
        value = score["value"] if isinstance(score, dict) else score
        cells.append(Cell(cell(value, digits=3), f"of {sizes[i]:,}" if i < len(sizes) else ""))
    return cells


def _published(row: PublishedRow) -> list[str | Cell]:
    balanced = str(recompute_table_3(row).balanced)
    name = row.name.removesuffix(" synthetic features")
    return ["Paper, slices", name, row.hgg, row.lgg, row.overall, balanced]
