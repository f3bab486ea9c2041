"""Features that have learnt classes, as inner folds must see them: learnt without their patients.

A source such as `region` learns the classes of a fold's training patients. An inner fold that
judged them on the same patients would judge what the source remembers. So it is fitted again for
each inner fold, to those patients who are not in it, and inner folds look at those features.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rarecase.arrays import Floats
from rarecase.errors import DataError
from rarecase.files import read_json, write_json

if TYPE_CHECKING:
    from rarecase.features.store import FeatureStore

RECORD = "inner.json"


class Inner(NamedTuple):
    """Features X (n, d) of everybody by a source that has not learnt from the patients `held`."""

    X: Floats
    held: frozenset[str]


Nested = tuple[Inner, ...] | None
"""One for each inner fold; () of features that have learnt no classes; None where they have, and
could not be learnt without some inner fold."""


def inner_store(folder: Path, number: int) -> Path:
    """Where the features for an inner fold lie, beside those for the outer one."""
    return folder / f"inner-{number}.zarr"


def record_inner(folder: Path, held: list[list[str]]) -> None:
    """Write down who is held out of each store; none: they could not be had."""
    write_json(folder / RECORD, {"held": held})


def read_inner(store: FeatureStore) -> list[tuple[FeatureStore, frozenset[str]]] | None:
    """The stores for the inner folds beside a store, and whom each has not learnt from; see
    `Nested`. Raises `DataError` where they are not of the same samples."""
    folder = store.path.parent
    if not (folder / RECORD).is_file():
        return []
    held = read_json(folder / RECORD)["held"]
    found = [
        (type(store).open(inner_store(folder, number)), frozenset(who))
        for number, who in enumerate(held)
    ]
    if any(len(inner) != len(store) for inner, _ in found):
        raise DataError(f"{folder}: its stores are of different samples; remove it.")
    return found or None
