"""What the generators made of perceptrons share: their settings, how long they learn, where they
stop."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rarecase.arrays import Bools, Ints
from rarecase.cohort.splits import validation_patients
from rarecase.errors import DataError
from rarecase.features.samples import Samples, epoch_length
from rarecase.generators import validation
from rarecase.generators.collapse import energy_distance
from rarecase.generators.early_stopping import Watch
from rarecase.generators.neural import Neural
from rarecase.training import Schedule

LARGEST = 2 * 2**30  # bytes of weights, gradients and moments that a training may take
CHECKS = 10  # looks at held-out samples in a whole training
PATIENCE = 4  # looks without a lower distance after which a training ends


class Perceptrons(Neural):
    """A generator of vectors (d,), and of other shapes flattened to them, made of perceptrons.

    Vectors are standardised inside, each column by its own deviation; one that never varies comes
    back as it is.

    Parameters
    ----------
    hidden
        Widths of the hidden layers.
    noise
        Dimensions of the noise.
    lr, betas
        Adam's; None: the class's own, `LR` and `BETAS`.
    batch_size, steps
        Samples per step, and steps of optimisation.
    average
        Decay of the moving average of weights that samples are drawn with; 0: none.
    clip
        Length to which gradients are cut; None: no guard.
    holdout
        Share of the training patients that is not learnt from and only decides where to stop;
        0: none.
    """

    BLOCK: ClassVar[int] = 64
    LR: ClassVar[float] = 2e-4
    BETAS: ClassVar[tuple[float, float]] = (0.5, 0.999)

    def __init__(
        self,
        *,
        hidden: tuple[int, ...] = (256, 256),
        noise: int = 32,
        lr: float | None = None,
        betas: tuple[float, float] | None = None,
        batch_size: int = 64,
        steps: int = 2000,
        average: float = 0.99,
        clip: float | None = 10.0,
        holdout: float = 0.0,
        sampling_strategy: Any = "auto",
        random_state: Any = 0,
    ):
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.hidden = hidden
        self.noise = noise
        self.lr = lr
        self.betas = betas
        self.batch_size = batch_size
        self.steps = steps
        self.average = average
        self.clip = clip
        self.holdout = holdout

    def _build(self) -> None:
        with torch.device("meta"):
            nets = self._networks(math.prod(self.shape_), len(self.classes_)).values()
        weights = sum(weight.numel() for net in nets for weight in net.parameters())
        if 16 * weights > LARGEST:  # weights, gradients, two moments; 4 bytes each
            raise DataError(
                f"X: {type(self).__name__} is made of perceptrons, and for samples of "
                f"{self.shape_} ({math.prod(self.shape_):,} values) would need "
                f"{16 * weights / 2**30:.0f} GiB to train. ACGAN takes maps with convolutions; "
                "`tumour` vectors are small."
            )
        super()._build()

    def _schedule(self, samples: int) -> Schedule:
        """`steps` in passes over so many samples."""
        return Schedule(
            lr=self.lr or self.LR,
            batch=self.batch_size,
            epochs=math.ceil(self.steps / epoch_length(samples, self.batch_size)),
            betas=self.betas or self.BETAS,
            max_steps=self.steps,
        )

    def _held_out(self, codes: Ints) -> Bools:
        """Samples of the patients that only the early stop looks at."""
        names = [str(who) for who in self._patients]
        label = {name: str(code) for name, code in zip(names, codes, strict=True)}
        held = set(validation_patients(label, self.holdout, self.seed_))
        return np.array([name in held for name in names])

    def _watch(
        self, net: nn.Module, samples: Samples, codes: Ints, held: Bools, *, epochs: int
    ) -> Watch | None:
        """An early stop on the energy distance to held-out training samples, class by class."""
        rows = {code: np.flatnonzero(held & (codes == code)) for code in range(len(self.classes_))}
        rows = {code: mine for code, mine in rows.items() if len(mine) > 1}
        if not rows:
            return None
        real = {code: self._scaled(samples.only(mine)) for code, mine in rows.items()}

        def apart(code: int) -> float:
            drawn = np.concatenate([self._vectors(net, code, block) for block in range(4)])
            return energy_distance(real[code], drawn)

        def distance() -> float:
            mode = net.training
            net.eval()
            found = float(np.mean([apart(code) for code in real]))
            net.train(mode)
            return found

        return Watch(net, distance, every=max(1, epochs // CHECKS), patience=PATIENCE)

    def _scaled(self, samples: Samples) -> NDArray[np.float32]:
        """All samples as the networks see them, (n, d)."""
        values = samples.array().astype(np.float32, copy=False)
        shift, factor = self._scale.shaped(len(self.shape_))
        return np.asarray(((values - shift) / factor).reshape(len(values), -1))

    def _check_settings(self) -> None:
        validation.widths("hidden", self.hidden)
        for name, lowest in (("steps", 1), ("batch_size", 2), ("noise", 1)):
            validation.whole(name, getattr(self, name), low=lowest)
        for name, value in (("lr", self.lr), ("clip", self.clip)):
            if value is not None:
                validation.above_zero(name, value)
        if self.betas is not None:
            validation.betas(self.betas)
        for name in ("average", "holdout"):
            validation.share(name, getattr(self, name))


def class_weight(label: Ints, *, classes: int) -> Tensor:
    """Weights (classes,) under which classes weigh the same, and a sample weighs 1 on average."""
    counts = np.bincount(label, minlength=classes)
    return torch.from_numpy((len(label) / (classes * np.maximum(counts, 1))).astype(np.float32))
