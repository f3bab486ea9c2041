"""Loading a case as axial slices, with every check that only the voxels can answer."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rarecase.cohort.case import Case, SliceFiles
from rarecase.errors import DataError
from rarecase.imaging.align import place_of, same_place, seen_from
from rarecase.imaging.formats.base import by, check_shape
from rarecase.imaging.grid import Grid, axial_grid, resample
from rarecase.imaging.mask_rule import drawn
from rarecase.imaging.normalise import fit_scale
from rarecase.imaging.pictures import Picture, noted_mask, noted_picture
from rarecase.imaging.volumes import Volume, probe_volume, read_mask_volume, read_volume
from rarecase.numbers import plainly
from rarecase.shown import Brief

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, repr=False)
class CaseArrays(Brief):
    """A case as upright axial slices: front on top, the patient's right on the left.

    images: (n, c, h, w) float32, raw values. masks: (n, h, w) uint8 of 0 and 1, None if the case
    has none. has_mask: (n,) bool, whether the slice has a mask. numbers: (n,) the slice's number
    in the case. values: whole numbers above 0 that the mask's file holds, and in how many voxels.
    spacing: mm by row, column and slice, None for pictures. notes: what is odd and was settled
    while loading. grid: where the slices lie, RAS+ (see `axial` for their order), and source: the
    grid of the first channel's file; None for pictures. drawn_on: the channels, by place, whose
    voxels the mask has, where others have other ones.
    """

    images: NDArray[np.float32]
    masks: NDArray[np.uint8] | None
    has_mask: NDArray[np.bool_]
    numbers: NDArray[np.int64]
    spacing: tuple[float, float, float] | None
    notes: tuple[str, ...] = ()
    grid: Grid | None = None
    placed: bool = False  # whether a header says how it lies in space
    source: Grid | None = None
    values: Mapping[int, int] = field(default_factory=dict)
    drawn_on: tuple[int, ...] = ()


def load_groups(
    case: Case, channels: Sequence[str], *, pixel: float | None = None
) -> list[CaseArrays]:
    """Load a case as one CaseArrays for every size of its slices (volumes have one).

    `channels` choose and order the planes. Channels and mask of a volume case that have other grids
    than the first channel are resampled to it (see `place_of`); slices are axial (`axial_grid`), of
    `pixel` mm if it is given. Raises DataError that names case and file.
    """
    missing = [name for name in channels if name not in case.channels]
    if missing:
        raise DataError(f"Case {case.case!r} has no {', '.join(missing)} image.")
    try:
        if case.slices:
            if pixel is not None:
                raise DataError(
                    "its pictures say nothing of the size of their pixels, so they cannot be "
                    f"brought to {pixel:g} mm. Leave slices.pixel out."
                )
            return _load_pictures(case, channels)
        return [_load_volumes(case, channels, pixel=pixel)]
    except DataError as error:
        raise DataError(f"Case {case.case!r}: {error}") from None


def count_slices(case: Case, channels: Sequence[str] | None = None) -> int:
    """How many axial slices the case has, from file names and headers alone; `channels` as they are
    to be loaded, the first of which decides (default: the case's own)."""
    if case.slices:
        return len(case.slices)
    name = (channels or case.channels)[0]
    return axial_grid(probe_volume(case.images[name]).grid)[0].shape[2]


def axial(data: NDArray) -> NDArray:
    """RAS+ data (x, y, z) as slices (z, rows, columns): front on top, right on the left.

    >>> data = np.zeros((2, 3, 1)); data[1, 2, 0] = 1  # right, front
    >>> int(axial(data)[0, 0, 0])
    1
    """
    return data[::-1, ::-1].transpose(2, 1, 0)


def from_axial(slices: NDArray) -> NDArray:
    """Back from `axial`: slices (z, rows, columns) as RAS+ data (x, y, z).

    >>> data = np.arange(24).reshape(2, 3, 4)
    >>> bool((from_axial(axial(data)) == data).all())
    True
    """
    return slices.transpose(2, 1, 0)[::-1, ::-1]


def _load_volumes(case: Case, channels: Sequence[str], *, pixel: float | None) -> CaseArrays:
    paths = [case.images[name] for name in channels]
    volumes = _channels(case, channels)
    first, notes = volumes[0], list(volumes[0].notes)
    target, changed = axial_grid(first.grid, pixel=pixel)
    notes += changed
    check_shape(paths[0], target.shape)
    planes, places = [axial(_on(first, first.grid, target))], [first.grid]
    for path, volume in zip(paths[1:], volumes[1:], strict=True):
        there, said = place_of(paths[0], first, path, volume)
        notes += [*volume.notes, *said]
        planes.append(axial(_on(volume, there, target)))
        places.append(there)
    masks = None
    values: Mapping[int, int] = {}
    drawn_on: list[int] = []
    if case.mask is not None:
        mask = read_mask_volume(case.mask, chosen=case.tumour)
        lies = _drawn_on(case.mask, mask, paths, volumes)
        drawn_on = list(lies) if len(lies) < len(paths) else []
        there, said = (
            (places[at := next(iter(lies))], lies[at])
            if lies
            else place_of(paths[0], first, case.mask, mask, mask=True)
        )
        found = drawn(mask.data, case.mask.name, chosen=case.tumour)
        notes += [*mask.notes, *said, *found.said]
        values = found.values
        covered = resample(found.inside.astype(np.float32), there, target)
        masks = (axial(covered) >= 0.5).astype(np.uint8)
        if found.inside.any() and not covered.any():
            raise DataError(
                f"{case.mask}: nothing of the mask lies within {paths[0]}. Are both of this "
                "patient, with their own headers?"
            )
    x, y, z = target.spacing
    for note in notes:
        _log.warning("%s: %s", case.case, note)
    slices = target.shape[2]
    return CaseArrays(
        images=_together(planes),
        masks=masks,
        has_mask=np.full(slices, masks is not None),
        numbers=np.arange(slices),
        spacing=(y, x, z),
        notes=tuple(notes),
        grid=target,
        placed=first.placed,
        source=first.source,
        values=values,
        drawn_on=tuple(drawn_on),
    )


def _together(planes: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Channels (n, h, w) as (n, c, h, w), in that order in memory: whoever goes through all of it
    would copy it first otherwise."""
    n, h, w = planes[0].shape
    out = np.empty((n, len(planes), h, w), dtype=np.float32)
    return np.stack(planes, axis=1, out=out)


def _drawn_on(
    path: Path, mask: Volume, paths: Sequence[Path], volumes: Sequence[Volume]
) -> dict[int, list[str]]:
    """The channels, by place, that have the mask's voxels, each with what is to be said of it."""
    found = {}
    for place, (channel, volume) in enumerate(zip(paths, volumes, strict=True)):
        there, said = seen_from(channel, volume, path, mask)
        if same_place(volume.grid, there):
            found[place] = said
    return found


def _on(volume: Volume, there: Grid, target: Grid) -> NDArray[np.float32]:
    """A volume that lies on `there`, on `target`; around it its own background."""
    if there.same_as(target):
        return volume.data
    return resample(volume.data, there, target, outside=fit_scale(volume.data).background)


def _channels(case: Case, channels: Sequence[str]) -> list[Volume]:
    """The volume of each channel; a file that holds several is read once."""
    shared_files: dict[Path, Volume] = {}
    found = []
    for name in channels:
        path, part = case.images[name], case.parts.get(name)
        if part is None:
            found.append(read_volume(path))
            continue
        if path not in shared_files:
            shared_files[path] = read_volume(path, several=True)
        whole = shared_files[path]
        there = whole.data.shape[3] if whole.data.ndim == 4 else 1
        if part >= there:
            raise DataError(
                f"{path}: holds {there} volume(s), and {name!r} should be number {part + 1}."
            )
        data = whole.data[..., part] if whole.data.ndim == 4 else whole.data
        if data.min() == data.max():
            raise DataError(
                f"{path}: every voxel of volume {part + 1} ({name}) is "
                f"{plainly(float(data.min()))}."
            )
        found.append(replace(whole, data=data))
    return found


def _load_pictures(case: Case, channels: Sequence[str]) -> list[CaseArrays]:
    planes = [case.planes.index(name) for name in channels]
    by_size: dict[tuple[int, int], list[tuple[int, NDArray, NDArray | None]]] = {}
    said: dict[str, list[str]] = {}
    values: Counter[int] = Counter()
    for files in case.slices:
        found = noted_picture(files.image, channels=len(case.planes))
        image, size = found.values[planes], (found.values.shape[1], found.values.shape[2])
        mask = _mask(files, size, case.tumour)
        for path, picture in ((files.image, found), (files.mask, mask)):
            for note in picture.notes if picture else ():
                said.setdefault(note, []).append(path.name if path else "")
        values.update(mask.labels if mask else {})
        drawing = None if mask is None else mask.values
        by_size.setdefault(size, []).append((files.number, image, drawing))
    if not any(image.any() for group in by_size.values() for _, image, _ in group):
        raise DataError(
            f"every pixel of its {len(case.slices)} picture(s) is 0, such as in "
            f"{case.slices[0].image}. Export them again, or leave this case out "
            "(--cohort.exclude CASE)."
        )
    notes = tuple(_of_files(names, note) for note, names in said.items())
    for note in notes:
        _log.warning("%s: %s", case.case, note)
    groups = [_group(group, case.has_mask) for group in by_size.values()]
    return [replace(groups[0], notes=notes, values=dict(values)), *groups[1:]]


def _of_files(names: Sequence[str], note: str) -> str:
    """What was said of several pictures, in one line."""
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more}: {note}"


def _mask(files: SliceFiles, size: tuple[int, int], tumour: Sequence[int]) -> Picture | None:
    if files.mask is None:
        return None
    mask = noted_mask(files.mask, chosen=tumour)
    if mask.values.shape != size:
        raise DataError(
            f"{files.mask} has the size {by(mask.values.shape)} and {files.image} {by(size)} "
            "(height x width, turned as their EXIF tags say). A mask must have the size of its "
            "picture."
        )
    return mask


def _group(slices: list[tuple[int, NDArray, NDArray | None]], any_mask: bool) -> CaseArrays:
    images = np.stack([image for _, image, _ in slices])
    masks = None
    if any_mask:
        empty = np.zeros(images.shape[-2:], dtype=np.uint8)
        masks = np.stack([empty if mask is None else mask for _, _, mask in slices])
    return CaseArrays(
        images=images,
        masks=masks,
        has_mask=np.array([mask is not None for _, _, mask in slices]),
        numbers=np.array([number for number, _, _ in slices], dtype=np.int64),
        spacing=None,
    )
