"""Finding the series among DICOM files, each as a stack of slices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarecase.errors import DataError
from rarecase.imaging.formats import begins_as_dicom
from rarecase.imaging.formats.below import packed_below
from rarecase.imaging.formats.dicom.geometry import by_orientation, heights, middle, places
from rarecase.imaging.formats.dicom.headers import broken, dicom_files, header_of, words
from rarecase.imaging.formats.dicom.kinds import breaks_off, no_image, refusal
from rarecase.imaging.formats.dicom.slices import NoPlace, Slice, grey, slices_of
from rarecase.imaging.formats.dicom.volumes import volumes_of

_SHOWN = 6  # series, or files, that a message names


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices of one series that have one orientation and size, the lowest along their normal
    first. differs: where the series holds several volumes, in what this one differs from the
    others. of: how many there are. unread: files beside it that cannot be read, in words."""

    slices: tuple[Slice, ...]
    axes: NDArray[np.float64]  # (2, 3), those of all slices
    differs: str = ""
    of: int = 1
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the series is called."""
        header = self.header
        number = words(header, "SeriesNumber") or "?"
        return words(header, "SeriesDescription") or f"series {number}"

    @property
    def header(self) -> Any:
        """The header of its first slice."""
        return self.slices[0].header

    @property
    def path(self) -> Path:
        """A file by which it can be named."""
        return self.slices[0].path

    @property
    def uid(self) -> str:
        """Of its series."""
        return words(self.header, "SeriesInstanceUID")

    @property
    def grey(self) -> bool:
        """Whether it is a picture in grey."""
        return grey(self.slices[0])

    @property
    def plane(self) -> str:
        """axial, coronal or sagittal, whichever is nearest."""
        normal = np.abs(np.cross(*self.axes))
        return ("sagittal", "coronal", "axial")[int(normal.argmax())]

    def described(self, folder: Path) -> str:
        """What it is, with a file of it as seen from a folder."""
        colour = "" if self.grey else "in colour, "
        differs = f"{self.differs}, " if self.differs else ""
        return (
            f"{self.name!r} ({colour}{words(self.header, 'Modality') or '?'}, {len(self.slices)} "
            f"{self.plane} slices, {differs}such as {_from(folder, self.path)})"
        )


@dataclass(frozen=True, eq=False)
class Found:
    """What lies in a folder. others: files that are no placed images, each with its header and what
    it is. unreadable: files with what is wrong with them. copies: files that hold the very slice
    of another, which is taken."""

    stacks: tuple[Stack, ...]
    others: tuple[tuple[Path, Any, str], ...] = ()
    unreadable: dict[Path, str] = field(default_factory=dict)
    copies: dict[Path, Path] = field(default_factory=dict)

    def of_kind(self, kind: str) -> list[tuple[Path, Any]]:
        """The files of a kind, such as segmentations, with their headers."""
        return [(path, header) for path, header, what in self.others if what.startswith(kind)]

    def doubtful(self, stack: Stack, *, sure: bool) -> list[Path]:
        """Unreadable files that are slices of a stack, as they hold its number; unless `sure` also
        those that may be: they break off, and lie where all others are its slices."""
        folders = {each.path.parent for each in stack.slices}
        mine = {each.path for each in stack.slices}
        beside = {e.path.parent for s in self.stacks for e in s.slices if e.path not in mine}
        found = []
        for path in self.unreadable:
            if path.parent in folders:
                held = path.read_bytes() if path.exists() else b""
                alone = path.parent not in beside and (not held or begins_as_dicom(held[:132]))
                if (alone and not sure) or (stack.uid and stack.uid.encode() in held):
                    found.append(path)
        return found


def look_into(folder: Path) -> Found:
    """All stacks of images in a folder and the folders in it, and what else lies there."""
    return sorted_out(dicom_files(folder))


def sorted_out(files: Iterable[Path]) -> Found:
    """Files as stacks of images, other objects, and what cannot be read."""
    groups: dict[Any, list[Slice]] = defaultdict(list)
    others: list[tuple[Path, Any, str]] = []
    unreadable: dict[Path, str] = {}
    copies: dict[Path, Path] = {}
    known: dict[Any, Path] = {}
    for path in files:
        try:
            header = header_of(path)
            if breaks_off(header):
                raise DataError(broken(path))
            if (reason := no_image(header)) is not None:
                others.append((path, header, reason))
                continue
            for each in slices_of(path, header):
                key = _key(each)
                first = known.setdefault(_identity(each, key), path)
                if first == path:
                    groups[key].append(each)
                else:
                    copies[path] = first
        except NoPlace as lacking:
            others.append((path, header, str(lacking)))
        except DataError as error:
            unreadable[path] = str(error)
    ways = [one for slices in groups.values() for one in by_orientation(slices)]
    ways.sort(key=lambda slices: min((str(each.path), each.frame or 0) for each in slices))
    stacks = [stack for slices in ways for stack in _stacks(slices)]
    return Found(tuple(stacks), tuple(others), unreadable, copies)


def _identity(each: Slice, key: Any) -> Any:
    """The same for copies of one slice, however they are packed."""
    uid = words(each.header, "SOPInstanceUID")
    if not uid:
        return each.path, each.frame
    return uid, key[:3], each.frame, tuple(each.position), tuple(each.apart.values())


def _key(each: Slice) -> Any:
    header, colour = each.header, not grey(each)
    uid = words(header, "SeriesInstanceUID")
    if not uid:  # taken out by who made the file nameless
        names = ("StudyInstanceUID", "SeriesNumber", "SeriesDescription", "PatientID")
        uid = "\0".join(words(header, name) for name in names)
    # A file of several frames is a volume by itself.
    return uid, each.size, colour, None if each.frame is None else each.path


def _stacks(slices: Sequence[Slice]) -> list[Stack]:
    """The stack of slices of one orientation; several where volumes that differ in a header
    lie at the same places."""
    axes = middle([each.axes for each in slices])
    where = heights(slices, axes)
    order = sorted(range(len(slices)), key=lambda k: (where[k], slices[k].path, slices[k].frame))
    ordered = [slices[k] for k in order]
    parts = volumes_of(ordered, places(ordered, axes))
    return [Stack(tuple(part), axes, said, len(parts)) for said, part in parts]


def stack_of(path: Path) -> Stack:
    """The stack that a folder holds, or that a file belongs to with those beside it."""
    if path.is_dir():
        return _only(path, look_into(path))
    found = _around(path)
    if path in found.unreadable:
        raise DataError(found.unreadable[path])
    mine = [s for s in found.stacks if any(each.path == path for each in s.slices)]
    if not mine:
        reasons = [what for other, _, what in found.others if other == path]
        raise DataError(refusal(path, reasons[0] if reasons else "no image"))
    if len(mine) > 1:
        raise DataError(
            f"{path}: holds {len(mine)} volumes or orientations: {_listed(path.parent, mine)}. "
            "Split it into a file per volume, for instance with dcm2niix or 3D Slicer."
        )
    return _known(mine[0], found)


def _around(path: Path) -> Found:
    """What a file and its neighbours are; one of several frames is all by itself."""
    found = sorted_out([path])
    if not found.stacks or found.stacks[0].slices[0].frame is not None:
        return found
    return sorted_out(dicom_files(path.parent, beside=path))


def _only(folder: Path, found: Found) -> Stack:
    """The one stack in a folder; those in colour do not count beside one in grey."""
    stacks = [stack for stack in found.stacks if stack.grey] or list(found.stacks)
    if not stacks:
        raise DataError(_none_there(folder, found))
    if len(stacks) > 1 and stacks[0].of == len(stacks):
        raise DataError(_overlaid(folder, stacks))
    if len(stacks) > 1:
        raise DataError(
            f"{folder}: holds {len(stacks)} series or orientations: {_listed(folder, stacks)}. "
            "Name a file of the wanted one instead of the folder, or move it to one of its own."
        )
    if doubtful := found.doubtful(stacks[0], sure=False):
        raise DataError(found.unreadable[doubtful[0]])
    return _known(stacks[0], found)


def _known(stack: Stack, found: Found) -> Stack:
    """A stack that is read, with what is known of the files beside it."""
    return replace(stack, notes=_left_out(stack, found), unread=tuple(found.unreadable.values()))


def _none_there(folder: Path, found: Found) -> str:
    if found.unreadable:
        return next(iter(found.unreadable.values()))
    what = "; ".join(f"{path.name} is {why}" for path, _, why in found.others[:_SHOWN])
    what = what or packed_below(folder)
    return f"{folder}: no DICOM images that are placed in the patient{': ' if what else ''}{what}."


def _overlaid(folder: Path, stacks: Sequence[Stack]) -> str:
    """Volumes of one series at the same places, and how one of them is chosen."""
    taken = sum(len(stack.slices) for stack in stacks[1:])
    which = "; ".join(f"{stack.differs} ({stack.path.name})" for stack in stacks[:_SHOWN])
    return (
        f"{folder}: series {stacks[0].name!r} has {taken} slices at places that are taken, such as "
        f"{stacks[1].path.name} and {stacks[0].path.name}. It holds {len(stacks)} volumes, which "
        f"differ in {which}. Name a file of the wanted one instead of the folder. Or: Keep one "
        "volume in the folder."
    )


def _from(folder: Path, path: Path) -> Path:
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def _listed(folder: Path, stacks: Sequence[Stack]) -> str:
    more = f" and {len(stacks) - _SHOWN} more" if len(stacks) > _SHOWN else ""
    return "; ".join(stack.described(folder) for stack in stacks[:_SHOWN]) + more


def _names(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths[:_SHOWN]) + (", …" if paths[_SHOWN:] else "")


def _left_out(stack: Stack, found: Found) -> tuple[str, ...]:
    """What lies beside a stack that is read, and should be known of."""
    notes = []
    if stack.of > 1:
        notes.append(
            f"{stack.name!r} holds {stack.of} volumes; the one with {stack.differs} is taken"
        )
    same = [s for s in found.stacks if s is not stack and stack.uid and s.uid == stack.uid]
    others = [s for s in same if (s.of, s.axes is stack.axes) != (stack.of, True)]
    if others:
        count = sum(len(s.slices) for s in others)
        notes.append(
            f"{count} more slices of {stack.name!r} are left out: another orientation, size or "
            f"colour, such as {others[0].path.name}"
        )
    mine = {each.path for each in stack.slices}
    if copies := [path for path, first in found.copies.items() if first in mine]:
        notes.append(f"copies of its slices are left out: {_names(copies)}")
    if found.unreadable:
        notes.append(
            f"{len(found.unreadable)} file(s) beside {stack.path.name} cannot be read and are left "
            f"out: {_names(list(found.unreadable))}"
        )
    if missed := found.doubtful(stack, sure=True):
        notes.append(f"{_names(missed)} bears the number of its series: a slice may be missing")
    return tuple(notes)
