"""What nibabel, SimpleITK, MONAI and rarecase make of forty odd files.

    pip install monai; python benchmarks/odd_inputs.py

The files are those of `odd_files.py`: each was written from the same voxels, so that it is known
what is right. A reader is right when shape and spacing (in any order), the largest value and the
place of the brightest voxel (mm, RAS+) are; where nobody can know, refusing is. Prints a table;
keeps it in results/odd_inputs.json.
"""

from __future__ import annotations

import json
import re
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import SimpleITK
from odd_files import (
    AFFINE,
    AT,
    ELSEWHERE,
    PEAK,
    PICTURE,
    SPACING,
    VOXELS,
    Odd,
    Truth,
    beside,
    big,
    dicom,
    edited,
    flat,
    hyperstack,
    inverted,
    itk,
    jittered,
    mgz,
    nifti,
    palette,
    renamed,
    rounded,
    scaled,
    stack,
    turned,
)  # fmt: skip
from pydicom.uid import ExplicitVRBigEndian, RLELossless

from rarecase.errors import RarecaseError
from rarecase.imaging import read_volume
from rarecase.imaging.pictures import read_mask_picture, read_picture

RESULTS = Path(__file__).with_name("results")
FLAT = Truth(shape=PICTURE.shape, spacing=None, place=(AT[1], AT[0]))  # row, column
MARK = replace(FLAT, peak=1)
UNPLACED = Truth(place=None)
THOUSANDFOLD = np.diag([1000.0, 1000.0, 1000.0, 1.0]) @ AFFINE
TURNED = AFFINE @ nib.affines.from_matvec(np.diag([-1, 1, 1]), [VOXELS.shape[0] - 1, 0, 0])
SLOPE, QFORM_CODE, CODES, PIXDIM, QUATERNION, SFORM = 112, 252, 252, 80, 256, 280  # bytes


def bits(*numbers: float) -> bytes:
    return np.array(numbers, "<f4").tobytes()


