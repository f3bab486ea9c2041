"""Odd files, one small volume or picture each: what people's scanners, converters and copies make.

All hold the same: `VOXELS`, whose brightest voxel lies at a known place, on `AFFINE`, or their
middle slice as a picture. `FILES` names each with a function that writes it, and what is right.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import SimpleITK
import tifffile
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    MRImageStorage,
    RLELossless,
)

SPACING, ORIGIN, PEAK, AT = (1.0, 1.5, 2.0), (-20.0, 10.0, 5.0), 900, (3, 4, 5)
AFFINE = nib.affines.from_matvec(np.diag(SPACING), ORIGIN)
VOXELS = np.random.default_rng(0).integers(10, 200, (12, 10, 8)).astype(np.int16)
VOXELS[AT] = PEAK
ELSEWHERE = nib.affines.from_matvec(np.diag(SPACING), (50.0, 0.0, 0.0))
PICTURE = VOXELS[:, :, AT[2]].T


@dataclass(frozen=True)
class Truth:
    """What a reader ought to find: shape and spacing in any order, the largest value, where it lies
    (mm, RAS+; None: the file does not say). `refused`: why nobody can know."""

    shape: tuple[int, ...] = VOXELS.shape
    spacing: tuple[float, ...] | None = SPACING
    peak: float = PEAK
    place: tuple[float, ...] | None = tuple(nib.affines.apply_affine(AFFINE, AT))
    refused: str | None = None


@dataclass(frozen=True)
class Odd:
    name: str
    write: Callable[[Path], Path]
    truth: Truth = Truth()


def nifti(
    folder: Path, *, data: Any = VOXELS, name: str = "a.nii.gz", sform: Any = AFFINE,
    qform: Any = AFFINE, **header: Any,
) -> Path:  # fmt: skip
    image = nib.Nifti1Image(data, None)
    image.set_sform(sform, code=0 if sform is None else 1)
    image.set_qform(qform, code=0 if qform is None else 1)
    image.header.set_xyzt_units("mm")
    for field, value in header.items():
        image.header[field] = value
    path = folder / name
    nib.save(image, path)
    return path


def edited(folder: Path, changes: dict[int, bytes]) -> Path:
    """A plain NIfTI with other bytes at some places."""
    path = nifti(folder, name="a.nii")
    data = bytearray(path.read_bytes())
    for at, new in changes.items():
        data[at : at + len(new)] = new
    path.write_bytes(data)
    return path


def renamed(folder: Path, *, zipped: bool) -> Path:
    data = nifti(folder, name="b.nii").read_bytes()
    path = folder / ("a.nii" if zipped else "a.nii.gz")
    path.write_bytes(gzip.compress(data) if zipped else data)
    return path


def dicom(folder: Path, *, each: Callable[[int, Dataset], None] | None = None,
          preamble: bool = True, suffix: str = ".dcm", skip: int | None = None,
          syntax: Any = ExplicitVRLittleEndian) -> Path:  # fmt: skip
    """A series, a file a slice; `each` changes the dataset of a slice."""
    for k in range(VOXELS.shape[2]):
        one = _slice(k)
        if each is not None:
            each(k, one)
        if k == skip:
            continue
        one.file_meta = FileMetaDataset()
        one.file_meta.TransferSyntaxUID = syntax
        one.file_meta.MediaStorageSOPClassUID = MRImageStorage
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
        if syntax == RLELossless:
            one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            one.compress(RLELossless, generate_instance_uid=False)
        path = folder / f"{k:03d}{suffix}"
        if preamble:
            one.save_as(path, enforce_file_format=True, little_endian=None)
        else:
            one.file_meta = FileMetaDataset()
            one.save_as(path, enforce_file_format=False, implicit_vr=False, little_endian=True)
    return folder


def _slice(k: int) -> Dataset:
    one = Dataset()
    one.SOPClassUID, one.Modality, one.PatientID = MRImageStorage, "MR", "p"
    one.SOPInstanceUID, one.SeriesInstanceUID = f"1.2.3.{k + 1}", "1.2.3.99"
    one.StudyInstanceUID, one.FrameOfReferenceUID = "1.2.3.98", "1.2.3.97"
    one.InstanceNumber, one.SeriesDescription = k + 1, "FLAIR"
    one.ImageType = ["ORIGINAL", "PRIMARY"]
    # Rows run to the left and columns to the back, from the voxel farthest right and in front.
    flipped = VOXELS[::-1, ::-1, k].T
    corner = nib.affines.apply_affine(AFFINE, (VOXELS.shape[0] - 1, VOXELS.shape[1] - 1, k))
    one.ImagePositionPatient = [-corner[0], -corner[1], corner[2]]
    one.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    one.PixelSpacing, one.SliceThickness = [SPACING[1], SPACING[0]], SPACING[2]
    one.Rows, one.Columns = flipped.shape
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 0
    one.PixelData = np.ascontiguousarray(flipped).astype("<u2").tobytes()
    return one


def inverted(k: int, one: Dataset) -> None:
    one.PhotometricInterpretation = "MONOCHROME1"
    pixels = np.frombuffer(one.PixelData, "<u2")
    one.BitsStored, one.HighBit = 12, 11
    one.PixelData = (4095 - pixels).astype("<u2").tobytes()


def jittered(k: int, one: Dataset) -> None:
    one.ImageOrientationPatient = [1, 0.0004 * (k % 2), 0, -0.0004 * (k % 2), 1, 0]


def rounded(k: int, one: Dataset) -> None:
    x, y, z = one.ImagePositionPatient
    one.ImagePositionPatient = [x, y, z + 0.04 * (-1) ** k]


def scaled(k: int, one: Dataset) -> None:
    """Each slice with its own slope, as Philips and PET scanners write them."""
    slope = 1 + k / 4
    one.RescaleSlope, one.RescaleIntercept = str(slope), "0"
    pixels = np.frombuffer(one.PixelData, "<u2")
    one.PixelData = np.round(pixels / slope).astype("<u2").tobytes()


def big(k: int, one: Dataset) -> None:
    one.PixelData = np.frombuffer(one.PixelData, "<u2").astype(">u2").tobytes()


def itk(folder: Path, name: str, *, kind: Any = SimpleITK.sitkInt16) -> Path:
    image = SimpleITK.GetImageFromArray(VOXELS[::-1, ::-1].T)
    image = SimpleITK.Cast(image, kind)
    image.SetSpacing(SPACING)
    corner = nib.affines.apply_affine(AFFINE, (VOXELS.shape[0] - 1, VOXELS.shape[1] - 1, 0))
    image.SetOrigin((-corner[0], -corner[1], corner[2]))
    SimpleITK.WriteImage(image, str(folder / name), useCompression=True)
    return folder / name


def mgz(folder: Path) -> Path:
    nib.save(nib.MGHImage(VOXELS.astype(np.float32), AFFINE), folder / "a.mgz")
    return folder / "a.mgz"


def stack(folder: Path, **how: Any) -> Path:
    tifffile.imwrite(folder / "a.tif", np.ascontiguousarray(VOXELS.T.astype(np.uint16)), **how)
    return folder / "a.tif"


def hyperstack(folder: Path) -> Path:
    both = np.stack([VOXELS.T, VOXELS.T // 2], axis=1).astype(np.uint16)  # z, c, y, x
    tifffile.imwrite(
        folder / "a.tif", both, imagej=True, resolution=(1 / SPACING[0], 1 / SPACING[1]),
        metadata={"axes": "ZCYX", "spacing": SPACING[2], "unit": "mm"},
    )  # fmt: skip
    return folder / "a.tif"


def beside(folder: Path) -> Path:
    """nnU-Net's: a TIFF with a JSON of its spacing beside it."""
    (folder / "a.json").write_text(json.dumps({"spacing": [*reversed(SPACING)]}))
    return stack(folder, photometric="minisblack")


def flat(folder: Path, data: Any, name: str, **how: Any) -> Path:
    if name.endswith(".tif"):
        tifffile.imwrite(folder / name, data, **how)
    else:
        Image.fromarray(data).save(folder / name, **how)
    return folder / name


def turned(folder: Path) -> Path:
    """A JPEG that is to be turned by a quarter when it is shown (EXIF orientation 6)."""
    shown = Image.fromarray(np.clip(PICTURE / 4, 0, 255).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    shown.transpose(Image.Transpose.ROTATE_90).save(folder / "a.jpg", quality=100, exif=exif)
    return folder / "a.jpg"


def palette(folder: Path) -> Path:
    image = Image.fromarray((PICTURE > PEAK / 2).astype(np.uint8))
    image.putpalette([255, 255, 255, 200, 0, 0])
    image.save(folder / "a.png")
    return folder / "a.png"
