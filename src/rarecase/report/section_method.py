"""The section on how it was computed: departures from the paper, settings, time, versions."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from rarecase.evidence.text import DASH
from rarecase.report.blocks import Block, Bullets, Code, Details, Section, Table, Text
from rarecase.report.run_files import RunFiles
from rarecase.report.starts import start_words, starts, training_of
from rarecase.versions import installed

SOUND = (
    "Intensities are normalised inside the fold (or each case by itself); the paper's one mean and "
    "deviation were taken over all patients, test patients included.",
    "The segmenter's epoch is chosen on validation patients, who are training patients set aside; "
    "the paper's was chosen on the test set, metric by metric.",
    "The unit is the patient: slices are averaged to patients before scoring, and intervals come "
    "from resampling patients. The paper scored slices, each with its patient's label.",
    "The amount of synthetic samples that is judged is fixed beforehand, or chosen on inner folds "
    "of training patients; the paper's was the best of its sweep on the test set.",
)
PEEKED = (
    "The paper's own protocol was requested (--faithful-protocol), to show what it does: where "
    "intensities are normalised over the cohort, test patients are in it; the segmenter's epoch is "
    "chosen on the test set, and so is the amount of synthetic samples of Table 3.",
    "Scores by patient and intervals stand beside the slice-wise ones; the paper has neither.",
)
ALWAYS = (
    "No test slices are cut so that batches fit, and no patient is left out for it.",
    "Cross-entropy gets logits. The notebooks fed it a softmax's output, which flattens the "
    "gradients.",
    "The discriminator's gradients are set to zero before each of its steps; the notebooks let "
    "those of the generator's step add to them.",
    "Labels travel with their files. The notebooks paired them with unsorted directory listings.",
    "AUC is reported beside recall and accuracy, because recall alone cannot tell new information "
    "from a moved threshold.",
)

CHOSEN: tuple[tuple[str, str, Any, str], ...] = (
    ("slices", "size", 240, "Slices are {} pixels wide and high; the paper's 240."),
    ("segmenter", "dimensions", 2, "The U-Net is {}-dimensional: a whole case is one sample, and "
     "where this report says slices it means cases. The paper's looks at slices."),
    ("segmenter", "width", 64, "The U-Net's first block has {} channels; the paper's 64."),
    ("segmenter", "norm", "none", "The U-Net has {} normalisation; the paper's has none."),
    ("segmenter", "epochs", 30, "The U-Net is trained for {} epochs; the paper's for 30."),
    ("segmenter", "augment_strength", 1.0,
     "The augmentations (flips apart) are {} times as strong as the paper's."),
    ("segmenter", "coarse", 0.0, "In the first {:.0%} of its epochs the U-Net sees slices at half "
     "size; the paper's does not."),
    ("segmenter", "flips", False, "Masks of patients not trained on are predicted from a slice and "
     "its mirror images together; the paper's from the slice."),
    ("segmenter", "loss", "dice", "The U-Net's loss is {}; the paper's soft Dice alone."),
    ("segmenter", "learning_rate", 1e-5,
     "The U-Net's learning rate is {}; the paper's 0.00001."),
    ("split", "kind", "holdout", "Patients are split by {}; the paper's once, 90 to 10."),
    ("generator", "max_steps", None,
     "The ACGAN's training stops after {} steps at most; the paper's after 50 epochs."),
)  # fmt: skip
"""Section, setting, the paper's value, and what is said where the run has another."""


