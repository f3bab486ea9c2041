"""The page of an audit: what a generator's samples are like, beside real ones of other patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rarecase import __version__
from rarecase.charts.audit import draw_audit
from rarecase.evidence.text import cell
from rarecase.imaging.drawing import canvas, look, panels, short
from rarecase.report.blocks import Block, Figure, Section, Table, Text, drawn
from rarecase.report.page import Page, write_page

MOST_PANELS = 6
MEASURES = {
    "precision": ("Precision", "samples that lie among the held-out patients'"),
    "recall": ("Recall", "held-out samples that lie among these"),
    "density": ("Density", "how crowded it is where they lie; 1: as among the held-out"),
    "coverage": ("Coverage", "how much of the held-out patients' variety is met"),
    "frechet": ("Fréchet", "distance of means and covariances; 0: the same"),
    "frechet baseline": ("Fréchet, halves", "the same between halves of the held-out patients"),
    "kernel": ("Kernel", "another distance of distributions; 0: the same"),
    "two-sample AUC": ("Two-sample AUC", "of a classifier that tells them from held-out patients'; "
                       "0.5: it cannot"),
    "nn ratio": ("Nearest", "distance to the nearest sample learnt from in units of a held-out "
                 "one's; 0: copies, 1: as far as new patients"),
    "exact copies": ("Exact copies", "share of samples that were learnt from"),
    "near copies": ("Near copies", "share of samples much nearer to one learnt from than that"),
    "membership": ("Membership", "AUC with which samples give away who was learnt from; 0.5: not"),
}  # fmt: skip
SHARES = ("precision", "recall", "coverage", "two-sample AUC", "near copies", "membership")
"""Of the measures those between 0 and 1."""
HOW = (
    "A quarter of each class's patients was held out, a copy of the generator fitted to the rest, "
    "and its samples set against those of the held-out patients. The baseline is what a good "
    "generator would get: a third of the remaining patients in place of synthetic samples, the "
    "others as those learnt from. Features are standardised by the samples learnt from; of maps "
    "the mean of each channel is compared. A dash: fewer than 6 samples of a kind, or nothing "
    "varies."
)


def report_audit(said: Mapping[str, Any], *, name: str, seed: int, place: Path) -> Path:
    """Write the page of what `generate(…, audit=True)` says to a folder or file (see `write_page`);
    `name`: of the samples' file. Returns its path."""
    rows = said["audit"]
    sections = [
        Section("samples", "What was generated", [_samples(said)]),
        Section("audit", "Are they like patients who were not learnt from?", _audit(rows)),
        Section("method", "How it was done", [Text(HOW), _explained(), Text(
            f"Generator {said['generator']}, filter {said['filter'] or 'none'}, seed {seed}; "
            f"rarecase {__version__}. The audit is of the generator, before any filter.", "note",
        )]),
    ]  # fmt: skip
    title = f"What are the synthetic samples of {said['generator']} like?"
    return write_page(Page(title, ["generate", name], sections), place)


def _samples(said: Mapping[str, Any]) -> Table:
    return Table(
        caption="Samples by class",
        columns=["Class", "Real, learnt from", "Generated", "Kept"],
        rows=[
            [c, *(f"{said[what][c]:,}" for what in ("real", "generated", "kept"))]
            for c in said["kept"]
        ],
    )


def _audit(rows: Sequence[Mapping[str, Any]]) -> list[Block]:
    table = Table(
        caption="Synthetic samples, and real ones of other patients, against those held out",
        columns=["Class", "Samples", "Number", "Held out", *(n for n, _ in MEASURES.values())],
        rows=[
            [row["class"], row["source"], f"{row['samples']:,}", f"{row['held']:,}",
             *(cell(row[name]) for name in MEASURES)]
            for row in rows
        ],
        heads=2,
    )  # fmt: skip
    classes = list(dict.fromkeys(row["class"] for row in rows))
    shown = [c for c in classes if any(row[n] is not None for row in rows if row["class"] == c
                                       for n in SHARES)]  # fmt: skip
    if not shown:
        return [Text("There were too few samples of every class to say anything.", "missing")]
    return [_figure(rows, shown), table]


def _figure(rows: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> Figure:
    left = len(classes) - MOST_PANELS
    classes = classes[:MOST_PANELS]
    columns = min(2, len(classes))
    labels = [MEASURES[name][0] for name in SHARES]
    with look():
        figure = canvas(-(-len(classes) // columns) * 2.6 + 0.5)
        axes_list = panels(figure, -(-len(classes) // columns), columns)
        for axes, label in zip(axes_list, classes, strict=False):
            found = {
                row["source"]: {MEASURES[n][0]: row[n] for n in SHARES if row[n] is not None}
                for row in rows if row["class"] == label
            }  # fmt: skip
            number, held = next((r["samples"], r["held"]) for r in rows if r["class"] == label)
            title = f"{short(label)}: {number:,} against {held:,} held out"
            draw_audit(axes, labels, found).set_title(title, fontsize=9.5)
        for axes in axes_list[len(classes) :]:
            axes.set_axis_off()
        handles, names = axes_list[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=2)
    more = f" {left} more classes are in the table." if left > 0 else ""
    return drawn(
        figure,
        name="audit",
        caption="The nearer the dot to the ring, the more are synthetic samples like those of "
        f"other real patients.{more}",
        alt=f"Measures of synthetic samples and of other real patients' of {', '.join(classes)}; "
        "the numbers are in the table",
    )


def _explained() -> Table:
    return Table("What the measures say", ["Measure", "What it says"],
                 [[*each] for each in MEASURES.values()], heads=2)  # fmt: skip
