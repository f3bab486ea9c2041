"""The section on features: real and synthetic, the generators' training, what the filter kept."""

from __future__ import annotations

from collections.abc import Sequence

from rarecase.evidence.text import DASH
from rarecase.report import names
from rarecase.report.blocks import Block, Cell, Details, Section, Table, Text, joined
from rarecase.report.figures_curves import generator_curves
from rarecase.report.figures_features import map_grids, scatter
from rarecase.report.figures_pictures import blocks_figure
from rarecase.report.run_files import GeneratorFolder, RunFiles, read_table
from rarecase.report.set_aside import FeaturePair, read_pair, read_pictures
from rarecase.report.style import class_colours
from rarecase.report.tables_fidelity import fidelity_table
from rarecase.report.tables_paper import class_accuracy_table

MOST_ROWS = 16


def features_section(run: RunFiles) -> Section:
    """Maps or vectors of the first fold, curves and filter of all."""
    sources = joined(list(dict.fromkeys(row["features"] for row in run.evidence["rows"])))
    text = f"Features come from the segmenter of each fold: {sources}."
    shown = read_pictures(run)
    blocks: list[Block] = [Text(text)]
    if shown is not None:
        blocks.append(blocks_figure(shown))
    if run.generators:
        blocks.append(
            Text(
                "A generator is fitted to the features of the fold's training patients alone, and "
                "samples of each class are requested from it."
            )
        )
        for name, generators in run.sources.items():
            blocks += _of_source(run, name, generators)
        tables = (class_accuracy_table(run), fidelity_table(run))
        blocks += [*(table for table in tables if table is not None), *_filter(run)]
    else:
        blocks.append(Text("No generator's samples were kept in this run.", "missing"))
    return Section("features", "Features, real and synthetic", blocks)


def _of_source(run: RunFiles, name: str, generators: Sequence[GeneratorFolder]) -> list[Block]:
    """Samples of the first generator, curves of all."""
    first = generators[0]
    blocks: list[Block] = []
    if (pair := read_pair(first.path)) is not None:
        where = f"{first.fold.name}, seed {first.seed}"
        blocks.append(Text(f"{name}: the pictures below are of {where}.", "note"))
        blocks += _pictures(run, pair, name=name)
    histories = [read_table(each.path / names.HISTORY) for each in generators]
    found = [history for history in histories if history is not None]
    if found:
        blocks.append(generator_curves(found, classes=len(run.classes), name=name))
    return blocks


def _pictures(run: RunFiles, pair: FeaturePair, *, name: str) -> list[Block]:
    blocks: list[Block] = []
    if not pair.real:
        return [Text("The feature store holds no training samples.", "missing")]
    if pair.unfiltered:
        blocks.append(
            Text(
                f"Of {joined(pair.unfiltered)} the filter kept nothing; what is shown as synthetic "
                "was generated but not used.",
                "warning",
            )
        )
    missing = [each for each in run.classes if each not in pair.synthetic]
    if missing:
        blocks.append(Text(f"No synthetic sample of {joined(missing)} was generated.", "missing"))
    if len(pair.shape) > 1:
        blocks.append(map_grids(pair, classes=run.classes, name=name))
    if pair.synthetic and sum(len(s.means) for s in pair.real.values()) > 2:
        colours = class_colours(run.classes, run.rare)
        blocks.append(scatter(pair, classes=run.classes, colours=colours, name=name))
    return blocks


def _filter(run: RunFiles) -> list[Block]:
    rows: list[list[str | Cell]] = []
    generated_all = dict.fromkeys(run.classes, 0)
    kept_all = dict.fromkeys(run.classes, 0)
    for name, generators in run.sources.items():
        for generator in generators:
            table = read_table(generator.path / names.KEPT)
            if table is None:
                continue
            cells = []
            for label in run.classes:
                part = table[table["label"] == label]
                generated, kept = int(part["generated"].sum()), int(part["kept"].sum())
                generated_all[label] += generated
                kept_all[label] += kept
                cells.append(_kept(kept, generated))
            fold = generator.fold
            rows.append([name, str(fold.repeat), str(fold.fold), str(generator.seed), *cells])
    if not rows:
        return [Text("No filter was applied, or its table is missing.", "missing")]
    if len(rows) > 1:
        totals = [_kept(kept_all[c], generated_all[c]) for c in run.classes]
        rows.append(["all", "", "", "", *totals])
    table_ = Table(
        caption="The filter: synthetic samples kept of those generated",
        columns=["Arm", "Repeat", "Fold", "Seed", *run.classes],
        rows=rows,
        heads=4,
        note="Kept are samples whose class the discriminator calls right, as in the paper. It "
        "rewards the generator for agreeing with its own partner and is no test of quality. "
        "Generators without such a discriminator keep all.",
    )
    if len(rows) > MOST_ROWS:
        return [Details(f"The filter ({len(rows)} rows)", [table_])]
    return [table_]


def _kept(kept: int, generated: int) -> str:
    if not generated:
        return DASH
    return f"{kept:,} of {generated:,} ({100 * kept / generated:.0f} %)"
