"""Ids of two lists that mean the same case or patient, though they may be written otherwise."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from rarecase.errors import alike, closest
from rarecase.imaging.formats import PICTURE_SUFFIXES, SUFFIXES

_ENDINGS = sorted({*SUFFIXES, *PICTURE_SUFFIXES}, key=len, reverse=True)
_SHOWN = 5
_PLAIN = re.compile(r"\d+(\.0+)?")


def same_text(text: str) -> str:
    """Text in one Unicode form (NFC): archives of a Mac hold names in another."""
    return unicodedata.normalize("NFC", text).strip()


def is_number(text: str) -> bool:
    """Whether an id is nothing but a whole number: 7, 007, 7.0.

    >>> is_number("007"), is_number("7.0"), is_number("7.5"), is_number("sub-7")
    (True, True, False, False)
    """
    return _PLAIN.fullmatch(text) is not None


def _as_written(text: str) -> str:
    return text


def _file(text: str) -> str:
    last = re.split(r"[/\\]", same_text(text).rstrip("/\\"))[-1]
    low = last.lower()
    ending = next((s for s in _ENDINGS if low.endswith(s) and len(low) > len(s)), "")
    return last[: len(last) - len(ending)]


def _letters(text: str) -> str:
    return same_text(re.sub(r"[\s_-]+", "_", _file(text)).casefold())


def _digits(text: str) -> str:
    low = _letters(text)
    if is_number(low):
        return low.partition(".")[0].lstrip("0") or "0"
    bare = re.sub(r"^sub_(?=.)", "", low)
    return re.sub(r"(?<![\d.])0+(?=\d)", "", bare)


def _end(text: str) -> str:
    digits = _digits(text)
    found = re.search(r"\d+$", digits)
    return found.group().lstrip("0") or "0" if found else digits


# Each way is the one before it and a little more, so that what one of them cannot tell apart none
# of the later ones can.
_WAYS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("as written", _as_written),
    ("in another Unicode form", same_text),
    ("with a path or a suffix", _file),
    ("with other capitals, blanks, hyphens or underscores", _letters),
    ("with other zeros (1, 1.0, 001) or without 'sub-'", _digits),
    ("as the number at the end", _end),
)
WRITTEN, LETTERS, DIGITS, END = 0, 3, 4, 5
"""Places in the ways to write an id, the closest first."""


@dataclass(frozen=True)
class Matching:
    """What `match` found of ids `left` and `right`.

    pairs: left → right, no id in two of them. way: the way (see `WRITTEN`, …) of each pair, by its
    left id. unsure, unsure_right: ids that could be several of the other side, or one that another
    could be as well, and which. alone, alone_right: those that nothing there is like.
    """

    pairs: Mapping[str, str] = field(default_factory=dict)
    way: Mapping[str, int] = field(default_factory=dict)
    unsure: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unsure_right: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    alone: tuple[str, ...] = ()
    alone_right: tuple[str, ...] = ()

    def rewritten(self) -> list[str]:
        """How ids were matched that are not as written, in words with an example each."""
        said = []
        for way, count in sorted(Counter(self.way.values()).items()):
            if way > WRITTEN:
                left = min(name for name, found in self.way.items() if found == way)
                number = f"{count} of {len(self.pairs)}" if count < len(self.pairs) else "all"
                said.append(f"{number} {_WAYS[way][0]}, such as {left!r} for {self.pairs[left]!r}")
        return said


def match(left: Iterable[str], right: Iterable[str]) -> Matching:
    """Pairs of ids that mean the same: as written, or else in the first way (Unicode form; path and
    suffix; capitals and separators; zeros, 1.0 and 'sub-'; the number at the end of one where the
    other is a plain number) in which they are the only two of both lists.

    >>> match(["1", "02", "x"], ["sub-01", "sub-02"]).pairs
    {'02': 'sub-02', '1': 'sub-01'}
    >>> match(["1"], ["01", "001"]).unsure
    {'1': ('001', '01')}
    """
    ours, theirs = sorted(set(left)), sorted(set(right))
    pairs: dict[str, str] = {}
    way: dict[str, int] = {}
    taken: set[str] = set()
    unsure: dict[str, tuple[str, ...]] = {}
    unsure_right: dict[str, tuple[str, ...]] = {}
    for place, (_, key) in enumerate(_WAYS):
        for mine, others in _groups(ours, theirs, key):
            if len(mine) == len(others) == 1:
                a, b = mine[0], others[0]
                if a not in pairs and b not in taken and _may(place, a, b):
                    pairs[a], way[a] = b, place
                    taken.add(b)
                continue
            for a in mine:
                if a not in pairs and (could := tuple(b for b in others if _may(place, a, b))):
                    unsure.setdefault(a, could)
            for b in others:
                if b not in taken and (could := tuple(a for a in mine if _may(place, a, b))):
                    unsure_right.setdefault(b, could)
    return Matching(
        pairs, way, unsure, unsure_right,
        alone=tuple(a for a in ours if a not in pairs and a not in unsure),
        alone_right=tuple(b for b in theirs if b not in taken and b not in unsure_right),
    )  # fmt: skip


def _groups(
    left: Iterable[str], right: Iterable[str], key: Callable[[str], str]
) -> list[tuple[list[str], list[str]]]:
    """Ids of both lists with one key, where both have some."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for side, names in enumerate((left, right)):
        for name in names:
            found.setdefault(key(name), ([], []))[side].append(name)
    return [both for both in found.values() if both[0] and both[1]]


def _may(place: int, left: str, right: str) -> bool:
    return place < END or is_number(_letters(left)) or is_number(_letters(right))


def written_alike(names: Iterable[str]) -> list[list[str]]:
    """Ids of one list that differ in writing alone (capitals, separators, zeros), in groups.

    >>> written_alike(["P1", "p-01", "p_1", "P2"])
    [['p-01', 'p_1']]
    """
    return alike(set(names), key=_digits)


def begins(case: str, name: str) -> bool:
    """Whether a case's name is that of a patient, or begins with it.

    >>> begins("P1_2001", "P1"), begins("P12_2001", "P1")
    (True, False)
    """
    return same_text(name) in starts(case)


def starts(case: str) -> set[str]:
    """The ids that a patient may have whose case is called so: all of it, and what is before each
    separator."""
    whole = same_text(case)
    ends = [found.start() for found in re.finditer(r"[^A-Za-z0-9]", whole)]
    return {whole, *(whole[:end] for end in ends if end)}


def listed(names: Collection[str], among: Collection[str]) -> str:
    """The first of some ids, each with the nearest of the other side's.

    >>> listed(["sub-1", "x"], ["sub-01"])
    "'sub-1' (nearest: 'sub-01'), 'x'"
    """
    words = []
    for name in sorted(names)[:_SHOWN]:
        near = closest(name, among)
        words.append(repr(name) + (f" (nearest: {near!r})" if near else ""))
    return ", ".join(words) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
