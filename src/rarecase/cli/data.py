"""simulate: a cohort made up, to try things on."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rarecase.cli.arguments import add_options
from rarecase.cli.show import finish
from rarecase.errors import SettingError

SIMULATE_EPILOG = """\
examples:
  rarecase simulate cohort --patients HGG=6,LGG=3 --size 96 --slices 12
  rarecase simulate lesions --varied --patients 8 --size 96 --slices 12
  rarecase inspect cohort"""


def add_simulate(parser: ArgumentParser) -> None:
    """What `rarecase simulate` takes."""
    add_options(parser, (
        ("folder", "OUT", "new folder"),
        ("--patients", "PATIENTS", "default: HGG=24,LGG=12; of --varied a number, or glioma=20,…"),
        ("--size", 240, "pixels a side (default 240)"),
        ("--slices", 50, "a volume (default 50)"),
        ("--separability", 1.0, "1: as in life; 0: the classes look alike (not with --varied)"),
        ("--varied", None, "any lesion, contrast, quality and plane, as pre-training takes them"),
        ("--seed", 0, "everything random derives from it"),
        ("--prefix", "PREFIX", "of patients' names; another for a cohort beside another"),
    ))  # fmt: skip
    parser.set_defaults(patients="HGG=24,LGG=12", prefix="Sim")


def simulate(args: Namespace) -> int:
    """Write a simulated cohort."""
    from rarecase.simulate import simulate_cohort
    from rarecase.simulate.lesions import shared_out

    if args.varied and args.separability != 1:
        raise SettingError("--separability is of gliomas of two grades; of --varied leave it out.")
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
