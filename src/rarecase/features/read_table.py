"""Features of a table, as one set or several by name, of its columns or of tables joined to it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rarecase.cohort.labels import choose_labels
from rarecase.cohort.tables import SUFFIXES, need_distinct, read_values
from rarecase.cohort.values import shifted
from rarecase.errors import DataError, SettingError, nearest
from rarecase.features.feature_set import make_features
from rarecase.features.leaks import Suspicion, suspicions
from rarecase.features.table_columns import pick_columns, refuse_shifted

log = logging.getLogger(__name__)
UNNAMED = "no set of features names them"
SHOWN = 5


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


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are: names, as the command line has them.

    `label`: the classes, or COLUMN=V[,V]. `id`: whose features of another table a row gets (without
    it `groups`). `accept`: columns of dates that are features all the same. `sets`: name → columns
    (patterns), or a file. `fill`: whether rows that another table lacks stay, with missing values.
    `away`: the table is of another cohort, which may lack what is only ignored or declared.
    """

    label: str | None = None
    groups: str | None = None
    site: str | None = None
    id: str | None = None
    ignore: Sequence[str] = ()
    categorical: Sequence[str] = ()
    accept: Sequence[str] = ()
    sets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    fill: bool = False
    away: bool = False

    def aside(self, columns: Sequence[str]) -> set[str]:
        """Columns that are no features."""
        roles = (self.label, _column_of(self.label, columns), self.groups, self.site, self.id)
        return {name for name in (*roles, *self.ignore) if name is not None}


def read_table_features(path: Path, roles: Roles) -> Features:
    """Read a table of features. Raises `DataError` and `SettingError`."""
    if roles.label is None:
        raise SettingError("--label COLUMN is missing: the column with the classes.")
    table = _read(path, roles)
    columns = [str(c) for c in table.columns]
    _check_names(table, path, roles)
    y = (
        table[roles.label]
        if roles.label in columns
        else choose_labels(table, roles.label, own=None)
    )
    missing = y.isna()
    if missing.any():
        log.warning("%d rows without %s are left out", int(missing.sum()), roles.label)
        table, y = table[~missing], y[~missing]
    X, left_out = pick_columns(
        table, aside=roles.aside(columns), categorical=roles.categorical, dates=roles.accept
    )
    sets, kept = _sets(X, left_out, table, roles)
    if not all(each.shape[1] for each in sets.values()):
        raise DataError(
            f"{path}: no column besides {roles.label} is a feature; there is nothing to compare."
        )
    table, y = table[kept], y[kept]
    sets = {name: each[kept] for name, each in sets.items()}
    who, sites = (
        None if name is None else table[name].to_numpy() for name in (roles.groups, roles.site)
    )
    others = table[[c for c in table.columns if c in {*left_out, *roles.ignore, roles.id}]]
    found = suspicions(pd.DataFrame(index=others.index), y, groups=who, aside=others)
    made: Any = sets if roles.sets else next(iter(sets.values()))
    return Features(
        made, y.to_numpy(), who, table.index.to_numpy(), sites, left_out, found,
        types={str(name): dtype for name, dtype in table.dtypes.items()},
    )  # fmt: skip


def _read(path: Path, roles: Roles) -> pd.DataFrame:
    """The table; what is an id or a category stays as it is written."""
    label = roles.label or ""
    kept = (label, label.partition("=")[0].strip(), roles.groups, roles.site, roles.id)
    table = read_values(path, names=[n for n in (*kept, *roles.categorical) if n is not None])
    if not isinstance(table.index, pd.RangeIndex) and path.suffix.lower() != ".parquet":
        if table.index.nlevels > 1:
            raise DataError(
                f"{path}: rows have {table.index.nlevels} values more than the header has names. "
                "Mend the header."
            )
        for name in (n for n in kept if n in table.columns):  # as R writes it, or was one lost?
            odd = shifted(table[name])
            if odd is not None:
                refuse_shifted(odd, table[name])
    return table


def _column_of(label: str | None, columns: Sequence[str]) -> str | None:
    return label if label is None or label in columns else label.partition("=")[0].strip()


