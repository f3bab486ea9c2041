"""Writing so that a kill never leaves half a file: write beside the place, then move in."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecase.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

PARTIAL = ".partial"
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


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` in one step."""
    with replacing_file(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON in one step. NaN is refused: JSON has none."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a table; a broken or missing file is named in the error."""
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file.") from None
    except (ValueError, OSError) as error:  # what pyarrow raises is a ValueError or an OSError
        raise DataError(f"{path}: not a valid Parquet file ({error}).") from None


def read_json(path: Path) -> Any:
    """Read JSON; a broken or missing file is named in the error."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not valid JSON ({error}).") from None
