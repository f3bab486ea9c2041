"""The contract of every generator: what is checked, what is kept, what is saved.

Every generator is a sampler of imbalanced-learn: it works in `imblearn.pipeline.Pipeline` and in
a grid search, takes DataFrames and gives them back.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
import pandas as pd
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_target_type
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.utils import check_random_state
from sklearn.utils.validation import column_or_1d, validate_data

from rarecase.errors import DataError, SettingError, nearest
from rarecase.features.samples import Samples, checked_labels, is_store, samples_of
from rarecase.files import replacing_directory
from rarecase.generators.casting import cast_values, column_types, like_columns

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


class Generator(BaseOverSampler):  # type: ignore[misc]
    """Learns to make features of a class, of any shape.

    `fit`, then `sample`; or `fit_resample`, as imbalanced-learn's samplers, whose
    `sampling_strategy` says how many samples of which class are made. A subclass gives `_fit` and
    `_make`. After fitting: `classes_` (sorted), `shape_`, `trained_on_` (the groups it saw,
    sorted), `seed_` (what `random_state`, a number, RandomState or None, came to), `history_` (one
    row an epoch).
    """

    BLOCK: ClassVar[int] = 16  # samples made at a time; part of what a seed means (see `sample`)

    _dtype: Any = np.float32  # of the samples made

    classes_: list[Label]
    seed_: int
    shape_: tuple[int, ...]
    trained_on_: list[str]
    history_: pd.DataFrame

    def __init__(self, *, sampling_strategy: Any = "auto", random_state: Any = 0):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike | FeatureStore,
        y: ArrayLike,
        *,
        rows: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        checkpoint: Path | str | None = None,
        fabric: Fabric | None = None,
    ) -> Self:
        """Fit to samples `X`, (n, d) or (n, c, h, w), with labels `y` (n,), strings or integers.

        `rows` picks samples of `X` (an array or a store); `y` and `groups` then have one entry a
        picked sample. `groups` (the patients) are recorded in `trained_on_`. With `checkpoint`
        (a file) every epoch is saved there and a killed fit goes on from it; the caller removes
        it. `fabric` decides on device and precision. Raises `DataError` on NaN, lengths that
        differ, fewer than two classes, and a class of fewer than two samples.
        """
        lazy = is_store(X) or isinstance(X, Samples)
        if not lazy and (sparse.issparse(X) or np.ndim(cast("ArrayLike", X)) <= 2):
            X, y = self._checked_table(X, y)
        file = None if checkpoint is None else Path(checkpoint)
        self._fit_samples(samples_of(X, rows=rows), y, groups, checkpoint=file, fabric=fabric)
        return self

    def _fit_samples(
        self,
        samples: Samples,
        y: ArrayLike,
        groups: ArrayLike | None,
        *,
        checkpoint: Path | None = None,
        fabric: Fabric | None = None,
    ) -> None:
        labels = checked_labels(y, len(samples))
        self.seed_ = whole_seed(self.random_state)
        self.trained_on_ = []
        if groups is not None:
            names = np.asarray(groups)
            if names.shape != labels.shape:
                raise DataError(
                    f"groups: expected one a sample ({len(labels)}), got shape {names.shape}."
                )
            self.trained_on_ = sorted({str(name) for name in names})
        classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
        if len(classes) < 2:
            raise DataError(f"y: expected two classes or more, got one class: {classes.tolist()}.")
        if counts.min() < 2:
            few = classes[counts.argmin()]
            raise DataError(
                f"y: class {few.item()!r} has one sample, a generator needs at least two of each; "
                "leave the class out or merge it with another."
            )
        self.classes_ = classes.tolist()
        self.shape_ = samples.shape
        # Whose each sample is, for those who ask; each its own patient's where nobody said.
        self._patients = np.arange(len(labels))
        if groups is not None:
            self._patients = np.unique(np.asarray(groups).astype(str), return_inverse=True)[1]
        self._fit(samples, codes.astype(np.int64), checkpoint=checkpoint, fabric=fabric)

    def _saved_settings(self) -> dict[str, Any]:
        """The arguments that make a generator like this one, which draws what this one draws."""
        found: dict[str, Any] = self.get_params(deep=False)
        return found | {"random_state": self.seed_}

    def _checked_table(self, X: Any, y: Any) -> tuple[Any, Any]:
        """A table as scikit-learn wants it checked, dense, with the names of its columns kept; NaN
        is found later, and said with the number of its row."""
        X = validate_data(
            self, X, **({"y": None} if y is None else {}),
            accept_sparse=["csr", "csc"], ensure_all_finite=False,
        )  # fmt: skip
        return X.toarray() if sparse.issparse(X) else X, column_or_1d(y, warn=True)

    def sample(
        self, counts: Mapping[Any, int], *, start: int = 0
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Make `counts[label]` samples a class: X (n, *shape) in the data's units, y (n,).

        X is float32; float64 from a closed-form generator that was fitted to float64.

        Sample i of a class hangs on (`seed_`, label, i) alone: asking for 100 and, in another
        call, for 200 gives the same first 100; `start=100` gives the second hundred. Classes come
        in the order of `counts`. Raises `DataError` on an unknown class and on numbers that are not
        whole ones from 0 on.
        """
        self._check_fitted()
        self._check_counts(counts, start)
        X = np.empty((sum(counts.values()), *self.shape_), self._dtype)
        labels: list[Label] = []
        for label, piece in self._pieces(counts, start):
            X[len(labels) : len(labels) + len(piece)] = piece
            labels += [label] * len(piece)
        return X, np.asarray(labels, dtype=np.asarray(self.classes_).dtype)

    def sample_to_store(
        self,
        path: Path,
        counts: Mapping[Any, int],
        *,
        block: str = "synthetic",
        start: int = 0,
        seen: Iterable[str] = (),
        keep: Mapping[Any, NDArray[np.bool_]] | None = None,
    ) -> FeatureStore:
        """`sample` into a new store at `path`, a few samples in memory at a time, as float16.

        Its rows: label, agrees (whether the discriminator calls the asked class; True where there
        is none). Its `seen`: the groups that the generator was fitted to and, given as `seen`, whom
        the network behind its features has learnt from. `keep`: for each class, which of its
        samples are written, (counts[label],); all without it. After an error there is no store.
        Raises `DataError` where `path` exists and where float16 cannot hold a sample.
        """
        from rarecase.features.store import FeatureStore  # needs PyTorch and Zarr

        self._check_fitted()
        self._check_counts(counts, start)
        if path.exists():  # it would be replaced
            raise DataError(f"{path} exists; remove it or choose another place for {block!r}.")
        masks = [np.asarray(keep[a]) if keep else np.ones(n, bool) for a, n in counts.items()]
        for mask, (label, count) in zip(masks, counts.items(), strict=True):
            if mask.shape != (count,) or mask.dtype != np.bool_:
                raise DataError(f"keep of {label!r}: expected {count} of bool, got {mask.shape}.")
        mask = np.concatenate([*masks, np.empty(0, bool)])
        labels = np.repeat(np.array(list(counts), dtype=object), list(counts.values()))[mask]
        rows = pd.DataFrame({"label": labels.tolist(), "agrees": False})
        agrees: list[NDArray[np.bool_]] = [np.empty(0, bool)]
        with replacing_directory(path) as beside:
            beside.rmdir()  # the store makes it
            with FeatureStore.create(
                beside, block=block, shape=self.shape_, rows=rows,
                seen=sorted({*self.trained_on_, *seen}),
            ) as store:  # fmt: skip
                done = 0
                for label, made in self._pieces(counts, start):
                    piece = made[mask[done : done + len(made)]]
                    done += len(made)
                    if not len(piece):
                        continue
                    store.append(piece)
                    agrees.append(self._agrees(piece, self._code(label)))
                store.set_rows(rows.assign(agrees=np.concatenate(agrees)))
        return FeatureStore.open(path)

    def fit_resample(self, X: Any, y: Any, *, groups: ArrayLike | None = None) -> tuple[Any, Any]:
        """Fit, then add what `sampling_strategy` asks for: the real samples first, then the made.

        The default brings every class up to the largest. `sample_indices_` says which sample of `X`
        each is, −1 for a made one, which belongs to no patient. Made values are of the type that
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
        made, asked = self.sample(self.sampling_strategy_)
        self.sample_indices_ = np.concatenate([np.arange(len(y)), np.full(len(asked), -1)])
        alike = cast_values(like_columns(made, dtypes), real.dtype)
        both = np.concatenate([real, alike])
        same = type(X)(both) if sparse.issparse(X) else both
        return same, np.concatenate([y, asked.astype(y.dtype)])

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

    @abstractmethod
    def save(self, directory: Path | str) -> None:
        """Write the fitted generator into `directory` (generator.safetensors, generator.json).

        Raises `SettingError` before `fit`, and where `sampling_strategy` is a function.
        """

    @classmethod
    @abstractmethod
    def load(cls, directory: Path | str, *, device: str = "cpu") -> Self:
        """Read back what `save` wrote, onto a device; the samples are the same. Raises `DataError`
        that names a file which is missing, broken or another kind's."""

    @abstractmethod
    def _fit(
        self,
        samples: Samples,
        codes: NDArray[np.int64],
        *,
        checkpoint: Path | None,
        fabric: Fabric | None,
    ) -> None:
        """Fit to checked samples with class indices `codes` (n,)."""

    @abstractmethod
    def _make(self, code: int, block: int) -> NDArray[Any]:
        """Samples block·BLOCK … (block + 1)·BLOCK − 1 of class index `code`."""

    def _agrees(self, X: NDArray[np.float32], code: int) -> NDArray[np.bool_]:
        """Whether a discriminator, if there is one, calls `X` the class they were made for."""
        return np.ones(len(X), dtype=bool)

    def _pieces(
        self, counts: Mapping[Any, int], start: int
    ) -> Iterator[tuple[Label, NDArray[Any]]]:
        codes = [self._code(label) for label in counts]
        for code, count in zip(codes, counts.values(), strict=True):
            # Whole aligned blocks, so that a sample's bits do not hang on how many were asked.
            end = -(-(start + count) // self.BLOCK) if count else 0
            for block in range(start // self.BLOCK, end):
                first = block * self.BLOCK
                made = self._make(code, block)
                yield (
                    self.classes_[code],
                    made[max(start - first, 0) : min(start + count - first, self.BLOCK)],
                )

    def _code(self, label: Any) -> int:
        plain = label.item() if isinstance(label, np.generic) else label
        if plain not in self.classes_:
            if isinstance(plain, str) and not isinstance(self.classes_[0], str):
                kind = "booleans" if isinstance(self.classes_[0], bool) else "integers"
                raise DataError(
                    f"class {plain!r} was not in the training data: its classes are {kind}, "
                    f"{', '.join(map(str, self.classes_))}; ask for one of them without quotes."
                )
            hint = nearest(str(plain), [str(known) for known in self.classes_])
            raise DataError(f"class {plain!r} was not in the training data; {hint}")
        return self.classes_.index(plain)

    def _check_counts(self, counts: Any, start: Any) -> None:
        if not isinstance(counts, Mapping):
            raise DataError(f"counts: expected a dictionary {{class: number}}, got {counts!r}.")
        if any(not isinstance(n, Integral) or n < 0 for n in (start, *counts.values())):
            raise DataError(
                f"counts, start: expected whole numbers from 0 on, got {dict(counts)}, {start}."
            )
        for label in counts:
            self._code(label)

    def _check_fitted(self) -> None:
        if not hasattr(self, "classes_"):
            raise SettingError(f"this {type(self).__name__} is not fitted; call fit(X, y) first.")
