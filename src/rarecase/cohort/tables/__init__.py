"""The one reader of tables: labels, participants, manifests, slices and features. A table comes as
text as it is written (`read_table`) or as values with their types (`read_values`)."""

from rarecase.cohort.tables.checks import (
    fold_number as fold_number,
)
from rarecase.cohort.tables.checks import (
    need_columns as need_columns,
)
from rarecase.cohort.tables.checks import (
    need_distinct as need_distinct,
)
from rarecase.cohort.tables.checks import (
    need_files as need_files,
)
from rarecase.cohort.tables.checks import (
    text as text,
)
from rarecase.cohort.tables.contents import is_table as is_table
from rarecase.cohort.tables.patients import FEWEST as FEWEST
from rarecase.cohort.tables.patients import INDEX as INDEX
from rarecase.cohort.tables.patients import like_patients as like_patients
from rarecase.cohort.tables.patients import numbers_rows as numbers_rows
from rarecase.cohort.tables.read import MOST_COLUMNS as MOST_COLUMNS
from rarecase.cohort.tables.read import read_table as read_table
from rarecase.cohort.tables.read import read_values as read_values
from rarecase.cohort.tables.read import stored_types as stored_types
from rarecase.cohort.tables.words import clean as clean
