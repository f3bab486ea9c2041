"""Arguments that several commands share, and settings by their dotted names."""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from rarecase.errors import DataError, SettingError, nearest
from rarecase.files import decode_text

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

WHOLE = ("--experiment", "--protocol")
"""Settings of no section, which have no short name of that name."""

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


def add_options(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup,
    options: Iterable[tuple[str, str | float | None, str]],
    *,
    required: Collection[str] = (),
) -> None:
    """Add arguments by name, value and help: the value is what stands for a text there, or a number
    that is the default, or None for a switch."""
    for name, value, text in options:
        if value is None:
            parser.add_argument(name, action="store_true", help=text)
        elif isinstance(value, str):
            made = parser.add_argument(name, metavar=value, help=text)
            made.required = made.required or name in required
        else:
            parser.add_argument(name, type=type(value), default=value, help=text)


def add_study(parser: argparse.ArgumentParser) -> None:
    """What defines a study: data, run folder, preset, file and short names of settings."""
    parser.add_argument(
        "data",
        nargs="?",
        metavar="DATA",
        help="folder or table of the cohort; without it the run folder's own data, or the "
        "simulated cohort",
    )
    add_options(parser, (
        ("--out", "RUN", "run folder, new or of an earlier run that is gone on with"),
        ("--preset", "NAME", "starting point: demo, quick or paper"),
        ("--config", "FILE", "YAML file of settings (a study.yaml)"),
    ))  # fmt: skip
    for option, setting, metavar, text in SHORT:
        parser.add_argument(option, dest=setting, metavar=metavar, help=f"{text} [{setting}]")
    for option, metavar, text in EXPERIMENT:
        again: dict[str, Any] = {"action": "append", "default": []}
        again = again if option == "--features" else {}
        parser.add_argument(option, metavar=metavar, help=f"{text} [experiment]", **again)
    for option, setting, value, text in SWITCHES:
        parser.add_argument(
            option, dest=setting, action="store_const", const=value, help=f"{text} [{setting}]"
        )
    parser.add_argument(
        "--merge",
        action="append",
        metavar="NEW=V,V",
        default=[],
        help="join label values into one class; may be given several times [cohort.merge]",
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """How much to say, and how."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--quiet", "-q", action="store_true", help="no progress")
    parser.add_argument("--verbose", "-v", action="store_true", help="say what is being done")


def read_names(path: Path) -> list[str]:
    """The names in a file, one a line."""
    try:
        lines = decode_text(path.read_bytes(), path).splitlines()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error}).") from None
    return [line.strip() for line in lines if line.strip()]


def split_settings(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Take `--section.name VALUE` and `--section.name=VALUE` out of a command line.

    The parser must not see them: of an option that it does not know it takes the value for DATA.

    >>> split_settings(["run", "data", "--a.b", "3", "--out", "x", "--c.d=4"])
    (['run', 'data', '--out', 'x'], ['--a.b', '3', '--c.d=4'])
    """
    plain: list[str] = []
    dotted: list[str] = []
    waiting = iter(words)
    for word in waiting:
        name, sign, _ = word.partition("=")
        if not (name.startswith("--") and "." in name) and name not in WHOLE:
            plain.append(word)
            continue
        dotted.append(word)
        dotted.extend(islice(waiting, 0 if sign else 1))
    return plain, dotted


def overrides_of(args: argparse.Namespace) -> dict[str, Any]:
    """Dotted overrides from short names, `--merge`, and what is left, `--section.name value`."""
    from rarecase.pipeline.resolve import parse_setting

    out: dict[str, Any] = {}
    for _, setting, _, _ in (*SHORT, *SWITCHES):
        text = getattr(args, setting, None)
        if text is not None:
            out[setting] = parse_setting(setting, text)
    if args.merge:
        out["cohort.merge"] = merge_of(args.merge)
    for name, columns in sets_of(getattr(args, "features", None) or [])[1].items():
        if name != "clinical":
            raise SettingError(
                f"--features {name}=…: the sets of a run are sources; only clinical is defined by "
                "columns of its table of labels."
            )
        out["cohort.clinical"] = columns
    return out | _dotted(args.rest)


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


def split_names(text: str) -> list[str]:
    """What stands between commas.

    >>> split_names("smote, threshold,")
    ['smote', 'threshold']
    """
    return [word.strip() for word in text.split(",") if word.strip()]


def sets_of(words: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """What several `--features` say: the names of the sets that are wanted, in order (`a+b`: both
    side by side), and what the sets are that are defined here (NAME=COLUMNS, or NAME=FILE).

    >>> sets_of(["radiomics,radiomics+clinical", "clinical=age,sex"])
    (['radiomics', 'radiomics+clinical'], {'clinical': ['age', 'sex']})
    """
    wanted: list[str] = []
    defined: dict[str, list[str]] = {}
    for word in words:
        name, sign, values = word.partition("=")
        if not sign:
            wanted += split_names(word)
        elif not re.fullmatch(r"[\w.:-]+", name) or not split_names(values):
            raise SettingError(
                f"--features {word}: expected NAME=COLUMN,COLUMN or NAME=FILE, such as "
                "clinical=age,sex."
            )
        elif name in defined:
            raise SettingError(f"--features {word}: {name!r} is defined twice. Name one otherwise.")
        else:
            defined[name] = split_names(values)
    if not all(all(name.split("+")) for name in wanted):
        raise SettingError(f"--features {','.join(wanted)}: expected names; a+b joins two.")
    return wanted, defined


def merge_of(words: Sequence[str]) -> dict[str, list[str]]:
    """What several `--merge NEW=VALUE,VALUE` say.

    >>> merge_of(["low=1,2", "high=3"])
    {'low': ['1', '2'], 'high': ['3']}
    """
    found = {}
    for joined in words:
        name, sign, values = joined.partition("=")
        if not sign or not name or not values:
            raise SettingError(f"--merge {joined}: expected NEW=VALUE,VALUE, such as low=1,2.")
        found[name] = values.split(",")
    return found


def _dotted(rest: Sequence[str]) -> dict[str, Any]:
    from rarecase.pipeline.resolve import known_names, parse_setting

    known = set(known_names())
    options = {f"--{name}" for name in known} | {option for option, *_ in (*SHORT, *SWITCHES)}
    options |= {"--out", "--preset", "--config", "--merge", "--json", "--quiet", "--dry-run"}
    out: dict[str, Any] = {}
    waiting = iter(rest)
    for word in waiting:
        if not word.startswith("--"):
            raise SettingError(f"Unexpected argument {word!r}: one DATA is all that is expected.")
        name, sign, text = word[2:].partition("=")
        if name not in known:
            close = nearest(f"--{name}", options)
            hint = close.split(" Known:")[0] if close.startswith("did") else ""
            raise SettingError(
                f"Unknown option --{name}. {hint[:1].upper()}{hint[1:]}".rstrip()
                + " 'rarecase settings' lists all settings."
            )
        value = text if sign else next(waiting, None)
        if value is None:
            raise SettingError(f"--{name} needs a value.")
        out[name] = parse_setting(name, value)
    return out
