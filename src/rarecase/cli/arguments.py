"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from pathlib import Path

from rarecase.errors import DataError, SettingError
from rarecase.files import decode_text

WHOLE = ("--experiment", "--protocol")
"""Settings of no section, which have no short name of that name."""


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


def add_output(parser: argparse.ArgumentParser, *, progress: bool) -> None:
    """How much to say, and how; without `progress` there is none, so that being quiet about it is
    taken and not shown."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    for name, letter, text in (
        ("--quiet", "-q", "no progress"), ("--verbose", "-v", "say what is being done"),
    ):  # fmt: skip
        said = text if progress else argparse.SUPPRESS
        parser.add_argument(name, letter, action="store_true", help=said)


def refuse(args: argparse.Namespace, options: Iterable[str], *, why: str) -> None:
    """Raise `SettingError` for the first of the options that was given though it would change
    nothing; `why`: what it is for. Their defaults are None, False or an empty list."""
    for option in options:
        name = option.removeprefix("--").replace("-", "_")
        if getattr(args, name, None) not in (None, False, []):
            raise SettingError(f"{option} {why}")


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


def split_names(text: str) -> list[str]:
    """What stands between commas.

    >>> split_names("smote, threshold,")
    ['smote', 'threshold']
    """
    return [word.strip() for word in text.split(",") if word.strip()]


def column_of(label: str | None) -> str | None:
    """The column of a --label COLUMN or COLUMN=V[,V].

    >>> column_of("Grade=3,4")
    'Grade'
    """
    return None if label is None else label.partition("=")[0].strip()


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
