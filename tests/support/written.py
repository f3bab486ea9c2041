"""Volumes and cohorts written in every format and layout, from one truth, to read them again."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import highdicom
import nibabel as nib
import numpy as np
import pydicom
import SimpleITK
from highdicom.sr.coding import CodedConcept
from nibabel.orientations import axcodes2ornt, ornt_transform
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from rarecase.cohort.case import Case
from rarecase.cohort.load import CaseArrays, axial, load_groups
from rarecase.imaging import apply_scale, fit_scale

FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


def load_case(case: Case, channels) -> CaseArrays:
    """A case whose slices share one size."""
    (found,) = load_groups(case, channels)
    return found


def normalise_case(images: np.ndarray) -> np.ndarray:
    """A case (n, c, h, w), each channel by itself."""
    planes = [apply_scale(images[:, c], fit_scale(images[:, c])) for c in range(images.shape[1])]
    return np.stack(planes, axis=1)


@dataclass
class Truth:
    """A volume (x, y, z) in RAS+ order with its mask, and how it is to be stored."""

    image: np.ndarray
    mask: np.ndarray
    affine: np.ndarray
    codes: str = "RAS"
    dtype: str = "int16"
    patient: str = "p"
    label: str = "HGG"
    more: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def slices(self) -> np.ndarray:
        return axial(self.image)

    @property
    def mask_slices(self) -> np.ndarray:
        return axial(self.mask)


def truth(
    rng: np.random.Generator, *, shape=(9, 11, 6), spacing=(1.0, 1.0, 3.0), codes="RAS",
    dtype="int16", patient="p", label="HGG",
) -> Truth:  # fmt: skip
    image = rng.integers(1, 200, shape).astype(np.float32)
    image[0] = image[:, -1] = 0
    mask = np.zeros(shape, np.uint8)
    mask[2:5, 3:7, 1:4] = 1
    mask[4, 6, 3] = 0
    affine = nib.affines.from_matvec(np.diag(spacing), rng.integers(-90, 90, 3))
    return Truth(image, mask, affine, codes, dtype, patient, label)


def stored(data: np.ndarray, affine: np.ndarray, codes: str, dtype: str) -> nib.Nifti1Image:
    """RAS data as an image whose axes run along `codes`."""
    image = nib.Nifti1Image(data.astype(dtype), affine)
    return image.as_reoriented(ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes)))


def nifti(path: Path, data: np.ndarray, t: Truth, *, dtype: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(stored(data, t.affine, t.codes, dtype or t.dtype), path)
    return path


def itk(path: Path, data: np.ndarray, t: Truth, *, dtype: str | None = None) -> Path:
    """NRRD or MetaImage by SimpleITK."""
    image = stored(data, t.affine, t.codes, dtype or t.dtype)
    values = np.asanyarray(image.dataobj)
    out = SimpleITK.GetImageFromArray(np.ascontiguousarray(values.transpose(2, 1, 0)))
    lps = FLIP @ image.affine
    spacing = np.sqrt(np.square(lps[:3, :3]).sum(axis=0))
    out.SetSpacing(spacing.tolist())
    out.SetOrigin(lps[:3, 3].tolist())
    out.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    path.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(out, str(path), useCompression=True)
    return path


def pages(path: Path, data: np.ndarray) -> Path:
    """A TIFF of several pages: axial slices from the lowest up."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [Image.fromarray(page) for page in axial(data).astype(np.float32)]
    images[0].save(path, save_all=True, append_images=images[1:])
    return path


