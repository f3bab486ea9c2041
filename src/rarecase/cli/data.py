"""inspect, simulate, arms, blocks, settings: commands around a run."""

from __future__ import annotations

import math
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.cli.arguments import add_options, add_study, overrides_of
from rarecase.cli.pages import add_page, last_line, named, page_place
from rarecase.cli.show import finish, labels_from, table
from rarecase.cohort.unreadable import UNREADABLE
from rarecase.errors import DataError, SettingError

if TYPE_CHECKING:
    from rich.table import Table

    from rarecase.cohort import Cohort
    from rarecase.pipeline.settings import CohortSettings


def _resolve(args: Namespace) -> Any:
    from rarecase.pipeline.resolve import resolve

    file = Path(args.config) if args.config else None
    return resolve(preset=args.preset, file=file, overrides=overrides_of(args))


def add_inspect(parser: ArgumentParser) -> None:
    """What `rarecase inspect` takes."""
    add_study(parser)
    add_options(parser, (
        ("--fast", None, "do not open the images"),
    ))  # fmt: skip
    add_page(parser, of="also a page with a picture of every case: ")


def add_simulate(parser: ArgumentParser) -> None:
    """What `rarecase simulate` takes."""
    add_options(parser, (
        ("folder", "OUT", "new folder"),
        ("--patients", "PATIENTS", "default: HGG=24,LGG=12; of --varied a number, or glioma=20,…"),
        ("--size", 240, "pixels a side (default 240)"),
        ("--slices", 50, "a volume (default 50)"),
        ("--separability", 1.0, "1: as in life; 0: the classes look alike"),
        ("--varied", None, "any lesion, contrast, quality and plane, as pre-training takes them"),
        ("--seed", 0, "everything random derives from it"),
        ("--prefix", "PREFIX", "of patients' names; another for a cohort beside another"),
    ))  # fmt: skip
    parser.set_defaults(patients="HGG=24,LGG=12", prefix="Sim")


def inspect(args: Namespace) -> int:
    """Show cases and problems; exit code 1 if one is an error."""
    from rarecase.cohort import inspect_cohort

    if args.data is None:
        raise SettingError("DATA is missing: the folder or table to look at.")
    if args.html and args.fast:
        raise SettingError("--html shows the images, which --fast does not open. Leave one out.")
    place, page = page_place(args), None
    chosen = _resolve(args).cohort
    cohort, amiss = _readable(args.data, chosen)
    found = inspect_cohort(
        cohort, load=not args.fast, thumbnails=bool(args.html), amiss=amiss,
        leave_out=UNREADABLE in chosen.exclude,
    )  # fmt: skip
    if place is not None:
        from rarecase.report.page_inspect import report_inspection

        page = report_inspection(found, source=Path(args.data).resolve().name, place=place)
    counts = ", ".join(f"{number} {name}" for name, number in found.classes.items())
    heads = ["case", "label", "site", "slices", "size", "spacing, mm", "axes", "intensities",
             "tumour"]  # fmt: skip
    problems: str | Table = "No problems found."
    if found.problems:
        listed = [[each.severity, each.case, each.message] for each in found.problems]
        problems = table("Problems", ["severity", "case", "what"], listed, text=3)
    return finish(
        args, found.to_dict() | named(page),
        f"{found.layout}: {len(cohort.cases)} cases of {len(cohort.patients)} patients ({counts}; "
        f"rare: {found.rare}), channels {', '.join(found.channels)}",
        *labels_from(found.labels_from),
        table("Cases", heads, [_case_row(each) for each in found.cases.to_dict("records")], text=3),
        problems, *last_line(page),
        code=int(not found.ok),
    )  # fmt: skip


def _readable(data: str, chosen: CohortSettings) -> tuple[Cohort, str | None]:
    """The cohort with its labels; where these are amiss, without them, and what is."""
    from rarecase.cohort import read_cohort

    given: Any = {each: getattr(chosen, each) for each in ("channels", "tumour")}
    given["exclude"] = [name for name in chosen.exclude if name != UNREADABLE]
    labels: Any = {each: getattr(chosen, each) for each in ("label", "merge", "conflict")}
    try:
        return read_cohort(data, **labels, **given), None
    except (DataError, SettingError) as error:
        if chosen.label is not None or chosen.merge:
            raise
        try:
            return read_cohort(data, labels=False, **given), str(error)
        except (DataError, SettingError):
            raise error from None


