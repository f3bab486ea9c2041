"""Where a NIfTI header puts its voxels: two forms, either of which may be broken, and units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes
from numpy.typing import NDArray

from rarecase.errors import DataError
from rarecase.imaging.formats.base import check_affine, refusing
from rarecase.imaging.formats.units import in_mm

Affine = NDArray[np.float64]

_UNITS = {1: "metre", 3: "micrometre"}
# No scan has voxels of 10 cm: metres are then said of what are millimetres.
_LARGEST = 100.0
# A quaternion this long is one that was rounded; a longer one is no rotation.
_LONGEST, _SAID = 1.05, 1.0001
_APART = 0.5  # of a voxel; forms that are nearer say the same
_RATIO = 1.02  # sizes of voxels that differ by less are the same


@dataclass(frozen=True, eq=False)
class Place:
    """affine: (4, 4), indices to mm, RAS+. forms: those of sform and qform that the header declares
    valid and that can be used, as affines in mm; the first is the one that is taken."""

    affine: Affine
    forms: Mapping[str, Affine] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def place_in(path: Path, raw: Any, header: Any, shape: tuple[int, ...]) -> Place:
    """Of a header as it is stored (`raw`) and as nibabel mends it. The sform is taken, or the qform
    where there is no sform that can be used: the rule for images and masks alike. Raises DataError
    where a form is declared and none can be used."""
    sizes = np.asarray(raw["pixdim"][1:4], dtype=np.float64)
    coded = [name for name in ("sform", "qform") if int(header[f"{name}_code"]) > 0]
    notes: list[str] = []
    if not (np.isfinite(sizes) & (sizes != 0)).all() and coded in ([], ["qform"]):
        notes.append(f"{path.name} says nothing of voxel sizes (pixdim 0); 1 mm is assumed")
        sizes = np.ones(3)
    found: dict[str, Affine] = {}
    broken: dict[str, str] = {}
    for name in coded:
        try:
            with refusing(path, f"its {name} cannot be used", "Mend the header."):
                affine, said = _sform(header) if name == "sform" else _qform(path, header, sizes)
            check_affine(path, affine)
            found[name] = affine
            notes += [f"{path.name}: {each}" for each in said]
        except DataError as error:
            broken[name] = str(error)
    if coded and not found:
        raise DataError(broken[coded[0]])
    affine = next(iter(found.values())) if found else _without(path, header)
    factor, said = _unit(header, affine)
    notes += [f"{path.name}: {each}" for each in said]
    if next(iter(found), None) == "qform" and "sform" in broken:
        notes.append(f"{path.name}: its sform cannot be used; the qform is taken")
    scale = np.diag([factor, factor, factor, 1.0])
    forms = {name: scale @ form for name, form in found.items()} if factor != 1 else found
    affine = next(iter(forms.values())) if forms else scale @ affine
    notes += [f"{path.name}: {each}" for each in _contradictions(forms, shape, sizes * factor)]
    return Place(affine, forms, tuple(notes))


def _sform(header: Any) -> tuple[Affine, list[str]]:
    return np.asarray(header.get_sform(), dtype=np.float64), []


def _qform(path: Path, header: Any, sizes: NDArray[np.float64]) -> tuple[Affine, list[str]]:
    """The qform, its quaternion brought to length 1 where rounding has made it longer."""
    if not (np.isfinite(sizes) & (sizes != 0)).all():
        raise DataError(f"{path}: its qform has no voxel sizes (pixdim 0). Mend the header.")
    mended, said = header.copy(), []
    parts = np.array([float(header[f"quatern_{p}"]) for p in "bcd"])
    length = float(np.linalg.norm(parts))
    if not length <= _LONGEST:
        raise DataError(
            f"{path}: the quaternion of its qform has length {length:g}, which is no rotation, so "
            "the orientation is unknown. Mend the header (sform or qform)."
        )
    if length > 1:
        for name, part in zip("bcd", parts / length, strict=True):
            mended[f"quatern_{name}"] = part
    if length > _SAID:
        said.append(f"the quaternion of its qform has length {length:.4f}; it is taken at length 1")
    return np.asarray(mended.get_qform(), dtype=np.float64), said


def _without(path: Path, header: Any) -> Affine:
    """Of a header that declares neither form."""
    affine = np.asarray(header.get_base_affine(), dtype=np.float64)
    check_affine(path, affine)
    return affine


def _unit(header: Any, affine: Affine) -> tuple[float, list[str]]:
    """Millimetres of the header's unit of length, and what is to be said."""
    name = _UNITS.get(int(header["xyzt_units"]) & 7)
    factor = in_mm(name) if name else None
    if factor is None or name is None:
        return 1.0, []
    sizes = voxel_sizes(affine) * factor
    if sizes.max() > _LARGEST:
        return 1.0, [f"its header counts in {name}s, which no scan does; millimetres are assumed"]
    shown = " x ".join(f"{size:.4g}" for size in sizes)
    return factor, [f"its header counts in {name}s; voxels are {shown} mm"]


def _contradictions(
    forms: Mapping[str, Affine], shape: tuple[int, ...], sizes: NDArray[np.float64]
) -> list[str]:
    """What is to be said where the header contradicts itself."""
    taken = next(iter(forms.values()), None)
    if taken is None:
        return []
    if len(forms) > 1:
        apart = contradict(forms["sform"], forms["qform"], shape)
        if apart is None:
            return []
        mirrored = np.linalg.det(taken[:3, :3]) * np.linalg.det(forms["qform"][:3, :3]) < 0
        return [
            f"its sform and its qform contradict each other (up to {apart:.1f} mm apart"
            f"{', one mirrors the other' if mirrored else ''}); the sform is taken"
        ]
    if "sform" not in forms or not (np.isfinite(sizes) & (sizes > 0)).all():
        return []
    there = voxel_sizes(taken)
    if (np.maximum(there, sizes) > _RATIO * np.minimum(there, sizes)).any():
        one, other = (" x ".join(f"{v:.4g}" for v in each) for each in (there, sizes))
        return [f"voxels of {one} mm by its sform, {other} mm by its pixdim; the sform is taken"]
    return []


def contradict(one: Affine, other: Affine, shape: tuple[int, ...]) -> float | None:
    """Millimetres by which two forms put the corners of a volume apart, None where they say the
    same but for rounding."""
    ends = np.array(list(product(*[(0, n - 1) for n in shape[:3]])), dtype=np.float64)
    apart = float(np.linalg.norm(apply_affine(one, ends) - apply_affine(other, ends), axis=1).max())
    return apart if apart >= _APART * float(voxel_sizes(one).min()) else None