def dicom(
    folder: Path, data: np.ndarray, affine: np.ndarray, *, patient: str = "p", name: str = "FLAIR",
    series: str | None = None, skip: tuple[int, ...] = (), tilt: float | None = None,
) -> Path:  # fmt: skip
    """A series of MR slices. data (column, row, slice) and its affine (mm, RAS+)."""
    folder.mkdir(parents=True, exist_ok=True)
    lps, uid, study = FLIP @ affine, series or generate_uid(), generate_uid()
    spacing = np.sqrt(np.square(lps[:3, :3]).sum(axis=0))
    for k in range(data.shape[2]):
        if k in skip:
            continue
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = MRImageStorage
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
        ds.SeriesInstanceUID, ds.StudyInstanceUID, ds.FrameOfReferenceUID = uid, study, study
        ds.PatientID, ds.PatientName = patient, f"{patient}^"
        ds.PatientBirthDate = ds.PatientSex = ds.StudyDate = ds.StudyTime = ""
        ds.StudyID = ds.AccessionNumber = ds.ReferringPhysicianName = ds.Laterality = ""
        ds.PositionReferenceIndicator = ds.ContentDate = ds.ContentTime = ""
        ds.Modality, ds.SeriesDescription, ds.SeriesNumber = "MR", name, 1
        ds.Manufacturer, ds.InstanceNumber = "none", data.shape[2] - k
        ds.Rows, ds.Columns = data.shape[1], data.shape[0]
        ds.PixelSpacing = [f"{spacing[1]:.6g}", f"{spacing[0]:.6g}"]
        ds.SliceThickness = f"{spacing[2]:.6g}"
        axes = (lps[:3, :2] / spacing[:2]).T.ravel()
        ds.ImageOrientationPatient = [f"{v:.8g}" for v in axes]
        ds.ImagePositionPatient = [f"{v:.8g}" for v in lps[:3, 3] + k * lps[:3, 2]]
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated = ds.BitsStored = 16
        ds.HighBit, ds.PixelRepresentation = 15, 1
        if tilt is not None:
            ds.GantryDetectorTilt = f"{tilt:.4g}"
        # Stored values are half of the true ones less 3, to see the rescaling.
        ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = "2", "6", "US"
        ds.PixelData = ((data[:, :, k].T - 6) / 2).round().astype(np.int16).tobytes()
        ds.save_as(folder / f"{(k * 7) % 101:04d}.dcm", enforce_file_format=True)
    return folder


