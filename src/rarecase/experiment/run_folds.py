"""Walking the test folds: side by side, with progress, going on where a killed run stopped."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils.parallel import Parallel, delayed

from rarecase import __version__
from rarecase.arrays import Ints
from rarecase.errors import DataError, SettingError
from rarecase.experiment.fold import Plan, compare_fold
from rarecase.features.feature_set import FeatureTable
from rarecase.files import read_json, read_parquet, replacing_file, write_json
from rarecase.progress import task

KEY = "key.json"
log = logging.getLogger(__name__)


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
    if n_jobs == 0:
        raise SettingError("jobs: expected a number of processes, or -1 for one a core, got 0.")
    cells = None if cells is None else Path(cells)
    if cells is not None and plan.own:
        raise SettingError(
            "cells: finished folds are found again by the names of arms, and another arm or model "
            "of your own could have the same name. Compare without cells."
        )
    grid = [(r, int(f)) for r, fold in enumerate(folds) for f in np.unique(fold[fold >= 0])]
    if cells is not None:
        _claim(cells, _key(table, plan, folds))
    found = {} if cells is None else {cell: _kept(_file(cells, cell)) for cell in grid}
    done = {cell: frame for cell, frame in found.items() if frame is not None}
    waiting = [cell for cell in grid if cell not in done]
    work = (
        delayed(_one)(table, plan, folds[repeat], repeat, fold, cells) for repeat, fold in waiting
    )
    with task(name, total=len(grid)) as bar:
        bar.advance(len(grid) - len(waiting))
        made: Iterator[pd.DataFrame] = Parallel(n_jobs=n_jobs, return_as="generator")(work)
        for cell, frame in zip(waiting, made, strict=True):
            done[cell] = frame
            bar.advance()
    return pd.concat([done[cell] for cell in grid], ignore_index=True)


def _one(
    table: FeatureTable, plan: Plan, fold_of: Ints, repeat: int, fold: int, cells: Path | None
) -> pd.DataFrame:
    frame = compare_fold(table, plan, fold_of=fold_of, repeat=repeat, fold=fold)
    if cells is not None:
        with replacing_file(_file(cells, (repeat, fold))) as beside:
            frame.to_parquet(beside, index=False)
    return frame


def _kept(path: Path) -> pd.DataFrame | None:
    """A finished fold; None where there is none, or a damaged file that is written anew."""
    if not path.is_file():
        return None
    try:
        return read_parquet(path)
    except DataError as error:
        log.warning("%s It is computed anew.", error)
        return None


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
    table.feed(digest)
    for array in folds:
        digest.update(np.ascontiguousarray(array).tobytes())
    said = [
        table.classes, table.rare, [arm.name for arm in plan.arms], plan.model.strengths,
        plan.amounts, plan.inner, plan.generator_seeds, plan.rare_patients, plan.seed,
    ]  # fmt: skip
    digest.update(repr(said).encode())
    return digest.hexdigest()[:16]
