"""The sections on what was found: all results in one table, the amounts, the paper's Table 3, and
other cohorts: what the run learnt, judged where it was not learnt."""

from __future__ import annotations

from rarecase.evidence.paper import recomputation_note
from rarecase.evidence.rows import key_of
from rarecase.evidence.tables import best_lines, check_lines, counts_line
from rarecase.evidence.tables_features import (
    chance_line,
    choice_family,
    choice_lines,
    feature_lines,
    in_front,
    others_line,
    verdict_lines,
)
from rarecase.files import read_json
from rarecase.pipeline.run_folder import EVIDENCE
from rarecase.report.blocks import Block, Bullets, Details, Section, Text, joined
from rarecase.report.figures_amounts import amounts_figure
from rarecase.report.figures_forest import all_arms_forest
from rarecase.report.figures_scores import components_figure
from rarecase.report.found import Found, dice_line
from rarecase.report.style import class_colours
from rarecase.report.tables import Row, metric_tables, reference_of, results_table, table_3

EXPLAINED = (
    "Features × arm × classifier, on the same folds. An arm is a way to treat the imbalance. A "
    "synthetic arm is measured against the reference of its features and classifier, which adds "
    "nothing, and against its control, which adds as many copies of real samples in every cell."
)
TUNED = (
    " Where the amount is tuned, it is chosen with the classifier's own settings and the threshold "
    "on inner folds of training patients{vectors}."
)
OTHERS = (
    "On other features or classifiers than those that were chosen, corrected within their own; "
    "exploratory."
)
MOST_FAMILIES = 4  # whose metrics stand open side by side
SHIFT = (
    "The segmenter has seen the training patients and not the test patients, so their features "
    "differ by more than chance where the last of these numbers is far from one half."
)


def results_section(run: Found) -> Section:
    """Every arm in one table with its verdict, every metric below it, the self-checks."""
    evidence = run.evidence
    rows = evidence["rows"]
    blocks: list[Block] = [
        Text(EXPLAINED + _tuned(run)),
        Text(counts_line(evidence, column=run.column)),
        results_table(evidence, caption=_caption(run)),
    ]
    mine, others = verdict_lines(evidence)
    parts = components_figure(evidence)
    said = [*mine, *others_line(evidence), *best_lines(evidence)]
    said += chance_line(evidence) if parts is None else []
    blocks += [Bullets(said)] if said else []
    blocks += [] if parts is None else [parts]
    if (every := all_arms_forest(evidence)) is not None:
        blocks.append(Details("What every arm moved", [every]))
    if others:
        title = f"Verdicts on other features and classifiers ({len(others)})"
        blocks.append(Details(title, [Text(OTHERS), Bullets(others)]))
    metrics: list[Block] = []
    for family in dict.fromkeys(key_of(row).family for row in in_front(evidence, rows)):
        title = f"Every metric: {family[0]} with {family[1]}"
        metrics.append(Details(title, metric_tables(evidence, family, sample=run.sample)))
    title = f"Every metric of all features and classifiers ({len(metrics)})"
    blocks += metrics if len(metrics) <= MOST_FAMILIES else [Details(title, metrics)]
    if evidence["checks"]:
        lines = check_lines(evidence["checks"], unit=f"{run.sample}s")
        blocks += [Text("Self-checks of the experiment:"), Bullets(lines)]
        blocks += [Text(SHIFT, "note")] if run.folds else []
    return Section("results", "What each arm adds", blocks)


def _caption(run: Found) -> str:
    choice = choice_family(run.evidence)
    on = "" if choice is None else " on what inner folds chose"
    return f"Test patients: every arm{on}"


def _tuned(run: Found) -> str:
    if not any(row["amount"] == "tuned" for row in run.evidence["rows"]):
        return ""
    said = []
    if unit := run.setting("tuning", "unit"):
        said.append(f"a vector is of a {'patient' if unit == 'patients' else 'slice'}")
    if run.setting("tuning", "masks") == "true":
        said.append("its region is the true mask, which nobody has for a new patient")
    return TUNED.format(vectors=f"; {joined(said)}" if said else "")


def amounts_section(run: Found) -> Section | None:
    """Scores against the number of synthetic samples, of arms that were fitted at several; nothing
    where amounts were tuned alone."""
    rows = [row for row in run.evidence["rows"] if row["control_of"] is None]
    curves = [r for r in rows if r["synthetic"] and key_of(r).is_count]
    if not curves:
        return None
    colours = class_colours(run.classes, run.rare)
    families = len({key_of(row).family for row in curves})
    blocks: list[Block] = []
    grouped: dict[tuple[tuple[str, str], str], list[Row]] = {}
    for row in curves:
        grouped.setdefault((key_of(row).family, row["arm"]), []).append(row)
    for (family, arm), mine in grouped.items():
        name = f"{arm} ({', '.join(family)})" if families > 1 else arm
        blocks.append(
            amounts_figure([reference_of(run.evidence, family), *mine], name=name,
                           classes=run.classes, colours=colours)
        )  # fmt: skip
    return Section("amounts", "How many synthetic samples", blocks)


def table_3_section(run: Found) -> Section:
    """Our accuracies beside the published ones."""
    text = (
        "The paper's Table 3 gives the share of test slices called right, for each class and over "
        "all, without and with synthetic features. The same here, and by patient, which is what "
        "counts. Cohorts, folds and counts differ, so the rows are set beside each other, not "
        "compared to the digit."
    )
    return Section(
        "table-3",
        "The paper's Table 3",
        [Text(text), *table_3(run.evidence), Text(recomputation_note(), "note")],
    )


def external_section(run: Found) -> Section | None:
    """A table of arms for each other cohort; nothing where it was judged on none."""
    if not run.others:
        return None
    blocks: list[Block] = [Text(run.elsewhere)]
    for name, folder in run.others.items():
        evidence = read_json(folder / EVIDENCE)
        blocks.append(Text(counts_line(evidence, column=run.column)))
        blocks += [Text(line) for line in dice_line(folder)]
        blocks.append(results_table(evidence, caption=f"{name}: every arm on patients elsewhere"))
        lines = [*feature_lines(evidence), *choice_lines(evidence)]
        lines += [v["sentence"] for v in in_front(evidence, evidence["verdicts"])]
        if evidence["checks"]:
            lines += check_lines(evidence["checks"])
        if lines:
            blocks.append(Bullets(lines, "Features, verdicts and self-checks", style="finding"))
    return Section("elsewhere", "And on other patients? External cohorts", blocks)
