"""What a reader must know before believing a number, found by rule in the run."""

from __future__ import annotations

from typing import Any

from rarecase.evidence.evidence import PEEKED
from rarecase.evidence.rows import key_of
from rarecase.evidence.text import cell
from rarecase.evidence.verdict import FEWEST_RARE_PATIENTS
from rarecase.report import names
from rarecase.report.blocks import counted, joined
from rarecase.report.run_files import RunFiles, read_table
from rarecase.report.tables_fidelity import unlike_new_patients

FEW_PER_FOLD = 3
SHIFT = 0.10


def find_cautions(run: RunFiles) -> list[str]:
    """The cautions that apply to this run, gravest first."""
    rules = (
        _peeked, _simulated, _leak, _unknown_patients, _few_rare, _few_per_fold, _one_class_called,
        _filter, unlike_new_patients, _added, _masks, _segmenter_shift, _last_epoch, _one_training,
    )  # fmt: skip
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
    cards = [run.card(fold.segmenter) for fold in run.folds]
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
    """Of references and planned synthetic rows: classes that nobody is called right of."""
    rows = run.evidence["rows"]
    chosen = [row for row in rows if row["reference"] or (row["synthetic"] and row["planned"])]
    full = len({key_of(row).family for row in chosen}) > 1
    never: dict[str, list[str]] = {}
    for row in chosen:
        for name in run.classes:
            if row["patients"]["scores"][f"recall_{name}"]["value"] == 0:
                never.setdefault(name, []).append(key_of(row).title(full=full))
    return [
        f"No patient of class {name} is called right by {joined(who)}: the classifier calls all, "
        "or nearly all, something else. Recall and accuracies say little then; look at AUC."
        for name, who in never.items()
    ]


def _filter(run: RunFiles) -> list[str]:
    none_kept = []
    for name, generators in run.sources.items():
        for generator in generators:
            table = read_table(generator.path / names.KEPT)
            if table is not None and (table["kept"] == 0).any():
                labels = table.loc[table["kept"] == 0, "label"].tolist()
                none_kept.append(f"{joined(labels)} ({name}, {generator.fold.name})")
    if none_kept:
        return [
            f"The filter kept no synthetic sample of {'; '.join(none_kept[:4])}"
            + ("; and more." if len(none_kept) > 4 else ".")
        ]
    return []


def _added(run: RunFiles) -> list[str]:
    """Rows to which fewer samples could be added than were requested."""
    rows = [row for row in run.evidence["rows"] if row["synthetic"]]
    full = len({key_of(row).family for row in rows}) > 1
    short = [
        f"{key_of(row).title(full=full)}: {row['added']:,.0f} of {row['requested']:,.0f}"
        for row in rows
        if round(row["added"]) < round(row["requested"])
    ]
    if not short:
        return []
    return [
        "There were too few synthetic samples, or the filter kept too few; on average there were "
        f"added {'; '.join(short)}."
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
            f"The segmenters reach Dice {cell(mean['train'])} on their own training "
            f"patients and {cell(mean['test'])} on test patients: features of training "
            "and test patients differ for that reason alone."
        ]
    return []


def _last_epoch(run: RunFiles) -> list[str]:
    last = 0
    cards = 0
    for fold in run.folds:
        card = run.card(fold.segmenter)
        history = read_table(fold.segmenter / names.HISTORY)
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
    if run.evidence["repeats"] == 1 and len(run.evidence["seeds"]) <= 1:
        return [
            "One split and one seed: how much the numbers would change if everything "
            "were trained again is not known, and the intervals do not hold it."
        ]
    return []
