"""Another cohort of features: learnt on one, judged on the other."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from rarecase.evidence.result import Result
from rarecase.experiment.external import join_features
from rarecase.experiment.splits import splits_of
from rarecase.pipeline.compare import Protocol, Work, run_plan


def compare_external(
    X: Any,
    y: ArrayLike,
    X_other: Any,
    y_other: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    groups_other: ArrayLike | None = None,
    rare: Any = None,
    protocol: Protocol | None = None,
    executor: Executor | None = None,
    cells: Path | str | None = None,
) -> Result:
    """Fit every arm to all of `X`, `y`, `groups`, tuned on inner folds of them, and judge it on
    `X_other`, `y_other`, `groups_other`, from which nothing is learnt.

    There is one training set, so that the verdicts rest on the permutation test: they hold for
    these patients to learn from, and hold no chance of training.

    Raises
    ------
    LeakError
        A patient on both sides.
    DataError
        Features or classes that do not agree.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(60, 3)), np.repeat(["common", "rare"], [45, 15])
    >>> short = Protocol(arms=["smote"], checks=False, draws=100)
    >>> found = compare_external(X[::2], y[::2], X[1::2], y[1::2], protocol=short)
    >>> found.verdict("smote")
    'too few to say'
    """
    protocol = protocol or Protocol()
    joined, fold = join_features(
        X, y, X_other, y_other, groups=groups, other=groups_other, rare=rare
    )
    work = Work(executor, None if cells is None else Path(cells))
    return run_plan(
        [joined], protocol.designs(), splits_of(joined, [fold]), protocol, work, leak=False,
        name="judging on other patients",
    )  # fmt: skip
