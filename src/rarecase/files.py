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


def decode_text(data: bytes, path: Path) -> str:
    """Text that somebody's program wrote to `path`: UTF-8, UTF-16 or UTF-32 by its mark or its
    zeros, or else Windows-1252, as spreadsheets in the West do without asking; that is said. Raises
    `DataError` for what is no text."""
    try:
        text = data.decode(_encoding(data))
    except UnicodeDecodeError:
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError:
            text = "\0"
        else:
            _log.warning("%s: not in UTF-8; read as Windows-1252", path)
    if "\0" in text.rstrip("\0"):
        raise DataError(f"{path}: not a CSV table in UTF-8. Save it as one.")
    return text.removeprefix("\ufeff")


def _encoding(data: bytes) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
    ):  # fmt: skip
        if data.startswith(mark):
            return encoding
    if len(data) > 1 and 0 in data[:2]:  # a sign of ASCII and a zero, without a mark
        return "utf-16-be" if data[0] == 0 else "utf-16-le"
    return "utf-8"


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
