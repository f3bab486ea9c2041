"""Formats of volumes, each in a file of its own; the libraries behind them load when used."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from rarecase.bounds import check_regular
from rarecase.errors import DataError
from rarecase.imaging.formats.base import Format, Header, Stored

__all__ = ["SUFFIXES", "Format", "Header", "Stored", "format_of", "is_dicom", "suffix_of"]

_DICOM = "dicom:FORMAT"

_KNOWN = {
    ".nii": "nifti:FORMAT",
    ".nii.gz": "nifti:FORMAT",
    ".nrrd": "itk:FORMAT",
    ".nhdr": "itk:FORMAT",
    ".mha": "itk:FORMAT",
    ".mhd": "itk:FORMAT",
    ".npy": "arrays:ARRAYS",
    ".npz": "arrays:ARRAYS",
    ".tif": "arrays:PAGES",
    ".tiff": "arrays:PAGES",
    ".dcm": _DICOM,
    ".dicom": _DICOM,
    ".ima": _DICOM,
}
SUFFIXES = tuple(_KNOWN)
"""How files of volumes may end, in lower case. DICOM series are folders, too."""


def suffix_of(path: Path) -> str | None:
    """The known suffix of a file name, the longest; None if it has none.

    >>> suffix_of(Path("a/b_flair.NII.GZ")), suffix_of(Path("notes.txt"))
    ('.nii.gz', None)
    """
    name = path.name.lower()
    return max((s for s in SUFFIXES if name.endswith(s)), key=len, default=None)


def is_dicom(path: Path) -> bool:
    """Whether something is read as DICOM: a folder, a file so called, or, where the name says
    nothing, one that begins as DICOM files do."""
    if path.is_dir():
        return True
    suffix = suffix_of(path)
    if suffix is not None:
        return _KNOWN[suffix] == _DICOM
    try:
        check_regular(path)
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except (OSError, DataError):
        return False


def format_of(path: Path) -> Format:
    """The format of a file or folder, by its name, or by its first bytes where the name says
    nothing. DataError where it is missing or of no known format."""
    if not path.is_dir():
        check_regular(path)
    if is_dicom(path):
        return _load(_DICOM)
    suffix = suffix_of(path)
    if suffix is not None:
        return _load(_KNOWN[suffix])
    raise DataError(
        f"{path}: not a volume of a known format. Known are NIfTI, NRRD, MetaImage, DICOM (files, "
        f"or a folder), NumPy and TIFF of several pages: {', '.join(SUFFIXES)}."
    )


def _load(name: str) -> Format:
    module, _, attribute = name.partition(":")
    found: Format = getattr(import_module(f"{__name__}.{module}"), attribute)
    return found
