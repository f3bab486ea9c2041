"""Writing so that a kill never leaves half a file: write beside the place, then move in."""

from __future__ import annotations

import codecs
import csv
import fcntl
import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.bounds import check_parquet, check_regular, human_size
from rarecase.checksums import PARTIAL, check_file
from rarecase.errors import DataError, RarecaseError, plain
from rarecase.numbers import exact_number

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_log = logging.getLogger(__name__)
_UMASK = os.umask(0)  # can only be asked for by setting it
os.umask(_UMASK)
_FORMULA = re.compile(r"'*[=+\-@\t\r]")  # what spreadsheets run, or may have been made harmless
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
LARGEST_JSON = 64 * 2**20  # bytes; objects take twenty times as many


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
    """Write a table without its index in one step, as Parquet or CSV by the name of `path`. Text
    that a spreadsheet would run as a formula gets an apostrophe in front, in CSV, which `read_csv`
    takes off again; numbers are written in full, without exponents."""
    with replacing_file(path) as beside:
        if path.suffix == ".parquet":
            table.to_parquet(beside, index=False)
        else:
            written = _each_text(table, as_text)
            words = written.select_dtypes(["object", "string"])
            # Left as it is, a lone carriage return would end a line.
            returns = any(words[name].astype(str).str.contains("\r").any() for name in words)
            how: Any = csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL
            written.to_csv(beside, index=False, quoting=how, float_format=_in_full)


def _in_full(value: object) -> str:
    return exact_number(float(value))  # type: ignore[arg-type]


def as_text(value: str) -> str:
    """Text that a spreadsheet takes as text. `from_text` undoes it.

    >>> [as_text(each) for each in ("=1+2", "-1.5", "'@a", "'a", "\\t=2")]
    ["'=1+2", '-1.5', "''@a", "'a", "'\\t=2"]
    """
    return f"'{value}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value) else value


def from_text(value: str) -> str:
    """Text as it was before `as_text`.

    >>> [from_text(as_text(each)) for each in ("=1", "-1.5", "'=1", "'a")]
    ['=1', '-1.5', "'=1", "'a"]
    """
    return value[1:] if value[:1] == "'" and _FORMULA.match(value) else value


def _each_text(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """A table with its text changed, that of its names too."""
    changed = table.rename(columns=lambda name: change(name) if isinstance(name, str) else name)
    for at, dtype in enumerate(table.dtypes):
        if dtype.kind not in "biufmMc":
            values = changed.iloc[:, at]
            if any(isinstance(v, str) and change(v) != v for v in values):  # else its type stays
                texts = values.map(lambda v: change(v) if isinstance(v, str) else v)
                changed.isetitem(at, texts.array)
    return changed


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
    check_regular(path)
    check_file(path)
    try:
        yield
    except RarecaseError:
        raise
    except Exception as error:  # pandas, pyarrow, NumPy and json raise all kinds
        raise DataError(f"{path}: not {kind} ({plain(error)}).") from None


def read_parquet(path: Path, *, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table, or some of its columns; a broken or missing file is named in the error."""
    import pandas as pd

    with _reading(path, "a valid Parquet file"):
        check_parquet(path)
        return pd.read_parquet(path, columns=None if columns is None else [*columns])


def read_json(path: Path) -> Any:
    """Read JSON; a broken or missing file is named in the error."""
    with _reading(path, "valid JSON"):
        if (size := path.stat().st_size) > LARGEST_JSON:
            raise DataError(f"{path}: {human_size(size)} of JSON, which rarecase never writes.")
        return json.loads(path.read_text(encoding="utf-8"))


def read_csv(
    path: Path, *, texts: Iterable[str] = (), missing: Sequence[str] | None = None
) -> pd.DataFrame:
    """Read a table that `write_table` wrote; a broken or missing file is named in the error.
    `texts`: columns that are text whatever they look like; `missing`: the words for a value that is
    not there (None: those of pandas)."""
    import pandas as pd

    types = dict.fromkeys(texts, str)
    with _reading(path, "a CSV table"):
        found = pd.read_csv(path, dtype=types, keep_default_na=missing is None, na_values=missing)
    return _each_text(found, from_text)


def map_array(path: Path) -> NDArray[Any]:
    """An .npy file as a memory map; a broken or missing file is named in the error."""
    import numpy as np

    with _reading(path, "an .npy file"):
        found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return found
