"""What a reader must know before believing a number, found by rule in the run."""

from __future__ import annotations

from typing import Any

from rarecase.evidence.evidence import PEEKED
from rarecase.evidence.verdict import FEWEST_RARE_PATIENTS
from rarecase.report.blocks import counted, joined, plain_number
from rarecase.report.run_files import RunFiles, optional_json, read_table
from rarecase.report.tables import headline_rows
from rarecase.report.tables_fidelity import unlike_new_patients

FEW_PER_FOLD = 3
SHIFT = 0.10


def find_cautions(run: RunFiles) -> list[str]:
    """The cautions that apply to this run, gravest first."""
    rules = (
        _peeked,
        _simulated,
        _leak,
        _unknown_patients,
        _few_rare,
        _few_per_fold,
        _one_class_called,
        _filter,
        unlike_new_patients,
        _added,
        _masks,
        _segmenter_shift,
        _last_epoch,
        _one_training,
    )
    return [text for rule in rules for text in rule(run)]


def _peeked(run: RunFiles) -> list[str]:
    return [PEEKED] if run.peeked else []


def _simulated(run: RunFiles) -> list[str]:
    if run.settings and run.settings.get("data") is None:
        return ["The cohort is simulated: nothing here is about real patients."]
    return []


def _leak(run: RunFiles) -> list[str]:
    if run.setting("segmenter", "allow_seen"):
        return [
            "An initial segmenter that may have seen test patients was accepted "
            "(segmenter.allow_seen): scores may be too good."
        ]
    return []


def _unknown_patients(run: RunFiles) -> list[str]:
    cards = [optional_json(fold.path / "segmenter" / "model.json") or {} for fold in run.folds]
    if any(card.get("patients_known") is False for card in cards):
        return [
            "The initial segmenter came without the names of its training patients: that it has "
            "not seen test patients cannot be checked."
        ]
    return []


def _few_rare(run: RunFiles) -> list[str]:
    count = int(run.evidence["counts"]["patients"][run.rare])
    if count < FEWEST_RARE_PATIENTS:
        return [
            f"Only {counted(count, 'patient')} of the rare class {run.rare} tested: too few to say "
            f"anything (fewer than {FEWEST_RARE_PATIENTS})."
        ]
    return []


def _few_per_fold(run: RunFiles) -> list[str]:
    folds = run.evidence["folds"]
    counts = [int(f["patients"][run.rare]) for f in folds]
    empty = sum(c == 0 for c in counts)
    if empty:
        return [
            f"{empty} of {counted(len(folds), 'test fold')} without a patient of class {run.rare}: "
            "AUC is averaged over the others."
        ]
    if min(counts) < FEW_PER_FOLD:
        return [
            f"A test fold holds as few as {counted(min(counts), 'patient')} of class {run.rare}; "
            "AUC is measured within folds and moves in large steps there."
        ]
    return []


def _one_class_called(run: RunFiles) -> list[str]:
    rows = run.evidence["rows"]
    chosen = [next(r for r in rows if r["arm"] == run.evidence["control"])]
    chosen += [rows[i] for i in headline_rows(run.evidence)]
    never: dict[str, list[str]] = {}
    for row in chosen:
        for name in run.classes:
            if row["patients"]["scores"][f"recall_{name}"]["value"] == 0:
                amount = f"{row['amount']:,}" if row["amount"] else "no"
                never.setdefault(name, []).append(f"with {amount} synthetic samples")
    return [
        f"No patient of class {name} is called right {joined(when)}: the classifier calls all, or "
        "nearly all, something else. Recall and accuracies say little then; look at AUC."
        for name, when in never.items()
    ]


def _filter(run: RunFiles) -> list[str]:
    none_kept = []
    for generator in run.generators:
        table = read_table(generator.path / "filter.csv")
        if table is not None and (table["kept"] == 0).any():
            labels = table.loc[table["kept"] == 0, "label"].tolist()
            none_kept.append(f"{joined(labels)} in {generator.fold.name}")
    if none_kept:
        return [
            f"The filter kept no synthetic sample of {'; '.join(none_kept[:4])}"
            + ("; and more." if len(none_kept) > 4 else ".")
        ]
    return []


def _added(run: RunFiles) -> list[str]:
    """Amounts for which the filter kept too few samples, so that fewer were added."""
    short: dict[int, int] = {}
    for fold in run.folds:
        for path in sorted(fold.path.glob("classified/*/history.csv")):
            table = read_table(path)
            if table is None or "added" not in table:
                continue
            for amount, added in zip(table["amount"], table["added"], strict=True):
                if added < amount:
                    short[int(amount)] = min(int(added), short.get(int(amount), int(added)))
    if not short:
        return []
    listed = ", ".join(f"{added:,} of {amount:,}" for amount, added in sorted(short.items()))
    return [
        "The filter kept too few synthetic samples for some amounts; at the least, there were "
        f"added {listed}."
    ]


def _masks(run: RunFiles) -> list[str]:
    if "has_mask" not in run.cohort:
        return []
    without = int((~run.cohort["has_mask"].astype(bool)).sum())
    if without:
        return [
            f"{without:,} of {counted(len(run.cohort), 'case')} without a mask: classified, but "
            "neither training the segmenter nor in its Dice."
        ]
    return []


def _segmenter_shift(run: RunFiles) -> list[str]:
    volumes = run.volumes()
    mean: dict[str, Any] = {
        part: volumes[volumes["part"] == part]["dice"].astype(float).mean()
        for part in ("train", "test")
    }
    if mean["train"] - mean["test"] > SHIFT:
        return [
            f"The segmenters reach Dice {plain_number(mean['train'])} on their own training "
            f"patients and {plain_number(mean['test'])} on test patients: features of training "
            "and test patients differ for that reason alone."
        ]
    return []


def _last_epoch(run: RunFiles) -> list[str]:
    last = 0
    cards = 0
    for fold in run.folds:
        card = optional_json(fold.path / "segmenter" / "model.json") or {}
        history = read_table(fold.path / "segmenter" / "history.csv")
        if history is None or "best_epoch" not in card or not card.get("validated_on"):
            continue
        cards += 1
        last += int(card["best_epoch"] == history["epoch"].max())
    if cards and last > cards / 2:
        return [
            f"In {last} of {counted(cards, 'fold')} the last epoch of the segmenter was the best: "
            "longer training may do better."
        ]
    return []


def _one_training(run: RunFiles) -> list[str]:
    if run.evidence["repeats"] == 1 and len(run.evidence["generator_seeds"]) <= 1:
        return [
            "One split and one generator seed: how much the numbers would change if everything "
            "were trained again is not known, and the intervals do not hold it."
        ]
    return []
