"""What a network sees of samples, and how what it makes comes back to the data's units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rarecase.features.moments import Moments, column_scale, safe_scale


@dataclass(frozen=True)
class Scale:
    """What the networks see is (x − shift) / factor; both (channels,). Columns of a table that
    never vary are given back as the value they have: `still` (channels,), NaN where one varies.
    `nonnegative`: no value comes back below 0."""

    shift: NDArray[np.float32]
    factor: NDArray[np.float32]
    nonnegative: bool
    still: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, found: Moments, *, table: bool, centred: bool) -> Self:
        """By the deviation around the mean (`centred`) or the root mean square; each column of a
        table by its own, channels of maps by what `safe_scale` makes of theirs."""
        shift = found.mean if centred else np.zeros_like(found.mean)
        spread = found.std if centred else found.rms
        if not table:
            return cls(shift, safe_scale(spread), found.nonnegative)
        still = np.where(found.std == 0, found.mean, np.float32(np.nan))
        varies = bool(np.isnan(still).all())
        return cls(shift, column_scale(spread), found.nonnegative, None if varies else still)

    def shaped(self, rank: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Shift and factor shaped to broadcast over samples of `rank` axes without the batch."""
        sides = (-1, *(1,) * (rank - 1))
        return self.shift.reshape(sides), self.factor.reshape(sides)

    def tensors(self, rank: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """The same on a device."""
        shift, factor = (torch.from_numpy(part).to(device) for part in self.shaped(rank))
        return shift, factor

    def undo(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the networks generated, (n, *shape), in the data's units."""
        shift, factor = self.shaped(values.ndim - 1)
        found = values * factor + shift
        if self.still is not None:
            found = np.where(np.isnan(self.still), found, self.still)
        return np.maximum(found, np.float32(0)) if self.nonnegative else found

    def state(self) -> dict[str, NDArray[Any]]:
        """What a file keeps of it, by name."""
        parts = {"shift": self.shift, "factor": self.factor, "still": self.still}
        parts["nonnegative"] = np.array([self.nonnegative])
        return {f"scale.{name}": part for name, part in parts.items() if part is not None}

    @classmethod
    def taken(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Read back what `state` gave."""
        return cls(
            arrays["scale.shift"],
            arrays["scale.factor"],
            bool(arrays["scale.nonnegative"].item()),
            arrays.get("scale.still"),
        )