def _case_row(case: dict[Any, Any]) -> list[str]:
    """What of a case fits on a line; `--json` has the rest."""
    import pandas as pd

    def text(name: str) -> str:
        value = case[name]
        if isinstance(value, list | tuple):
            return "×".join(f"{v:.3g}" for v in value)
        if pd.isna(value):
            return ""
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    intensities = " ".join(text(name) for name in ("minimum", "median", "maximum"))
    tumour = f"{text('tumour_ml')} mL" if text("tumour_ml") else text("tumour_pixels")
    names = ("case", "label", "site", "slices", "size", "spacing", "stored")
    return [
        *(text(name) for name in names), intensities.strip(),
        tumour if case["mask"] else "no mask",
    ]  # fmt: skip


def simulate(args: Namespace) -> int:
    """Write a simulated cohort."""
    from rarecase.simulate import simulate_cohort
    from rarecase.simulate.lesions import shared_out

    patients: dict[str, int] = {}
    if args.varied and args.patients.isdigit():
        patients = shared_out(int(args.patients))
    else:
        for part in args.patients.split(","):
            name, _, number = part.partition("=")
            if not number.isdigit():
                raise SettingError(f"--patients {args.patients}: expected HGG=24,LGG=12.")
            patients[name.strip()] = int(number)
    folder = simulate_cohort(
        Path(args.folder), patients=patients, size=args.size, slices=args.slices,
        separability=args.separability, seed=args.seed, prefix=args.prefix, varied=args.varied,
    )  # fmt: skip
    said = {"folder": folder, "patients": patients}
    return finish(args, said, f"{sum(patients.values())} patients in {folder}")


def arms(args: Namespace) -> int:
    """List every arm, and what it does."""
    from rarecase.experiment.arms import describe_arms, is_trained, make_arms

    known, texts = make_arms(), describe_arms()
    listed = [
        {"arm": name, "text": texts[name], "verdict": arm.synthetic, "trains": is_trained(arm)}
        for name, arm in known.items()
    ]
    rows = [
        [each["arm"], each["text"], *("yes" if each[key] else "" for key in ("verdict", "trains"))]
        for each in listed
    ]
    heads = ["arm", "what it does, or generates", "gets a verdict", "trains a network"]
    return finish(args, listed, table("Arms: ways to treat imbalance", heads, rows, text=4))


def blocks(args: Namespace) -> int:
    """List the blocks of the U-Net that the settings describe."""
    from rarecase.features import source_of
    from rarecase.features.sources.registry import VECTORS
    from rarecase.segmenter.networks import network_like

    settings = _resolve(args)
    shape, size = settings.segmenter, settings.slices.size
    sides = (settings.slices.planes, size, size) if shape.dimensions == 3 else (size, size)
    net = network_like(shape, in_channels=1)
    listed, rows = [], []
    reductions = {block.name: block.reduction for block in net.blocks()} | dict.fromkeys(VECTORS)
    for name, reduction in reductions.items():
        found = source_of(name).shape(net, sides=sides)
        megabytes = round(math.prod(found) * 2 * 1000 / 2**20, 1)
        listed.append(
            {"block": name, "channels": found[0], "reduction": reduction, "shape": list(found),
             "megabytes_per_1000_slices": megabytes}
        )  # fmt: skip
        rows.append([name, found[0], reduction, "×".join(map(str, found)), megabytes])
    title = f"U-Net of width {shape.width} and depth {shape.depth} at {'×'.join(map(str, sides))}"
    heads = ["block", "channels", "reduction", "features", "MB for 1,000 samples"]
    return finish(args, listed, table(title, heads, rows))


def settings(args: Namespace) -> int:
    """Explain every setting."""
    from rarecase.pipeline.resolve import described

    resolved = _resolve(args)
    rows = [[each.name, each.value, each.text] for each in described(resolved)]
    title = f"Settings of preset {resolved.preset}"
    shown = table(title, ["setting", "value", ""], rows, text=3)
    return finish(args, resolved.model_dump(mode="json"), shown)
