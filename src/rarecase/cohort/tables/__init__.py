"""The one reader of tables: labels, participants, manifests, slices and features. A table comes as
text as it is written (`read_table`) or as values with their types (`read_values`)."""

from rarecase.cohort.tables.checks import (
    fold_number,
    need_columns,
    need_distinct,
    need_files,
    text,
)
from rarecase.cohort.tables.contents import is_table
from rarecase.cohort.tables.patients import FEWEST, INDEX, like_patients, numbers_rows
from rarecase.cohort.tables.read import MOST_COLUMNS, read_table, read_values
from rarecase.cohort.tables.words import clean

__all__ = [
    "FEWEST",
    "INDEX",
    "MOST_COLUMNS",
    "clean",
    "fold_number",
    "is_table",
    "like_patients",
    "need_columns",
    "need_distinct",
    "need_files",
    "numbers_rows",
    "read_table",
    "read_values",
    "text",
]