def dicom_seg(
    path: Path, mask: np.ndarray, series: Path, *, labels: tuple[str, ...] = ("tumour",)
) -> Path:
    """A DICOM-SEG of a mask (column, row, slice) on the series in a folder; its values are the
    numbers of the segments, from 1."""
    sources = [pydicom.dcmread(f) for f in series.glob("*.dcm")]
    sources.sort(key=lambda ds: -ds.InstanceNumber)
    code = CodedConcept("108369006", "SCT", "Neoplasm")
    descriptions = [
        highdicom.seg.SegmentDescription(
            segment_number=number, segment_label=label,
            segmented_property_category=CodedConcept("49755003", "SCT", "Morphologic abnormality"),
            segmented_property_type=code,
            algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number, label in enumerate(labels, 1)
    ]  # fmt: skip
    found = highdicom.seg.Segmentation(
        source_images=sources, pixel_array=mask.transpose(2, 1, 0).astype(np.uint8),
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=descriptions, series_instance_uid=generate_uid(), series_number=9,
        sop_instance_uid=generate_uid(), instance_number=1, manufacturer="none",
        manufacturer_model_name="none", software_versions="0", device_serial_number="0",
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    found.save_as(path)
    return path


def cohort(layout: str, root: Path, cases: list[Truth]) -> Path:
    """All cases, each the only one of its patient, with one FLAIR channel, in a layout."""
    root.mkdir(parents=True, exist_ok=True)
    {
        "bids": _bids, "nnunet": _nnunet, "decathlon": _decathlon, "brats": _brats,
        "rembrandt": _rembrandt, "dicom": _dicom, "nrrd": _manifest("nrrd"),
        "mha": _manifest("mha"), "tif": _manifest("tif"), "npz": _manifest("npz"),
    }[layout](root, cases)  # fmt: skip
    return root


LAYOUTS = (
    "bids",
    "nnunet",
    "decathlon",
    "brats",
    "rembrandt",
    "dicom",
    "nrrd",
    "mha",
    "tif",
    "npz",
)


def _bids(root: Path, cases: list[Truth]) -> None:
    lines = ["participant_id\tgroup"]
    for t in cases:
        name = f"sub-{t.patient}"
        nifti(root / name / "anat" / f"{name}_FLAIR.nii.gz", t.image, t)
        masks = root / "derivatives" / "manual" / name / "anat"
        nifti(masks / f"{name}_desc-lesion_mask.nii.gz", t.mask, t, dtype="uint8")
        lines.append(f"{name}\t{t.label}")
    (root / "participants.tsv").write_text("\n".join(lines) + "\n")


def _nnunet(root: Path, cases: list[Truth]) -> None:
    for t in cases:
        nifti(root / "imagesTr" / f"{t.patient}_0000.nii.gz", t.image, t)
        nifti(root / "labelsTr" / f"{t.patient}.nii.gz", t.mask, t, dtype="uint8")
    said = {"channel_names": {"0": "FLAIR"}, "labels": {"background": 0, "tumour": 1},
            "numTraining": len(cases), "file_ending": ".nii.gz"}  # fmt: skip
    (root / "dataset.json").write_text(json.dumps(said))
    _labels(root, cases)


def _decathlon(root: Path, cases: list[Truth]) -> None:
    listed = []
    for t in cases:
        nifti(root / "imagesTr" / f"{t.patient}.nii.gz", t.image, t)
        nifti(root / "labelsTr" / f"{t.patient}.nii.gz", t.mask, t, dtype="uint8")
        listed.append({"image": f"./imagesTr/{t.patient}.nii.gz",
                       "label": f"./labelsTr/{t.patient}.nii.gz"})  # fmt: skip
    said = {"modality": {"0": "FLAIR"}, "labels": {"0": "background"}, "training": listed}
    (root / "dataset.json").write_text(json.dumps(said))
    _labels(root, cases)


def _brats(root: Path, cases: list[Truth]) -> None:
    for t in cases:
        nifti(root / t.label / t.patient / f"{t.patient}_flair.nii.gz", t.image, t)
        nifti(root / t.label / t.patient / f"{t.patient}_seg.nii.gz", t.mask, t, dtype="uint8")


def _rembrandt(root: Path, cases: list[Truth]) -> None:
    for t in cases:
        nifti(root / t.label / t.patient / f"{t.patient}.nii.gz", t.image, t)
        nifti(root / t.label / t.patient / f"{t.patient}_seg.nii.gz", t.mask, t, dtype="uint8")


def _dicom(root: Path, cases: list[Truth]) -> None:
    for t in cases:
        image = stored(t.image, t.affine, t.codes, "float32")
        folder = dicom(root / t.patient / "study" / "series", np.asarray(image.dataobj),
                       image.affine, patient=t.patient)  # fmt: skip
        mask = stored(t.mask, t.affine, t.codes, "uint8")
        dicom_seg(root / t.patient / "study" / "seg" / "s.dcm", np.asarray(mask.dataobj), folder)
    _labels(root, cases)


def _manifest(suffix: str):
    def write(root: Path, cases: list[Truth]) -> None:
        lines = ["case,patient,label,flair,mask"]
        for t in cases:
            files = []
            for part, data, dtype in (("flair", t.image, None), ("mask", t.mask, "uint8")):
                path = root / "files" / f"{t.patient}_{part}.{suffix}"
                if suffix == "tif":
                    pages(path, data)
                elif suffix == "npz":
                    path.parent.mkdir(parents=True, exist_ok=True)
                    np.savez_compressed(path, data=data.astype(t.dtype), affine=t.affine)
                else:
                    itk(path, data, t, dtype=dtype)
                files.append(path.relative_to(root).as_posix())
            lines.append(",".join([t.patient, t.patient, t.label, *files]))
        (root / "manifest.csv").write_text("\n".join(lines) + "\n")

    return write


def _labels(root: Path, cases: list[Truth]) -> None:
    lines = ["case,label", *(f"{t.patient},{t.label}" for t in cases)]
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
