"""Where each figure and table of the paper stands on this page."""

from __future__ import annotations

from collections.abc import Sequence

from rarecase.report import names
from rarecase.report.blocks import Block, Cell, Section, Table, Text
from rarecase.report.run_files import RunFiles, optional_json
from rarecase.report.set_aside import read_pictures

NOT_HERE = "not in this run"


def paper_section(run: RunFiles) -> Section:
    """One row for every figure and table of the paper's."""
    shown = read_pictures(run)
    said = [optional_json(generator.path / names.SHOWN) for generator in run.generators]
    maps = any(len(about["shape"]) > 1 for about in said if about is not None)
    there = {
        "pictures": shown is not None,
        "start": shown is not None and shown.start is not None,
        "generators": bool(run.generators),
        "maps": maps,
        "always": True,
    }
    rows: list[Sequence[str | Cell]] = [
        [item, what, section if there[needs] else NOT_HERE] for item, what, section, needs in ITEMS
    ]
    blocks: list[Block] = [
        Text(
            "Everything that the paper (arXiv 2209.14097) shows, and where it is here. Its own "
            "numbers stand beside ours in the tables. Cohorts, folds and sizes differ."
        ),
        Table(
            caption="The paper's figures and tables on this page",
            columns=["The paper's", "What it shows", "Section"],
            rows=rows,
            heads=3,
        ),
    ]
    return Section("paper", "The paper's figures and tables", blocks)


ITEMS = (
    ("Figures 3 and 4", "a slice of each class with its mask", "Cohort", "pictures"),
    ("Figure 5", "a slice, and the same augmented", "Segmenter", "pictures"),
    ("Table 1", "the augmentations", "Segmenter", "pictures"),
    ("Figure 6", "soft Dice, hard Dice and IoU by epoch", "Segmenter", "always"),
    ("Table 2", "the U-Net's scores", "Segmenter", "always"),
    ("Figure 7", "masks before and after fine-tuning", "Segmenter", "start"),
    ("Figure 8", "feature maps of every block", "Features, real and synthetic", "pictures"),
    ("Figures 9 and 10", "25 real and 25 synthetic maps", "Features, real and synthetic", "maps"),
    ("Figure 11", "losses and class accuracy", "Features, real and synthetic", "generators"),
    ("Table 3", "accuracy without and with synthetic features", "The paper's Table 3", "always"),
)
