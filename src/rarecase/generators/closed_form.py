"""Generators without training: what they know are the real samples and a few sums over them."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecase.arrays import Ints
from rarecase.errors import DataError
from rarecase.features.samples import Samples
from rarecase.generators.base import Generator
from rarecase.seeds import numpy_rng

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class ClosedForm(Generator):
    """Keeps the samples it is fitted to, flattened, in float64 if they come so.

    A subclass gives `_make_flat` and, if it sums something up beforehand, `_prepare`. What `save`
    writes holds the real samples.
    """

    BLOCK: ClassVar[int] = 256
    KEPT: ClassVar[int] = 2**22  # values of blocks that are kept: several amounts begin alike

    def _fit(
        self, samples: Samples, codes: Ints, *, checkpoint: Path | None, fabric: Fabric | None
    ) -> None:
        values = samples.array().reshape(len(samples), -1)
        bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if bad.size:
            raise DataError(
                f"X: sample {bad[0]} holds NaN or infinite values; drop such samples or fill them "
                "in."
            )
        self._set_state({"X": values, "codes": codes, "patients": self._patients}, device="cpu")

    def _prepare(self) -> None:
        """Sum up what `_make_flat` needs from `_X` (n, d), `_codes` and `_patients` (n,)."""

    def _make(self, code: int, block: int) -> NDArray[Any]:
        key = code, block
        if key not in self._blocks:
            if (len(self._blocks) + 1) * self.BLOCK * self._X.shape[1] > self.KEPT:
                self._blocks.clear()
            self._blocks[key] = self._made(code, block)
        return self._blocks[key]

    def _made(self, code: int, block: int) -> NDArray[Any]:
        rng = numpy_rng(self.seed_, type(self).__name__, self.classes_[code], block)
        made = self._make_flat(code, block, rng)
        return np.asarray(made.astype(self._dtype, copy=False).reshape(self.BLOCK, *self.shape_))

    @abstractmethod
    def _make_flat(self, code: int, block: int, rng: np.random.Generator) -> NDArray[Any]:
        """Samples of block number `block` of class index `code`, (BLOCK, d)."""

    def _of_class(self, code: int) -> NDArray[Any]:
        return cast("NDArray[Any]", self._X[self._codes == code])

    @property
    def history_(self) -> pd.DataFrame:  # type: ignore[override]
        """Empty: nothing is trained in epochs."""
        return pd.DataFrame()

    def _state(self) -> dict[str, NDArray[Any]]:
        return {"X": self._X, "codes": self._codes, "patients": self._patients}

    def _set_state(self, arrays: dict[str, NDArray[Any]], *, device: str) -> None:
        self._X, self._codes, self._patients = (arrays[n] for n in ("X", "codes", "patients"))
        self._dtype = self._X.dtype
        self._blocks: dict[tuple[int, int], NDArray[Any]] = {}
        self._prepare()
