"""Where features of augmented copies lie: in stores beside those of the patients as they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rarecase.errors import DataError

if TYPE_CHECKING:
    from rarecase.features.store import FeatureStore


def copy_store(folder: Path, number: int) -> Path:
    """Where the features of copy `number` lie, from 1."""
    return folder / f"copy-{number}.zarr"


def read_copies(store: FeatureStore) -> list[FeatureStore]:
    """The stores of all copies beside a store. Raises `DataError` where they are of others."""
    found: list[FeatureStore] = []
    folder = store.path.parent
    while (path := copy_store(folder, len(found) + 1)).exists():
        found.append(type(store).open(path))
        if not found[-1].rows[["case", "slice"]].equals(store.rows[["case", "slice"]]):
            raise DataError(f"{path}: it is of other samples than {store.path}; remove both.")
    return found
