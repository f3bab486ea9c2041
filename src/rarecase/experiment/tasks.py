"""Tasks of an experiment: a fold's arms that are computed together, on disk and in any executor."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Any

import pandas as pd

from rarecase import __version__
from rarecase.checksums import check_file, record_files, write_checksums
from rarecase.errors import DataError, SettingError
from rarecase.experiment.arm import Arm
from rarecase.experiment.arms import is_trained
from rarecase.experiment.auto import Candidate
from rarecase.experiment.design import Design
from rarecase.experiment.fold import FoldResult, fit_fold
from rarecase.experiment.fold_data import Tools
from rarecase.experiment.fold_rows import Place
from rarecase.experiment.self_checks import fold_checks
from rarecase.experiment.splits import Splits
from rarecase.experiment.stacking import fit_among, stands_for
from rarecase.features.feature_set import FeatureSet
from rarecase.files import (
    locked,
    read_json,
    read_parquet,
    replacing_directory,
    replacing_file,
    write_json,
)
from rarecase.progress import placed, task
from rarecase.threads import limited

log = logging.getLogger(__name__)
PREDICTIONS, HISTORY, CELLS = "predictions.parquet", "history.csv", "cells.csv"
CHECKS = "checks.json"
KEY = "key.json"
CODE = 2  # goes up when the same task gives other numbers
KINDS_OF = dict.fromkeys(("features", "arm", "classifier", "amount", "status", "reason"), "str") | {
    "seed": "Int64"
}


@dataclass(frozen=True, eq=False)
class Task:
    """Arms of a design in one test fold; `checks`: the self-checks besides; `among`: features and
    designs to choose from in this fold, or to average, cheapest first."""

    features: FeatureSet
    design: Design
    place: Place
    name: str
    arms: tuple[Arm, ...]
    checks: bool = False
    among: tuple[Candidate, ...] = ()

    @property
    def folder(self) -> str:
        """Where its result lies: below a folder of the whole."""
        kind = f"{self.features.name}-{self.design.classifier.name}"
        part = self.name.replace(":", "-")
        return f"repeat-{self.place.repeat}/fold-{self.place.fold}/{kind}/{part}"

    def run(self, tools: Tools | None = None) -> FoldResult:
        """Fit and predict. A pure function of the task."""
        if self.among:
            how = self.features.name
            return fit_among(how, self.among, self.place, arms=self.arms, tools=tools)
        found = fit_fold(self.features, self.design, self.place, arms=self.arms, tools=tools)
        if not self.checks:
            return found
        return replace(found, checks=fold_checks(self.features, self.design, self.place))


def tasks_of(
    features: FeatureSet, design: Design, splits: Splits, *, checks: bool = False
) -> list[Task]:
    """Every task of a design; self-checks go with the first repeat's."""
    return [
        Task(features, design, place, name, arms, checks and place.repeat == 0 and name == "arms")
        for place in splits.places()
        for name, arms in design.tasks().items()
    ]


def among_tasks(how: str, candidates: Sequence[Candidate], splits: Splits) -> list[Task]:
    """Every task of what is chosen among candidates anew in every fold, or averaged."""
    shown = stands_for(how, candidates)
    tasks = tasks_of(shown.features, shown.design, splits)
    return [replace(each, among=tuple(candidates)) for each in tasks]


def write_result(folder: Path, found: FoldResult) -> None:
    """Write predictions.parquet, cells.csv, and what else there is, into `folder`."""
    with replacing_file(folder / PREDICTIONS) as beside:
        found.predictions.to_parquet(beside, index=False)
    tables = {CELLS: found.cells} | ({HISTORY: found.history} if len(found.history) else {})
    for name, table in tables.items():
        with replacing_file(folder / name) as beside:
            table.to_csv(beside, index=False)
    if found.checks is not None:
        write_json(folder / CHECKS, found.checks)


def read_result(folder: Path) -> FoldResult:
    """Read back what `write_result` wrote. Raises `DataError` that names a damaged file."""
    checks = read_json(folder / CHECKS) if (folder / CHECKS).is_file() else None
    history = _table(folder / HISTORY) if (folder / HISTORY).is_file() else pd.DataFrame()
    return FoldResult(read_parquet(folder / PREDICTIONS), history, _table(folder / CELLS), checks)


def _table(path: Path) -> pd.DataFrame:
    """A table as it was before it was text: an arm may be called NA, and an amount is no number."""
    nulls = {name: [""] for name in ("seed", "reason")}
    check_file(path)
    return pd.read_csv(path, dtype=KINDS_OF, keep_default_na=False, na_values=nulls)


def run_tasks(
    tasks: Sequence[Task],
    *,
    executor: Executor | None = None,
    folder: Path | None = None,
    key: str | None = None,
    name: str = "comparing arms",
) -> list[FoldResult]:
    """The results of all tasks, in their order.

    Parameters
    ----------
    executor
        Any of `concurrent.futures`; without it the tasks run here, one after another. Each has one
        thread, so that the bits are the same.
    folder, key
        Results are kept there when done, and found there by a call of the same key. None as key:
        an arm or classifier of the caller's own, which cannot be told from others.
    """
    done: dict[int, FoldResult] = {}
    if folder is not None:
        _claim(folder, key)
        done = {at: r for at, t in enumerate(tasks) if (r := _kept(folder / t.folder)) is not None}
    waiting = [at for at in range(len(tasks)) if at not in done]
    run = map if executor is None else executor.map  # which cancels the others after an error
    results = run(perform, [tasks[at] for at in waiting], repeat(folder))
    with task(name, total=len(tasks)) as bar:
        bar.advance(len(done))
        for at, result in zip(waiting, results, strict=True):
            done[at] = result
            bar.advance()
    return [done[at] for at in range(len(tasks))]


def perform(what: Task, folder: Path | None) -> FoldResult:
    """Run a task with one thread and, with `folder`, keep its result there."""
    if what.design.classifier.lazy or any(is_trained(arm) for arm in what.arms):
        import torch  # noqa: F401  # now, so that its threads are limited, too
    with limited(1), placed(f"repeat {what.place.repeat}, fold {what.place.fold}"):
        found = what.run()
    if folder is not None:
        place = folder / what.folder
        with locked(place.with_name(f"{place.name}.lock")), replacing_directory(place) as beside:
            write_result(beside, found)
            write_checksums(beside)
    return found


def _kept(place: Path) -> FoldResult | None:
    """A finished task; None where there is none, or a damaged one that is done anew."""
    if not place.is_dir():
        return None
    try:
        return read_result(place)
    except (DataError, ValueError, OSError) as error:
        log.warning("%s It is computed anew.", error)
        return None


def _claim(folder: Path, key: str | None) -> None:
    """Make the folder ours, or refuse one that holds another experiment's results."""
    if key is None:
        raise SettingError(
            "cells: finished tasks are found again by what arms and classifiers are, and one of "
            "your own has no parameters to tell it by. Compare without cells."
        )
    said: dict[str, Any] = {"key": key, "version": __version__, "code": CODE}
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / KEY).is_file():
        write_json(folder / KEY, said)
        record_files(folder, [KEY])
    elif read_json(folder / KEY) != said:
        raise DataError(
            f"{folder} holds cells of another comparison (other features, labels, arms or "
            "settings). Remove it, or choose another place."
        )
