"""What can go wrong, in words that name the argument or file, what was expected, what came,
and the way out. Everything a user can cause is a `RarecaseError`; anything else is our bug."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable

MOST = 40  # names that a hint lists


class RarecaseError(ValueError):
    """Base of every error that a user can mend."""


class DataError(RarecaseError):
    """A file, table or cohort is not what it should be."""


class SettingError(RarecaseError):
    """A setting or argument has an unknown name or an impossible value."""


class LeakError(RarecaseError):
    """Something fitted on a patient was about to be judged on the same patient."""


def plain(text: object) -> str:
    """Text from a file, or a library's about it, as one line that a terminal may be shown.

    >>> plain("a\\x1b[31m b\\n\\tc")
    'a?[31m b c'
    """
    return "".join(c if c.isprintable() else "?" for c in " ".join(str(text).split()))


def alike(names: Iterable[str], *, key: Callable[[str], str] = str.casefold) -> list[list[str]]:
    """Names that `key` makes one, in groups: by default those that differ in capitals alone.

    >>> alike(["Rare", "rare", "RARE", "common"])
    [['RARE', 'Rare', 'rare']]
    """
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(key(name), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def closest(name: str, among: Collection[str], *, cutoff: float = 0.6) -> str | None:
    """The name that is most like `name`, None where none is; `cutoff`: of 1, how like it must be.

    >>> closest("HF0O1", ["HF001", "LF001"])
    'HF001'
    """
    found = difflib.get_close_matches(name, among, n=1, cutoff=cutoff)
    return found[0] if found else None


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a misspelt name.

    >>> nearest("epocs", ["epochs", "batch"])
    "did you mean 'epochs'? Known: batch, epochs."
    >>> nearest("zzz", ["epochs"])
    'Known: epochs.'
    """
    names = sorted(known)
    more = f", … ({len(names)} in all)" if len(names) > MOST else ""
    close = closest(name, names, cutoff=0.5)
    hint = f"did you mean {close!r}? " if close else ""
    return f"{hint}Known: {', '.join(names[:MOST])}{more}."
