"""The real samples that a generator learns from, read from a file of any kind."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecase.cohort.tables import stored_types
from rarecase.errors import DataError, SettingError, nearest
from rarecase.features.feature_set import FeatureSet, make_features
from rarecase.features.leaks import say, suspicions
from rarecase.features.read_features import Features, read_features
from rarecase.features.samples import is_store
from rarecase.features.table_columns import said_left_out
from rarecase.generators.table_types import TableTypes

log = logging.getLogger(__name__)
SHOWN = 5  # rows or features that a message names


@dataclass(frozen=True)
class Real:
    """The real samples: `X` (n, …), an array or a FeatureStore, with the names of the class and the
    patient of each, `labels` and `patients` (n,). `classes`: the names, sorted; `values` (classes,)
    what the file itself calls them, numbers for instance. `columns`: names of features, if they
    have some, and `types` what they hold. `dtype`: of an array of whole numbers or of truth.
    `seen`: whom the network behind the features has learnt from."""

    X: Any
    labels: NDArray[np.str_]
    patients: NDArray[np.str_]
    classes: tuple[str, ...]
    values: NDArray[Any]
    columns: tuple[str, ...] = ()
    seen: frozenset[str] = frozenset()
    types: TableTypes | None = None
    dtype: np.dtype[Any] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample."""
        return tuple(self.X.shape if is_store(self.X) else self.X.shape[1:])

    @property
    def counts(self) -> dict[str, int]:
        """Samples of each class."""
        return {name: int((self.labels == name).sum()) for name in self.classes}

    def named(self, names: Sequence[str]) -> NDArray[Any]:
        """Classes (k,) as the file calls them."""
        place = {name: at for at, name in enumerate(self.classes)}
        return self.values[[place[name] for name in names]]


def read_real(
    path: Path,
    *,
    label: str | None,
    groups: str | None,
    ignore: Sequence[str],
    categorical: Sequence[str],
    out: Path,
) -> Real:
    """The samples of a file that `compare` takes too, maps in their shape. Classes and patients are
    named as there. Raises `DataError` and `SettingError` as `read_features` and `make_features`."""
    if categorical and out.suffix.lower() not in (".csv", ".parquet"):
        raise SettingError(f"--out {out}: categories go to a table, .csv or .parquet.")
    if path.suffix.lower() == ".zarr":
        if categorical:
            raise SettingError(
                f"--categorical {','.join(categorical)}: the features of {path} have no names."
            )
        return _read_store(path, label=label or "label", groups=groups or "patient", ignore=ignore)
    found = read_features(path, label=label, groups=groups, ignore=ignore, categorical=categorical)
    for line in said_left_out(found.left_out):
        log.warning("%s", line)
    _refuse_gaps(path, found)
    columns = suspicions(found.X, found.y) if found.names and found.groups is None else []
    say([*found.found, *(each for each in columns if each.kind in ("rows", "id"))])
    table = make_features(found.X, found.y, groups=found.groups)
    labels = np.asarray(table.classes)[table.y]
    values = _values(found.y, table.y, table.classes)
    # A CSV holds text alone, and gets back what it held.
    if path.suffix.lower() in (".csv", ".tsv") and out.suffix.lower() != ".csv":
        values = _typed(table.classes)
    X, types, dtype = np.asarray(table.X), None, None
    if found.names and table.columns is not None:
        known = dict(found.types) | _named_types(path, table) | stored_types(path)
        types = TableTypes.of(X, table.columns, known)
        X = types.encoder(X)
    else:
        X, kind = X.reshape(np.shape(found.X)), np.asarray(found.X).dtype
        dtype = kind if kind.kind in "biu" else None
    return Real(
        X, labels, np.asarray(table.patients)[table.patient], table.classes, values,
        tuple(found.names), types=types, dtype=dtype,
    )  # fmt: skip


def _refuse_gaps(path: Path, found: Features) -> None:
    gaps = np.asarray(pd.isna(found.X)).reshape(len(found.y), -1)
    if gaps.any():
        row, at = (int(each[0]) for each in np.nonzero(gaps))
        name = found.names[at] if found.names else at
        raise DataError(
            f"{path}: {int(gaps.sum())} values are missing, first that of {name!r} in row "
            f"{found.row[row]}. A generator learns from whole rows: fill the gaps in, or leave the "
            f"rows or the feature out{f' (--ignore {name})' if found.names else ''}."
        )


def _read_store(path: Path, *, label: str, groups: str, ignore: Sequence[str]) -> Real:
    from rarecase.features.store import FeatureStore  # needs PyTorch and Zarr

    if ignore:
        raise SettingError(
            f"--ignore {','.join(ignore)}: the features of {path} have no names to leave out."
        )
    store = FeatureStore.open(path)  # maps as they are, read batch by batch
    for option, name in (("--label", label), ("--groups", groups)):
        if name not in store.rows.columns:
            raise SettingError(
                f"{path}: its rows have no column {name!r}; {nearest(name, store.rows.columns)}"
            )
        missing = np.flatnonzero(store.rows[name].isna())
        if missing.size:
            raise DataError(
                f"{path}: {missing.size} of {len(store)} rows have no {name} (counted from 0: "
                f"{few(map(str, missing[: SHOWN + 1]))}). Fill them in in {path / 'rows.parquet'}, "
                f"make the store without these samples, or name another column with {option}."
            )
    y = store.rows[label].to_numpy()
    # The rows' numbers stand for the samples, which may be too many to hold.
    numbers = np.arange(float(len(store)))[:, None]
    table = make_features(numbers, y, groups=store.rows[groups].to_numpy())
    return Real(
        store, np.asarray(table.classes)[table.y], np.asarray(table.patients)[table.patient],
        table.classes, _values(y, table.y, table.classes), seen=store.seen,
    )  # fmt: skip


def few(names: Iterable[str]) -> str:
    """The first of many names, for a message."""
    shown = list(names)
    return ", ".join(shown[:SHOWN]) + (", …" if len(shown) > SHOWN else "")


def _values(y: Any, codes: NDArray[np.integer], classes: Sequence[str]) -> NDArray[Any]:
    """What `y` (n,) or (n, 1) calls the classes that it has by the indices `codes` (n,)."""
    first = np.unique(codes, return_index=True)[1]
    values = np.asarray(y).reshape(-1)[first]
    if values.dtype.kind == "O":
        values = np.array(values.tolist())
    return values if values.dtype.kind in "biufSU" else np.array(classes)


def _named_types(path: Path, table: FeatureSet) -> dict[str, Any]:
    """The types that pandas by itself gives to categories of a CSV, which are kept as written."""
    if path.suffix.lower() == ".parquet" or table.columns is None:
        return {}
    levels = table.columns.levels.items()
    return {table.columns.names[i]: _typed(names).dtype for i, names in levels}


def _typed(names: Sequence[str]) -> NDArray[Any]:
    """Classes of a CSV as pandas by itself reads such a column: numbers, or truth values."""
    if all(re.fullmatch(r"0|-?[1-9][0-9]{0,17}", name) for name in names):
        return np.array([int(name) for name in names], dtype=np.int64)
    if sorted(name.lower() for name in names) == ["false", "true"]:
        return np.array([name.lower() == "true" for name in names])
    return np.array(names)
