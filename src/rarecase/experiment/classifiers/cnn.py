"""The paper's CNN as a classifier with `fit` and `predict_proba`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from numpy.typing import ArrayLike, NDArray

from rarecase.errors import DataError, SettingError
from rarecase.experiment.classifiers.cnn_network import (
    FeatureNet,
    classification_loss,
    predicted_class,
)
from rarecase.experiment.classifiers.contract import (
    Extra,
    Features,
    check_predictable,
    training_set,
)
from rarecase.features.moments import moments, safe_scale
from rarecase.features.samples import (
    Joined,
    Samples,
    epoch_batches,
    read_ahead,
    samples_of,
)
from rarecase.seeds import numpy_rng, torch_seeded
from rarecase.training import (
    History,
    Row,
    Schedule,
    Training,
    make_adam,
    run_epochs,
    training_key,
)


class FeatureCNN:
    """The CNN on maps (c, h, w) or (c, d, h, w), trained with Adam; the last epoch is used, none is
    chosen.

    Mehra and Sahoo (arXiv 2209.14097), section 3: two blocks `channels`, `dense` units, Adam at
    1e-3, batches of 10, 20 epochs. Maps are divided by their channel's root mean square over the
    real training samples. After fitting: `classes_` (sorted), `shape_`, `history_` (epoch, loss,
    accuracy on the training batches, seconds).
    """

    def __init__(
        self,
        *,
        channels: tuple[int, ...] = (64, 128),
        dense: int = 2048,
        dropout: float = 0.5,
        lr: float = 1e-3,
        batch_size: int = 10,
        epochs: int = 20,
        precision: str = "32-true",
        random_state: int = 0,
    ):
        if not channels or min(channels) < 1 or dense < 1:
            raise SettingError(f"channels, dense: expected widths from 1, got {channels}, {dense}.")
        if not 0 <= dropout < 1:
            raise SettingError(f"dropout: expected 0 to below 1, got {dropout}.")
        if batch_size < 2 or epochs < 1 or not lr > 0:
            raise SettingError(
                "batch_size, epochs, lr: expected at least 2, at least 1 and above 0, "
                f"got {batch_size}, {epochs}, {lr}."
            )
        self.channels = channels
        self.dense = dense
        self.dropout = dropout
        self.lr = lr
        self.batch_size = batch_size
        self.epochs = epochs
        self.precision = precision
        self.random_state = random_state
        self.classes_: list[Any] = []
        self.shape_: tuple[int, ...] | None = None
        self.history_ = pd.DataFrame()

    def fit(
        self,
        X: Features,
        y: ArrayLike,
        *,
        rows: ArrayLike | None = None,
        extra: Extra | None = None,
        extra_rows: ArrayLike | None = None,
        checkpoint: Path | None = None,
        fabric: Fabric | None = None,
    ) -> Self:
        """Fit to maps `X[rows]` (n, c, h, w) with labels `y` (n,), strings or integers.

        `extra` adds samples and their labels (the synthetic ones), of which `extra_rows` picks.
        With `checkpoint` (a file) every epoch is saved there and a killed fit goes on from it.
        Raises `DataError` on NaN, wrong shapes and lengths, fewer than two classes;
        `RarecaseError` when the loss is no longer finite.
        """
        real, samples, self.classes_, codes = training_set(
            X, y, rows=rows, extra=extra, extra_rows=extra_rows
        )
        if len(real.shape) not in (3, 4):
            raise DataError(
                "X: the CNN classifies maps (n, c, h, w) or (n, c, d, h, w), got samples of "
                f"{real.shape}; "
                "use make_classifier('linear', …) for vectors."
            )
        if fabric is None:
            fabric = Fabric(accelerator="auto", devices=1, precision=cast("Any", self.precision))
        real = real.on(fabric.device)
        if isinstance(samples, Joined):
            samples = Joined(real, samples.second.on(fabric.device))
            moments(samples.second)  # refuses NaN in the extra samples
        else:
            samples = real
        self.shape_ = real.shape
        self._factor = safe_scale(moments(real).rms).reshape(-1, *(1,) * (len(real.shape) - 1))
        with torch_seeded(self.random_state, "cnn weights"):
            self._net = FeatureNet(
                real.shape,
                len(self.classes_),
                channels=self.channels,
                dense=self.dense,
                dropout=self.dropout,
            )
        self.history_ = pd.DataFrame(self._train(fabric, samples, codes, checkpoint))
        self._net.eval()
        return self

    def predict_proba(self, X: Features, *, rows: ArrayLike | None = None) -> NDArray[np.float64]:
        """Probabilities (n, classes) of maps `X[rows]`, in the order of `classes_`."""
        samples = samples_of(X, rows=rows)
        check_predictable(self, samples, self.shape_)
        device = next(self._net.parameters()).device
        out = np.empty((len(samples), len(self.classes_)))
        for indices, batch in samples.batches():
            with torch.inference_mode():
                scaled = torch.from_numpy(batch / self._factor).to(device)
                logits = self._net(scaled).float().cpu().double()
            if logits.ndim == 1:
                second = torch.sigmoid(logits)
                out[indices] = torch.stack([1 - second, second], dim=1).cpu().numpy()
            else:
                out[indices] = torch.softmax(logits, dim=1).cpu().numpy()
        if not np.isfinite(out).all():
            bad = int(np.flatnonzero(~np.isfinite(out).all(axis=1))[0])
            raise DataError(f"X: sample {bad} gives no finite probability; it may hold NaN.")
        return out

    def predict(self, X: Features, *, rows: ArrayLike | None = None) -> NDArray[Any]:
        """The most probable class of each sample (n,)."""
        best = self.predict_proba(X, rows=rows).argmax(axis=1)
        return cast("NDArray[Any]", np.asarray(self.classes_)[best])

    def _train(
        self,
        fabric: Fabric,
        samples: Samples | Joined,
        codes: NDArray[np.int64],
        checkpoint: Path | None,
    ) -> History:
        schedule = Schedule(lr=self.lr, batch=self.batch_size, epochs=self.epochs)
        adam = make_adam(self._net, schedule, fused=True)
        net, optimizer = fabric.setup(self._net, adam)
        labels = torch.from_numpy(codes).to(fabric.device)
        factor = torch.from_numpy(self._factor).to(fabric.device)

        def epoch(number: int) -> Row:
            rng = numpy_rng(self.random_state, "cnn shuffle", number)
            sums = torch.zeros(2, device=fabric.device)
            with torch_seeded(self.random_state, "cnn dropout", number):
                batches = epoch_batches(len(samples), self.batch_size, rng)
                for batch, values in read_ahead(samples, batches, device=fabric.device):
                    label = labels[torch.from_numpy(batch).to(values.device, non_blocking=True)]
                    logits = net(values.float().div_(factor))
                    loss = classification_loss(logits, label)
                    optimizer.zero_grad()
                    fabric.backward(loss)
                    optimizer.step()
                    right = (predicted_class(logits.detach()) == label).sum()
                    sums += torch.stack([loss.detach().float() * len(batch), right])
            return dict(zip(("loss", "accuracy"), (sums / len(samples)).tolist(), strict=True))

        extra = [moments(samples.second).rms] if isinstance(samples, Joined) else []
        key = training_key(
            self.random_state, samples.shape, schedule, self.dropout,
            arrays=(codes, self._factor, *extra), modules={"net": self._net},
        )  # fmt: skip
        training = Training(
            "training the classifier", epoch, {"net": self._net}, {"net": adam}, key,
            cure=f"lower lr (now {self.lr:g})",
        )  # fmt: skip
        return run_epochs(training, epochs=self.epochs, checkpoint=checkpoint)
