"""Several sets of features by name, of the columns of a table or of tables joined to it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rarecase.cohort.tables import is_table, need_distinct
from rarecase.errors import DataError, SettingError, nearest
from rarecase.features.table_columns import pick_columns
from rarecase.features.table_roles import Roles, read_typed

log = logging.getLogger(__name__)
UNNAMED = "no set of features names them"
SHOWN = 5


def sets_of_table(
    X: pd.DataFrame, left_out: dict[str, str], table: pd.DataFrame, roles: Roles
) -> tuple[dict[str, pd.DataFrame], np.ndarray]:
    """The sets by name, and which rows stay (n,); says in `left_out` what is in none."""
    kept = np.ones(len(table), dtype=bool)
    if not roles.sets:
        return {"features": X}, kept
    sets: dict[str, pd.DataFrame] = {}
    used: set[str] = set()
    for name, words in roles.sets.items():
        file = table_file(words)
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


def table_file(words: Sequence[str]) -> Path | None:
    found = Path(words[0])
    return found if len(words) == 1 and is_table(found) else None


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
        places = re.compile(rf"{re.escape(word)}_\d+")  # of a column of lists
        mine = (
            [word] if word in X
            else [c for c in X.columns if fnmatchcase(c, word)]
            or [c for c in X.columns if places.fullmatch(c)]
        )  # fmt: skip
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
    other = read_typed(file, replace(roles, id=key), label=roles.label or "")
    if key not in other.columns:
        raise SettingError(f"{said}: it has no column {key!r}; {nearest(key, other.columns)}")
    nobody = other[key].isna()
    if nobody.any():
        log.warning("%s: %d rows without %s are left out", file, int(nobody.sum()), key)
        other = other[~nobody]
    need_distinct(other[key], file, what=f"{key}")
    ids, theirs = table[key].fillna("").astype(str), other[key].astype(str)
    X, left_out = pick_columns(
        other, aside=roles.aside(list(map(str, table.columns))) | {key},
        categorical=roles.categorical, dates=roles.accept,
    )  # fmt: skip
    has = ids.isin(theirs).to_numpy()
    lacking, unknown = ids[~has].replace("", f"(no {key})").unique(), theirs[~theirs.isin(ids)]
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
