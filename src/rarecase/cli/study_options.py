"""Options of a study: short names of settings, and settings by their dotted names."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.cli.arguments import add_options, merge_of, refuse, sets_of, split_names
from rarecase.errors import SettingError, nearest

if TYPE_CHECKING:
    from rarecase.pipeline.settings import Settings

# Short names for the settings that are typed most: option, setting, value's name, help.
SHORT = (
    ("--label", "cohort.label", "SPEC", "label column; COLUMN=V[,V] sets these against the rest"),
    ("--rare", "cohort.rare", "CLASS", "the rare class (default: the one with fewest patients)"),
    ("--channels", "cohort.channels", "NAMES", "channels to use, such as flair or flair,t1gd"),
    ("--masks", "tuning.masks", "WHICH", "masks for features: predicted, true, none or whole"),
    ("--clinical", "cohort.clinical", "COLUMNS", "clinical features besides age and sex"),
    ("--categorical", "cohort.categorical", "COLUMNS", "clinical columns of categories"),
    ("--accept", "cohort.accept", "COLUMNS", "clinical columns that look like leaks, to be taken"),
    (
        "--init",
        "segmenter.init",
        "START",
        "where the U-Net starts: pretrained, none, or a model.safetensors",
    ),
    ("--seed", "seed", "N", "everything random derives from it"),
    ("--margin", "margin", "X", "difference that counts as none (default 0.02)"),
    ("--metric", "metric", "NAME", "what verdicts are about (default: auc_rare)"),
    (
        "--primary",
        "primary",
        "ARM@FEATURES",
        "the question asked beforehand: tested first, at 5 %%",
    ),
    ("--threads", "compute.threads", "N", "CPU threads of each process"),
    ("--device", "compute.device", "NAME", "auto, cpu, cuda or mps"),
)

# What is said of the whole experiment: option, name, values' name, help.
EXPERIMENT = (
    ("--features", "NAMES", "tumour, radiomics, network:lite0, radiomics+clinical …, auto, stack"),
    ("--classifier", "NAMES", "logistic, lda, forest, boosting, svm, module:factory, cnn, auto"),
    ("--arms", "NAMES", "ways to treat the imbalance ('rarecase arms' lists them)"),
    ("--amounts", "NUMBERS", "synthetic samples, such as 300,1200 or 25%%,100%%, for the cnn"),
    ("--planned", "NUMBER", "the one of them that gets a verdict (default: the first)"),
)

# Settings that are said by naming them: option, setting, the value that it stands for, help.
SWITCHES = (
    ("--keep-features", "features.keep", "true", "keep the stores of features"),
    ("--combat", "tuning.combat", "true", "harmonise features between sites (ComBat)"),
    (
        "--faithful-protocol",
        "protocol",
        "faithful",
        "choose on the test set as the paper did, to show what that does",
    ),
)


ALL = ("",)
"""Every setting, as beginnings of names."""
FILE = ("--config", "FILE", "YAML file of settings (a study.yaml)")
START = (("--preset", "NAME", "starting point: demo, quick or paper"), FILE)
"""What settings start from."""


def add_study(parser: argparse.ArgumentParser) -> None:
    """What defines a study: data, run folder, preset, file and short names of settings."""
    parser.add_argument(
        "data",
        nargs="?",
        metavar="DATA",
        help="folder or table of the cohort; without it the run folder's own data, or the "
        "simulated cohort",
    )
    out = ("--out", "RUN", "run folder, new or of an earlier run that is gone on with")
    add_options(parser, (out, *START))
    add_short(parser, ALL)
    for option, metavar, text in EXPERIMENT:
        again: dict[str, Any] = {"action": "append", "default": []}
        again = again if option == "--features" else {}
        parser.add_argument(option, metavar=metavar, help=f"{text} [experiment]", **again)
    for option, setting, value, text in SWITCHES:
        parser.add_argument(
            option, dest=setting, action="store_const", const=value, help=f"{text} [{setting}]"
        )
    add_merge(parser)


def add_short(parser: argparse.ArgumentParser, takes: Sequence[str]) -> None:
    """Settings by their short names, of those whose names begin as one of `takes`; settings of
    these alone may follow by their dotted names."""
    parser.set_defaults(takes=tuple(takes))
    for option, setting, metavar, text in SHORT:
        if setting.startswith(tuple(takes)):
            parser.add_argument(option, dest=setting, metavar=metavar, help=f"{text} [{setting}]")


def add_merge(parser: argparse.ArgumentParser) -> None:
    """Classes that are joined."""
    parser.add_argument(
        "--merge", action="append", metavar="NEW=V,V", default=[],
        help="join label values into one class; may be given several times [cohort.merge]",
    )  # fmt: skip


def overrides_of(args: argparse.Namespace) -> dict[str, Any]:
    """Dotted overrides from short names, `--merge`, and what is left, `--section.name value`."""
    from rarecase.pipeline.resolve import parse_setting

    out: dict[str, Any] = {}
    for _, setting, _, _ in (*SHORT, *SWITCHES):
        text = getattr(args, setting, None)
        if text is not None:
            out[setting] = parse_setting(setting, text)
    if getattr(args, "merge", []):
        out["cohort.merge"] = merge_of(args.merge)
    for name, columns in sets_of(getattr(args, "features", None) or [])[1].items():
        if name != "clinical":
            raise SettingError(
                f"--features {name}=…: the sets of a run are sources; only clinical is defined by "
                "columns of its table of labels."
            )
        out["cohort.clinical"] = columns
    return out | _dotted(args.rest, takes=args.takes, command=args.command)


def short_of(args: argparse.Namespace) -> dict[str, Any]:
    """What `--features`, `--classifier`, `--arms`, `--amounts` and `--planned` say."""
    from rarecase.pipeline.resolve import parse_value

    names = ("classifier", "arms", "amounts")
    given = {name: text for name in names if (text := getattr(args, name)) is not None}
    out: dict[str, Any] = {name: split_names(text) for name, text in given.items()}
    if wanted := sets_of(args.features)[0]:
        out["features"] = wanted
    if "amounts" in out:
        out["amounts"] = [parse_value(word) for word in out["amounts"]]
    if args.planned is not None:
        out["planned"] = parse_value(args.planned)
    return out


def _dotted(rest: Sequence[str], *, takes: Sequence[str], command: str) -> dict[str, Any]:
    from rarecase.pipeline.described import known_names
    from rarecase.pipeline.resolve import parse_setting

    known = set(known_names())
    out: dict[str, Any] = {}
    waiting = iter(rest)
    for word in waiting:
        if not word.startswith("--"):
            raise SettingError(f"Unexpected argument {word!r}: one DATA is all that is expected.")
        name, sign, text = word[2:].partition("=")
        if name not in known or not name.startswith(tuple(takes)):
            raise SettingError(_amiss(name, known, takes=takes, command=command))
        value = text if sign else next(waiting, None)
        if value is None:
            raise SettingError(f"--{name} needs a value.")
        out[name] = parse_setting(name, value)
    return out


def _amiss(name: str, known: set[str], *, takes: Sequence[str], command: str) -> str:
    """What is wrong with an option that a command does not take."""
    short = [option for option, *_ in (*SHORT, *SWITCHES, *EXPERIMENT)]
    study = [*short, "--out", "--preset", "--config", "--merge", "--dry-run", "--cluster"]
    if name in known or f"--{name}" in study:
        what = ", ".join(f"--{each}" if known & {each} else f"--{each}*" for each in takes)
        return f"--{name} changes nothing in 'rarecase {command}'; of settings it takes {what}."
    mine = [f"--{each}" for each in known if each.startswith(tuple(takes))]
    options = mine + (study if tuple(takes) == ALL else [])
    close = nearest(f"--{name}", [*options, "--json", "--quiet"])
    hint = close.split(" Known:")[0] if close.startswith("did") else ""
    return (
        f"Unknown option --{name}. {hint[:1].upper()}{hint[1:]}".rstrip()
        + " 'rarecase settings' lists all settings."
    )


def refuse_study(args: argparse.Namespace, takes: Sequence[str], *, why: str) -> None:
    """Refuse options of a study but those of the settings that `takes` are the beginnings of, from
    `args.rest` on as well (see `overrides_of`); `why`: what they are for."""
    for option, setting, *_ in (*SHORT, *SWITCHES):
        if getattr(args, setting) is not None and not setting.startswith(tuple(takes)):
            raise SettingError(f"{option} {why}")
    refuse(args, [*(option for option, *_ in EXPERIMENT), "--cluster"], why=why)
    args.takes = tuple(takes)


def resolved(args: argparse.Namespace) -> Settings:
    """The settings that a command's preset, file and overrides describe."""
    from rarecase.pipeline.resolve import resolve

    file = Path(args.config) if args.config else None
    preset = getattr(args, "preset", None)
    return resolve(preset=preset, file=file, overrides=overrides_of(args))
