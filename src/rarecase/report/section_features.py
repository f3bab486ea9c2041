"""The section on features: real and synthetic, the generators' training, what the filter kept."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rarecase.evidence.rows import key_of
from rarecase.evidence.tables_features import choice_family
from rarecase.evidence.text import DASH
from rarecase.features.about import lines_of
from rarecase.features.sources.registry import STACK
from rarecase.report.blocks import Block, Section, Table, Text, joined
from rarecase.report.figures_curves import generator_curves
from rarecase.report.figures_features import map_grids, scatter
from rarecase.report.figures_pictures import blocks_figure
from rarecase.report.found import Found
from rarecase.report.run_files import GeneratorFolder, RunFiles
from rarecase.report.set_aside import FeaturePair, read_pair, read_pictures
from rarecase.report.style import class_colours
from rarecase.report.tables_fidelity import fidelity_table
from rarecase.report.tables_paper import class_accuracy_table

MOST_ROWS = 16


def features_section(run: RunFiles) -> Section:
    """Maps or vectors of the first fold, curves and filter of all."""
    chosen = choice_family(run.evidence)
    rows = [row for row in run.evidence["rows"] if key_of(row).family != chosen]
    names = dict.fromkeys(row["features"] for row in rows if row["features"] != STACK)
    sources = joined(list(names))
    blocks: list[Block] = [
        Text(f"Features, fitted in each fold to its training patients: {sources}.")
    ]
    blocks += columns_blocks(run)
    if (shown := read_pictures(run)) is not None:
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
        blocks += [*(table for table in tables if table is not None), _filter(run)]
    else:
        blocks.append(Text("No generator's samples were kept in this run.", "missing"))
    return Section("features", "Features, real and synthetic", blocks)


def columns_blocks(run: Found) -> list[Block]:
    """What the columns are of the sources that name them, and every warning about one."""
    named = {n: each for n, each in run.features.get("sets", {}).items() if each["columns"]}
    about = run.features | {"sets": named} if run.features else {}
    blocks: list[Block] = [Text(line, "note") for line in lines_of(about)]
    rows = [
        [w["column"], w["kind"], w["words"], "accepted by name" if w["accepted"] else ""]
        for w in run.features.get("warnings", [])
    ]
    if rows:
        table = Table(
            caption="Columns to look at before their features are believed",
            columns=["Column", "Kind", "What was found", ""],
            rows=rows,
            heads=4,
        )
        blocks.append(table.folded(f"Warnings about columns ({len(rows)})", most=MOST_ROWS))
    return blocks


def _of_source(run: RunFiles, name: str, generators: Sequence[GeneratorFolder]) -> list[Block]:
    """Samples of the first generator, curves of all."""
    first = generators[0]
    blocks: list[Block] = []
    if (pair := read_pair(first.path)) is not None:
        blocks.append(Text(f"{name}: the pictures below are of {first.cell}.", "note"))
        blocks += _pictures(run, pair, name=name)
    if found := [each.history for each in generators if each.history is not None]:
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


def _filter(run: RunFiles) -> Block:
    found = {
        (name, str(each.fold.repeat), str(each.fold.fold), str(each.seed)): each.kept
        for name, generators in run.sources.items()
        for each in generators
        if each.kept is not None
    }
    if not found:
        return Text("No filter was applied, or its table is missing.", "missing")
    if len(found) > 1:
        found["all", "", "", ""] = pd.concat(found.values())
    rows = [[*names, *(_kept(table, c) for c in run.classes)] for names, table in found.items()]
    table = Table(
        caption="The filter: synthetic samples kept of those generated",
        columns=["Arm", "Repeat", "Fold", "Seed", *run.classes],
        rows=rows,
        heads=4,
        note="Kept are samples whose class the discriminator calls right, as in the paper. It "
        "rewards the generator for agreeing with its own partner and is no test of quality. "
        "Generators without such a discriminator keep all.",
    )
    return table.folded(f"The filter ({len(rows)} rows)", most=MOST_ROWS)


def _kept(table: pd.DataFrame, label: str) -> str:
    generated, kept = table.loc[table["label"] == label, ["generated", "kept"]].sum().astype(int)
    return f"{kept:,} of {generated:,} ({100 * kept / generated:.0f} %)" if generated else DASH
