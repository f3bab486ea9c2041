"""The scarcity curve: where does synthesis start to pay, where does it stop?"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from rarecase.errors import SettingError
from rarecase.evidence.scarcity import ScarcityCurve
from rarecase.evidence.tables import to_frame
from rarecase.experiment.splits import Splits, draw_splits
from rarecase.features.feature_set import FeatureSet
from rarecase.pipeline.compare import run_plan
from rarecase.pipeline.feature_sets import checked_sets
from rarecase.pipeline.protocol import Protocol


def scarcity_curve(
    X: Any,
    y: ArrayLike,
    *,
    ks: Sequence[int] | None = None,
    groups: ArrayLike | None = None,
    sites: ArrayLike | None = None,
    rare: Any = None,
    folds: int = 5,
    repeats: int = 5,
    protocol: Protocol | None = None,
    executor: Executor | None = None,
    cells: Path | str | None = None,
) -> ScarcityCurve:
    """`compare` with only k rare patients in each training part, for every k of `ks`.

    Test patients stay the same, so that every k is scored on everybody. The verdicts are corrected
    within a k, not over all of them: the curve shows where to look, and is no test of its own.

    Parameters
    ----------
    ks
        By default 4, 8, 16, … up to all that the smallest training part has.
    protocol
        Arms, classifiers and how they are tuned; self-checks are left out.

    Returns
    -------
    ScarcityCurve
        `to_frame` gives `k` and the columns of `Result.to_frame`, `plot` draws them.
    """
    protocol = replace(protocol or Protocol(), checks=False)
    sets, _ = checked_sets(X, y, groups=groups, sites=sites, rare=rare, protocol=protocol)
    seed = protocol.random_state
    splits = draw_splits(sets[0], sites=sites, folds=folds, repeats=repeats, seed=seed)
    frames = []
    for k in possible_ks(sets[0], splits, ks):
        designs = [replace(design, rare_patients=k) for design in protocol.designs()]
        found = run_plan(
            sets, designs, splits, protocol, executor=executor,
            cells=None if cells is None else Path(cells) / f"k-{k}", name=f"{k} rare patients",
        )  # fmt: skip
        frame = to_frame(found.evidence)
        frame.insert(0, "k", k)
        frames.append(frame)
    return ScarcityCurve(pd.concat(frames, ignore_index=True))


def possible_ks(features: FeatureSet, splits: Splits, ks: Sequence[int] | None) -> list[int]:
    """The numbers of rare patients that are wanted, checked; without any 4, 8, 16, … all."""
    is_rare = features.label == features.rare
    most = min(int((is_rare & (place.fold_of != place.fold)).sum()) for place in splits.places())
    doubling = [k for k in (4 * 2**i for i in range(most.bit_length())) if k < most] + [most]
    wanted = doubling if ks is None else sorted(set(ks))
    if not wanted or wanted[0] < 2 or wanted[-1] > most:
        raise SettingError(
            f"scarcity: expected numbers from 2 to {most}, the rare patients of the smallest "
            f"training part, got {list(wanted)}."
        )
    return wanted
