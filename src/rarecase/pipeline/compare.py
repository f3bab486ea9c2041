"""Any features, any ways to treat the imbalance, any classifiers, on the same folds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from rarecase.deploy.table_model import TableModel, fit_table_model
from rarecase.errors import DataError, SettingError, nearest
from rarecase.evidence.evidence import make_evidence
from rarecase.evidence.metrics import AUC, metrics_of
from rarecase.evidence.primary import Primary, read_primary
from rarecase.evidence.result import Result
from rarecase.evidence.scored import primary_metric
from rarecase.evidence.verdict import MARGIN
from rarecase.experiment.arm import Arm, identity
from rarecase.experiment.arms import CLOSED_FORM
from rarecase.experiment.auto import Candidate
from rarecase.experiment.classifiers.contract import Classifier
from rarecase.experiment.design import Design
from rarecase.experiment.external import join_features
from rarecase.experiment.self_checks import gather, row_leak
from rarecase.experiment.splits import Splits, draw_splits, splits_of
from rarecase.experiment.tasks import among_tasks, run_tasks, tasks_of
from rarecase.features.feature_set import FeatureSet
from rarecase.features.sources.registry import AUTO, STACK
from rarecase.pipeline.feature_sets import checked_sets, choose_sets, named_sets, say_notes
from rarecase.pipeline.protocol import DRAWS, Protocol
from rarecase.seeds import derive

log = logging.getLogger(__name__)


def compare(
    X: Any,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    sites: ArrayLike | None = None,
    rare: Any = None,
    folds: int = 5,
    repeats: int = 5,
    arms: Sequence[str | Arm] = CLOSED_FORM,
    classifiers: Sequence[str | Classifier | Any] = ("logistic",),
    inner: int = 3,
    amounts: Sequence[float] = (0.5, 1.0, 2.0),
    generator_seeds: int = 2,
    random_state: int = 0,
    checks: bool = True,
    draws: int = DRAWS,
    margin: float = MARGIN,
    metric: str = AUC,
    primary: str | None = None,
    features: Sequence[str] = (),
    impute: Literal["median"] | None = None,
    categorical: Sequence[str] = (),
    accept: Sequence[str] = (),
    combat: bool = False,
    executor: Executor | None = None,
    cells: Path | str | None = None,
) -> Result:
    """Compare ways to treat a rare class on features, on patients never seen: a `Result`.

    Stratified folds of patients, drawn `repeats` times; all is fitted inside their training parts.

    Parameters
    ----------
    X, y
        Features (n, d), an array or a DataFrame, or several sets by name; classes (n,).
    groups, sites, rare
        Whose each row is (n,), else its own patient's; where it is from (n,): each site is tested
        once by what the others taught, without `folds`; the rare class, else the smallest.
    arms … cells
        See `Protocol`; `executor`: of `concurrent.futures`; `cells`: a folder for finished tasks.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.random.default_rng(0).normal(size=(60, 3)), np.repeat(["many", "few"], [45, 15])
    >>> compare(X, y, arms=["smote"], repeats=1, checks=False, draws=100).verdict("smote")
    'inconclusive'
    """
    protocol = Protocol(
        arms, classifiers, inner, amounts, generator_seeds, random_state, checks, draws, margin,
        metric, primary, features, impute, categorical, accept, combat,
    )  # fmt: skip
    sets, found = checked_sets(X, y, groups=groups, sites=sites, rare=rare, protocol=protocol)
    splits = draw_splits(sets[0], sites=sites, folds=folds, repeats=repeats, seed=random_state)
    found += say_notes(sets, splits)
    designs = protocol.designs()
    result = run_plan(sets, designs, splits, protocol, executor=executor, cells=cells)
    about = protocol.about(sets, found)
    return replace(result, features=about, fit_model=model_of(result, sets, designs, protocol))


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

    There is one training set: the verdicts hold for these patients to learn from, and know no
    chance of training.

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
    _, found = checked_sets(X, y, groups=groups, rare=rare, protocol=protocol)
    others, joined = named_sets(X_other), {}
    for name, each in named_sets(X).items():
        if name not in others:
            raise DataError(f"X_other: no set {name!r}; {nearest(name, others)}")
        joined[name], fold = join_features(
            each, y, others[name], y_other, groups=groups, other=groups_other, rare=rare, name=name,
            categorical=protocol.categorical, missing=protocol.missing,
        )  # fmt: skip
    sets = choose_sets(joined, protocol.sets)
    splits = splits_of(sets[0], [fold])
    found += say_notes(sets, splits)
    result = run_plan(
        sets, protocol.designs(), splits, protocol, executor=executor, cells=cells, leak=False,
        name="judging on other patients",
    )  # fmt: skip
    return replace(result, features=protocol.about(sets, found))


def candidates_of(sets: Sequence[FeatureSet], designs: Sequence[Design]) -> list[Candidate]:
    """What is chosen from in every fold: all pairs, sets of fewer columns first, since of equally
    good ones the first is taken; none where a classifier trains for long."""
    if any(design.classifier.lazy for design in designs):
        return []
    ordered = sorted(sets, key=lambda each: np.shape(each.X)[1])
    return [Candidate(each, design) for each in ordered for design in designs]


def primary_of(
    sets: Sequence[FeatureSet],
    designs: Sequence[Design],
    protocol: Protocol,
    candidates: Sequence[Candidate],
) -> Primary | None:
    """The question asked beforehand, checked before anything is fitted."""
    if protocol.primary is None:
        return None
    families = [(each.name, design.classifier.name) for each in sets for design in designs]
    if len(candidates) > 1:
        families = [(AUTO, AUTO), *families]
    arms = [arm.name for arm in designs[0].arms if arm.synthetic]
    return read_primary(protocol.primary, families, arms)


def model_of(
    result: Result, sets: Sequence[FeatureSet], designs: Sequence[Design], protocol: Protocol
) -> Callable[[], TableModel] | None:
    """What fits the deployed model of a comparison."""
    candidates = candidates_of(sets, designs)
    if not candidates:
        return None
    how = protocol.among[-1] if len(candidates) > 1 else None
    return partial(fit_table_model, candidates, result.predictions, result.evidence, how=how)


def run_plan(
    sets: Sequence[FeatureSet],
    designs: Sequence[Design],
    splits: Splits,
    protocol: Protocol,
    *,
    executor: Executor | None,
    cells: Path | str | None,
    leak: bool = True,
    name: str = "comparing arms",
) -> Result:
    """Fit every design to every set of features; finished tasks are kept in the folder `cells`."""
    tasks = [
        each
        for features in sets
        for design in designs
        for each in tasks_of(features, design, splits, checks=protocol.checks)
    ]
    candidates = candidates_of(sets, designs)
    asked = primary_of(sets, designs, protocol, candidates)
    known = metrics_of(sets[0].classes, rare=sets[0].classes[sets[0].rare])
    primary_metric(protocol.metric, known)  # now, and not when everything is computed
    if STACK in protocol.among and len(candidates) < 2:
        raise SettingError(
            f"features {STACK!r}: is the average of several; compare more sets or classifiers."
        )
    for how in protocol.among if len(candidates) > 1 else ():
        tasks += among_tasks(how, candidates, splits)
    digests = [design.digest for design in designs]
    facts = [[each.digest for each in sets], digests, splits.digest, protocol.checks]
    found = run_tasks(
        tasks, executor=executor, folder=None if cells is None else Path(cells),
        key=None if None in digests else identity(facts), name=name,
    )  # fmt: skip
    checks = None
    if protocol.checks:
        first = sets[0], designs[0]
        mine = [
            result.checks
            for task, result in zip(tasks, found, strict=True)
            if (task.features, task.design) == first and result.checks is not None
        ]
        folds = min(int(splits.folds[0].max()) + 1, *first[0].per_class.values())
        checks = gather(mine, leak=row_leak(*first, folds=max(folds, 2)) if leak else None)
        if checks["suspicious"]:
            log.warning(
                "with permuted labels the AUC is %.3f ± %.3f instead of 0.5: look for features "
                "that tell test patients apart by more than their class (without a leak this is "
                "said once in 130 studies).", checks["permuted_mean"], checks["permuted_error"],
            )  # fmt: skip
    predictions = pd.concat([each.predictions for each in found], ignore_index=True)
    evidence = make_evidence(
        predictions, rare=sets[0].classes[sets[0].rare], checks=checks, draws=protocol.draws,
        margin=protocol.margin, metric=protocol.metric, primary=asked,
        seed=derive(protocol.random_state, "bootstrap") % 2**31,
    )  # fmt: skip
    return Result(predictions, evidence)
