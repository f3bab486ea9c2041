"""Does it help? Every way to treat the imbalance, on any features, against fair controls."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from rarecase.errors import SettingError
from rarecase.evidence.evidence import make_evidence
from rarecase.evidence.paired import PERMUTATIONS
from rarecase.evidence.tables import as_text, to_frame
from rarecase.experiment.arm_names import CLOSED_FORM
from rarecase.experiment.arms import Arm
from rarecase.experiment.classifiers.logistic import Model
from rarecase.experiment.run_folds import run_folds
from rarecase.experiment.self_checks import SelfChecks, self_checks
from rarecase.experiment.setup import make_setup
from rarecase.seeds import derive

log = logging.getLogger(__name__)
DRAWS = 1000  # of the bootstrap


@dataclass(frozen=True, repr=False)
class CompareResult:
    """What a comparison found. Prints as a table with the verdicts.

    `predictions`: one row for each arm, test fold, generator seed and row of features, from which
    all else is computed; `evidence`: scores, intervals, tests, verdicts (see `make_evidence`);
    `checks`: the self-checks, None where they were not asked for.
    """

    predictions: pd.DataFrame
    evidence: dict[str, Any]
    checks: SelfChecks | None

    def to_frame(self) -> pd.DataFrame:
        """One row an arm: its scores on patients with intervals, and the verdict."""
        return to_frame(self.evidence)

    def verdict(self, arm: str) -> str:
        """The answer for one synthetic arm."""
        answers = {v["arm"]: v["answer"] for v in self.evidence["verdicts"]}
        if arm not in answers:
            raise SettingError(f"{arm!r} has no verdict; there are {', '.join(answers) or 'none'}.")
        return str(answers[arm])

    def __repr__(self) -> str:
        return as_text(self.evidence, None if self.checks is None else self.checks.as_json())


def compare(
    X: Any,
    y: ArrayLike,
    *,
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
    checks: bool = True,
    draws: int = DRAWS,
    permutations: int = PERMUTATIONS,
    n_jobs: int | None = None,
    cells: Path | None = None,
) -> CompareResult:
    """Compare ways to treat a rare class on features `X` (n, d) with classes `y` and patients.

    Stratified, patient-grouped folds, drawn anew `repeats` times. Scaler, generator, filter,
    amount, strength of the penalty and threshold are chosen inside the training part, on `inner`
    folds of real patients. With `sites` (n,), the site of each row, each site is instead tested
    once by what was learnt at the others, and `folds` and `repeats` do not apply. `amounts`: shares
    of what a class lacks to be as frequent as the most frequent one. `arms`: names (see
    `arm_names`) or arms of one's own; `none` and `duplicates` are always among them. Generators
    are trained from `generator_seeds` seeds each. `cells`: a folder in which finished folds are
    kept, so that the same call goes on after a kill. Raises `DataError` and `SettingError` for
    input that cannot be used, with the way out.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(60, 3)), np.repeat(["common", "rare"], [45, 15])
    >>> found = compare(X, y, arms=["smote"], repeats=1, checks=False, draws=100)
    >>> found.verdict("smote")
    'no evidence'
    """
    setup = make_setup(
        X, y, groups=groups, sites=sites, arms=arms, rare=rare, folds=folds, repeats=repeats,
        inner=inner, amounts=amounts, generator_seeds=generator_seeds, random_state=random_state,
        model=model,
    )  # fmt: skip
    table, plan, split = setup.table, setup.plan, setup.split
    predictions = run_folds(table, plan, split, n_jobs=n_jobs, cells=cells)
    evidence = weigh(
        predictions, rare=table.classes[table.rare], seed=random_state, draws=draws,
        permutations=permutations,
    )  # fmt: skip
    found = self_checks(table, plan, split[0], n_jobs=n_jobs) if checks else None
    if found is not None and found.suspicious:
        log.warning(
            "with permuted labels the AUC is %.3f ± %.3f instead of 0.5: look for features that "
            "tell test patients apart by more than their class (without a leak this is said once "
            "in 130 studies).", found.mean, found.error,
        )  # fmt: skip
    return CompareResult(predictions, evidence, found)


def weigh(
    predictions: pd.DataFrame,
    *,
    rare: str,
    seed: int,
    draws: int = DRAWS,
    permutations: int = PERMUTATIONS,
) -> dict[str, Any]:
    """The evidence that the predictions of a comparison hold (see `make_evidence`)."""
    return make_evidence(
        predictions, rare=rare, headline=None, draws=draws, permutations=permutations,
        seed=derive(seed, "bootstrap") % 2**31,
    )  # fmt: skip
