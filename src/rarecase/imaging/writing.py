"""Writing masks on the grid of the file they belong to."""

from __future__ import annotations

import gzip
import re
import warnings
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from rarecase import __version__
from rarecase.files import replacing_file
from rarecase.imaging.grid import Grid


def write_nifti_mask(path: Path, mask: NDArray, grid: Grid, *, like: Path | None = None) -> None:
    """Write a mask (i, j, k) of 0 and 1 as .nii.gz on `grid`; with `like`, a NIfTI file of that
    grid, its header's words on place and units are kept."""
    image = nib.Nifti1Image(np.asarray(mask, dtype=np.uint8), grid.affine)
    image.header.set_xyzt_units("mm")
    if like is not None:
        theirs: Any = nib.load(like)
        for kind in ("sform", "qform"):
            code = int(theirs.header[f"{kind}_code"])
            getattr(image, f"set_{kind}")(getattr(theirs, f"get_{kind}")(), code)
        if not np.allclose(image.affine, grid.affine, atol=1e-4):
            image = nib.Nifti1Image(np.asarray(mask, dtype=np.uint8), grid.affine)
    with replacing_file(path) as beside:
        beside.write_bytes(gzip.compress(image.to_bytes(), mtime=0))


# What every DICOM object must have of its patient and study, if empty: here it is, all of it. The
# identifiers of study and series say which scan it belongs to.
_MUST = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID",
         "StudyDate", "StudyTime", "ReferringPhysicianName")  # fmt: skip


# Groups of tags on the patient, trials, requests, visits and procedures, and names of others that
# say who, where or when; the writer of DICOM-SEG copies some of them.
_PERSONAL = (0x0010, 0x0012, 0x0032, 0x0038, 0x0040)
_WHO = re.compile(
    r"Physician|Operator|Person|Institution|Station|Serial|Accession|Diagnos|Description|Comment"
    r"|Protocol|Procedure|Request|Admi|Date|Time$|StudyID|ReferencedPatient|ReferencedStudy"
)


def _nameless(source: Any, case: str) -> Any:
    """A slice's data set that says nothing of its patient but the name of the case."""
    for element in [*source]:
        if element.tag.group in _PERSONAL or _WHO.search(element.keyword):
            del source[element.tag]
    for name in _MUST:
        setattr(source, name, "")
    source.PatientID = case[:64]
    return source


def write_dicom_seg(
    path: Path, mask: NDArray, series: Path, *, case: str, label: str = "tumour"
) -> None:
    """Write a mask (column, row, slice) as DICOM-SEG that refers to the series behind `series` (its
    folder or one of its files), in the order in which `read_volume` stacks it. Of the patient it
    says `case` alone, in place of the identifier."""
    import highdicom
    import pydicom
    from highdicom.sr.coding import CodedConcept
    from pydicom.uid import generate_uid

    from rarecase.imaging.formats.dicom_series import stack_of

    def code(value: str, meaning: str, scheme: str = "SCT") -> CodedConcept:
        return CodedConcept(value, scheme, meaning)

    sources = [_nameless(pydicom.dcmread(each.path), case) for each in stack_of(series).slices]
    algorithm = highdicom.AlgorithmIdentificationSequence(
        name="rarecase", version=__version__,
        family=code("123110", "Artificial Intelligence", "DCM"),
    )  # fmt: skip
    described = highdicom.seg.SegmentDescription(
        segment_number=1, segment_label=label,
        segmented_property_category=code("49755003", "Morphologically Altered Structure"),
        segmented_property_type=code("108369006", "Neoplasm"),
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm,
    )  # fmt: skip
    values = np.ascontiguousarray(np.asarray(mask, dtype=np.uint8).transpose(2, 1, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # how the patient's name is written is not ours to mend
        made = highdicom.seg.Segmentation(
            source_images=sources, pixel_array=values,
            segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[described], series_instance_uid=generate_uid(),
            series_number=9900, sop_instance_uid=generate_uid(), instance_number=1,
            manufacturer="rarecase", manufacturer_model_name="rarecase",
            software_versions=__version__, device_serial_number="0",
            omit_empty_frames=bool(values.any()),
        )  # fmt: skip
    with replacing_file(path) as beside:
        made.save_as(beside)