FILES = (
    Odd("NIfTI in micrometres", lambda f: nifti(
        f, sform=THOUSANDFOLD, qform=THOUSANDFOLD, xyzt_units=3)),
    Odd("gzipped NIfTI called .nii", partial(renamed, zipped=True)),
    Odd("plain NIfTI called .nii.gz", partial(renamed, zipped=False)),
    Odd("quaternion longer than 1, no sform", lambda f: edited(
        f, {CODES + 2: bytes(2), QUATERNION: bits(0, 0, 1.00001)}), UNPLACED),
    Odd("pixdim 0 0 0, sound sform", lambda f: edited(
        f, {PIXDIM: bytes(12), QFORM_CODE: bytes(2)})),
    Odd("sform all zero with code 1, sound qform", lambda f: edited(f, {SFORM: bytes(48)})),
    Odd("sform and qform 70 mm apart", lambda f: nifti(f, qform=ELSEWHERE)),
    Odd("neither sform nor qform", lambda f: edited(f, {CODES: bytes(4)}), UNPLACED),
    Odd("slope NaN", lambda f: edited(f, {SLOPE: bits(np.nan)})),
    Odd("slope 0", lambda f: edited(f, {SLOPE: bits(0)})),
    Odd("slope 2 and intercept 10", lambda f: edited(f, {SLOPE: bits(2, 10)}),
        Truth(peak=2 * PEAK + 10)),
    Odd("big-endian", lambda f: nifti(f, data=VOXELS.astype(">i2"))),
    Odd("fourth axis of one", lambda f: nifti(f, data=VOXELS[..., None])),
    Odd("fifth axis of one (vector)", lambda f: nifti(f, data=VOXELS[..., None, None])),
    Odd("stored as float64", lambda f: nifti(f, data=VOXELS.astype(np.float64))),
    Odd("left-handed axes", lambda f: nifti(
        f, data=VOXELS[::-1], sform=TURNED, qform=TURNED)),
    Odd("NaN in a corner", lambda f: nifti(f, data=_holed()), Truth(refused="NaN")),
    Odd("cut in half", lambda f: _halved(nifti(f)), Truth(refused="cut")),
    Odd("DICOM without preamble", partial(dicom, preamble=False)),
    Odd("DICOM without suffix", partial(dicom, suffix="")),
    Odd("DICOM, positions rounded by 0.04 mm", partial(dicom, each=rounded)),
    Odd("DICOM, orientation off by 0.02°", partial(dicom, each=jittered)),
    Odd("DICOM, MONOCHROME1", partial(dicom, each=inverted)),
    Odd("DICOM, a slope a slice", partial(dicom, each=scaled)),
    Odd("DICOM, RLE", partial(dicom, syntax=RLELossless)),
    Odd("DICOM, explicit big-endian", partial(dicom, each=big, syntax=ExplicitVRBigEndian)),
    Odd("DICOM, a slice missing", partial(dicom, skip=3), Truth(refused="a slice is missing")),
    Odd("NRRD, gzip", partial(itk, name="a.nrrd")),
    Odd("MetaImage with its voxels beside it", partial(itk, name="a.mhd")),
    Odd("FreeSurfer .mgz", mgz),
    Odd("TIFF stack with nnU-Net's JSON", beside, UNPLACED),
    Odd("ImageJ hyperstack of two channels", hyperstack,
        replace(UNPLACED, shape=(*VOXELS.shape, 2))),
    Odd("ImageJ stack with spacing", lambda f: stack(
        f, imagej=True, resolution=(1 / SPACING[0], 1 / SPACING[1]),
        metadata={"axes": "ZYX", "spacing": SPACING[2], "unit": "mm"}), UNPLACED),
    Odd("TIFF, 16 bit, white is zero", lambda f: flat(
        f, (65535 - PICTURE.astype(np.uint16)), "a.tif", photometric="miniswhite"), FLAT),
    Odd("TIFF, signed 8 bit", lambda f: flat(
        f, (PICTURE // 8 - 100).astype(np.int8), "a.tif", photometric="minisblack"),
        replace(FLAT, peak=PEAK // 8 - 100)),
    Odd("TIFF, unsigned 32 bit", lambda f: flat(
        f, PICTURE.astype(np.uint32) * 4_000_000, "a.tif", photometric="minisblack"),
        replace(FLAT, peak=4_000_000 * PEAK)),
    Odd("JPEG to be turned (EXIF)", turned, replace(FLAT, peak=PEAK // 4)),
    Odd("16-bit grey PNG", lambda f: flat(f, PICTURE.astype(np.uint16), "a.png"), FLAT),
    Odd("mask PNG of a palette, white first", palette, MARK),
    Odd("1-bit mask PNG", lambda f: flat(f, PICTURE > PEAK / 2, "a.png"), MARK),
)  # fmt: skip


def _holed() -> Any:
    data = VOXELS.astype(np.float32)
    data[0, 0, 0] = np.nan
    return data


def _halved(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def by_nibabel(path: Path, *, flat: bool) -> Any:
    image: Any = nib.load(path)
    return image.get_fdata(), image.affine, True


def by_itk(path: Path, *, flat: bool) -> Any:
    if path.is_dir():
        names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(path))
        image = SimpleITK.ReadImage(names)
    else:
        image = SimpleITK.ReadImage(str(path))
    data = SimpleITK.GetArrayFromImage(image)
    if flat:
        return data, np.eye(4), True
    direction = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine = np.diag([-1, -1, 1, 1]) @ nib.affines.from_matvec(direction, image.GetOrigin())
    return np.moveaxis(data, [0, 1, 2], [2, 1, 0]), affine, True


def by_monai(path: Path, *, flat: bool) -> Any:
    from monai.transforms import LoadImage

    found = LoadImage(image_only=True)(str(path))
    data = found.numpy()  # pictures: columns first
    return (data.T if flat else data), (np.eye(4) if flat else found.affine.numpy()), True


def by_rarecase(path: Path, *, flat: bool) -> Any:
    if flat:
        mask = "mask" in path.parent.name
        data = read_mask_picture(path) if mask else read_picture(path, channels=1)
        return data, np.eye(4), True
    volume = read_volume(path, several=True)
    return volume.data, volume.grid.affine, volume.placed


READERS: dict[str, Callable[..., Any]] = {
    "nibabel": by_nibabel, "SimpleITK": by_itk, "MONAI": by_monai, "rarecase": by_rarecase,
}  # fmt: skip


def said(reader: Callable[..., Any], path: Path, truth: Truth) -> str:
    """`right`, or what is not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data, affine, placed = reader(path, flat=truth.spacing is None)
    except RarecaseError as error:
        return "right: refused" if truth.refused else f"refused: {_short(error)}"
    except Exception as error:  # whatever a library raises
        return "right: refused" if truth.refused else f"error: {_short(error)}"
    if truth.refused:
        return f"read ({truth.refused})"
    data, wrong = np.asarray(data, dtype=np.float64).squeeze(), []
    if sorted(data.shape) != sorted(truth.shape):
        wrong.append(f"shape {'×'.join(map(str, data.shape))}")
    spacing = nib.affines.voxel_sizes(affine)
    if truth.spacing and not np.allclose(sorted(spacing), sorted(truth.spacing), atol=0.02):
        wrong.append("spacing " + "×".join(f"{s:.3g}" for s in spacing))
    if abs(data.max() - truth.peak) > 0.02 * abs(truth.peak):
        wrong.append(f"largest {data.max():g} for {truth.peak:g}")
    elif truth.place and not wrong:
        at = np.array(np.unravel_index(data.argmax(), data.shape))
        if truth.spacing is not None:
            at = nib.affines.apply_affine(affine, at[:3])
        if not placed or not np.allclose(at, truth.place, atol=0.1):
            wrong.append("elsewhere: " + ", ".join(f"{x:.1f}" for x in at))
    return "; ".join(wrong) or "right"


def _short(error: Exception) -> str:
    line = re.sub(r"/\S+/", "…/", str(error).strip().split("\n")[0])  # folders are nobody's to see
    return f"{type(error).__name__} {line}"[:110]


def main() -> None:
    found: dict[str, dict[str, str]] = {}
    for odd in FILES:
        with tempfile.TemporaryDirectory() as folder:
            inside = Path(folder) / "".join(c if c.isalnum() else "-" for c in odd.name)
            inside.mkdir()
            path = odd.write(inside)
            found[odd.name] = {
                name: said(reader, path, odd.truth).replace(str(inside), "…")
                for name, reader in READERS.items()
            }
        print(odd.name, found[odd.name], flush=True)
    for name in READERS:
        right = sum(row[name].startswith("right") for row in found.values())
        print(f"{name}: right in {right} of {len(found)}")
    (RESULTS / "odd_inputs.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
