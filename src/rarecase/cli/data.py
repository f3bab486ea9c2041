"""inspect, report, simulate, blocks, settings: commands around a run."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.cli.arguments import add_study, no_more, overrides_of
from rarecase.cli.show import console, print_json, reporting, table
from rarecase.errors import DataError, SettingError

if TYPE_CHECKING:
    from rarecase.cohort import Cohort
    from rarecase.pipeline.settings import CohortSettings


def _resolve(args: Namespace, rest: Sequence[str]) -> Any:
    from rarecase.pipeline.resolve import resolve

    return resolve(
        preset=args.preset,
        file=Path(args.config) if args.config else None,
        overrides=overrides_of(args, rest),
    )


def add_inspect(parser: ArgumentParser) -> None:
    """What `rarecase inspect` takes."""
    add_study(parser)
    parser.add_argument("--fast", action="store_true", help="do not open the images")
    parser.add_argument("--html", metavar="FILE", help="write a contact sheet of all cases, too")


def add_report(parser: ArgumentParser) -> None:
    """What `rarecase report` takes."""
    parser.add_argument("run", metavar="RUN", help="run folder")


def add_simulate(parser: ArgumentParser) -> None:
    """What `rarecase simulate` takes."""
    parser.add_argument("folder", metavar="OUT", help="new folder")
    parser.add_argument("--patients", default="HGG=24,LGG=12", help="default: HGG=24,LGG=12")
    parser.add_argument("--size", type=int, default=240, help="pixels a side (default 240)")
    parser.add_argument("--slices", type=int, default=50, help="a volume (default 50)")
    parser.add_argument(
        "--separability", type=float, default=1.0, help="1: as in life; 0: the classes look alike"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--prefix", default="Sim", help="of patients' names; another for a cohort beside another"
    )


def inspect(args: Namespace, rest: Sequence[str]) -> int:
    """Show cases and problems; exit code 1 if one is an error."""
    from rarecase.cohort import inspect_cohort

    if args.data is None:
        raise SettingError("DATA is missing: the folder or table to look at.")
    if args.html and args.fast:
        raise SettingError("--html shows the images, which --fast does not open. Leave one out.")
    if args.html and Path(args.html).exists():
        raise DataError(f"{args.html} exists and was not touched; choose a new name.")
    chosen = _resolve(args, rest).cohort
    with reporting(args):
        cohort, amiss = _readable(args.data, chosen)
        found = inspect_cohort(cohort, load=not args.fast, thumbnails=bool(args.html), amiss=amiss)
    if args.html:
        from rarecase.report.contact_sheet import write_contact_sheet

        write_contact_sheet(found, Path(args.html), source=Path(args.data).resolve().name)
    if args.json:
        print_json(found.to_dict())
        return int(not found.ok)
    out = console()
    counts = ", ".join(f"{number} {name}" for name, number in found.classes.items())
    out.print(
        f"{found.layout}: {len(cohort.cases)} cases of {len(cohort.patients)} patients ({counts}; "
        f"rare: {found.rare}), channels {', '.join(found.channels)}"
    )
    heads = ["case", "label", "site", "slices", "size", "spacing, mm", "axes", "intensities",
             "tumour"]  # fmt: skip
    rows = [_case_row(each) for each in found.cases.to_dict("records")]
    out.print(table("Cases", heads, rows, text=3))
    if found.problems:
        listed = [[each.severity, each.case, each.message] for each in found.problems]
        out.print(table("Problems", ["severity", "case", "what"], listed, text=3))
    else:
        out.print("No problems found.")
    if args.html:
        out.print(f"Contact sheet: {args.html}", soft_wrap=True)
    return int(not found.ok)


def _readable(data: str, chosen: CohortSettings) -> tuple[Cohort, str | None]:
    """The cohort with its labels; where these are amiss, without them, and what is."""
    from rarecase.cohort import read_cohort

    given: Any = {
        "channels": chosen.channels, "exclude": chosen.exclude, "tumour": chosen.tumour
    }  # fmt: skip
    try:
        return read_cohort(
            data, chosen.label, merge=chosen.merge, conflict=chosen.conflict, **given
        ), None
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


def report(args: Namespace, rest: Sequence[str]) -> int:
    """Write a run's report anew from the files in its folder."""
    from rarecase.report import make_report

    no_more(rest)
    if not (Path(args.run) / "study.yaml").is_file():
        raise DataError(f"{args.run}: no study.yaml there, so it is not a run folder.")
    with reporting(args):
        page = make_report(Path(args.run))
    print_json({"report": page}) if args.json else console().print(
        f"Report: {page}", soft_wrap=True
    )
    return 0


def simulate(args: Namespace, rest: Sequence[str]) -> int:
    """Write a simulated cohort."""
    from rarecase.simulate import simulate_cohort

    no_more(rest)
    patients: dict[str, int] = {}
    for part in args.patients.split(","):
        name, _, number = part.partition("=")
        if not number.isdigit():
            raise SettingError(f"--patients {args.patients}: expected HGG=24,LGG=12.")
        patients[name.strip()] = int(number)
    with reporting(args):
        folder = simulate_cohort(
            Path(args.folder),
            patients=patients,
            size=args.size,
            slices=args.slices,
            separability=args.separability,
            seed=args.seed,
            prefix=args.prefix,
        )
    if args.json:
        print_json({"folder": folder, "patients": patients})
    else:
        console().print(f"{sum(patients.values())} patients in {folder}", soft_wrap=True)
    return 0


def blocks(args: Namespace, rest: Sequence[str]) -> int:
    """List the blocks of the U-Net that the settings describe."""
    from rarecase.features import source_of
    from rarecase.features.sources.registry import VECTORS
    from rarecase.segmenter.networks import network_like

    settings = _resolve(args, rest)
    shape, size = settings.segmenter, settings.slices.size
    sides = (settings.slices.planes, size, size) if shape.dimensions == 3 else (size, size)
    net = network_like(shape, in_channels=1)
    listed = []
    vectors = [(name, None) for name in VECTORS]
    for name, reduction in [*((b.name, b.reduction) for b in net.blocks()), *vectors]:
        found = source_of(name).shape(net, sides=sides)
        values = 1
        for side in found:
            values *= side
        listed.append(
            {"block": name, "channels": found[0], "reduction": reduction, "shape": list(found),
             "megabytes_per_1000_slices": round(values * 2 * 1000 / 2**20, 1)}
        )  # fmt: skip
    if args.json:
        print_json(listed)
        return 0
    rows = [
        [b["block"], b["channels"], b["reduction"], "×".join(map(str, b["shape"])),
         b["megabytes_per_1000_slices"]]
        for b in listed
    ]  # fmt: skip
    title = f"U-Net of width {shape.width} and depth {shape.depth} at {'×'.join(map(str, sides))}"
    heads = ["block", "channels", "reduction", "features", "MB for 1,000 samples"]
    console().print(table(title, heads, rows))
    return 0


def settings(args: Namespace, rest: Sequence[str]) -> int:
    """Explain every setting."""
    from rarecase.pipeline.resolve import described

    resolved = _resolve(args, rest)
    if args.json:
        print_json(resolved.model_dump(mode="json"))
        return 0
    rows = [[each.name, each.value, each.text] for each in described(resolved)]
    console().print(
        table(f"Settings of preset {resolved.preset}", ["setting", "value", ""], rows, text=3)
    )
    return 0
