"""What a file may ask for: it must be one, and hold what it says in the space that it takes."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import IO

from rarecase.errors import DataError

LARGEST, SUSPECT, PACKED = 8 * 2**30, 2**30, 100  # bytes unpacked, and times those on disk
BLOCK = 2**24  # bytes that are unpacked at once
_PLACEHOLDERS = (
    (b"version https://git-lfs", "a pointer of Git LFS: get the file by 'git lfs pull'"),
    (b"/annex/objects/", "a pointer of git-annex: get the file by 'datalad get'"),
    (b"<!doctype html", "a web page: download the file itself"),
    (b"<html", "a web page: download the file itself"),
)


def check_regular(path: Path) -> None:
    """Raise `DataError` for what is no file to read: missing, not this user's to read, a folder, a
    pipe or a device, which might never end."""
    if not path.exists():
        raise DataError(f"{path}: {missing(path)}.")
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "a pipe or a device"
        raise DataError(f"{path}: {kind}, where a file was expected.")
    if not os.access(path, os.R_OK):
        raise DataError(f"{path}: this user may not read it.")


def missing(path: Path) -> str:
    """What to say of a file that is not there: a link may be, as DataLad leaves them."""
    if not path.is_symlink():
        return "no such file"
    annexed = "annex" in path.readlink().parts
    way = "get it by 'datalad get'" if annexed else "copy what it stands for"
    return f"a link that points nowhere: {way}"


def placeholder(first: bytes) -> str | None:
    """What lies in a file's place where it was not fetched, by its first bytes, and the way out.

    >>> placeholder(b"version https://git-lfs.github.com/spec/v1")
    "a pointer of Git LFS: get the file by 'git lfs pull'"
    """
    low = first.lstrip().lower()
    return next((what for mark, what in _PLACEHOLDERS if low.startswith(mark)), None)


def check_unpacked(path: Path, size: int, *, packed: int | None = None) -> None:
    """Raise `DataError` where a file says that it unpacks to more bytes than it can honestly hold:
    over 8 GB, or over 1 GB and a hundred times what it takes on disk (`packed`, by default all of
    the file)."""
    packed = path.stat().st_size if packed is None else packed
    if size > LARGEST or (size > SUSPECT and size > PACKED * packed):
        raise DataError(
            f"{path}: {human_size(packed)} that would unpack to {human_size(size)}, which no "
            "honest file does; it was not unpacked. Get or export it again."
        )


def check_archive(path: Path) -> list[str]:
    """The names in a zip file that unpacks to what it can hold; `DataError` as `check_unpacked`.
    Raises `BadZipFile`, `OSError` and the like where it is none."""
    with zipfile.ZipFile(path) as archive:
        check_unpacked(path, sum(member.file_size for member in archive.infolist()))
        return archive.namelist()


def read_bounded(stream: IO[bytes], path: Path, *, packed: int) -> bytes:
    """All that a packed file unpacks to, block by block; `DataError` as `check_unpacked`, before
    there is more in memory than that allows."""
    parts: list[bytes] = []
    size = 0
    while part := stream.read(BLOCK):
        parts.append(part)
        size += len(part)
        check_unpacked(path, size, packed=packed)
    return b"".join(parts)


def check_parquet(path: Path, data: bytes | None = None) -> None:
    """Raise `DataError` where a Parquet file, whose bytes are `data` where they are read already,
    claims more values than it can hold: a value that is repeated takes no room in it, and eight
    bytes each in memory. What is damaged is left to who reads it."""
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path if data is None else pyarrow.BufferReader(data))
    except (pyarrow.ArrowException, OSError):
        return
    with file:
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    values = sum(g.column(i).num_values for g in groups for i in range(g.num_columns))
    written = sum(g.column(i).total_uncompressed_size for g in groups for i in range(g.num_columns))
    check_unpacked(path, max(8 * values, written), packed=None if data is None else len(data))


def human_size(size: float) -> str:
    """Bytes in words.

    >>> human_size(1536), human_size(5e9)
    ('1.5 kB', '4.7 GB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"
