"""`rarecase`: parse, call, and turn errors into one clear line and an exit code.

Exit codes: 0 done; 1 the data cannot be used, or `inspect` found errors; 2 wrong arguments or
settings; 130 interrupted (the same command goes on).
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from rarecase import __version__
from rarecase.cli import compare as compare_command
from rarecase.cli import evaluate as evaluate_command
from rarecase.cli import generate as generate_command
from rarecase.cli import network as network_command
from rarecase.cli import predict as predict_command
from rarecase.cli import verify as verify_command
from rarecase.cli.arguments import add_output, add_study, split_settings
from rarecase.errors import RarecaseError, SettingError

EPILOG = """\
start here:
  rarecase run --preset demo --out demo-run            the whole way on a simulated cohort
  rarecase inspect DATA                                what is in a folder, and what is wrong
  rarecase run DATA --label COLUMN --preset quick --out RUN --dry-run
                                                       what a run would cost
  rarecase run DATA --label COLUMN --preset quick --out RUN
                                                       do it; the same line goes on after a kill

Any setting can follow as --section.name VALUE ('rarecase settings' explains them all).
'rarecase COMMAND --help' says more about a command."""

RUN_EPILOG = """\
examples:
  rarecase {command} --preset demo --out demo-run
  rarecase {command} BraTS2020/ --preset quick --channels flair --out run
  rarecase {command} tcga-lgg/ --label COCCluster=2 --preset quick --out run --segmenter.epochs 10
  rarecase {command} --out run                        go on with, or repeat, what is there"""

IMPORT_EPILOG = """\
examples:
  rarecase import u_net_flair_all.npz --out brats --channels flair,t1,t1gd,t2
  rarecase import unet.pth --out brats --names in-order --joins up-first
  rarecase run DATA --preset paper --init brats/model.safetensors --out run"""

# What rarecase[torch] brings, and the base install leaves out.
EXTRAS = ("torch", "lightning_fabric", "safetensors", "zarr", "nibabel", "nilearn", "PIL",
          "matplotlib", "jinja2", "SimpleITK", "pydicom", "highdicom")  # fmt: skip

STAGES = {
    "run": ("report", "everything: data in, evidence and report out"),
    "segment": ("segment", "up to the U-Net: slices, folds, pre-training, training, masks"),
    "extract": ("extract", "up to the features of every slice"),
    "classify": ("classify", "up to predictions and scores"),
}


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; imports nothing heavy."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="rarecase",
        description="Find out whether synthetic features help your rare class.",
        epilog=EPILOG,
        formatter_class=raw,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"rarecase {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, text: str, *, module: str, epilog: str = "") -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".", epilog=epilog,
            formatter_class=raw, allow_abbrev=False,
        )  # fmt: skip
        sub.set_defaults(module=module)
        return sub

    inspect = command("inspect", "show what is in a cohort and what is wrong", module="data")
    add_study(inspect)
    inspect.add_argument("--fast", action="store_true", help="do not open the images")
    inspect.add_argument("--html", metavar="FILE", help="write a contact sheet of all cases, too")
    add_output(inspect)
    for name, (stage, text) in STAGES.items():
        own = network_command.EPILOG if name == "extract" else ""
        epilog = f"{RUN_EPILOG.format(command=name)}\n\n{own}".rstrip()
        sub = command(name, text, module="run", epilog=epilog)
        sub.set_defaults(until=stage)
        add_study(sub)
        sub.add_argument("--dry-run", action="store_true", help="show steps, time, memory, disk")
        if name == "run":
            sub.add_argument(
                "--until", metavar="STAGE", default=stage,
                help="stop behind segment, extract, generate, classify or report",
            )  # fmt: skip
        if name == "extract":
            network_command.add_arguments(sub)
        add_output(sub)
    compare = command(
        "compare", "compare ways to treat a rare class on a table of features", module="compare",
        epilog=compare_command.EPILOG,
    )  # fmt: skip
    compare_command.add_arguments(compare)
    add_output(compare)
    evaluate = command(
        "evaluate", "compute scores, tests and verdicts anew from predictions.parquet",
        module="evaluate", epilog=evaluate_command.EPILOG,
    )  # fmt: skip
    evaluate_command.add_arguments(evaluate)
    add_output(evaluate)
    generate = command(
        "generate", "make synthetic samples from features", module="generate",
        epilog=generate_command.EPILOG,
    )  # fmt: skip
    generate_command.add_arguments(generate)
    add_output(generate)
    predict = command(
        "predict", "outline and classify new scans with a run's model", module="predict",
        epilog=predict_command.EPILOG,
    )  # fmt: skip
    predict_command.add_predict(predict)
    add_output(predict)
    export = command("export", "write a run's model to a folder of its own", module="predict")
    predict_command.add_export(export)
    add_output(export)
    verify = command(
        "verify", "check that every file of a run is as it was written", module="verify",
        epilog=verify_command.EPILOG,
    )  # fmt: skip
    verify_command.add_arguments(verify)
    add_output(verify)
    report = command("report", "write the report of a run folder anew", module="data")
    report.add_argument("run", metavar="RUN", help="run folder")
    add_output(report)
    simulate = command("simulate", "write a simulated glioma cohort (BraTS layout)", module="data")
    simulate.add_argument("folder", metavar="OUT", help="new folder")
    simulate.add_argument("--patients", default="HGG=24,LGG=12", help="default: HGG=24,LGG=12")
    simulate.add_argument("--size", type=int, default=240, help="pixels a side (default 240)")
    simulate.add_argument("--slices", type=int, default=50, help="a volume (default 50)")
    simulate.add_argument(
        "--separability", type=float, default=1.0, help="1: as in life; 0: the classes look alike"
    )
    simulate.add_argument("--seed", type=int, default=0)
    simulate.add_argument(
        "--prefix", default="Sim", help="of patients' names; another for a cohort beside another"
    )
    add_output(simulate)
    weights = command(
        "import", "make a U-Net trained with other software usable with --init", module="weights",
        epilog=IMPORT_EPILOG,
    )  # fmt: skip
    weights.add_argument("weights", metavar="FILE", help="TensorLayer's .npz, or PyTorch's .pth")
    weights.add_argument("--out", metavar="FOLDER", required=True, help="new folder for the model")
    weights.add_argument(
        "--channels", metavar="NAMES", default="flair,t1,t1gd,t2",
        help="what the network's inputs are, in order (default: flair,t1,t1gd,t2)",
    )  # fmt: skip
    weights.add_argument(
        "--patients", metavar="FILE", help="whom it was trained on, a patient a line"
    )
    weights.add_argument(
        "--names", metavar="FILE",
        help="YAML, 'our name: name in the file' a line; or in-order: one after another",
    )  # fmt: skip
    weights.add_argument(
        "--joins", choices=("skip-first", "up-first"),
        help="what its decoders expect first (default for PyTorch: skip-first)",
    )  # fmt: skip
    weights.add_argument("--norm", choices=("none", "batch"), default="none", help="its layers")
    add_output(weights)
    blocks = command(
        "blocks", "list the U-Net's blocks and the size of their features", module="data"
    )
    add_study(blocks)
    add_output(blocks)
    settings = command("settings", "explain every setting, with a preset's values", module="data")
    add_study(settings)
    add_output(settings)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit code."""
    _wait_politely()
    plain, dotted = split_settings(sys.argv[1:] if argv is None else argv)
    args, unknown = build_parser().parse_known_args(plain)
    rest = [*unknown, *dotted]
    try:
        module = import_module(f"rarecase.cli.{args.module}")
        own = args.module in ("data", "predict")  # modules of several commands
        return int(getattr(module, args.command if own else "run")(args, rest))
    except SettingError as error:
        return _say(str(error), code=2)
    except RarecaseError as error:
        return _say(str(error), code=1)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        return _say(
            f"this needs {error.name}, which the base install leaves out: "
            "pip install 'rarecase[torch]'.",
            code=2,
        )
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader of our output went away, such as `head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        again = " Make room; the same command goes on." if error.errno == errno.ENOSPC else ""
        return _say(f"{error.filename or 'a file'}: {error.strerror or error}.{again}", code=1)
    except KeyboardInterrupt:
        if args.command == "compare" and args.out is None:
            return _say("interrupted; nothing was kept. --out FOLDER keeps what is done.", code=130)
        if args.command == "generate":
            return _say(generate_command.interrupted(args), code=130)
        return _say("interrupted; the same command goes on where it stopped.", code=130)


def _wait_politely() -> None:
    """Let PyTorch's threads, where they come from GNU OpenMP, spin less for each other.

    By default they spin for milliseconds: of two trainings side by side on two cores each then ran
    at a twentieth of its speed alone, and with this at a third; alone it costs 2 %. To be called
    before torch is imported.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(os.environ):
        os.environ["GOMP_SPINCOUNT"] = "10000"


def _say(text: str, *, code: int) -> int:
    sys.stderr.write(f"rarecase: {text}\n")
    return code
