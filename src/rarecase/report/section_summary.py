"""The top of the page: the answer, one table, and what to know before believing it."""

from __future__ import annotations

from rarecase.report.blocks import Block, Bullets, Section, Text, counted, joined
from rarecase.report.cautions import find_cautions
from rarecase.report.run_files import RunFiles
from rarecase.report.tables import patients_table


def summary_section(run: RunFiles) -> Section:
    """The finding, what was done, the patients' scores, the cautions, what this is not."""
    evidence = run.evidence
    blocks: list[Block] = [
        Text(str(evidence["headline"]["sentence"]), "finding"),
        *(Text(str(verdict["sentence"]), "finding") for verdict in evidence["verdicts"]),
        Text(_what_was_done(run)),
        patients_table(evidence),
    ]
    cautions = find_cautions(run)
    if cautions:
        blocks.append(Bullets(cautions, "Before believing a number"))
    blocks += [Text(str(note), "note") for note in evidence["notes"]]
    return Section("summary", "Summary", blocks)


def _what_was_done(run: RunFiles) -> str:
    evidence = run.evidence
    patients, slices = evidence["counts"]["patients"], evidence["counts"]["slices"]
    classes = joined([f"{patients[c]:,} {c}" for c in run.classes])
    repeats, folds = evidence["repeats"], len(evidence["folds"])
    splits = counted(folds, "test fold")
    if repeats > 1:
        splits += f" in {repeats} repeats"
    seeds = len(evidence["generator_seeds"])
    block = run.setting("features", "block")
    amounts = sorted({r["amount"] for r in evidence["rows"] if r["arm"] != evidence["control"]})
    spread = (
        f"{amounts[0]:,} to {amounts[-1]:,}"
        if len(amounts) > 1
        else "".join(f"{a:,}" for a in amounts)
    )
    sample = "case" if run.setting("segmenter", "dimensions") == 3 else "slice"
    text = (
        f"{counted(sum(patients.values()), 'patient')} ({classes}; {run.rare} is the rare class) "
        f"with {counted(sum(slices.values()), sample)} were tested, in {splits}. In each, a U-Net "
        "was trained to outline the tumour, its "
        + (f"{block} " if block else "")
        + f"features were taken from every {sample}, "
    )
    if amounts:
        text += (
            "an ACGAN learnt to make such features"
            + (f" ({seeds} generator seeds)" if seeds > 1 else "")
            + f", and a classifier was trained on the real features, alone and with "
            f"{spread} synthetic samples added. "
        )
    else:
        text += "and a classifier was trained on them; no synthetic samples were added. "
    return text + (
        f"{sample.capitalize()}s are averaged to patients (those with a predicted tumour; "
        "otherwise all) before anything is scored. Every score is of patients on whom nothing in "
        "their fold was fitted."
        if not (run.setting("segmenter", "allow_seen") or run.peeked)
        else f"{sample.capitalize()}s are averaged to patients before anything is scored."
    )
