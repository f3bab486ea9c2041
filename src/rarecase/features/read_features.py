"""Features from files: tables (CSV, TSV, Parquet), NumPy archives, feature stores."""

from __future__ import annotations

import hashlib
import logging
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rarecase.cohort.tables import SUFFIXES, like_patients, numbers_rows, read_values
from rarecase.errors import DataError, LeakError, SettingError, nearest
from rarecase.features.feature_set import make_features

log = logging.getLogger(__name__)
LARGEST = 4 * 2**30  # bytes of float64 that a comparison takes into memory


@dataclass(frozen=True)
class Features:
    """What a file holds: `X` (n, d) with names of features where it has them, `y`, `groups` (None:
    each row is a patient), the name of each row, and `sites` where they were requested. `seen`: the
    patients whom the network behind the features has learnt from, as far as the file says."""

    X: Any
    y: np.ndarray
    groups: np.ndarray | None
    row: np.ndarray
    sites: np.ndarray | None = None
    left_out: tuple[str, ...] = ()
    seen: frozenset[str] = frozenset()

    @property
    def names(self) -> list[str]:
        """Names of the features, as far as they have any."""
        return [str(c) for c in self.X.columns] if isinstance(self.X, pd.DataFrame) else []

    def fingerprint(self) -> str:
        """The same for the same features, labels and patients, and for no others."""
        features = make_features(self.X, self.y, groups=self.groups)
        return hashlib.sha256(repr((features.digest, self.names)).encode()).hexdigest()[:16]


def read_features(
    path: Path,
    *,
    label: str | None = None,
    groups: str | None = None,
    site: str | None = None,
    ignore: Sequence[str] = (),
) -> Features:
    """Read features, labels, patients and, if requested, sites.

    Tables: `label`, `groups` and `site` are columns; every other numeric column but those of
    `ignore` is a feature, and columns of text are left out (`left_out`). `.npz`: arrays X, y and,
    if there, groups. `.zarr`: a FeatureStore; `label` and `groups` are columns of its rows
    (default: label and patient). Raises `DataError` for files that cannot be read, `SettingError`
    for columns that are not there.
    """
    kinds = {".npz": _read_archive, ".zarr": _read_store}
    suffix = path.suffix.lower()
    if not path.exists():
        raise DataError(f"{path}: no such file.")
    if suffix not in (*SUFFIXES, *kinds):
        raise DataError(f"{path}: expected one of {', '.join([*SUFFIXES, *kinds])}.")
    if suffix in kinds:
        if ignore:
            raise SettingError(
                f"--ignore {','.join(ignore)}: the features of {path} have no names to leave out."
            )
        return kinds[suffix](path, label, groups, site)
    table = read_values(path, names=[name for name in (label, groups, site) if name is not None])
    if label is None:
        raise SettingError("--label COLUMN is missing: the column with the classes.")
    options = [("--label", label), ("--groups", groups), ("--site", site)]
    for option, name in [*options, *(("--ignore", name) for name in ignore)]:
        if name is not None and name not in table.columns:
            hint = "it is the table's index: save it with reset_index()."
            if name not in table.index.names:
                hint = nearest(name, map(str, table.columns))
            raise SettingError(f"{option} {name}: {path} has no such column; {hint}")
    missing = table[label].isna()
    if missing.any():
        log.warning("%d rows without %s are left out", int(missing.sum()), label)
        table = table[~missing]
    numeric, text = _feature_columns(table, [label, groups, site, *ignore])
    if groups is None:
        _warn_of_patients(table, [*numeric, *text], label=label, text=text)
    if not numeric:
        raise DataError(f"{path}: no numeric column besides {label}; there is nothing to compare.")
    who, sites = (None if name is None else table[name].to_numpy() for name in (groups, site))
    y, row = table[label].to_numpy(), table.index.to_numpy()
    return Features(table[numeric], y, who, row, sites, tuple(text))


