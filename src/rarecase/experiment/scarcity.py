"""The scarcity curve: where does synthesis start to pay, where does it stop?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from rarecase.errors import SettingError
from rarecase.evidence.paired import PERMUTATIONS
from rarecase.evidence.tables import to_frame
from rarecase.experiment.arm_names import CLOSED_FORM
from rarecase.experiment.arms import Arm
from rarecase.experiment.classifiers.logistic import Model
from rarecase.experiment.compare import DRAWS, weigh
from rarecase.experiment.run_folds import run_folds
from rarecase.experiment.setup import Setup, make_setup


def scarcity_curve(
    X: Any,
    y: ArrayLike,
    *,
    ks: Sequence[int] | None = None,
    groups: ArrayLike | None = None,
    sites: ArrayLike | None = None,
    arms: Sequence[str | Arm] = CLOSED_FORM,
    rare: Any = None,
    folds: int = 5,
    repeats: int = 5,
    inner: int = 3,
    amounts: Sequence[float] = (0.5, 1.0, 2.0),
    generator_seeds: int = 2,
    random_state: int = 0,
    model: Model | None = None,
    draws: int = DRAWS,
    permutations: int = PERMUTATIONS,
    n_jobs: int | None = None,
    cells: Path | None = None,
) -> pd.DataFrame:
    """`compare` with only k rare patients in each training part, for every k of `ks`.

    `ks`: by default 4, 8, 16, … up to all that the smallest training part has. Test patients stay
    the same, so that every k is scored on everybody. Rows: `k` and the columns of
    `CompareResult.to_frame`. The verdicts are corrected within a k, not over all of them: the curve
    shows where to look, and is no test of its own.
    """
    setup = make_setup(
        X, y, groups=groups, sites=sites, arms=arms, rare=rare, folds=folds, repeats=repeats,
        inner=inner, amounts=amounts, generator_seeds=generator_seeds, random_state=random_state,
        model=model,
    )  # fmt: skip
    table, split = setup.table, setup.split
    frames = []
    for k in possible_ks(setup, ks):
        predictions = run_folds(
            table, replace(setup.plan, rare_patients=k), split, n_jobs=n_jobs,
            cells=None if cells is None else Path(cells) / f"k-{k}", name=f"{k} rare patients",
        )  # fmt: skip
        evidence = weigh(
            predictions, rare=table.classes[table.rare], seed=random_state, draws=draws,
            permutations=permutations,
        )  # fmt: skip
        found = to_frame(evidence)
        found.insert(0, "k", k)
        frames.append(found)
    return pd.concat(frames, ignore_index=True)


def possible_ks(setup: Setup, ks: Sequence[int] | None) -> list[int]:
    """The numbers of rare patients that are asked for, checked; without any 4, 8, 16, … all."""
    table, split = setup.table, setup.split
    is_rare = table.label == table.rare
    most = min(int((is_rare & (fold != f)).sum()) for fold in split for f in set(fold.tolist()))
    wanted = _doubling(most) if ks is None else sorted(set(ks))
    if not wanted or wanted[0] < 2 or wanted[-1] > most:
        raise SettingError(
            f"scarcity: expected numbers from 2 to {most}, the rare patients of the smallest "
            f"training part, got {list(wanted)}."
        )
    return wanted


def _doubling(most: int) -> list[int]:
    """4, 8, 16, … and the most there are.

    >>> _doubling(20), _doubling(3)
    ([4, 8, 16, 20], [3])
    """
    ks = [4]
    while ks[-1] * 2 < most:
        ks.append(ks[-1] * 2)
    return [k for k in ks if k < most] + [most]
