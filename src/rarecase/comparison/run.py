"""Walking the test folds: side by side, with progress, going on where a killed run stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils.parallel import Parallel, delayed

from rarecase import __version__
from rarecase.arms.part import Ints
from rarecase.comparison.cell import Plan, compare_fold
from rarecase.comparison.table import FeatureTable
from rarecase.errors import DataError
from rarecase.files import read_json, replacing_file, write_json
from rarecase.progress import task

KEY = "key.json"


def run_folds(
    table: FeatureTable,
    plan: Plan,
    folds: list[Ints],
    *,
    n_jobs: int | None = None,
    cells: Path | None = None,
    name: str = "comparing arms",
) -> pd.DataFrame:
    """Predictions of every arm in every test fold of every repeat, in that order.

    `folds` has the test fold of each patient, one array a repeat; −1: trains only, −2: left out.
    With `cells` (a folder) each fold is written there when done and found there by the next call.
    `n_jobs` processes work side by side, as scikit-learn counts them; the result is the same.
    """
    grid = [(r, int(f)) for r, fold in enumerate(folds) for f in np.unique(fold[fold >= 0])]
    if cells is not None:
        _claim(cells, _key(table, plan, folds))
    waiting = [cell for cell in grid if cells is None or not _file(cells, cell).is_file()]
    work = (
        delayed(_one)(table, plan, folds[repeat], repeat, fold, cells) for repeat, fold in waiting
    )
    done: dict[tuple[int, int], pd.DataFrame] = {}
    with task(name, total=len(grid)) as bar:
        bar.advance(len(grid) - len(waiting))
        found: Iterator[pd.DataFrame] = Parallel(n_jobs=n_jobs, return_as="generator")(work)
        for cell, frame in zip(waiting, found, strict=True):
            done[cell] = frame
            bar.advance()
    frames = [done[c] if c in done else pd.read_parquet(_file(cells, c)) for c in grid]  # type: ignore[arg-type]
    return pd.concat(frames, ignore_index=True)


def _one(
    table: FeatureTable, plan: Plan, fold_of: Ints, repeat: int, fold: int, cells: Path | None
) -> pd.DataFrame:
    frame = compare_fold(table, plan, fold_of=fold_of, repeat=repeat, fold=fold)
    if cells is not None:
        with replacing_file(_file(cells, (repeat, fold))) as beside:
            frame.to_parquet(beside, index=False)
    return frame


def _file(cells: Path, cell: tuple[int, int]) -> Path:
    return cells / f"repeat-{cell[0]}-fold-{cell[1]}.parquet"


def _claim(cells: Path, key: str) -> None:
    """Make the folder ours, or refuse one that holds another comparison's cells."""
    cells.mkdir(parents=True, exist_ok=True)
    if (cells / KEY).is_file():
        if read_json(cells / KEY).get("key") != key:
            raise DataError(
                f"{cells} holds cells of another comparison (other features, labels, arms or "
                "settings). Remove it, or choose another place."
            )
    else:
        write_json(cells / KEY, {"key": key})


def _key(table: FeatureTable, plan: Plan, folds: list[Ints]) -> str:
    digest = hashlib.sha256(__version__.encode())
    for array in (table.X, table.y, table.patient, *folds):
        digest.update(np.ascontiguousarray(array).tobytes())
    said = [
        table.classes, table.rare, [arm.name for arm in plan.arms], plan.model.strengths,
        plan.amounts, plan.inner, plan.generator_seeds, plan.rare_patients, plan.seed,
    ]  # fmt: skip
    digest.update(repr(said).encode())
    return digest.hexdigest()[:16]
