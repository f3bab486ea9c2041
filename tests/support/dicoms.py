"""DICOM files as they come from scanners, archives and anonymisers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, generate_uid

from support.written import FLIP

AXIAL = FLIP @ np.diag([1.0, 1.0, 3.0, 1.0])  # columns to the left, rows to the back
CORONAL = np.array([[-1.0, 0, 0, 0], [0, 0, 3, 0], [0, -1, 0, 0], [0, 0, 0, 1]])


def voxels(shape=(8, 6, 5), *, seed=0) -> np.ndarray:
    """Even whole numbers, as the writers scale by 2."""
    return 2.0 * np.random.default_rng(seed).integers(1, 100, shape)


def edit(folder: Path, change: Callable[[Dataset, int], None]) -> Path:
    """Change every slice of a series, the lowest being number 0, and write it again."""
    files = [(pydicom.dcmread(file), file) for file in folder.iterdir()]
    files.sort(key=lambda pair: -pair[0].InstanceNumber)
    for number, (dataset, file) in enumerate(files):
        change(dataset, number)
        dataset.save_as(file)
    return folder


def tagged(folder: Path, **tags: object) -> Path:
    """Set elements of every slice."""

    def change(dataset: Dataset, _: int) -> None:
        for name, value in tags.items():
            setattr(dataset, name, value)

    return edit(folder, change)


def without_preamble(folder: Path, *, suffix: str = ".dcm") -> Path:
    """Cut off what stands before the first element."""
    for file in list(folder.iterdir()):
        file.write_bytes(file.read_bytes()[132:])
        file.rename(file.with_suffix(suffix))
    return folder


def item(**tags: object) -> Sequence:
    """A sequence of one item."""
    inside = Dataset()
    for name, value in tags.items():
        setattr(inside, name, value)
    return Sequence([inside])


def enhanced(
    path: Path, data: np.ndarray, affine: np.ndarray = AXIAL, *, name: str = "FLAIR",
    patient: str = "p", echoes: tuple[float, ...] = (0,), place: bool = True,
) -> Path:  # fmt: skip
    """A file of several frames (enhanced MR), a volume for each echo, frames in no order."""
    lps, ds, study = FLIP @ affine, Dataset(), generate_uid()
    spacing = np.sqrt(np.square(lps[:3, :3]).sum(axis=0))
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.SeriesInstanceUID, ds.StudyInstanceUID, ds.FrameOfReferenceUID = generate_uid(), study, study
    ds.PatientID = ds.PatientName = patient
    ds.PatientBirthDate = ds.PatientSex = ds.StudyDate = ds.StudyTime = ds.StudyID = ""
    ds.AccessionNumber = ""
    ds.Modality, ds.SeriesDescription, ds.SeriesNumber, ds.InstanceNumber = "MR", name, 1, 1
    ds.Columns, ds.Rows, ds.NumberOfFrames = *data.shape[:2], data.shape[2] * len(echoes)
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit, ds.PixelRepresentation = 15, 1
    shared = Dataset()
    axes = (lps[:3, :2] / spacing[:2]).T.ravel().tolist()
    shared.PlaneOrientationSequence = item(ImageOrientationPatient=axes)
    shared.PixelMeasuresSequence = item(
        PixelSpacing=[spacing[1], spacing[0]], SliceThickness=spacing[2]
    )
    shared.PixelValueTransformationSequence = item(
        RescaleSlope="2", RescaleIntercept="0", RescaleType="US"
    )
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    order = [(e, k) for e in range(len(echoes)) for k in range(data.shape[2])]
    order = [order[i] for i in np.random.default_rng(3).permutation(len(order))]
    frames, pixels = [], []
    for e, k in order:
        group = Dataset()
        group.FrameContentSequence = item(InStackPositionNumber=k + 1)
        if place:
            where = (lps[:3, 3] + k * lps[:3, 2]).tolist()
            group.PlanePositionSequence = item(ImagePositionPatient=where)
        group.MREchoSequence = item(EffectiveEchoTime=echoes[e])
        frames.append(group)
        pixels.append((data[:, :, k].T / 2 + e).astype(np.int16))
    ds.PerFrameFunctionalGroupsSequence = Sequence(frames)
    ds.PixelData = np.stack(pixels).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path
