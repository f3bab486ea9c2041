"""What a reader must know before believing a number, found by rule in the run, gravest first."""

from __future__ import annotations

from collections.abc import Iterator

from rarecase.evidence.evidence import PEEKED
from rarecase.evidence.rows import key_of
from rarecase.evidence.text import cell
from rarecase.evidence.verdict import FEWEST_RARE_PATIENTS
from rarecase.report.blocks import counted, joined
from rarecase.report.found import Found
from rarecase.report.run_files import mean_dice
from rarecase.report.tables_fidelity import unlike_new_patients
from rarecase.segmenter.initial import PRETRAINED

FEW_PER_FOLD = 3
SHIFT = 0.10
MOST_NAMES = 4


def grave_cautions(run: Found) -> list[str]:
    """Those that change what may be concluded: nothing is said at the top of a page without
    them."""
    rules = (_peeked, _leak, _promise, _few_rare)
    return [text for rule in rules for text in rule(run)]


def other_cautions(run: Found) -> list[str]:
    """Those that say how to read a number."""
    rules = (
        _in_domain, _empty_folds, _one_class_called, _filter, unlike_new_patients, _added,
        _segmenters, _one_training,
    )  # fmt: skip
    return [text for rule in rules for text in rule(run)]


def _peeked(run: Found) -> Iterator[str]:
    """Test patients who were looked at, or may have been."""
    if run.peeked:
        yield PEEKED
    if run.setting("segmenter", "allow_seen"):
        yield (
            "An initial segmenter that may have seen test patients was accepted "
            "(segmenter.allow_seen): scores may be too good."
        )
    if any(fold.segmenter.card.get("patients_known") is False for fold in run.folds):
        yield (
            "The initial segmenter came without the names of its training patients: that it has "
            "not seen test patients cannot be checked."
        )


def _leak(run: Found) -> Iterator[str]:
    """Something that the features should not know."""
    checks = run.evidence["checks"]
    if checks and checks["suspicious"]:
        yield (
            f"With labels permuted the AUC is {cell(checks['permuted_mean'])} and not 0.50: "
            "something leaks, and the scores may be too good."
        )
    accepted = [w["column"] for w in run.features.get("warnings", []) if w["accepted"]]
    if accepted:
        few = [*accepted[:MOST_NAMES], *(["others"] if len(accepted) > MOST_NAMES else [])]
        yield (
            f"Accepted by name though they look like the label or the patient: {joined(few)}. What "
            "is known of the class may be known from these columns alone."
        )


def simulated(run: Found) -> Iterator[str]:
    """Test patients who are none."""
    if run.settings and run.settings.get("data") is None:
        yield "The cohort is simulated: nothing here is about real patients."


def _in_domain(run: Found) -> Iterator[str]:
    known = any(f.segmenter.card.get("initialised_from") == PRETRAINED for f in run.folds)
    if known and run.settings and run.settings.get("data") is None:
        yield (
            "The U-Net has learnt from other patients of the same simulation before: its Dice is "
            "in-domain, and says nothing of real scans."
        )


def _promise(run: Found) -> Iterator[str]:
    """What inner folds promised did not come."""
    choices = run.evidence.get("choices")
    if choices is not None and choices["caution"]:
        yield str(choices["caution"])


def _few_rare(run: Found) -> Iterator[str]:
    count = int(run.evidence["counts"]["patients"][run.rare])
    if count < FEWEST_RARE_PATIENTS:
        yield (
            f"Only {counted(count, 'patient')} of the rare class {run.rare} tested: too few to say "
            f"anything (fewer than {FEWEST_RARE_PATIENTS})."
        )


def _empty_folds(run: Found) -> Iterator[str]:
    counts = [int(fold["patients"][run.rare]) for fold in run.evidence["folds"]]
    if empty := counts.count(0):
        yield (
            f"{empty} of {counted(len(counts), 'test fold')} without a patient of class "
            f"{run.rare}: AUC is averaged over the others."
        )
    elif min(counts) < FEW_PER_FOLD:
        yield (
            f"A test fold holds as few as {counted(min(counts), 'patient')} of class {run.rare}; "
            "AUC is measured within folds and moves in large steps there."
        )


def _one_class_called(run: Found) -> Iterator[str]:
    """Of references and planned synthetic rows: classes that nobody is called right of."""
    rows = run.evidence["rows"]
    chosen = [row for row in rows if row["reference"] or (row["synthetic"] and row["planned"])]
    full = len({key_of(row).family for row in chosen}) > 1
    never: dict[str, list[str]] = {}
    for row in chosen:
        for name in run.classes:
            if row["patients"]["scores"][f"recall_{name}"]["value"] == 0:
                never.setdefault(name, []).append(key_of(row).title(full=full))
    for name, who in never.items():
        if len(who) > MOST_NAMES:
            who = [*who[:MOST_NAMES], f"{len(who) - MOST_NAMES} others"]
        yield (
            f"No patient of class {name} is called right by {joined(who)}: the classifier calls "
            "all, or nearly all, something else. Recall and accuracies say little then; look at "
            "AUC."
        )


def _filter(run: Found) -> Iterator[str]:
    none_kept = []
    for name, generators in run.sources.items():
        for generator in generators:
            if generator.kept is not None and (generator.kept["kept"] == 0).any():
                labels = generator.kept.loc[generator.kept["kept"] == 0, "label"].tolist()
                none_kept.append(f"{joined(labels)} ({name}, {generator.fold.name})")
    if none_kept:
        more = "; and more." if len(none_kept) > 4 else "."
        yield f"The filter kept no synthetic sample of {'; '.join(none_kept[:4])}{more}"


def _added(run: Found) -> Iterator[str]:
    """Rows to which fewer samples could be added than were requested."""
    rows = [row for row in run.evidence["rows"] if row["synthetic"]]
    full = len({key_of(row).family for row in rows}) > 1
    short = [
        f"{key_of(row).title(full=full)}: {row['added']:,.0f} of {row['requested']:,.0f}"
        for row in rows
        if round(row["added"]) < round(row["requested"])
    ]
    if short:
        yield (
            "There were too few synthetic samples, or the filter kept too few; on average there "
            f"were added {'; '.join(short)}."
        )


def _segmenters(run: Found) -> Iterator[str]:
    cohort = run.cohort
    if "has_mask" in cohort and (without := int((~cohort["has_mask"].astype(bool)).sum())):
        yield (
            f"{without:,} of {counted(len(cohort), 'case')} without a mask: classified, but "
            "neither training the segmenter nor in its Dice."
        )
    mean = mean_dice(run.volumes)
    if mean["train"] - mean["test"] > SHIFT:
        own = "" if run.setting("segmenter", "cross_fit") else "their own "
        yield (
            f"The segmenters reach Dice {cell(mean['train'])} on {own}training "
            f"patients and {cell(mean['test'])} on test patients: features of training "
            "and test patients differ for that reason alone."
        )
    last = [
        each.best_epoch == each.history["epoch"].max()
        for each in (fold.segmenter for fold in run.folds)
        if each.history is not None and each.best_epoch and each.card.get("validated_on")
    ]
    if sum(last) > len(last) / 2:
        yield (
            f"In {sum(last)} of {counted(len(last), 'fold')} the last epoch of the segmenter was "
            "the best: longer training may do better."
        )


def _one_training(run: Found) -> Iterator[str]:
    if run.evidence["repeats"] == 1 and len(run.evidence["seeds"]) <= 1:
        yield (
            "One split and one seed: how much the numbers would change if everything "
            "were trained again is not known, and the intervals do not hold it."
        )
