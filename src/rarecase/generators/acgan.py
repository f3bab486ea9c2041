"""The auxiliary classifier GAN on features (Mehra and Sahoo, arXiv 2209.14097, section 3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import nn

from rarecase import __version__
from rarecase.checkpoint import load_tensors, save_tensors
from rarecase.errors import DataError, SettingError, nearest
from rarecase.features.moments import moments, warn_of_coarse
from rarecase.features.samples import Samples
from rarecase.files import replacing_file, write_json
from rarecase.generators import checks
from rarecase.generators.collapse import COLUMNS, diagnose
from rarecase.generators.discriminating import DiscriminatingGenerator
from rarecase.generators.loop import Scale, Schedule
from rarecase.generators.networks_conv import ConvDiscriminator, ConvGenerator
from rarecase.generators.networks_mlp import MLPDiscriminator, MLPGenerator
from rarecase.generators.saving import read_settings, saved_card, saved_table, written_settings
from rarecase.generators.train import adversarial_training
from rarecase.seeds import torch_rng, torch_seeded

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")  # Fabric's that leave the weights in float32


class ACGAN(DiscriminatingGenerator):
    """Makes maps (c, h, w) or (c, d, h, w) with a convolutional pair, vectors (d,) with a pair of
    perceptrons.

    Settings left at None are the paper's for the pair in use: noise 100 (maps) or 312 (vectors),
    batch 16 or 200. `width` is ndf = ngf of the convolutional pair (the paper: 64, 256, 512);
    `hidden` the hidden widths of the perceptrons, generator then discriminator. `max_steps` cuts
    the training short after so many steps. Features are scaled inside: divided by the channel's
    (a vector's column's) root mean square when none is negative, otherwise standardised. A column
    that never varies comes back as it is. After fitting also `diagnosis_` (see
    `collapse.diagnose`).

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.random((40, 3)), np.repeat(["HGG", "LGG"], [30, 10])
    >>> gan = ACGAN(hidden=(16, 16), epochs=2).fit(X, y)
    >>> X_new, y_new = gan.sample({"LGG": 5})
    >>> X_new.shape, set(y_new.tolist())
    ((5, 3), {'LGG'})
    """

    diagnosis_: pd.DataFrame

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

    def save(self, directory: Path | str) -> None:
        """Write generator.safetensors, generator.json, history.csv and diagnosis.csv into
        `directory`.

        The JSON says which patients it was trained on (`trained_on`).
        """
        self._check_fitted()
        settings, directory = written_settings(self._settings()), Path(directory)
        tensors = self._scale.saved()
        for name, module in (("generator", self._generator), ("discriminator", self._critic)):
            tensors |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
        directory.mkdir(parents=True, exist_ok=True)
        save_tensors(directory / "generator.safetensors", tensors)
        for name, table in (("history.csv", self.history_), ("diagnosis.csv", self.diagnosis_)):
            with replacing_file(directory / name) as beside:
                table.to_csv(beside, index=False)
        write_json(
            directory / "generator.json",
            {
                "kind": "ACGAN",
                "version": __version__,
                "classes": self.classes_,
                "trained_on": self.trained_on_,
                "architecture": {
                    "pair": "convolutional" if self._maps else "perceptrons",
                    "shape": list(self.shape_),
                    "nonnegative": self._nonnegative,
                },
                "settings": settings,
            },
        )

    @classmethod
    def load(cls, directory: Path | str, *, device: str = "cpu") -> Self:
        """Read back what `save` wrote; the samples are the same. `DataError` when it is not one."""
        directory = Path(directory)
        said = saved_card(directory, "ACGAN")
        gan = cls(**read_settings(said["settings"]))
        gan.seed_ = gan.random_state
        gan.classes_ = said["classes"]
        gan.trained_on_ = said["trained_on"]
        gan.shape_ = tuple(said["architecture"]["shape"])
        gan.history_ = saved_table(directory / "history.csv")
        looked = directory / "diagnosis.csv"  # not there where an older version saved it
        gan.diagnosis_ = saved_table(looked) if looked.is_file() else pd.DataFrame(columns=COLUMNS)
        tensors, _ = load_tensors(directory / "generator.safetensors")
        gan._scale = Scale.taken(tensors)
        gan._build(nonnegative=said["architecture"]["nonnegative"])
        for name, module in (("generator", gan._generator), ("discriminator", gan._critic)):
            prefix = f"{name}."
            state = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
            module.load_state_dict(state)
            module.to(device).eval()
        return gan

    def _fit(
        self,
        samples: Samples,
        codes: NDArray[np.int64],
        *,
        checkpoint: Path | None,
        fabric: Fabric | None,
    ) -> None:
        self._check_settings()
        if fabric is None:
            fabric = Fabric(accelerator="auto", devices=1, precision=cast("Any", self.precision))
        warn_of_coarse(samples)
        samples = samples.on(fabric.device)
        found = moments(samples)
        table = len(self.shape_) == 1
        self._scale = Scale.of(found, table=table, centred=not found.nonnegative)
        self._build(nonnegative=found.nonnegative)
        history = adversarial_training(
            fabric,
            self._generator,
            self._critic,
            samples,
            codes,
            classes=len(self.classes_),
            noise=self._noise,
            scale=self._scale,
            schedule=Schedule(
                lr=self.lr,
                betas=self.betas,
                batch=self.batch_size or (16 if self._maps else 200),
                epochs=self.epochs,
                max_steps=self.max_steps,
            ),
            seed=self.seed_,
            checkpoint=checkpoint,
        )
        self.history_ = pd.DataFrame(history)
        self.diagnosis_ = diagnose(self, samples, codes)

    @property
    def _maps(self) -> bool:
        """Whether the samples are maps, of slices or of volumes."""
        return len(self.shape_) in (3, 4)

    def _build(self, *, nonnegative: bool) -> None:
        """New networks for `shape_` and `classes_`, their weights drawn from `random_state`."""
        classes = len(self.classes_)
        self._nonnegative = nonnegative
        self._noise = self.noise or (100 if self._maps else 312)
        self._generator: nn.Module
        self._critic: nn.Module
        with torch_seeded(self.seed_, "acgan weights"):
            if self._maps:
                self._generator = ConvGenerator(
                    self.shape_, classes, width=self.width, noise=self._noise,
                    nonnegative=nonnegative,
                )  # fmt: skip
                self._critic = ConvDiscriminator(self.shape_, classes, width=self.width)
            elif len(self.shape_) == 1:
                if self._noise <= classes:
                    raise SettingError(
                        f"noise: {classes} classes overwrite as many entries of it; "
                        f"expected more than {classes}, got {self._noise}."
                    )
                (features,) = self.shape_
                self._generator = MLPGenerator(
                    features,
                    classes,
                    hidden=self.hidden[0],
                    noise=self._noise,
                    nonnegative=nonnegative,
                )
                self._critic = MLPDiscriminator(features, classes, hidden=self.hidden[1])
            else:
                raise DataError(
                    f"X: ACGAN makes vectors (n, d), maps (n, c, h, w) and (n, c, d, h, w), got "
                    f"samples of {self.shape_}; flatten them or average over an axis."
                )

    def _make(self, code: int, block: int) -> NDArray[np.float32]:
        random = torch_rng(self.seed_, "acgan sample", self.classes_[code], block)
        z = torch.randn(self.BLOCK, self._noise, generator=random)
        device = next(self._generator.parameters()).device
        label = torch.full((self.BLOCK,), code, device=device)
        with torch.inference_mode():
            made = self._scale.undo(self._generator(z.to(device), label))
        return cast("NDArray[np.float32]", made.float().cpu().numpy())

    def _classify(self, X: NDArray[np.float32]) -> NDArray[np.int64]:
        device = next(self._critic.parameters()).device
        shift, factor = self._scale.tensors(len(self.shape_), device)
        with torch.inference_mode():
            _, logits = self._critic((torch.from_numpy(X).to(device) - shift) / factor)
        return cast("NDArray[np.int64]", logits.argmax(1).cpu().numpy())

    def _settings(self) -> dict[str, Any]:
        names = ("width", "hidden", "noise", "lr", "betas", "batch_size", "epochs", "max_steps")
        found = {name: getattr(self, name) for name in (*names, "precision", "sampling_strategy")}
        return found | {"random_state": self.seed_}

    def _check_settings(self) -> None:
        for name in ("width", "epochs"):
            checks.whole(name, getattr(self, name), low=1)
        for name, lowest in (("noise", 1), ("batch_size", 2), ("max_steps", 1)):
            if getattr(self, name) is not None:
                checks.whole(name, getattr(self, name), low=lowest)
        checks.widths("hidden", self.hidden, count=2)
        if self.precision not in PRECISIONS:
            raise SettingError(f"precision: {nearest(str(self.precision), PRECISIONS)}")
        checks.above_zero("lr", self.lr)
        checks.betas(self.betas)
