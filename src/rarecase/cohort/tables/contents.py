"""What a file of a table holds, told by its first bytes: packed or not, text, Parquet, Excel."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from rarecase.bounds import check_archive, check_parquet, check_regular, placeholder, read_bounded
from rarecase.errors import DataError

SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".parquet", ".xlsx", ".xlsm")
PACKED = (".gz", ".bz2", ".xz", ".zip")
Kind = Literal["text", "parquet", "excel"]
_UNPACK: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open,
}  # fmt: skip
_WORKBOOK, _OLD_OFFICE, _TAR = "xl/workbook.xml", b"\xd0\xcf\x11\xe0", slice(257, 262)


def is_table(path: Path) -> bool:
    """Whether a file is a table by its name, packed or not.

    >>> is_table(Path("a.csv")), is_table(Path("a.CSV.gz")), is_table(Path("a.nii.gz"))
    (True, True, False)
    """
    low = path.name.lower()
    if low.endswith(".zip"):
        return True
    plain = next((low.removesuffix(end) for end in PACKED if low.endswith(end)), low)
    return plain.endswith(SUFFIXES)


def contents(path: Path) -> tuple[Kind, bytes]:
    """What kind of table a file holds, and its bytes, unpacked. Raises `DataError` for a file that
    is not there, is damaged, or is of another kind."""
    check_regular(path)
    try:
        data = _unpacked(path.read_bytes(), path)
    except DataError:
        raise
    except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError,
            lzma.LZMAError, zlib.error, zipfile.BadZipFile) as error:  # fmt: skip
        raise DataError(f"{path}: cannot be unpacked ({error}). Copy or export it again.") from None
    if data.startswith(b"PAR1"):
        check_parquet(path, data)
        return "parquet", data
    if data.startswith(b"PK\x03\x04"):
        return "excel", data
    other = None
    if data.startswith(_OLD_OFFICE):
        other = "an Excel file that is old (.xls) or has a password"
    elif data[_TAR] == b"ustar":
        other = "an archive of files (tar)"
    if other is not None:
        raise DataError(f"{path}: {other} is not read. Save the table as .xlsx or CSV.")
    if what := placeholder(data[:100]):
        raise DataError(f"{path}: not a table but {what}.")
    if path.suffix.lower() == ".parquet":
        raise DataError(f"{path}: cannot be read as parquet (it does not begin as one).")
    return "text", data


def _unpacked(data: bytes, path: Path) -> bytes:
    unpack = next((how for start, how in _UNPACK.items() if data.startswith(start)), None)
    if unpack is not None:
        with unpack(io.BytesIO(data)) as stream:
            return read_bounded(stream, path, packed=len(data))
    if not data.startswith(b"PK\x03\x04"):
        return data
    names = check_archive(path)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if _WORKBOOK in names:
            return data
        files = [n for n in names if not n.endswith("/") and "__MACOSX" not in n]
        tables = [name for name in files if is_table(Path(name)) or len(files) == 1]
        if len(tables) != 1:
            shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
            raise DataError(
                f"{path}: expected one table in it, found {len(tables)} (it holds {shown}). "
                "Unpack it, and name the table."
            )
        return archive.read(tables[0])
