"""The first answer: which features know the rare class, and what was chosen on inner folds."""

from __future__ import annotations

from rarecase.evidence.tables_features import families_of, feature_lines
from rarecase.report.blocks import Block, Section, Text
from rarecase.report.figures_forest import features_forest
from rarecase.report.found import Found
from rarecase.report.tables_choice import choices_table, features_table, sets_table

ASKED = (
    "No generator can put in what the features do not know. So the features come first: every set "
    "with every classifier, on the same folds, before anything is done about the imbalance."
)
CHOSEN = (
    "Which features, classifier and arm to take was chosen anew in every fold, on inner folds of "
    "its training patients: the cheapest of those within one standard error of the best. Auto is "
    "the name of that rule; the deployed model follows it too."
)
OUTLINE_SIZE = (
    "outline_size knows the size of the mask and the number of slices that show it, and nothing "
    "else: features that are no better have learnt nothing from the images."
)


def answer_section(run: Found) -> Section | None:
    """Features × classifier side by side, and what was chosen; nothing where there was one of each
    and no choice."""
    evidence = run.evidence
    blocks: list[Block] = []
    if len(families := families_of(evidence)) > 1:
        blocks += [Text(ASKED), *map(Text, feature_lines(evidence))]
        blocks += [features_forest(evidence), sets_table(evidence), features_table(evidence)]
    if any(features == "outline_size" for features, _ in families):
        blocks.append(Text(OUTLINE_SIZE, "note"))
    if (choices := evidence.get("choices")) is not None:
        blocks += [Text(f"{CHOSEN} {choices['sentence']}"), choices_table(evidence)]
    if not blocks:
        return None
    return Section("answer", f"Which features know class {run.rare}?", blocks)
