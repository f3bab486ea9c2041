"""What the columns of a table are, and reading it so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from rarecase.cohort.tables import read_values
from rarecase.cohort.tables.words import tidy


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

    def tidied(self) -> Roles:
        """With names as the headers of tables are read."""

        def name(word: str | None) -> str | None:
            return None if word is None else tidy(word)

        return replace(
            self, label=name(self.label), groups=name(self.groups), site=name(self.site),
            id=name(self.id), ignore=list(map(tidy, self.ignore)),
            categorical=list(map(tidy, self.categorical)), accept=list(map(tidy, self.accept)),
        )  # fmt: skip

    def aside(self, columns: Sequence[str]) -> set[str]:
        """Columns that are no features."""
        roles = (self.label, column_of(self.label, columns), self.groups, self.site, self.id)
        return {name for name in (*roles, *self.ignore) if name is not None}


def read_typed(path: Path, roles: Roles, *, label: str = "") -> pd.DataFrame:
    column, _, said = label.partition("=")
    return read_values(
        path,
        names=[name for name in (roles.groups, roles.site, roles.id) if name is not None],
        classes=[label, column.strip(), *roles.categorical],
        asked=[word.strip() for word in said.split(",")],
        whole=roles.ignore,
    )


def column_of(label: str | None, columns: Sequence[str]) -> str | None:
    return label if label is None or label in columns else label.partition("=")[0].strip()
