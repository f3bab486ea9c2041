"""The auxiliary classifier GAN on features (Mehra and Sahoo, arXiv 2209.14097, section 3)."""

from __future__ import annotations

from typing import Any, ClassVar, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from rarecase.arrays import Ints
from rarecase.errors import DataError, SettingError, nearest
from rarecase.features.moments import Moments
from rarecase.generators import validation
from rarecase.generators.acgan_step import PagedMoments, Pair, piece_size, take_step
from rarecase.generators.networks import (
    ConvDiscriminator,
    ConvGenerator,
    MLPDiscriminator,
    MLPGenerator,
)
from rarecase.generators.neural import Fitting, Neural, Step
from rarecase.training import Row, Schedule

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")  # Fabric's that leave the weights in float32


class ACGAN(Neural):
    """Generates maps (c, h, w) or (c, d, h, w) with a convolutional pair, vectors (d,) with a pair
    of perceptrons.

    Features are scaled inside: divided by the channel's (a vector's column's) root mean square when
    none is negative, otherwise standardised. A column that never varies comes back as it is. The
    history's accuracies are the discriminator's, on the batches it was trained on.

    Parameters
    ----------
    width
        ndf = ngf of the convolutional pair (the paper: 64, 256, 512).
    hidden
        Hidden widths of the perceptrons, generator then discriminator.
    noise, batch_size
        None: the paper's for the pair in use, 100 (maps) or 312 (vectors) and 16 or 200.
    lr, betas, epochs
        Adam's, and passes over the samples.
    max_steps
        Cuts the training short after so many steps.
    precision
        Fabric's, where `fit` is given none.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.random((40, 3)), np.repeat(["HGG", "LGG"], [30, 10])
    >>> gan = ACGAN(hidden=(16, 16), epochs=2).fit(X, y)
    >>> X_new, y_new = gan.sample({"LGG": 5})
    >>> X_new.shape, set(y_new.tolist())
    ((5, 3), {'LGG'})
    """

    KEPT: ClassVar[tuple[str, ...]] = ("discriminator",)
    SUMS: ClassVar[tuple[str, ...]] = (
        "d_loss", "g_loss", "real_class_accuracy", "fake_class_accuracy",
    )  # fmt: skip
    discriminates: ClassVar[bool] = True

    def __init__(
        self,
        *,
        width: int = 64,
        hidden: tuple[int, int] = (4096, 1024),
        noise: int | None = None,
        lr: float = 0.002,
        betas: tuple[float, float] = (0.5, 0.999),
        batch_size: int | None = None,
        epochs: int = 50,
        max_steps: int | None = None,
        precision: str = "32-true",
        sampling_strategy: Any = "auto",
        random_state: Any = 0,
    ):
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.width = width
        self.hidden = hidden
        self.noise = noise
        self.lr = lr
        self.betas = betas
        self.batch_size = batch_size
        self.epochs = epochs
        self.max_steps = max_steps
        self.precision = precision

    @property
    def _maps(self) -> bool:
        """Whether the samples are maps, of slices or of volumes."""
        return len(self.shape_) in (3, 4)

    @property
    def _noise(self) -> int:
        return self.noise or (100 if self._maps else 312)

    def _seeds(self, use: str) -> tuple[str, ...]:
        return (f"acgan {use}",)

    def _fabric(self) -> Fabric:
        return Fabric(accelerator="auto", devices=1, precision=cast("Any", self.precision))

    def _centred(self, found: Moments) -> bool:
        return not found.nonnegative

    def _schedule(self, samples: int) -> Schedule:
        return Schedule(
            lr=self.lr,
            batch=self.batch_size or (16 if self._maps else 200),
            epochs=self.epochs,
            betas=self.betas,
            max_steps=self.max_steps,
        )

    def _networks(self, features: int, classes: int) -> dict[str, nn.Module]:
        shape, width, (first, second) = self.shape_, self.width, self.hidden
        noise, nonnegative = self._noise, self._scale.nonnegative
        if self._maps:
            conv = ConvGenerator(shape, classes, width=width, noise=noise, nonnegative=nonnegative)
            return {
                "generator": conv,
                "discriminator": ConvDiscriminator(shape, classes, width=width),
            }
        if len(shape) > 1:
            raise DataError(
                "X: ACGAN generates vectors (n, d), maps (n, c, h, w) and (n, c, d, h, w), got "
                f"samples of {shape}; flatten them or average over an axis."
            )
        if noise <= classes:
            raise SettingError(
                f"noise: {classes} classes overwrite as many entries of it; expected more than "
                f"{classes}, got {noise}."
            )
        mlp = MLPGenerator(features, classes, hidden=first, noise=noise, nonnegative=nonnegative)
        return {
            "generator": mlp,
            "discriminator": MLPDiscriminator(features, classes, hidden=second),
        }

    def _step(self, fit: Fitting) -> Step:
        """The classes requested of the generator are drawn uniformly, whatever their share."""
        g, d = fit.players["generator"], fit.players["discriminator"]
        device, classes, noise = fit.fabric.device, len(self.classes_), self._noise
        nets = self._nets["generator"], self._nets["discriminator"]
        piece = piece_size(*nets, batch=fit.schedule.batch, device=device.type)
        pair = Pair(fit.fabric, g.net, d.net, g.optimizer, d.optimizer, piece)
        page = piece is not None and device.type == "cpu"

        def step(values: Tensor, real_label: Tensor, random: torch.Generator, done: int) -> Tensor:
            if page and pair.paged is None:  # now, when a checkpoint has been taken up
                pair.paged = PagedMoments(fit.optimizers.values(), folder=fit.scratch)
            z = torch.randn(len(values), noise, generator=random)
            requested = torch.randint(classes, (len(values),), generator=random)
            z, requested = (drawn.to(device, non_blocking=True) for drawn in (z, requested))
            alone = [values]
            del values  # the step frees the batch when it is done with it
            return take_step(pair, alone.pop(), real_label, z, requested)

        return step

    def _row(self, sums: list[float], batches: int, seen: int) -> Row:
        sizes = (batches, batches, seen, seen)
        return {name: s / n for name, s, n in zip(self.SUMS, sums, sizes, strict=True)}

    def _classify(self, X: NDArray[np.float32]) -> Ints:
        critic = self._nets["discriminator"]
        device = next(critic.parameters()).device
        shift, factor = self._scale.tensors(len(self.shape_), device)
        with torch.inference_mode():
            _, logits = critic((torch.from_numpy(X).to(device) - shift) / factor)
        return np.asarray(logits.argmax(1).cpu().numpy())

    def _check_settings(self) -> None:
        for name in ("width", "epochs"):
            validation.whole(name, getattr(self, name), low=1)
        for name, lowest in (("noise", 1), ("batch_size", 2), ("max_steps", 1)):
            if getattr(self, name) is not None:
                validation.whole(name, getattr(self, name), low=lowest)
        validation.widths("hidden", self.hidden, count=2)
        if self.precision not in PRECISIONS:
            raise SettingError(f"precision: {nearest(str(self.precision), PRECISIONS)}")
        validation.above_zero("lr", self.lr)
        validation.betas(self.betas)
