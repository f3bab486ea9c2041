"""Features of a table, and what is known of its rows: classes, patients, sites."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rarecase.cohort.labels import choose_labels
from rarecase.cohort.values import shifted
from rarecase.errors import DataError, SettingError, nearest
from rarecase.features.feature_set import make_features
from rarecase.features.leaks import Suspicion, suspicions
from rarecase.features.table_columns import pick_columns, refuse_shifted
from rarecase.features.table_roles import Roles, column_of, read_typed
from rarecase.features.table_sets import sets_of_table, table_file

log = logging.getLogger(__name__)
NO_SITE = "no site"


@dataclass(frozen=True)
class Features:
    """What a file holds: `X` (n, d) with names of features where it has them, or several such sets
    by name; `y`, `groups` (None: each row is a patient), the name of each row, and `sites` where
    they were requested. `left_out`: columns that are no features, and why; `found`: what looks like
    a leak in them. `seen`: the patients whom the network behind the features has learnt from, as
    far as the file says. `types`: the types that columns of a table have in its file."""

    X: Any
    y: np.ndarray
    groups: np.ndarray | None
    row: np.ndarray
    sites: np.ndarray | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    found: Sequence[Suspicion] = ()
    seen: frozenset[str] = frozenset()
    types: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Names of the features, as far as they have any."""
        return [str(c) for c in self.X.columns] if isinstance(self.X, pd.DataFrame) else []

    def fingerprint(self) -> str:
        """The same for the same features, labels and patients, and for no others."""
        sets = self.X if isinstance(self.X, dict) else {"features": self.X}
        about: list[Any] = []
        for name, X in sets.items():
            made = make_features(
                X, self.y, groups=self.groups, name=name, missing=True, constant=True
            )
            about.append((made.digest, self.names or ([] if made.columns is None else
                                                      list(made.columns.names))))  # fmt: skip
        said = about[0] if len(about) == 1 else tuple(about)
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def read_table_features(path: Path, roles: Roles) -> Features:
    """Read a table of features. Raises `DataError` and `SettingError`."""
    if roles.label is None:
        raise SettingError("--label COLUMN is missing: the column with the classes.")
    roles = roles.tidied()
    table = _read(path, roles)
    columns = [str(c) for c in table.columns]
    _check_names(table, path, roles)
    y = (
        table[roles.label]
        if roles.label in columns
        else choose_labels(table, roles.label, own=None)
    )
    missing = y.isna()
    if missing.all():
        raise DataError(
            f"{path}: no row has a class in {roles.label}; {len(table)} rows are empty."
        )
    if missing.any():
        log.warning("%d rows without %s are left out", int(missing.sum()), roles.label)
        table, y = table[~missing], y[~missing]
    X, left_out = pick_columns(
        table, aside=roles.aside(columns), categorical=roles.categorical, dates=roles.accept
    )
    sets, kept = sets_of_table(X, left_out, table, roles)
    if not all(each.shape[1] for each in sets.values()):
        raise DataError(
            f"{path}: no column besides {roles.label} is a feature; there is nothing to compare."
        )
    table, y = table[kept], y[kept]
    sets = {name: each[kept] for name, each in sets.items()}
    who, sites = _patients(table, path, roles), _sites_of(table, path, roles)
    others = table[[c for c in table.columns if c in {*left_out, *roles.ignore, roles.id}]]
    found = suspicions(pd.DataFrame(index=others.index), y, groups=who, aside=others)
    made: Any = sets if roles.sets else next(iter(sets.values()))
    return Features(
        made, y.to_numpy(), who, table.index.to_numpy(), sites, left_out, found,
        types={str(name): dtype for name, dtype in table.dtypes.items()},
    )  # fmt: skip


def _patients(table: pd.DataFrame, path: Path, roles: Roles) -> np.ndarray | None:
    if roles.groups is None:
        return None
    found = table[roles.groups]
    if found.isna().any():
        raise DataError(
            f"{path}: some rows have no patient: {int(found.isna().sum())} lack {roles.groups}, "
            f"first row {found.isna().idxmax()}. Name them, or drop their rows."
        )
    return found.to_numpy()


def _sites_of(table: pd.DataFrame, path: Path, roles: Roles) -> np.ndarray | None:
    if roles.site is None:
        return None
    found = table[roles.site]
    if found.isna().any():
        log.warning(
            "%s: %d rows without %s count as one site more, %r",
            path, int(found.isna().sum()), roles.site, NO_SITE,
        )  # fmt: skip
    return found.fillna(NO_SITE).to_numpy()


def _read(path: Path, roles: Roles) -> pd.DataFrame:
    """The table; what is an id or a category stays as it is written."""
    table = read_typed(path, roles, label=roles.label or "")
    if not isinstance(table.index, pd.RangeIndex):  # as R writes it, or was one lost?
        label = column_of(roles.label, list(table.columns))
        for name in (label, roles.groups, roles.site, roles.id):
            odd = shifted(table[name]) if name in table.columns else None
            if odd is not None:
                refuse_shifted(odd, table[name])
    return table


def _check_names(table: pd.DataFrame, path: Path, roles: Roles) -> None:
    columns = [str(c) for c in table.columns]
    files = any(table_file(words) for words in roles.sets.values())  # may have them
    options = [("--label", column_of(roles.label, columns)), ("--groups", roles.groups),
               ("--site", roles.site), ("--id", roles.id)]  # fmt: skip
    for option, names in (("--ignore", roles.ignore), ("--categorical", roles.categorical),
                          ("--accept", roles.accept)):  # fmt: skip
        options += [(option, name) for name in names if not (files or roles.away)]
    for option, name in options:
        if name is not None and name not in columns:
            raise SettingError(
                f"{option} {name}: {path} has no such column; {nearest(name, columns)}"
            )
