"""Several volumes in one series: echoes, time points, real and imaginary parts."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.datadict import keyword_for_tag

from rarecase.imaging.formats.dicom.headers import whole_header_of
from rarecase.imaging.formats.dicom.slices import APART, Slice

# Kinds of values that may be shown: others could name a person, a time or a place.
_SHOWN = ("CS", "DS", "IS", "US", "SS", "UL", "SL", "FL", "FD")
_LONGEST = 64  # bytes of a value that may tell volumes apart


def volumes_of(slices: Sequence[Slice], place: NDArray[np.int64]) -> list[tuple[str, list[Slice]]]:
    """Slices, with the number of the place of each, as volumes that hold every place once, each
    with what tells it from the others. All in one, and nothing, where there is one volume, or where
    nothing tells them apart."""
    volumes = int(np.bincount(place).max())
    if volumes == 1:
        return [("", list(slices))]
    for count in (1, 2):
        for names in combinations(APART, count):
            keys = [tuple(each.apart.get(name, "") for name in names) for each in slices]
            found = _parted(slices, place, volumes, keys)
            if found is not None:
                parts = sorted(found.items(), key=lambda pair: [_in_order(v) for v in pair[0]])
                return [(_said(key, names), part) for key, part in parts]
    # At a single place any number that counts slices would do, and tell nothing.
    found_so = _by_any(slices, place, volumes) if place.max() > 0 else None
    return found_so or [("", list(slices))]


def _parted(
    slices: Sequence[Slice],
    place: NDArray[np.int64],
    volumes: int,
    keys: Sequence[Hashable],
) -> dict[Any, list[Slice]] | None:
    """Slices by their key, if that makes so many volumes with no place twice."""
    parts: dict[Any, list[Slice]] = {}
    taken: set[tuple[Any, int]] = set()
    for each, where, mine in zip(slices, place.tolist(), keys, strict=True):
        if (mine, where) in taken:
            return None
        taken.add((mine, where))
        parts.setdefault(mine, []).append(each)
    return parts if len(parts) == volumes else None


def _in_order(value: str) -> tuple[float, str]:
    """Numbers by size, before texts."""
    try:
        return float(value), ""
    except ValueError:
        return float("inf"), value


def _said(key: tuple[str, ...], names: tuple[str, ...]) -> str:
    """What a volume differs in; numbers of studies are nobody's to see."""
    pairs = zip(names, key, strict=True)
    return ", ".join(n if n.endswith("UID") else f"{n} {value or 'unsaid'}" for n, value in pairs)


def _by_any(
    slices: Sequence[Slice], place: NDArray[np.int64], volumes: int
) -> list[tuple[str, list[Slice]]] | None:
    """The same by any other element of the headers, private ones too."""
    if any(each.frame is not None for each in slices):
        return None
    headers = {each.path: whole_header_of(each.path) for each in slices}
    first = headers[slices[0].path]
    # What is told by a number of the standard's is of less use than by what was measured.
    for tag in sorted(first.keys(), key=lambda tag: (keyword_for_tag(tag).endswith("UID"), tag)):
        held = {path: _raw(header, tag) for path, header in headers.items()}
        if len(set(held.values())) != volumes or None in held.values():
            continue
        found = _parted(slices, place, volumes, [held[each.path] for each in slices])
        if found is not None:
            return [(_named(headers[part[0].path], tag), part) for part in found.values()]
    return None


def _raw(header: Any, tag: Any) -> Hashable:
    """A value as it can be compared; None where it is absent, long, or a sequence."""
    if tag not in header:
        return None
    value = header.get_item(tag).value
    text = value if isinstance(value, bytes) else str(value).encode()
    return None if len(text) > _LONGEST else text


def _named(header: Any, tag: Any) -> str:
    try:
        element = header[tag]
        name, value = element.name.strip("[]"), element.value
        shown = f" {value}" if element.VR in _SHOWN else ""
    except Exception:
        name, shown = "an element", ""
    return f"{name} {tag}{shown}"
