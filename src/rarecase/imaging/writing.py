"""Writing masks on the grid of the file they belong to."""

from __future__ import annotations

import gzip
import re
import warnings
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.affines import voxel_sizes
from numpy.typing import NDArray

from rarecase import __version__
from rarecase.files import replacing_file
from rarecase.imaging.formats import inside
from rarecase.imaging.formats.nifti import forms_of
from rarecase.imaging.grid import Grid


def write_nifti_mask(path: Path, mask: NDArray, grid: Grid, *, like: Path | None = None) -> None:
    """Write a mask (i, j, k) of 0 and 1 as .nii.gz on `grid`, in millimetres, the sizes of voxels
    from the affine. `like`: a NIfTI file of that grid, beside which the mask is to lie in every
    program: the forms of its header that can be used are kept; what is broken is not."""
    forms = forms_of(inside(like)) if like is not None else {}
    taken, code = next(iter(forms.values()), (grid.affine, 0 if like is not None else 1))
    if not np.allclose(taken, grid.affine, atol=1e-4):
        forms, code = {}, 1
    image = nib.Nifti1Image(np.asarray(mask, dtype=np.uint8), grid.affine)
    image.header.set_xyzt_units("mm")
    for name in ("sform", "qform"):
        form, its_code = forms.get(name, (grid.affine, code))
        if not np.allclose(voxel_sizes(form), voxel_sizes(grid.affine), rtol=1e-3):
            form = grid.affine  # a header has one size of voxels
        getattr(image, f"set_{name}")(form, its_code)
        if name == "qform" and not np.allclose(image.get_qform(), form, atol=1e-3):
            image.set_qform(grid.affine, 0)  # a qform cannot shear
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
    from highdicom.sr.coding import CodedConcept
    from pydicom.uid import generate_uid

    from rarecase.imaging.formats.dicom.headers import dataset_of
    from rarecase.imaging.formats.dicom.series import stack_of

    def code(value: str, meaning: str, scheme: str = "SCT") -> CodedConcept:
        return CodedConcept(value, scheme, meaning)

    slices = stack_of(series).slices
    # A file of several frames is one source, its frames in their own order.
    files = dict.fromkeys(s.path for s in slices)
    sources = [_nameless(dataset_of(path), case) for path in files]
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
    order = np.argsort([k if s.frame is None else s.frame for k, s in enumerate(slices)])
    values = np.ascontiguousarray(np.asarray(mask, dtype=np.uint8).transpose(2, 1, 0)[order])
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
