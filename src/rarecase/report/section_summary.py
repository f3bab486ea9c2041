"""What was done, on whom, and what to know before believing a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rarecase.evidence.rows import key_of
from rarecase.report.blocks import Block, Bullets, Section, Text, counted, joined
from rarecase.report.cautions import other_cautions
from rarecase.report.found import Found


def believing_section(run: Found) -> Section:
    """Who was tested, what was done, and what to know before believing a number."""
    blocks: list[Block] = [
        Text(_patients(run)),
        Bullets(designs(run.evidence)),
        *([Text(scoring)] if (scoring := _scoring(run)) else []),
    ]
    if cautions := other_cautions(run):
        blocks.append(Bullets(cautions, "How to read the numbers"))
    blocks += [Text(str(note), "note") for note in run.evidence["notes"]]
    return Section("believing", "Before believing a number", blocks)


def _patients(run: Found) -> str:
    evidence = run.evidence
    patients, slices = evidence["counts"]["patients"], evidence["counts"]["slices"]
    classes = joined([f"{patients[c]:,} {c}" for c in run.classes])
    splits = counted(len(evidence["folds"]), "test fold")
    if evidence["repeats"] > 1:
        splits += f" in {evidence['repeats']} repeats"
    who, samples = sum(patients.values()), sum(slices.values())
    # A sample may be a patient; then there is nothing more to count.
    parts = f" with {counted(samples, run.sample)}" if samples != who else ""
    return (
        f"{counted(who, 'patient')} ({classes}; {run.rare} is the rare class){parts} were tested, "
        f"in {splits}. {run.made}"
    )


def designs(evidence: Mapping[str, Any]) -> list[str]:
    """What was fitted to each of the features, as the rows of the evidence say."""
    rows = [row for row in evidence["rows"] if row["control_of"] is None]
    first = (evidence["primary"]["features"], evidence["primary"]["classifier"])
    families = dict.fromkeys(key_of(row).family for row in rows)
    alike: dict[str, list[tuple[str, str]]] = {}  # by what was fitted
    for family in families:
        arms: dict[str, list[int]] = {}
        for key in (key_of(row) for row in rows if key_of(row).family == family):
            arms.setdefault(key.arm, []).extend([int(key.amount)] if key.is_count else [])
        primary = ", the primary ones" if len(families) > 1 and family == first else ""
        each = joined([f"{arm}{_spread(amounts)}" for arm, amounts in arms.items()])
        alike.setdefault(f"{primary}: {each}", []).append(family)
    return [f"{_grid(those)}{said}" for said, those in alike.items()]


def _grid(families: list[tuple[str, str]]) -> str:
    """Features × classifiers in words.

    >>> _grid([("a", "lda"), ("a", "forest"), ("b", "lda"), ("b", "forest"), ("c", "cnn")])
    'a and b with lda and forest; c with cnn'
    """
    kinds: dict[str, list[str]] = {}
    for features, classifier in families:
        kinds.setdefault(features, []).append(classifier)
    sets: dict[str, list[str]] = {}
    for features, found in kinds.items():
        sets.setdefault(joined(found), []).append(features)
    return "; ".join(f"{joined(names)} with {found}" for found, names in sets.items())


def _spread(amounts: list[int]) -> str:
    if not amounts:
        return ""
    low, high = min(amounts), max(amounts)
    return f" at {low:,}" if low == high else f" at {low:,} to {high:,}"


def _scoring(run: Found) -> str:
    seeds = len(run.evidence["seeds"])
    said = [f"Whatever is drawn at random was drawn from {seeds} seeds."] if seeds > 1 else []
    counts = run.evidence["counts"]
    if run.pooled or counts["slices"] != counts["patients"]:
        samples = run.sample.capitalize()
        said.append(f"{samples}s are averaged to patients{run.pooled} before anything is scored.")
    if not (run.setting("segmenter", "allow_seen") or run.peeked):
        said.append("Every score is of patients on whom nothing in their fold was fitted.")
    return " ".join(said)
