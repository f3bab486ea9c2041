"""How long and how fast a U-Net is trained."""

from __future__ import annotations

from dataclasses import dataclass

from rarecase.training import Schedule


@dataclass(frozen=True)
class SegmenterSchedule(Schedule):
    """A `Schedule` with what is particular to U-Nets.

    Parameters
    ----------
    coarse
        The first of the epochs, this share of them, see slices at half their size, at a quarter of
        the cost (progressive resizing): most of what a network learns from random weights can be
        learnt there.
    layer_decay
        The learning rate of every block is this times that of the one behind it, the output having
        the full one: what the first blocks of a trained network know changes least (discriminative
        fine-tuning; Howard, Ruder 2018). 1: one rate.
    patience
        Stop after so many epochs at the full size without a lower validation loss; None: never.
    """

    coarse: float = 0.0
    layer_decay: float = 1.0
    patience: int | None = None

    @property
    def coarse_epochs(self) -> int:
        """How many epochs see slices at half their size.

        >>> SegmenterSchedule(lr=1e-3, batch=8, epochs=21, coarse=0.57).coarse_epochs
        12
        """
        return round(self.coarse * self.epochs)