def _check_names(table: pd.DataFrame, path: Path, roles: Roles) -> None:
    columns = [str(c) for c in table.columns]
    files = any(_file(words) for words in roles.sets.values())  # may have them
    options = [("--label", _column_of(roles.label, columns)), ("--groups", roles.groups),
               ("--site", roles.site), ("--id", roles.id)]  # fmt: skip
    for option, names in (("--ignore", roles.ignore), ("--categorical", roles.categorical),
                          ("--accept", roles.accept)):  # fmt: skip
        options += [(option, name) for name in names if not (files or roles.away)]
    for option, name in options:
        if name is not None and name not in columns:
            hint = "it is the table's index: save it with reset_index()."
            if name not in table.index.names:
                hint = nearest(name, columns)
            raise SettingError(f"{option} {name}: {path} has no such column; {hint}")


def _sets(
    X: pd.DataFrame, left_out: dict[str, str], table: pd.DataFrame, roles: Roles
) -> tuple[dict[str, pd.DataFrame], np.ndarray]:
    """The sets by name, and which rows stay (n,); says in `left_out` what is in none."""
    kept = np.ones(len(table), dtype=bool)
    if not roles.sets:
        return {"features": X}, kept
    sets: dict[str, pd.DataFrame] = {}
    used: set[str] = set()
    for name, words in roles.sets.items():
        file = _file(words)
        if file is None:
            chosen = _matching(X, left_out, words, name)
            sets[name] = X[chosen]
            used.update(chosen)
        else:
            sets[name], has, without = _joined(file, table, roles, name)
            kept &= has | roles.fill
            left_out |= without
    left_out |= {c: UNNAMED for c in X.columns if c not in used}
    return sets, kept


def _file(words: Sequence[str]) -> Path | None:
    found = Path(words[0])
    return found if len(words) == 1 and found.suffix.lower() in SUFFIXES else None


def _matching(
    X: pd.DataFrame, left_out: Mapping[str, str], words: Sequence[str], name: str
) -> list[str]:
    """The columns that `words` name, or match as patterns."""
    found: dict[str, None] = {}
    for word in words:
        said = f"--features {name}={','.join(words)}:"
        if word in left_out:
            raise SettingError(
                f"{said} column {word!r} is no feature, as {left_out[word]}. Names of categories "
                f"are, with --categorical {word}."
            )
        mine = [word] if word in X else [c for c in X.columns if fnmatchcase(c, word)]
        if not mine:
            raise SettingError(
                f"{said} no column of features is called so, or matches {word!r}; "
                f"{nearest(word, X.columns)}"
            )
        found |= dict.fromkeys(mine)
    return list(found)


def _joined(
    file: Path, table: pd.DataFrame, roles: Roles, name: str
) -> tuple[pd.DataFrame, np.ndarray, dict[str, str]]:
    """Features of another table, a row for each of `table`'s, joined by whole ids; which rows have
    some (n,), and what was left out."""
    key = roles.id or roles.groups
    said = f"--features {name}={file}"
    if key is None:
        raise SettingError(
            f"{said}: rows are joined by a column of ids that both tables have; --id COLUMN (or "
            "--groups COLUMN, where a patient has one row of features) names it."
        )
    other = read_values(file, names=[key, *roles.aside([]), *roles.categorical])
    if key not in other.columns:
        raise SettingError(f"{said}: it has no column {key!r}; {nearest(key, other.columns)}")
    need_distinct(other[key], file, what=f"{key}")
    ids, theirs = table[key].astype(str), other[key].astype(str)
    X, left_out = pick_columns(
        other, aside=roles.aside(list(map(str, table.columns))) | {key},
        categorical=roles.categorical, dates=roles.accept,
    )  # fmt: skip
    has = ids.isin(theirs).to_numpy()
    lacking, unknown = ids[~has].unique(), theirs[~theirs.isin(ids)]
    if len(lacking) or len(unknown):
        fate = "filled in within each fold" if roles.fill else "left out"
        log.warning(
            "%s: %d labelled, %d with features%s%s", file, ids.nunique(), ids[has].nunique(),
            f"; {fate}, as they have none: {_few(lacking)}" if len(lacking) else "",
            f"; without a label: {_few(unknown)}" if len(unknown) else "",
        )  # fmt: skip
    if not has.any():
        raise DataError(
            f"{file}: no {key} of it is one of the table's (there {theirs.iloc[0]!r}, here "
            f"{ids.iloc[0]!r}). Ids are text, matched whole: 12 is not 0012."
        )
    X.index = pd.Index(theirs)
    return X.reindex(ids).set_axis(table.index), has, left_out


def _few(names: Sequence[str] | Any) -> str:
    shown = [str(name) for name in names]
    more = f", … ({len(shown)} in all)" if len(shown) > SHOWN else ""
    return ", ".join(shown[:SHOWN]) + more
