"""Writing so that a kill never leaves half a file: write beside the place, then move in."""

from __future__ import annotations

import codecs
import fcntl
import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.checksums import PARTIAL, check_file
from rarecase.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_log = logging.getLogger(__name__)
_UMASK = os.umask(0)  # can only be asked for by setting it
os.umask(_UMASK)

LARGEST, SUSPECT, PACKED = 8 * 2**30, 2**30, 100  # bytes unpacked, and times those on disk


def partial_path(path: Path) -> Path:
    """Where `path` is written before it is moved in."""
    return path.with_name(path.name + PARTIAL)


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; move it in when the block ends without error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = partial_path(path)
    try:
        yield beside
        beside.chmod(0o666 & ~_UMASK)  # some libraries write for the owner alone
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def replacing_directory(path: Path, *, keep_partial: bool = False) -> Iterator[Path]:
    """Yield a directory beside `path`; move it in when the block ends without error.

    With `keep_partial` the directory outlives an error or a kill, so that a checkpoint in it
    can be taken up again; otherwise leftovers of an earlier attempt are removed first.
    """
    beside = partial_path(path)
    if not keep_partial and beside.exists():
        shutil.rmtree(beside)
    beside.mkdir(parents=True, exist_ok=True)
    try:
        yield beside
    except BaseException:
        if not keep_partial:
            shutil.rmtree(beside, ignore_errors=True)
        raise
    if path.exists():
        shutil.rmtree(path)
    beside.replace(path)


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock file `path`: one process at a time, on any machine that sees it. The lock goes
    with its process, however that ends. Raises `BlockingIOError` where it is held and not waited
    for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            try:
                if not os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                    continue  # another's by now
            except FileNotFoundError:  # whoever held it removed it
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` in one step."""
    with replacing_file(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON in one step. NaN is refused: JSON has none."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table without its index in one step, as Parquet or CSV by the name of `path`."""
    with replacing_file(path) as beside:
        (table.to_parquet if path.suffix == ".parquet" else table.to_csv)(beside, index=False)


def check_regular(path: Path) -> None:
    """Raise `DataError` for what is no file to read: missing, not this user's to read, a folder, a
    pipe or a device, which might never end."""
    if not path.exists():
        raise DataError(f"{path}: no such file.")
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "a pipe or a device"
        raise DataError(f"{path}: {kind}, where a file was expected.")
    if not os.access(path, os.R_OK):
        raise DataError(f"{path}: this user may not read it.")


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


def text_encoding(path: Path) -> str:
    """The encoding of a table that somebody's program wrote: UTF-8, UTF-16 by its mark, or else
    Windows-1252, as spreadsheets in the West do without asking; that is said. Raises `DataError`
    for a file that is no text."""
    with path.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
    if _is_text(path, "utf-8"):
        return "utf-8-sig"
    if not _is_text(path, "cp1252"):
        raise DataError(f"{path}: not a CSV table in UTF-8. Save it as one.")
    _log.warning("%s: not in UTF-8; read as Windows-1252", path)
    return "cp1252"


def _is_text(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding) as file:
            return all("\0" not in part for part in iter(lambda: file.read(2**20), ""))
    except UnicodeDecodeError:
        return False


@contextmanager
def _reading(path: Path, kind: str) -> Iterator[None]:
    """Around reading a file: it is compared with its record, and a broken or missing one is named
    in the error."""
    check_file(path)
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{path}: no such file.") from None
    except (ValueError, OSError, EOFError) as error:  # all that pandas, pyarrow, NumPy, json raise
        raise DataError(f"{path}: not {kind} ({error}).") from None


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a table; a broken or missing file is named in the error."""
    import pandas as pd

    with _reading(path, "a valid Parquet file"):
        return pd.read_parquet(path)


def read_json(path: Path) -> Any:
    """Read JSON; a broken or missing file is named in the error."""
    with _reading(path, "valid JSON"):
        return json.loads(path.read_text(encoding="utf-8"))


def read_csv(
    path: Path, *, texts: Iterable[str] = (), missing: Sequence[str] | None = None
) -> pd.DataFrame:
    """Read a table that rarecase wrote; a broken or missing file is named in the error. `texts`:
    columns that are text whatever they look like; `missing`: the words for a value that is not
    there (None: those of pandas)."""
    import pandas as pd

    types = dict.fromkeys(texts, str)
    with _reading(path, "a CSV table"):
        return pd.read_csv(path, dtype=types, keep_default_na=missing is None, na_values=missing)


def map_array(path: Path) -> NDArray[Any]:
    """An .npy file as a memory map; a broken or missing file is named in the error."""
    import numpy as np

    with _reading(path, "an .npy file"):
        found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return found
