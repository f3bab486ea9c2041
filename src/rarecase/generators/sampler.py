"""A generator as imbalanced-learn and scikit-learn know it: it works in a pipeline and in a grid
search, takes DataFrames and gives them back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_target_type
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.utils import check_random_state
from sklearn.utils.validation import column_or_1d, validate_data

from rarecase.features.samples import Samples
from rarecase.generators.validation import cast_values, column_types, like_columns

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_fabric import Fabric


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
    """`fit_resample` by way of a subclass's `_fit_samples` and `sample`."""

    def __init__(self, *, sampling_strategy: Any = "auto", random_state: Any = 0):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state

    @abstractmethod
    def sample(
        self, counts: Mapping[Any, int], *, start: int = 0
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Generate `counts[label]` samples per class."""

    @abstractmethod
    def _fit_samples(
        self,
        samples: Samples,
        y: ArrayLike,
        groups: ArrayLike | None,
        *,
        checkpoint: Path | None = None,
        fabric: Fabric | None = None,
    ) -> None:
        """Check labels and groups, and fit."""

    def fit_resample(self, X: Any, y: Any, *, groups: ArrayLike | None = None) -> tuple[Any, Any]:
        """Fit, then add what `sampling_strategy` requests: real samples first, then synthetic ones.

        The default brings every class up to the largest. `sample_indices_` says which sample of `X`
        each is, −1 for a synthetic one, which belongs to no patient. Values are of the type that
        those of `X` are, in a DataFrame column by column: integers are the nearest that the type
        holds, booleans are true from 0.5 on.
        """
        return super().fit_resample(  # type: ignore[no-any-return]
            X, y, groups=groups, dtypes=column_types(X)
        )

    def _fit_resample(
        self,
        X: Any,
        y: NDArray[Any],
        *,
        groups: ArrayLike | None = None,
        dtypes: Sequence[Any] | None = None,
    ) -> tuple[Any, NDArray[Any]]:
        real = X.toarray() if sparse.issparse(X) else X
        self._fit_samples(Samples(real), y, groups)  # checked already, and its names kept
        made, requested = self.sample(self.sampling_strategy_)
        self.sample_indices_ = np.concatenate([np.arange(len(y)), np.full(len(requested), -1)])
        alike = cast_values(like_columns(made, dtypes), real.dtype)
        both = np.concatenate([real, alike])
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
