"""Headers and values of a table as text: blanks, ways to write a letter, what is missing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from rarecase.cohort.values import MISSING, POINT

QUOTED = "\x01"
"""Stands before a word that means missing elsewhere, where it was quoted and so is one."""

DECIDED = frozenset(("none", "nil", "-"))
"""Words for what is missing that are names of classes, too (MGMT: methylated or none)."""

_BLANKS = " \t\r\n\v\f\u00a0\u2007\u202f\u3000\u200b\ufeff"
_FILE = re.compile(r"[/\\]|\.[a-z]\w{1,4}$", re.IGNORECASE)
_ONCE_FLOAT = re.compile(r"-?\d+\.0+")


def tidy(word: str) -> str:
    """A word without blanks around it, its letters composed (NFC), so that what looks the same is
    the same. A file's name stays as it was written: on disk it may be decomposed.

    >>> tidy(" Mu\u0308ller ") == "M\u00fcller", tidy("u\u0308.nii") == "u\u0308.nii"
    (True, True)
    """
    found = word.strip(_BLANKS)
    if found.isascii() or _FILE.search(found):
        return found
    return unicodedata.normalize("NFC", found)


def header(names: Iterable[object]) -> list[str]:
    """Names of columns, tidy; one without a name is numbered, as pandas does."""
    found = [tidy(as_word(name) or "").removeprefix(QUOTED) for name in names]
    return [name or f"Unnamed: {i}" for i, name in enumerate(found)]


def as_word(value: object) -> str | None:
    """A cell as text, None where it is empty: 7.0 is 7, a day is 2011-03-20."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, list | dict | np.ndarray):
        return str(value)
    if pd.isna(value):  # type: ignore[call-overload]
        return None
    if isinstance(value, datetime):
        return value.isoformat(sep=" ").removesuffix(" 00:00:00")
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def clean(
    words: Sequence[str | None], *, classes: bool = False, asked: Collection[str] = ()
) -> list[str | None]:
    """Words of a column, tidy, None where there is none, however that is written.

    A quoted word is one. `classes`: whether they may be of classes; a word in `DECIDED` is then one
    where the column would hold less than two classes without it, and where it is `asked` for.
    Whole numbers that once were floats, all of them, are those numbers.

    >>> clean(["a ", "NA", "", QUOTED + "NA"]), clean(["7.0", None, "12.0"])
    (['a', None, None, 'NA'], ['7', None, '12'])
    >>> clean(["low", "None"]), clean(["low", "None"], classes=True)
    (['low', None], ['low', 'None'])
    """
    known: dict[str | None, str | None] = {word: _read(word) for word in set(words)}
    known[None] = None
    if classes:
        known |= _decided(known, asked)
    some = [word for word in known.values() if word is not None]
    if some and all(map(_ONCE_FLOAT.fullmatch, some)):
        known = {word: said and said.partition(".")[0] for word, said in known.items()}
    return [known[word] for word in words]


def unsure(words: Iterable[str | None]) -> bool:
    """Whether a column of words, and not of numbers, holds one that is a class, or nothing."""
    seen = {word.strip(_BLANKS).casefold() for word in set(words) if word}
    return bool(seen & DECIDED) and not all(map(POINT.fullmatch, seen - MISSING))


def _read(word: str | None) -> str | None:
    if word is None:
        return None
    found = tidy(word)
    if found.startswith(QUOTED):
        return found[len(QUOTED) :].strip(_BLANKS)
    return None if found.casefold() in MISSING else found


def _decided(
    known: dict[str | None, str | None], asked: Collection[str]
) -> dict[str | None, str | None]:
    """Which words that mean missing are classes of this column."""
    gaps = {word: tidy(word) for word, said in known.items() if word and said is None}
    named = {word for word in known.values() if word is not None}
    few = len(named) < 2 and not any(map(POINT.fullmatch, named))
    if not named and len({*filter(None, gaps.values())}) > 1:
        return {word: each or None for word, each in gaps.items()}  # nothing else could be one
    return {
        word: each
        for word, each in gaps.items()
        if each in asked or (named and few and each.casefold() in DECIDED)
    }
