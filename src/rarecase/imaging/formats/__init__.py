"""Formats of volumes, each in a file of its own; the libraries behind them load when used."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from rarecase.bounds import check_regular
from rarecase.errors import DataError
from rarecase.imaging.formats.base import Format, Header, Stored

__all__ = [
    "PICTURE_SUFFIXES", "SUFFIXES", "Format", "Header", "Stored", "begins_as_dicom", "format_of",
    "inside", "is_dicom", "suffix_of",
]  # fmt: skip

PICTURE_SUFFIXES = (".tif", ".tiff", ".jpg", ".jpeg", ".png", ".bmp")
"""How names of pictures end."""

_DICOM = "dicom:FORMAT"
_NEURO = "neuro:FORMAT"
# How DICOM files without a preamble begin: a group (either order of bytes), a kind of values.
_GROUPS = (b"\2\0", b"\0\2", b"\x08\0", b"\0\x08")
_KINDS = (b"UL", b"UI", b"CS", b"DA", b"TM", b"SH", b"LO", b"PN", b"IS", b"SQ", b"OB", b"DT", b"ST")
_FIRST = (0x01, 0x05, 0x08, 0x12, 0x13, 0x14, 0x16, 0x18, 0x20)

_KNOWN = {
    ".nii": "nifti:FORMAT",
    ".nii.gz": "nifti:FORMAT",
    ".hdr": _NEURO,
    ".mgz": _NEURO,
    ".mgh": _NEURO,
    ".mnc": _NEURO,
    ".head": _NEURO,
    ".par": _NEURO,
    ".nrrd": "itk:FORMAT",
    ".nhdr": "itk:FORMAT",
    ".mha": "itk:FORMAT",
    ".mhd": "itk:FORMAT",
    ".npy": "arrays:ARRAYS",
    ".npz": "arrays:ARRAYS",
    ".tif": "tiff:FORMAT",
    ".tiff": "tiff:FORMAT",
    ".dcm": _DICOM,
    ".dicom": _DICOM,
    ".ima": _DICOM,
}
# Files that hold the voxels of a header in another file, by which the volume is called.
_HALVES = {".img": ".hdr", ".brik": ".head", ".brik.gz": ".head", ".rec": ".par"}
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
    """Whether something is read as DICOM: a folder (less one that holds a single volume, see
    `inside`), a file so called, or, where the name says nothing, one that begins as DICOM files
    do."""
    if path.is_dir():
        return inside(path) == path
    suffix = suffix_of(path)
    if suffix is not None:
        return _KNOWN[suffix] == _DICOM
    try:
        check_regular(path)
        with path.open("rb") as file:
            return begins_as_dicom(file.read(132))
    except (OSError, DataError):
        return False


def inside(path: Path) -> Path:
    """The file that is meant: of a folder called like a volume the one that it holds, as some
    archives unpack to `case.nii/123.nii`; of a file of voxels its header; anything else as it is.
    DataError where the folder holds several volumes, or where the header is missing."""
    if path.is_file():
        return _header_of(path)
    suffix = suffix_of(path)
    if suffix is None or _KNOWN[suffix] == _DICOM or not path.is_dir():
        return path
    files = (f for f in sorted(path.iterdir()) if f.is_file() and not f.name.startswith("."))
    found = [f for f in files if (s := suffix_of(f)) is not None and _KNOWN[s] != _DICOM]
    if len(found) > 1:
        names = ", ".join(f.name for f in found[:5])
        raise DataError(
            f"{path}: a folder of {len(found)} volumes ({names}), one was expected. Name the one "
            "that is meant."
        )
    return found[0] if found else path


def _header_of(path: Path) -> Path:
    half = next((s for s in _HALVES if path.name.lower().endswith(s)), None)
    if half is None:
        return path
    wanted = f"{path.name[: -len(half)]}{_HALVES[half]}"
    for file in path.parent.iterdir():
        if file.name.lower() == wanted.lower():
            return file
    raise DataError(
        f"{path}: the voxels of a volume without their header; {wanted} was expected beside them. "
        "Copy both."
    )


def begins_as_dicom(first: bytes) -> bool:
    """Whether a file's first 132 bytes are those of DICOM: its mark after a preamble, or, as older
    files have none, a first element of the groups 2 or 8.

    >>> begins_as_dicom(bytes(128) + b"DICM"), begins_as_dicom(b"{'a': 1}" * 20)
    (True, False)
    >>> begins_as_dicom(bytes.fromhex("0800 0500 4353 0a00") + b"ISO_IR 100")
    True
    """
    if first[128:] == b"DICM":
        return True
    group, element, kind = first[:2], first[2:4], first[4:6]
    if group not in _GROUPS or len(first) < 8 or max(element) == 0xFF:
        return False
    if kind in _KINDS:
        return True
    # Without kinds: an element that comes first, of a length that it may have.
    number, length = (int.from_bytes(first[a:b], "little") for a, b in ((2, 4), (4, 8)))
    return bool(group[0]) and (length == 4 if number == 0 else number in _FIRST and length <= 256)


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
        f"{path}: not a volume of a known format. Known are NIfTI, FreeSurfer, MINC, AFNI, "
        "PAR/REC, NRRD, MetaImage, DICOM (files, or a folder), NumPy and TIFF of several pages: "
        f"{', '.join(SUFFIXES)}."
    )


def _load(name: str) -> Format:
    module, _, attribute = name.partition(":")
    found: Format = getattr(import_module(f"{__name__}.{module}"), attribute)
    return found
