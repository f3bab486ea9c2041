"""The contract of every generator: what is checked, what is kept, what is saved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from lightning_fabric import Fabric
from numpy.typing import ArrayLike, NDArray

from rarecase.errors import DataError, SettingError, nearest
from rarecase.features.samples import Samples, checked_labels
from rarecase.features.store import FeatureStore

Label = str | int
BLOCK = 16  # samples made at a time; part of what a seed means (see `Generator.sample`)


class Generator(ABC):
    """Learns to make features of a class, of any shape.

    `fit`, then `sample`. A subclass gives `_fit`, `_make` and `_classify`. After fitting:
    `classes_` (sorted), `shape_`, `trained_on_` (the groups it saw, sorted), `history_` (one row
    an epoch).
    """

    classes_: list[Label]
    shape_: tuple[int, ...]
    trained_on_: list[str]
    history_: pd.DataFrame

    def __init__(self, *, random_state: int = 0):
        self.random_state = random_state

    def fit(
        self,
        X: ArrayLike | FeatureStore,
        y: ArrayLike,
        *,
        rows: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        checkpoint: Path | None = None,
        fabric: Fabric | None = None,
    ) -> Self:
        """Fit to samples `X`, (n, d) or (n, c, h, w), with labels `y` (n,), strings or integers.

        `rows` picks samples of `X` (an array or a store); `y` and `groups` then have one entry a
        picked sample. `groups` (the patients) are recorded in `trained_on_`. With `checkpoint`
        (a file) every epoch is saved there and a killed fit goes on from it; the caller removes
        it. `fabric` decides on device and precision. Raises `DataError` on NaN, lengths that
        differ, fewer than two classes, and a class of fewer than two samples.
        """
        samples = Samples(X, rows=rows)
        labels = checked_labels(y, len(samples))
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
            raise DataError(f"y: expected at least two classes, got only {classes.tolist()}.")
        if counts.min() < 2:
            few = classes[counts.argmin()]
            raise DataError(
                f"y: class {few.item()!r} has one sample, a generator needs at least two of each; "
                "leave the class out or merge it with another."
            )
        self.classes_ = classes.tolist()
        self.shape_ = samples.shape
        self._fit(samples, codes.astype(np.int64), checkpoint=checkpoint, fabric=fabric)
        return self

    def sample(
        self, counts: Mapping[Any, int], *, start: int = 0
    ) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """Make `counts[label]` samples a class: X float32 (n, *shape) in the data's units, y (n,).

        Sample i of a class hangs on (random_state, label, i) alone: asking for 100 and, in another
        call, for 200 gives the same first 100; `start=100` gives the second hundred. Classes come
        in the order of `counts`. Raises `DataError` on an unknown class.
        """
        self._check_fitted()
        self._check_counts(counts, start)
        X = np.empty((sum(counts.values()), *self.shape_), np.float32)
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
    ) -> FeatureStore:
        """`sample` into a new store at `path`, a few samples in memory at a time.

        Its rows: label, agrees (whether the discriminator calls the asked class).
        """
        self._check_fitted()
        self._check_counts(counts, start)
        labels = [label for label, count in counts.items() for _ in range(count)]
        rows = pd.DataFrame({"label": labels, "agrees": False})
        agrees: list[NDArray[np.bool_]] = []
        with FeatureStore.create(path, block=block, shape=self.shape_, rows=rows) as store:
            at = 0
            for label, piece in self._pieces(counts, start):
                store.write(at, piece)
                at += len(piece)
                agrees.append(self._classify(piece) == self._code(label))
            store.set_rows(rows.assign(agrees=np.concatenate(agrees)))
        return FeatureStore.open(path)

    def agreement(
        self, X: ArrayLike | FeatureStore, y: ArrayLike, *, rows: ArrayLike | None = None
    ) -> NDArray[np.bool_]:
        """For each sample, whether the discriminator's class is `y`'s (the paper's filter)."""
        self._check_fitted()
        samples = Samples(X, rows=rows)
        if samples.shape != self.shape_:
            raise DataError(f"X: expected samples of shape {self.shape_}, got {samples.shape}.")
        labels = checked_labels(y, len(samples))
        codes = {label: self._code(label) for label in np.unique(labels).tolist()}
        asked = np.array([codes[label] for label in labels.tolist()], dtype=np.int64)
        guessed = [self._classify(batch) for _, batch in samples.batches()]
        result: NDArray[np.bool_] = np.concatenate([*guessed, np.empty(0, np.int64)]) == asked
        return result

    def class_accuracy(
        self, X: ArrayLike | FeatureStore, y: ArrayLike, *, rows: ArrayLike | None = None
    ) -> float:
        """Share of samples whose class the discriminator gets right, 0 to 1."""
        return float(self.agreement(X, y, rows=rows).mean())

    def fit_resample(
        self, X: ArrayLike, y: ArrayLike, *, groups: ArrayLike | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Fit, then bring every class up to the largest: the real samples first, then the made."""
        real, labels = np.asarray(X), checked_labels(y, len(np.asarray(X)))
        self.fit(real, labels, groups=groups)
        names, counts = np.unique(labels, return_counts=True)
        missing = {
            name: int(counts.max() - count)
            for name, count in zip(names.tolist(), counts, strict=True)
        }
        made, asked = self.sample(missing)
        return np.concatenate([real, made.astype(real.dtype)]), np.concatenate([labels, asked])

    @abstractmethod
    def save(self, directory: Path) -> None:
        """Write the fitted generator into `directory` (generator.safetensors, generator.json)."""

    @classmethod
    @abstractmethod
    def load(cls, directory: Path, *, device: str = "cpu") -> Self:
        """Read back what `save` wrote, onto a device; the samples are the same."""

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
    def _make(self, code: int, block: int) -> NDArray[np.float32]:
        """Samples block·BLOCK … (block + 1)·BLOCK − 1 of class index `code`."""

    @abstractmethod
    def _classify(self, X: NDArray[np.float32]) -> NDArray[np.int64]:
        """The discriminator's class indices (n,) for samples in the data's units."""

    def _pieces(
        self, counts: Mapping[Any, int], start: int
    ) -> Iterator[tuple[Label, NDArray[np.float32]]]:
        codes = [self._code(label) for label in counts]
        for code, count in zip(codes, counts.values(), strict=True):
            # Whole aligned blocks, so that a sample's bits do not hang on how many were asked.
            for block in range(start // BLOCK, -(-(start + count) // BLOCK) if count else 0):
                first = block * BLOCK
                made = self._make(code, block)
                yield (
                    self.classes_[code],
                    made[max(start - first, 0) : min(start + count - first, BLOCK)],
                )

    def _code(self, label: Any) -> int:
        plain = label.item() if isinstance(label, np.generic) else label
        if plain not in self.classes_:
            hint = nearest(str(plain), [str(known) for known in self.classes_])
            raise DataError(f"class {plain!r} was not in the training data; {hint}")
        return self.classes_.index(plain)

    def _check_counts(self, counts: Mapping[Any, int], start: int) -> None:
        if start < 0 or any(count < 0 for count in counts.values()):
            raise DataError(
                f"counts, start: expected numbers from 0 on, got {dict(counts)}, {start}."
            )
        for label in counts:
            self._code(label)

    def _check_fitted(self) -> None:
        if not hasattr(self, "classes_"):
            raise SettingError(f"this {type(self).__name__} is not fitted; call fit(X, y) first.")
