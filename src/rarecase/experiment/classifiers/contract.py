"""A classifier as data: a scikit-learn estimator with the values that inner folds choose among."""

from __future__ import annotations

import copy
import functools
import itertools
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from rarecase.arrays import Floats
from rarecase.errors import SettingError
from rarecase.experiment.training_set import Features, TrainingSet
from rarecase.shown import Brief

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Point = dict[str, Any]
SCALARS = (str, int, float)
Takes = Literal["vectors", "maps"]


@dataclass(frozen=True, repr=False)
class Classifier(Brief):
    """A classifier of the experiment.

    Parameters
    ----------
    name
        What tables call it.
    estimator
        An unfitted scikit-learn classifier with `predict_proba`.
    grid
        Parameter → values to choose from, the most cautious first; empty: nothing is tuned.
    takes
        ``vectors`` (maps are averaged over their positions first) or ``maps``.
    lazy
        Whether `fit` takes `Samples`, `real`, `checkpoint` and `fabric`, and reads as it goes.
    tune_threshold
        Whether a threshold for the rare class is chosen on inner folds.
    rotate
        Whether vectors of more features than training rows are rotated into the span of the rows
        (see `Space`): faster, and the same to what only adds up or compares; not to trees.
    takes_missing
        Whether missing values go to it as they are, where no arm samples; else they are filled in.

    Raises
    ------
    SettingError
        An estimator without `predict_proba`, or a grid of parameters that it does not have.

    Examples
    --------
    >>> from sklearn.ensemble import ExtraTreesClassifier
    >>> Classifier("trees", ExtraTreesClassifier(), grid={"max_depth": (2, 4)}).points
    ({'max_depth': 2}, {'max_depth': 4})
    """

    name: str
    estimator: Any
    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    takes: Takes = "vectors"
    lazy: bool = False
    tune_threshold: bool = True
    rotate: bool = False
    takes_missing: bool = False

    def __post_init__(self) -> None:
        kind = type(self.estimator).__name__
        if not hasattr(self.estimator, "predict_proba"):
            raise SettingError(
                f"classifier {self.name!r}: {kind} has no predict_proba; wrap it in "
                "sklearn.calibration.CalibratedClassifierCV."
            )
        unknown = set(self.grid) - set(self.estimator.get_params())
        if unknown or not all(len(values) for values in self.grid.values()):
            raise SettingError(
                f"classifier {self.name!r}: grid {dict(self.grid)} does not fit {kind}, whose "
                f"parameters are {', '.join(sorted(self.estimator.get_params()))}."
            )
        # Whoever goes on to change theirs does not change ours.
        grid = {parameter: tuple(values) for parameter, values in self.grid.items()}
        object.__setattr__(self, "grid", grid)
        object.__setattr__(self, "estimator", clone(self.estimator))

    @property
    def points(self) -> tuple[Point, ...]:
        """All combinations of the grid's values, the most cautious first."""
        combined = itertools.product(*self.grid.values())
        return tuple(dict(zip(self.grid, values, strict=True)) for values in combined)

    @property
    def takes_weights(self) -> bool:
        """Whether its samples can be weighted."""
        return bool(has_fit_parameter(_last(self.estimator)[1], "sample_weight"))

    def fit(
        self,
        training: TrainingSet,
        point: Point,
        *,
        classes: int,
        random_state: int,
        checkpoint: Path | None = None,
        fabric: Fabric | None = None,
    ) -> Fitted:
        """Fit at one point of the grid. `classes`: how many there are; one that `training` lacks
        gets the probability 0."""
        model = _fresh(self.estimator, tuple(point.items()), random_state)
        extra = self._weighted(training)
        if self.lazy:
            extra |= {"real": training.real, "checkpoint": checkpoint, "fabric": fabric}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # separable rows, weak penalty
            model.fit(training.X, training.y, **extra)
        return Fitted(model, classes)

    def fit_grid(
        self, sets: Iterable[TrainingSet], *, classes: int, random_state: int
    ) -> Iterator[list[Fitted]]:
        """Fit at every point of the grid to one training set after the other; to all of them at
        once where the estimator can (see `Logistic.fit_grid`), which is much faster."""
        if list(self.grid) != ["C"] or not hasattr(self.estimator, "fit_grid"):
            for one in sets:
                yield [
                    self.fit(one, point, classes=classes, random_state=random_state)
                    for point in self.points
                ]
            return
        held = [(one.X, one.y, one.weight) for one in sets]
        for models in self.estimator.fit_grid(held, self.grid["C"]):
            yield [Fitted(model, classes) for model in models]

    def _weighted(self, training: TrainingSet) -> dict[str, Any]:
        """How the last step is told of the samples' weights."""
        if training.weight is None:
            return {}
        step, last = _last(self.estimator)
        if not self.takes_weights:
            raise SettingError(
                f"classifier {self.name!r}: {type(last).__name__} takes no sample_weight, "
                "which an arm with weights needs. Leave class-weight out, or take another "
                "classifier."
            )
        return {f"{step}__sample_weight" if step else "sample_weight": training.weight}


def _last(model: Any) -> tuple[str, Any]:
    """Whom weights are handed to, and under which name: of a pipeline the last step."""
    found: tuple[str, Any] = model.steps[-1] if isinstance(model, Pipeline) else ("", model)
    return found


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted classifier of class indices."""

    model: Any
    classes: int

    def __call__(self, X: Features) -> Floats:
        """Samples (n, …) to probabilities (n, classes)."""
        p = np.zeros((len(X), self.classes))
        p[:, np.asarray(self.model.classes_, dtype=np.int64)] = self.model.predict_proba(X)
        return p

    @property
    def history(self) -> Any:
        """A row an epoch, where it was trained in epochs; else None."""
        return getattr(self.model, "history_", None)


def seeded(estimator: Any, random_state: int) -> Any:
    """The estimator with every random state that nobody set set to `random_state`."""
    free = [
        name for name, value in estimator.get_params().items()
        if value is None and (name == "random_state" or name.endswith("__random_state"))
    ]  # fmt: skip
    return estimator.set_params(**dict.fromkeys(free, random_state))


def _fresh(estimator: Any, point: tuple[tuple[str, Any], ...], random_state: int) -> Any:
    """An unfitted estimator at a point. Thousands are needed, and scikit-learn reads signatures for
    each; one of plain values alone is copied. Others share what a fit may change."""
    kinds = tuple(type(value) for _, value in point)  # 1 and 1.0 are equal, and not the same
    try:
        made = _template(estimator, point, kinds, random_state)
    except TypeError:  # a value of the grid that has no hash
        made = _template.__wrapped__(estimator, point, kinds, random_state)
    plain = all(value is None or isinstance(value, SCALARS) for value in vars(made).values())
    return copy.copy(made) if plain else clone(made)


@functools.lru_cache(maxsize=256)
def _template(
    estimator: Any, point: tuple[tuple[str, Any], ...], kinds: tuple[type, ...], random_state: int
) -> Any:
    return seeded(clone(estimator), random_state).set_params(**dict(point))
