"""What kind of object a DICOM file is, in words."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import pydicom.uid

from rarecase.imaging.formats.dicom.headers import words

_IMAGE = "an image"
# By the name of the class of objects in the standard, the first that fits; then by modality.
_BY_CLASS = (
    (r"Directory", "an index of files (DICOMDIR)"),
    (r"RT Dose", "a radiation dose (RTDOSE)"),
    (r"RT Structure Set", "contours (RTSTRUCT)"),
    (r"^RT .*(Plan|Record|Instruction)", "a treatment plan or its record"),
    (r"^(Surface |Label Map )?Segmentation", "a segmentation (SEG)"),
    (r" SR|Report|Key Object", "a report"),
    (r"Presentation State", "a state of presentation"),
    (r"Waveform|ECG|Audio", "a recording of signals (waveform)"),
    (r"Encapsulated", "a document"),
    (r"Registration|Fiducials", "a registration"),
    (r"Spectroscopy", "a spectrum"),
    (r"Raw Data", "raw data"),
    (r"Secondary Capture", "a screen capture or film (secondary capture)"),
    (r"Hardcopy|Print|Film", "a film"),
    (r"Ultrasound", "an ultrasound picture"),
    (r"Enhanced MR Color", "a colour map"),
    (r"Parametric Map", "a parametric map"),
    (r"^(Digital |Enhanced )?(X-Ray (Angio|Radiof|Image)|XA|XRF|Mammo|Intra-Oral)|Radiograph",
     "a radiograph"),
    (r"^VL |Ophthalmic|Video|Dermoscopic|Microscop", "a photograph"),
    (r"^(Enhanced |Legacy Converted Enhanced )*(MR|CT|PET|Positron|Nuclear)", _IMAGE),
)  # fmt: skip
_BY_MODALITY = {
    "RTDOSE": "a radiation dose (RTDOSE)", "RTSTRUCT": "contours (RTSTRUCT)",
    "RTPLAN": "a treatment plan or its record", "SEG": "a segmentation (SEG)",
    "SR": "a report", "KO": "a report", "PR": "a state of presentation",
    "US": "an ultrasound picture", "REG": "a registration",
    "ECG": "a recording of signals (waveform)", "DOC": "a document",
    "CR": "a radiograph", "DX": "a radiograph", "MG": "a radiograph", "XA": "a radiograph",
    "OT": "a screen capture or film (secondary capture)",
}  # fmt: skip
# Whatever place such an object has, its values are no picture of the patient.
_NO_IMAGE = frozenset({
    "a radiation dose (RTDOSE)", "contours (RTSTRUCT)", "a treatment plan or its record",
    "a segmentation (SEG)", "a report", "a state of presentation", "a document", "a registration",
    "a recording of signals (waveform)", "a spectrum", "raw data", "an index of files (DICOMDIR)",
})  # fmt: skip
SEG, RTSTRUCT = _BY_MODALITY["SEG"], _BY_MODALITY["RTSTRUCT"]


def kind_of(header: Any) -> str:
    """What an object is, by its class (SOPClassUID), else by its modality.

    >>> from pydicom.dataset import Dataset
    >>> kind_of(Dataset())
    'a DICOM object of a kind that it does not say'
    """
    uid, modality = words(header, "SOPClassUID"), words(header, "Modality")
    meta = getattr(header, "file_meta", None)
    uid = uid or ("" if meta is None else words(meta, "MediaStorageSOPClassUID"))
    return _kind(uid, modality, bool(words(header, "Rows")))


@lru_cache
def _kind(uid: str, modality: str, pictured: bool) -> str:
    name = pydicom.uid.UID(uid).name if uid else ""
    if _BY_MODALITY.get(modality) in _NO_IMAGE:
        return _BY_MODALITY[modality]
    known = next((kind for pattern, kind in _BY_CLASS if re.search(pattern, name)), None)
    if known is not None or modality in _BY_MODALITY:
        return known or _BY_MODALITY[modality]
    if name and not name[0].isdigit():
        return f"a DICOM object of the kind {name.removesuffix(' Storage')!r}"
    return _IMAGE if pictured else "a DICOM object of a kind that it does not say"


def breaks_off(header: Any) -> bool:
    """Whether nothing is left of an object, or of an image before its size is said."""
    kind = kind_of(header)
    return (len(header) == 0 and kind not in _NO_IMAGE) or (
        kind == _IMAGE and not words(header, "Rows")
    )


def no_image(header: Any) -> str | None:
    """Why an object can be no image of a study at all; None where it may be one."""
    kind = kind_of(header)
    if kind in _NO_IMAGE:
        return f"{kind}, not an image"
    if not words(header, "Rows") or not words(header, "Columns"):
        return f"{kind} without any picture"
    return None


def picture_of(header: Any) -> str:
    """What an image is, with its colours."""
    return f"{kind_of(header)}{' in colour' if is_colour(header) else ''}"


def is_colour(header: Any) -> bool:
    """Whether pixels are colours: of several samples, or numbers of a palette."""
    interpretation = words(header, "PhotometricInterpretation")
    return words(header, "SamplesPerPixel") not in ("", "1") or "PALETTE" in interpretation


def refusal(path: Path, reason: str) -> str:
    """A file that is named for a volume, and is none."""
    return (
        f"{path}: {reason}, so it is no volume of a study. Name the series of images (MR, CT) "
        "instead, its folder or one of its files."
    )