def differences(run: RunFiles) -> list[str]:
    """What was done differently from the paper: what is always so, then what this run chose."""
    found = [*(PEEKED if run.peeked else SOUND), *ALWAYS]
    settings = run.settings
    if "pretrain" in settings or "segmenter" in settings:
        source = run.setting("pretrain", "cohort")
        if source == "simulated":
            found.append("The U-Net is pre-trained on simulated patients, not on BraTS.")
        elif begun := ", or ".join(map(start_words, starts(run))):
            found.append(f"The U-Net starts from {begun}; the paper's was pre-trained on BraTS.")
    for section, name, theirs, sentence in CHOSEN:
        part = (training_of(run) if section == "segmenter" else settings.get(section)) or {}
        if name in part and part[name] != theirs:
            found.append(sentence.format(part[name]))
    extra = settings.get("differences")
    return found + [str(line) for line in extra] if isinstance(extra, list) else found


_PLACE = re.compile(
    r"""^(\s*[\w.-]+:\ )   # the setting
    ['"]?(?:[/~]|[A-Za-z]:)[^\n]*?   # folders, from the root, the home or a drive on
    ([^/\\\n'"]+)[/\\]?['"]?$  # the last name""",
    re.MULTILINE | re.VERBOSE,
)


def names_alone(settings: str) -> str:
    """Settings without the folders in which things lie on one machine; a report is handed on."""
    return _PLACE.sub(r"\1…/\2", settings)


def method_section(run: RunFiles) -> Section:
    """Everything needed to judge how it was made, and to make it again."""
    blocks: list[Block] = [
        Text("What was done differently from the paper (arXiv 2209.14097):"),
        Bullets(differences(run)),
    ]
    if run.settings_text:
        blocks.append(Details("Settings (study.yaml)", [Code(names_alone(run.settings_text))]))
    else:
        blocks.append(Text("The run folder holds no study.yaml: settings unknown.", "missing"))
    blocks += [_time(run), _versions(run)]
    return Section("method", "How it was done", blocks)


def duration(seconds: float) -> str:
    """Seconds for readers.

    >>> duration(3.21), duration(75), duration(7384)
    ('3.2 s', '1 min 15 s', '2 h 3 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _time(run: RunFiles) -> Block:
    records = list(run.steps())
    if not records:
        return Text("No step left a record of its time and memory.", "missing")
    grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for folder, record in records:
        grouped[_kind(folder)].append(record)
    rows = []
    for kind, parts in grouped.items():
        seconds = [_number(part, "seconds") for part in parts]
        times = [duration(sum(seconds)), duration(max(seconds))]
        memory = _megabytes(max(_number(part, "peak_memory_mb") for part in parts))
        rows.append([kind, f"{len(parts):,}", *times, memory])
    total = sum(_number(record, "seconds") for _, record in records)
    rows.append(["all", f"{len(records):,}", duration(total), "", ""])
    return Table(
        caption="Time and memory by step",
        columns=["Step", "Times", "Time in all", "Longest", "Peak memory"],
        rows=rows,
        note="Peak memory is the process's largest so far when the step ended, so a later step "
        "never shows less than an earlier one of the same process.",
    )


def _kind(folder: str) -> str:
    """A step's folder without its place in the grid.

    >>> _kind("repeat-0/fold-3/segmenter"), _kind("repeat-0/fold-3/synthetic/acgan-seed1")
    ('segmenter', 'synthetic (acgan)')
    """
    parts = [p for p in folder.split("/") if not p.startswith(("repeat-", "fold-", "steps"))]
    if not parts:
        return folder
    head, *rest = parts
    names = [r.rsplit("-seed", 1)[0] for r in rest]
    return f"{head} ({', '.join(names)})" if names else head


def _number(record: dict[str, Any], name: str) -> float:
    value = record.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _megabytes(value: float) -> str:
    if not value:
        return DASH
    return f"{value:,.0f} MB" if value < 10_000 else f"{value / 1024:,.1f} GB"


def _versions(run: RunFiles) -> Block:
    steps = ", ".join(f"{name} {' and '.join(each)}" for name, each in run.versions.items())
    said = f"The steps were run with {steps}. " if steps else ""
    page = ", ".join(f"{name} {number}" for name, number in installed().items())
    return Text(f"{said}This page was written with {page}.", "note")
