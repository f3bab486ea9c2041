"""`rarecase`: parse, call, and turn errors into one clear line and an exit code.

Exit codes: 0 done; 1 the data cannot be used, or `inspect` found errors; 2 wrong arguments or
settings; 130 interrupted (the same command goes on).
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from rarecase import __version__
from rarecase.cli import (
    compare,
    data,
    evaluate,
    generate,
    inspect,
    lists,
    predict,
    report,
    run,
    verify,
    weights,
)
from rarecase.cli.arguments import add_output, split_settings
from rarecase.cli.show import reporting
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

# What the base install leaves out, by the extra that brings it.
IMAGING = ("nibabel", "nilearn", "PIL", "SimpleITK", "pydicom", "highdicom", "skimage")
EXTRAS = dict.fromkeys(IMAGING, "imaging") | dict.fromkeys(
    ("torch", "lightning_fabric", "safetensors", "zarr"), "torch"
)


@dataclass(frozen=True)
class Command:
    """A command: its name, what it does in a line, what does it and returns the exit code, what
    adds its arguments, if it has any, examples, whether settings may follow (then in `args.rest`),
    and whether it takes long enough to show progress."""

    name: str
    text: str
    run: Callable[[argparse.Namespace], int]
    add: Callable[[argparse.ArgumentParser], None] | None = None
    epilog: str = ""
    settings: bool = False
    progress: bool = True


COMMANDS = (
    Command("inspect", "show what is in a cohort or a scan, and what is wrong", inspect.run,
            inspect.add_arguments, inspect.EPILOG, settings=True),
    *(
        Command(name, text, run.run, partial(run.add_arguments, stage=stage), run.epilog_of(name),
                settings=True)
        for name, (stage, text) in run.STAGES.items()
    ),
    Command("compare", "compare ways to treat a rare class on a table of features", compare.run,
            compare.add_arguments, compare.EPILOG),
    Command("evaluate", "compute scores, tests and verdicts anew from predictions.parquet",
            evaluate.run, evaluate.add_arguments, evaluate.EPILOG),
    Command("generate", "generate synthetic samples from features", generate.run,
            generate.add_arguments, generate.EPILOG),
    Command("predict", "mask and classify new scans with a run's model", predict.predict,
            predict.add_predict, predict.EPILOG),
    Command("export", "write a run's model to a folder of its own", predict.export,
            predict.add_export, predict.EXPORT_EPILOG),
    Command("verify", "check every file of a run, a comparison or an exported model", verify.run,
            verify.add_arguments, verify.EPILOG, progress=False),
    Command("report", "write the page of a folder anew, or set several side by side", report.run,
            report.add_arguments, report.EPILOG, progress=False),
    Command("simulate", "write a simulated glioma cohort (BraTS layout)", data.simulate,
            data.add_simulate, data.SIMULATE_EPILOG),
    Command("import", "make a U-Net trained with other software usable with --init", weights.run,
            weights.add_arguments, weights.EPILOG, progress=False),
    Command("arms", "list the ways to treat imbalance", lists.arms, epilog=lists.ARMS_EPILOG,
            progress=False),
    Command("blocks", "list sources of features and the size of what they give", lists.blocks,
            lists.add_blocks, lists.BLOCKS_EPILOG, settings=True, progress=False),
    Command("settings", "explain every setting, its choices and a preset's values",
            lists.settings, lists.add_settings, lists.SETTINGS_EPILOG, settings=True,
            progress=False),
)  # fmt: skip


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; imports nothing heavy."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="rarecase",
        description="Find out which features know your rare class, and whether synthetic ones add "
        "anything.",
        epilog=EPILOG,
        formatter_class=raw,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"rarecase {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for each in COMMANDS:
        sub = commands.add_parser(
            each.name, help=each.text, description=each.text[0].upper() + each.text[1:] + ".",
            epilog=each.epilog, formatter_class=raw, allow_abbrev=False,
        )  # fmt: skip
        if each.add is not None:
            each.add(sub)
        add_output(sub, progress=each.progress)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit code."""
    _wait_politely()
    plain, dotted = split_settings(sys.argv[1:] if argv is None else argv)
    args, unknown = build_parser().parse_known_args(plain)
    args.rest = [*unknown, *dotted]
    command = next(each for each in COMMANDS if each.name == args.command)
    try:
        if args.rest and not command.settings:
            raise SettingError(f"Unexpected argument {args.rest[0]!r}.")
        with reporting(args):
            return command.run(args)
    except SettingError as error:
        return _say(str(error), code=2)
    except RarecaseError as error:
        return _say(str(error), code=1)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        return _say(
            f"this needs {error.name}, which the base install leaves out: "
            f"pip install 'rarecase[{EXTRAS[error.name]}]'.",
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
            return _say(generate.interrupted(args), code=130)
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
    # Names of files and columns are somebody's, and may hold what a terminal obeys.
    shown = "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text)
    sys.stderr.write(f"rarecase: {shown}\n")
    return code
