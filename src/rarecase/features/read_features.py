"""Features from files: tables (CSV, TSV, Parquet, Excel), NumPy archives, feature stores."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rarecase.bounds import check_archive, check_regular
from rarecase.cohort.tables import clean, is_table
from rarecase.cohort.tables.contents import PACKED, SUFFIXES
from rarecase.cohort.tables.words import as_word
from rarecase.cohort.visits import doubted_patients
from rarecase.errors import DataError, LeakError, SettingError, nearest, plain
from rarecase.features.read_table import Features, read_table_features
from rarecase.features.table_roles import Roles

log = logging.getLogger(__name__)
__all__ = ["Features", "read_features", "refuse_seen"]
LARGEST = 4 * 2**30  # bytes of float64 that a comparison takes into memory


def read_features(
    path: Path,
    *,
    label: str | None = None,
    groups: str | None = None,
    site: str | None = None,
    ignore: Sequence[str] = (),
    id: str | None = None,
    categorical: Sequence[str] = (),
    accept: Sequence[str] = (),
    sets: Mapping[str, Sequence[str]] | None = None,
    fill: bool = False,
    away: bool = False,
) -> Features:
    """Read features, labels, patients and, if requested, sites.

    Tables: `label`, `groups`, `site` and `id` are columns; every other column of numbers but those
    of `ignore` is a feature, and so is a `categorical` one; other columns of text, and dates, are
    left out (`left_out`). What else columns are, see `Roles`. `.npz`: arrays X, y and, if there,
    groups. `.zarr`: a FeatureStore; `label` and `groups` are columns of its rows (default: label
    and patient). Raises `DataError` for files that cannot be read, `SettingError` for columns that
    are not there.
    """
    kinds = {".npz": _read_archive, ".zarr": _read_store}
    suffix = path.suffix.lower()
    if suffix != ".zarr" or not path.is_dir():
        check_regular(path)
    if suffix not in kinds and not is_table(path):
        raise DataError(
            f"{path}: expected one of {', '.join([*SUFFIXES, *kinds])}; tables may be packed "
            f"({', '.join(PACKED)})."
        )
    if suffix not in kinds:
        roles = Roles(label, groups, site, id, ignore, categorical, accept, sets or {}, fill, away)
        return _said_of_patients(read_table_features(path, roles))
    for option, names in (("--ignore", ignore), ("--categorical", categorical),
                          ("--features", sets or {}), ("--id", [id] if id else [])):  # fmt: skip
        if names:
            raise SettingError(
                f"{option} {','.join(names)}: the features of {path} have no names to leave out "
                "or to choose by, as those of a table have."
            )
    return _said_of_patients(kinds[suffix](path, label, groups, site))


def _said_of_patients(found: Features) -> Features:
    names = set() if found.groups is None else {*map(str, found.groups)}
    for doubt in doubted_patients(names):
        log.warning("%s", doubt)
    return found


def _read_archive(path: Path, label: str | None, groups: str | None, site: str | None) -> Features:
    try:
        if zipfile.is_zipfile(path):
            check_archive(path)
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise ValueError("one array and no archive: numpy.savez(FILE, X=…, y=…, groups=…)")
        with file:
            held = {name: file[name] for name in file.files}
    except DataError:
        raise
    except Exception as error:  # NumPy raises all kinds on a damaged file
        if "allow_pickle" in str(error):
            raise DataError(
                f"{path}: holds an array of Python objects, which is not read, as that would run "
                "what the file says. Save words as words: numpy.savez(FILE, X=X, y=y.astype(str), "
                "groups=groups.astype(str))."
            ) from None
        raise DataError(f"{path}: cannot be read as .npz ({plain(error)}).") from None
    names = (label or "y", groups or "groups")
    if not {"X", names[0]} <= set(held):
        raise DataError(
            f"{path}: expected arrays X, {names[0]} and, for patients, {names[1]}; there are "
            f"{', '.join(held) or 'none'}."
        )
    for option, name in (("--groups", groups), ("--site", site)):
        if name is not None and name not in held:
            raise SettingError(f"{option} {name}: {path} has no such array; {nearest(name, held)}")
    y, who = _tidy(held[names[0]], classes=True), held.get(names[1])
    X, row = held["X"], np.arange(len(held["X"]))
    who, sites = (
        None if each is None else _tidy(each)
        for each in (who, None if site is None else held[site])
    )
    missing = pd.isna(y) if y.ndim == 1 and len(y) == len(X) else np.zeros(0, dtype=bool)
    if len(missing) and missing.all():
        raise DataError(f"{path}: no row has a class in {names[0]}; {len(X)} rows are empty.")
    if missing.any():
        log.warning("%d rows without %s are left out", int(missing.sum()), names[0])
        there = ~missing
        X, y, row = X[there], y[there], row[there]
        who, sites = (None if each is None else each[there] for each in (who, sites))
    return Features(X, y, who, row, sites)


def _tidy(values: np.ndarray, *, classes: bool = False) -> np.ndarray:
    """Words of an archive as those of any table; whatever else it holds as it is."""
    if values.dtype.kind not in "US":
        return values
    words = [as_word(word) for word in values.ravel()]
    found = clean(words, classes=classes)
    return values if found == words else np.array(found, dtype=object).reshape(values.shape)


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
