"""A generator as imbalanced-learn and scikit-learn know it: it works in `imblearn.pipeline`'s
Pipeline and in a grid search, takes DataFrames and gives them back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_target_type
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.utils import check_random_state
from sklearn.utils.validation import column_or_1d, validate_data

from rarecase.arrays import Ints
from rarecase.errors import DataError
from rarecase.features.samples import Samples, checked_labels, is_store, samples_of
from rarecase.generators.validation import cast_values, like_columns, whose

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from rarecase.features.store import FeatureStore

Label = str | int


def whole_seed(random_state: Any) -> int:
    """What scikit-learn calls a random state as one whole number: a number is itself, a RandomState
    or (None) NumPy's global one draws it.

    >>> whole_seed(7), whole_seed(np.random.RandomState(1))
    (7, 1791095845)
    """
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


class Sampler(BaseOverSampler):  # type: ignore[misc]
    """`fit` and `fit_resample` by way of a subclass's `_fit` and `sample`."""

    classes_: list[Label]
    seed_: int
    shape_: tuple[int, ...]
    trained_on_: list[str]

    def __init__(self, *, sampling_strategy: Any = "auto", random_state: Any = 0):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state

    @abstractmethod
    def sample(
        self, counts: Mapping[Any, int], *, start: int = 0
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Generate `counts[label]` samples per class."""

    @abstractmethod
    def _fit(
        self, samples: Samples, codes: Ints, *, checkpoint: Path | None, fabric: Fabric | None
    ) -> None:
        """Fit to checked samples with class indices `codes` (n,)."""

    def fit(
        self,
        X: ArrayLike | FeatureStore | Samples,
        y: ArrayLike,
        *,
        rows: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        checkpoint: Path | str | None = None,
        fabric: Fabric | None = None,
    ) -> Self:
        """Fit to samples `X`, (n, d) or (n, c, h, w), with labels `y` (n,), strings or integers.

        `rows` picks samples of `X` (an array or a store); `y` and `groups` then have one entry per
        picked sample. `groups` (the patients) are recorded in `trained_on_`. With `checkpoint`
        (a file) every epoch is saved there and a killed fit goes on from it; the caller removes
        it. `fabric` decides on device and precision. Raises `DataError` on NaN, lengths that
        differ, fewer than two classes, and a class of fewer than two samples.
        """
        lazy = is_store(X) or isinstance(X, Samples)
        if not lazy and (sparse.issparse(X) or np.ndim(cast("ArrayLike", X)) <= 2):
            X, y = self._checked_table(X, y)
        samples = samples_of(X, rows=rows)
        labels = checked_labels(y, len(samples))
        self.seed_ = whole_seed(self.random_state)
        # Whose each sample is; its own without groups.
        known, self._patients = np.unique(whose(groups, len(labels)), return_inverse=True)
        self.trained_on_ = [] if groups is None else known.tolist()
        classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
        if len(classes) < 2:
            raise DataError(f"y: expected two classes or more, got one class: {classes.tolist()}.")
        if counts.min() < 2:
            few = classes[counts.argmin()]
            raise DataError(
                f"y: class {few.item()!r} has one sample, a generator needs at least two of each; "
                "leave the class out or merge it with another."
            )
        self.classes_, self.shape_ = classes.tolist(), samples.shape
        file = Path(checkpoint) if checkpoint else None
        self._fit(samples, codes.astype(np.int64), checkpoint=file, fabric=fabric)
        return self

    def fit_resample(self, X: Any, y: Any, *, groups: ArrayLike | None = None) -> tuple[Any, Any]:
        """Fit, then add what `sampling_strategy` requests: real samples first, then synthetic ones.

        The default brings every class up to the largest. `sample_indices_` says which sample of `X`
        each is, −1 for a synthetic one, which belongs to no patient. Values are of the type that
        those of `X` are, in a DataFrame column by column: integers are the nearest that the type
        holds, booleans are true from 0.5 on.
        """
        types = list(X.dtypes) if hasattr(X, "dtypes") and hasattr(X, "columns") else None
        return super().fit_resample(X, y, groups=groups, dtypes=types)  # type: ignore[no-any-return]

    def _fit_resample(
        self,
        X: Any,
        y: NDArray[Any],
        *,
        groups: ArrayLike | None = None,
        dtypes: Sequence[Any] | None = None,
    ) -> tuple[Any, NDArray[Any]]:
        real = X.toarray() if sparse.issparse(X) else X
        self.fit(Samples(real), y, groups=groups)  # checked already, and its names kept
        made, requested = self.sample(self.sampling_strategy_)
        self.sample_indices_ = np.concatenate([np.arange(len(y)), np.full(len(requested), -1)])
        both = np.concatenate([real, cast_values(like_columns(made, dtypes), real.dtype)])
        same = type(X)(both) if sparse.issparse(X) else both
        return same, np.concatenate([y, requested.astype(y.dtype)])

    def _check_X_y(self, X: Any, y: Any, accept_sparse: Any = None) -> tuple[Any, Any, bool]:
        """imbalanced-learn's, which knows no maps."""
        if np.ndim(X) == 2:
            return super()._check_X_y(X, y, accept_sparse)  # type: ignore[no-any-return]
        y, binarise = check_target_type(y, indicate_one_vs_all=True)
        return np.asarray(X), np.asarray(y), binarise

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.sampler_tags.sample_indices = True
        return tags

    def _checked_table(self, X: Any, y: Any) -> tuple[Any, Any]:
        """A table as scikit-learn wants it checked, dense, with the names of its columns kept; NaN
        is found later, and said with the number of its row."""
        X = validate_data(
            self, X, **({"y": None} if y is None else {}),
            accept_sparse=["csr", "csc"], ensure_all_finite=False,
        )  # fmt: skip
        return X.toarray() if sparse.issparse(X) else X, column_or_1d(y, warn=True)
