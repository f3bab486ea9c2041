"""What a file is by its content, whatever its name says."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from rarecase.bounds import placeholder
from rarecase.imaging.formats.base import AGAIN, refusing

_GZIP = b"\x1f\x8b"
_NESTED = 3  # browsers and tools pack again what is packed
_MARKS = (
    (b"PK\x03\x04", "a zip archive: unpack it"),
    (b"NRRD", "an NRRD file: call it .nrrd"),
    (b"ObjectType", "a MetaImage file: call it .mha"),
    (b"NDims =", "a MetaImage file: call it .mha"),
    (b"\x89HDF", "an HDF5 file: export it as NIfTI"),
    (b"\x89PNG", "a PNG picture: call it .png"),
    (b"BZh", "packed by bzip2: unpack it"),
    (b"\xfd7zXZ", "packed by xz: unpack it"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd: unpack it"),
)


@contextmanager
def unpacked(path: Path) -> Iterator[tuple[IO[bytes], bool]]:
    """The content of a file, out of gzip if it is gzip by its first bytes (also twice), and whether
    it was."""
    with ExitStack() as stack:
        file: Any = stack.enter_context(path.open("rb"))
        squeezed = False
        with refusing(path, "packed by gzip, and damaged or truncated", AGAIN):
            for _ in range(_NESTED):
                packed = file.read(2) == _GZIP
                file.seek(0)
                if not packed:
                    break
                file, squeezed = stack.enter_context(gzip.GzipFile(fileobj=file, mode="rb")), True
        yield file, squeezed


def really(first: bytes) -> str | None:
    """What a file is that begins so, and the way out; None where nothing can be said.

    >>> really(b"PK\\x03\\x04...")
    'a zip archive: unpack it'
    """
    if first[128:132] == b"DICM":
        return "a DICOM file: call it .dcm"
    if first and not any(first):
        return "empty but for zeros: copy it again"
    if first[344:347] == b"n+1" or first[4:7] == b"n+2":
        return "a NIfTI file: call it .nii"
    if first.startswith(_GZIP):
        return "packed by gzip: unpack it, or if it is NIfTI call it .nii.gz"
    low = first.lstrip().lower()
    known = (what for mark, what in _MARKS if low.startswith(mark.lower()))
    return placeholder(first) or next(known, None)
