"""The contract of every generator: what is checked, what is kept, what is saved."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rarecase.arrays import Bools, Ints
from rarecase.errors import DataError, SettingError, nearest
from rarecase.features.samples import Samples, checked_labels
from rarecase.files import read_csv, replacing_directory
from rarecase.generators.sampler import Label, Sampler
from rarecase.generators.saving import ARRAYS, CARD, read_arrays, read_card, write_generator

if TYPE_CHECKING:
    from rarecase.features.store import FeatureStore

Keep = Mapping[Any, Bools]
"""For each class which of its samples are kept, (counts[label],)."""


class Generator(Sampler):
    """Learns to generate features of a class, of any shape.

    `fit`, then `sample`; or `fit_resample`, as imbalanced-learn's samplers, whose
    `sampling_strategy` says how many samples of which class are added. A subclass gives `_fit`,
    `_make`, `_state`, `_set_state` and, with a discriminator, `_classify`. After fitting:
    `classes_` (sorted), `shape_`, `trained_on_` (the groups it saw, sorted), `seed_` (what
    `random_state`, a number, RandomState or None, came to), `history_` (one row per epoch).
    """

    BLOCK: ClassVar[int] = 16  # samples drawn at a time; part of what a seed means (see `sample`)
    TABLES: ClassVar[tuple[str, ...]] = ()  # attributes, less the underscore, that are saved as CSV
    discriminates: ClassVar[bool] = False  # whether `agreement` can be asked

    _dtype: Any = np.float32  # of the samples

    history_: pd.DataFrame

    def sample(
        self, counts: Mapping[Any, int], *, start: int = 0, keep: Keep | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Generate `counts[label]` samples per class: X `(n, *shape)` in the data's units, y (n,).

        X is float32; float64 from a closed-form generator that was fitted to float64.

        Sample i of a class depends on (`seed_`, label, i) alone: requesting 100 and, in another
        call, 200 gives the same first 100; `start=100` gives the second hundred. Classes come
        in the order of `counts`. `keep`: of each class, which of its samples are wanted,
        (counts[label],); all without it. Raises `DataError` on an unknown class and on numbers that
        are not whole ones from 0 on.
        """
        masks = self._checked_masks(counts, start, keep)
        X = np.empty((sum(int(mask.sum()) for mask in masks.values()), *self.shape_), self._dtype)
        labels: list[Label] = []
        for label, piece in self.pieces(counts, start=start, keep=masks):
            X[len(labels) : len(labels) + len(piece)] = piece
            labels += [label] * len(piece)
        return X, np.asarray(labels, dtype=np.asarray(self.classes_).dtype)

    def pieces(
        self, counts: Mapping[Any, int], *, start: int = 0, keep: Keep | None = None
    ) -> Iterator[tuple[Label, NDArray[Any]]]:
        """What `sample` gives, a few samples `(n, *shape)` of a class at a time."""
        for label, mask in self._checked_masks(counts, start, keep).items():
            code, count = self._code(label), len(mask)
            # Whole aligned blocks, so that a sample's bits do not depend on how many are drawn.
            end = -(-(start + count) // self.BLOCK) if count else 0
            for block in range(start // self.BLOCK, end):
                first = block * self.BLOCK
                low, high = max(start, first), min(start + count, first + self.BLOCK)
                piece = self._make(code, block)[low - first : high - first]
                yield self.classes_[code], piece[mask[low - start : high - start]]

    def sample_to_store(
        self,
        path: Path,
        counts: Mapping[Any, int],
        *,
        block: str = "synthetic",
        start: int = 0,
        seen: Iterable[str] = (),
        keep: Keep | None = None,
    ) -> FeatureStore:
        """`sample` into a new store at `path`, a few samples in memory at a time, as float16.

        Its rows: label, agrees (whether the discriminator calls the requested class; True where
        there is none). Its `seen`: the groups that the generator was fitted to and, given as
        `seen`, whom the network behind its features has learnt from. After an error there is no
        store.
        Raises `DataError` where `path` exists and where float16 cannot hold a sample.
        """
        from rarecase.features.store import FeatureStore  # needs PyTorch and Zarr

        masks = self._checked_masks(counts, start, keep)
        if path.exists():  # it would be replaced
            raise DataError(f"{path} exists; remove it or choose another place for {block!r}.")
        labels = [label for label, mask in masks.items() for _ in range(int(mask.sum()))]
        rows = pd.DataFrame({"label": labels, "agrees": True})
        learnt_from = sorted({*self.trained_on_, *seen})
        with replacing_directory(path) as beside:
            beside.rmdir()  # the store makes it
            with FeatureStore.create(
                beside, block=block, shape=self.shape_, rows=rows, seen=learnt_from
            ) as store:
                agrees = [np.empty(0, bool)]
                for label, piece in self.pieces(counts, start=start, keep=masks):
                    if len(piece):
                        store.append(piece)
                        if self.discriminates:
                            agrees.append(self._classify(piece) == self._code(label))
                if self.discriminates:
                    store.set_rows(rows.assign(agrees=np.concatenate(agrees)))
        return FeatureStore.open(path)

    def agreement(
        self, X: ArrayLike | FeatureStore, y: ArrayLike, *, rows: ArrayLike | None = None
    ) -> Bools:
        """For each sample, whether the discriminator's class is `y`'s (the paper's filter).
        Raises `SettingError` where there is no discriminator (`discriminates`)."""
        if not self.discriminates:
            raise SettingError(f"{type(self).__name__} has no discriminator to agree with.")
        self._check_fitted()
        samples = Samples(X, rows=rows)
        if samples.shape != self.shape_:
            raise DataError(f"X: expected samples of shape {self.shape_}, got {samples.shape}.")
        labels = checked_labels(y, len(samples))
        codes = {label: self._code(label) for label in np.unique(labels).tolist()}
        requested = np.array([codes[label] for label in labels.tolist()], dtype=np.int64)
        guessed = [self._classify(batch) for _, batch in samples.batches()]
        return np.asarray(np.concatenate([*guessed, np.empty(0, np.int64)]) == requested)

    def save(self, directory: Path | str) -> None:
        """Write the fitted generator into `directory` (generator.json, generator.safetensors; of
        trained ones also history.csv and diagnosis.csv). A closed form's arrays are the real
        samples.

        Raises `SettingError` before `fit`, and where `sampling_strategy` is a function.
        """
        self._check_fitted()
        write_generator(
            Path(directory),
            card={
                "kind": type(self).__name__,
                "classes": self.classes_,
                "trained_on": self.trained_on_,
                "shape": list(self.shape_),
                # What makes a generator like this one, which draws what this one draws.
                "settings": self.get_params(deep=False) | {"random_state": self.seed_},
            },
            arrays=self._state(),
            tables={name: getattr(self, f"{name}_") for name in self.TABLES},
        )

    @classmethod
    def load(cls, directory: Path | str, *, device: str = "cpu") -> Self:
        """Read back what `save` wrote, onto a device; the samples are the same. Raises `DataError`
        that names a file which is missing, broken or another kind's."""
        folder = Path(directory)
        card = read_card(folder, kind=cls.__name__)
        try:
            found = cls(**card["settings"])
            found.seed_, found.shape_ = found.random_state, tuple(card["shape"])
            found.classes_, found.trained_on_ = card["classes"], card["trained_on"]
        except (KeyError, TypeError) as error:  # an entry that is not there, or is none
            raise DataError(f"{folder / CARD}: not what rarecase saved ({error}).") from None
        for name in cls.TABLES:
            setattr(found, f"{name}_", read_csv(folder / f"{name}.csv"))
        arrays = read_arrays(folder)
        try:
            found._set_state(arrays, device=device)
        except KeyError as error:
            raise DataError(
                f"{folder / ARRAYS}: not what rarecase saved, there is no {error}."
            ) from None
        except ValueError as error:
            raise DataError(f"{folder / ARRAYS}: not what rarecase saved ({error}).") from None
        return found

    @abstractmethod
    def _state(self) -> dict[str, NDArray[Any]]:
        """What was learnt, by name."""

    @abstractmethod
    def _set_state(self, arrays: dict[str, NDArray[Any]], *, device: str) -> None:
        """Take up what `_state` gave."""

    @abstractmethod
    def _make(self, code: int, block: int) -> NDArray[Any]:
        """Samples block·BLOCK … (block + 1)·BLOCK − 1 of class index `code`."""

    def _classify(self, X: NDArray[np.float32]) -> Ints:
        """The discriminator's class indices (n,) for samples in the data's units."""
        raise NotImplementedError

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

    def _checked_masks(self, counts: Any, start: Any, keep: Keep | None) -> dict[Any, Bools]:
        """What is kept of what is requested, class by class; all of it without `keep`."""
        self._check_fitted()
        if not isinstance(counts, Mapping):
            raise DataError(f"counts: expected a dictionary {{class: number}}, got {counts!r}.")
        if any(not isinstance(n, Integral) or n < 0 for n in (start, *counts.values())):
            raise DataError(
                f"counts, start: expected whole numbers from 0 on, got {dict(counts)}, {start}."
            )
        masks = {}
        for label, count in counts.items():
            self._code(label)
            masks[label] = np.ones(count, bool) if keep is None else np.asarray(keep[label])
            shape, kind = masks[label].shape, masks[label].dtype
            if shape != (count,) or kind != np.bool_:
                raise DataError(f"keep of {label!r}: expected {count} of bool, got {shape}.")
        return masks

    def _check_fitted(self) -> None:
        if not hasattr(self, "classes_"):
            raise SettingError(f"this {type(self).__name__} is not fitted; call fit(X, y) first.")
