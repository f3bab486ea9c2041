"""The section on features: real and synthetic, the generators' training, what the filter kept."""

from __future__ import annotations

from rarecase.report.blocks import DASH, Block, Cell, Details, Section, Table, Text, joined
from rarecase.report.feature_samples import FeaturePair, read_pair
from rarecase.report.figures_acgan import acgan_curves
from rarecase.report.figures_features import map_grids, scatter
from rarecase.report.figures_pictures import blocks_figure
from rarecase.report.pictures import read_pictures
from rarecase.report.run_files import RunFiles, read_table
from rarecase.report.style import class_colours
from rarecase.report.tables import arm_name
from rarecase.report.tables_fidelity import fidelity_table
from rarecase.report.tables_paper import class_accuracy_table


def features_section(run: RunFiles) -> Section:
    """Maps or vectors of the first fold, curves and filter of all."""
    block = run.setting("features", "block")
    text = "Features come from the segmenter of each fold" + (f", block {block}" if block else "")
    blocks: list[Block] = [
        Text(
            f"{text}. The ACGAN is trained on the features of the fold's training patients alone "
            "and asked for samples of each class."
        )
    ]
    if not run.generators:
        blocks.append(Text("No generator was trained in this run.", "missing"))
        return Section("features", "Features, real and synthetic", blocks)
    shown = read_pictures(run)
    if shown is not None:
        blocks.append(blocks_figure(shown))
    for arm in run.arms:
        blocks += _of_arm(run, arm)
    tables = (class_accuracy_table(run), fidelity_table(run))
    blocks += [table for table in tables if table is not None]
    blocks += _filter(run)
    return Section("features", "Features, real and synthetic", blocks)


def _of_arm(run: RunFiles, arm: str) -> list[Block]:
    """Samples of the arm's first generator, curves of all."""
    first = next(generator for generator in run.generators if generator.arm == arm)
    pair = read_pair(first.path)
    if pair is None:
        text = "No real and synthetic features were set aside to be shown."
        return [Text(text, "missing"), *_curves(run, arm=arm)]
    where = f"{first.fold.name}, generator seed {first.seed}"
    name = arm_name({"arm": arm})
    return [
        Text(f"{name}: the pictures below are of {where}.", "note"),
        *_pictures(run, pair, arm=arm),
        *_curves(run, arm=arm),
    ]


def _pictures(run: RunFiles, pair: FeaturePair, *, arm: str) -> list[Block]:
    blocks: list[Block] = []
    if not pair.real:
        return [Text("The feature store holds no training samples.", "missing")]
    if pair.unfiltered:
        blocks.append(
            Text(
                f"Of {joined(pair.unfiltered)} the filter kept nothing; what is shown as synthetic "
                "was made but not used.",
                "warning",
            )
        )
    missing = [name for name in run.classes if name not in pair.synthetic]
    if missing:
        blocks.append(Text(f"No synthetic sample of {joined(missing)} was made.", "missing"))
    if len(pair.shape) > 1:
        blocks.append(map_grids(pair, classes=run.classes, arm=arm))
    if pair.synthetic and sum(len(s.means) for s in pair.real.values()) > 2:
        colours = class_colours(run.classes, run.rare)
        blocks.append(scatter(pair, classes=run.classes, colours=colours, arm=arm))
    return blocks


def _curves(run: RunFiles, *, arm: str) -> list[Block]:
    mine = [generator for generator in run.generators if generator.arm == arm]
    histories = [read_table(generator.path / "history.csv") for generator in mine]
    found = [h for h in histories if h is not None]
    if not found:
        return [Text("No training history of a generator was found.", "missing")]
    return [acgan_curves(found, classes=len(run.classes), arm=arm)]


def _filter(run: RunFiles) -> list[Block]:
    rows: list[list[str | Cell]] = []
    made_all = dict.fromkeys(run.classes, 0)
    kept_all = dict.fromkeys(run.classes, 0)
    for generator in run.generators:
        table = read_table(generator.path / "filter.csv")
        if table is None:
            continue
        cells = []
        for name in run.classes:
            part = table[table["label"] == name]
            made, kept = int(part["made"].sum()), int(part["kept"].sum())
            made_all[name] += made
            kept_all[name] += kept
            cells.append(_kept(kept, made))
        fold = generator.fold
        name = arm_name({"arm": generator.arm})
        rows.append([name, str(fold.repeat), str(fold.fold), str(generator.seed), *cells])
    if not rows:
        return [Text("No filter was applied, or its table is missing.", "missing")]
    if len(rows) > 1:
        totals = [_kept(kept_all[c], made_all[c]) for c in run.classes]
        rows.append(["all", "", "", "", *totals])
    table_ = Table(
        caption="The filter: synthetic samples kept of those made",
        columns=["Arm", "Repeat", "Fold", "Seed", *run.classes],
        rows=rows,
        heads=4,
        note="Kept are samples whose class the discriminator calls right, as in the paper. It "
        "rewards the generator for agreeing with its own partner and is no test of quality.",
    )
    return [Details(f"The filter ({len(rows)} rows)", [table_])] if len(rows) > 16 else [table_]


def _kept(kept: int, made: int) -> str:
    return f"{kept:,} of {made:,} ({100 * kept / made:.0f} %)" if made else DASH
