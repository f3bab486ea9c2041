"""Charts of how well the arms classify that stand for the answer."""

from __future__ import annotations

from rarecase.evidence.metrics import AUC
from rarecase.evidence.operating import operating_curves
from rarecase.evidence.tables_features import choice_family
from rarecase.report.blocks import Block, Grid, Section, Text, counted
from rarecase.report.figures_scores import (
    calibration_figure,
    confusion_figures,
    decision_figure,
    precision_figure,
    roc_figure,
    scores_figures,
)
from rarecase.report.found import Found
from rarecase.report.shown_arms import Shown, shown_arms

SCORES = 2  # arms whose scores of patients are drawn


def charts_section(run: Found) -> Section | None:
    """ROC, precision and recall, calibration, decision curve, scores of patients and confusion of
    the arms of `shown_arms`; nothing where no class can be ranked."""
    evidence = run.evidence
    shown = [each for each in shown_arms(evidence) if each.score(AUC)["value"] is not None]
    curved = [each for each in shown if each.row["patients"].get("curves")]
    if not curved:
        return None
    of_scores = [calibration_figure(curved, rare=run.rare), decision_figure(curved, rare=run.rare)]
    blocks: list[Block] = [Text(_said(run, shown))]
    if run.predictions.empty:
        blocks += [Text("predictions.parquet is missing, and its curves with it.", "missing")]
        blocks.append(Grid(of_scores))
    else:
        curves = operating_curves(run.predictions, evidence, [each.key for each in shown])
        # The reference and what is deployed are often one and the same.
        apart = [curved[0], *(each for each in curved[1:] if each.row["synthetic"])]
        blocks += [
            Grid([
                roc_figure(shown, curves, rare=run.rare),
                precision_figure(shown, curves, evidence=evidence),
                *of_scores,
            ]),
            Grid(scores_figures(apart[:SCORES], curves, evidence=evidence)),
        ]  # fmt: skip
    blocks.append(Grid(confusion_figures(curved[0], classes=run.classes)))
    return Section("charts", "How well does it classify?", blocks)


def _said(run: Found, shown: list[Shown]) -> str:
    evidence, patients = run.evidence, run.evidence["counts"]["patients"]
    others = sum(patients.values()) - patients[run.rare]
    family = shown[0].key.family
    on = f"{family[0]} with {family[1]}"
    if family == choice_family(evidence):
        on = "features and classifier that inner folds chose (auto)"
    deployed = evidence.get("choices") is not None and not shown[0].row["reference"]
    first = "what is deployed" if deployed else "the reference: nothing is done about the imbalance"
    copies = ", and a control adds as many copies of real samples" if len(shown) > 2 else ""
    return (
        f"On {on}, class {run.rare} ({counted(patients[run.rare], 'patient')}) against all others "
        f"({others:,}), whom no part of an arm has seen. The first curve is {first}{copies}. "
        "Curves on top of each other are of arms that rank alike; rest on a point to read it."
    )