def _feature_columns(
    table: pd.DataFrame, aside: Sequence[str | None]
) -> tuple[list[str], list[str]]:
    """Columns that are features, and those left out as they hold text, of all but `aside`; a saved
    index is left out with a warning."""
    columns = [c for c in table.columns if c not in aside]
    for name in [c for c in columns if numbers_rows(str(c), table[c])]:
        log.warning("column %r numbers the rows and is left out", name)
        columns.remove(name)
    numeric = [c for c in columns if pd.api.types.is_numeric_dtype(table[c])]
    return numeric, [str(c) for c in columns if c not in numeric]


def _warn_of_patients(
    table: pd.DataFrame, columns: Sequence[str], *, label: str, text: Sequence[str]
) -> None:
    """Say which columns look like one of patients: their rows would be split between training and
    test."""
    for name in columns:
        used = "is used as a feature" if name not in text else "is left out"
        kind = like_patients(table[name], table[label])
        if kind == "repeated":
            log.warning(
                "column %r %s, but looks like one of patients with several rows each, which would "
                "be split between training and test: --groups %s keeps them together",
                name, used, name,
            )  # fmt: skip
        elif kind == "distinct" and name not in text:
            log.warning(
                "column %r %s, but looks like one that numbers patients: --groups %s, or --ignore "
                "%s", name, used, name, name,
            )  # fmt: skip


def _read_archive(path: Path, label: str | None, groups: str | None, site: str | None) -> Features:
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise ValueError("one array and no archive: numpy.savez(FILE, X=…, y=…, groups=…)")
        with file:
            held = {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read as .npz ({error}).") from None
    names = (label or "y", groups or "groups")
    if not {"X", names[0]} <= set(held):
        raise DataError(
            f"{path}: expected arrays X, {names[0]} and, for patients, {names[1]}; there are "
            f"{', '.join(held) or 'none'}."
        )
    for option, name in (("--groups", groups), ("--site", site)):
        if name is not None and name not in held:
            raise SettingError(f"{option} {name}: {path} has no such array; {nearest(name, held)}")
    row = np.arange(len(held["X"]))
    sites = None if site is None else held[site]
    return Features(held["X"], held[names[0]], held.get(names[1]), row, sites)


def _read_store(path: Path, label: str | None, groups: str | None, site: str | None) -> Features:
    from rarecase.features.store import FeatureStore  # needs PyTorch and Zarr

    store = FeatureStore.open(path)
    size = 8 * len(store) * int(np.prod(store.shape))
    if size > LARGEST:
        raise DataError(
            f"{path}: {len(store)} samples of {store.shape} take {size / 2**30:.1f} GiB as a "
            "table. Compare `tumour` vectors instead, or run the study, whose classifier reads "
            "maps."
        )
    names = [label or "label", groups or "patient", *([] if site is None else [site])]
    for name in names:
        if name not in store.rows.columns:
            raise SettingError(f"{path}: its rows have no column {name!r}; "
                               f"{nearest(name, store.rows.columns)}")  # fmt: skip
    X = store.read_all().astype(np.float64)
    y, who, *sites = (store.rows[name].to_numpy() for name in names)
    return Features(X, y, who, np.arange(len(X)), sites[0] if sites else None, seen=store.seen)


def refuse_seen(features: Features, path: Path) -> None:
    """Raise `LeakError` where patients, all of whom a comparison tests, taught the network behind
    their features."""
    tested = () if features.groups is None else np.unique(features.groups.astype(str)).tolist()
    both = sorted(features.seen.intersection(tested))
    if both:
        raise LeakError(
            f"{path}: the network behind these features has learnt from {len(both)} of the "
            f"patients that would be tested ({', '.join(both[:5])}{', …' if len(both) > 5 else ''})"
            ". The comparison of a run takes each fold's own network; or take features of a "
            "network trained on other patients; --allow-seen accepts the leak."
        )
