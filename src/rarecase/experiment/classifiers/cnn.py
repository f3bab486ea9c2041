"""The paper's CNN as a classifier with `fit` and `predict_proba`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from rarecase.errors import DataError, SettingError
from rarecase.experiment.classifiers.cnn_network import (
    FeatureNet,
    classification_loss,
    predicted_class,
)
from rarecase.experiment.classifiers.contract import Classifier
from rarecase.features.moments import moments, safe_scale
from rarecase.features.samples import (
    Joined,
    Samples,
    checked_labels,
    epoch_batches,
    read_ahead,
    samples_of,
)
from rarecase.numbers import plainly
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


@dataclass(kw_only=True, eq=False, repr=False)
class FeatureCNN(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The CNN on maps (c, h, w) or (c, d, h, w), trained with Adam; the last epoch is used, none is
    chosen.

    Maps are divided by their channel's root mean square over the real training samples. After
    fitting: `classes_` (sorted), `shape_`, `history_` (epoch, loss, accuracy on the training
    batches, seconds).

    References
    ----------
    Mehra and Sahoo, arXiv 2209.14097, section 3: two blocks `channels`, `dense` units, Adam at
    1e-3, batches of 10, 20 epochs.
    """

    channels: tuple[int, ...] = (64, 128)
    dense: int = 2048
    dropout: float = 0.5
    lr: float = 1e-3
    batch_size: int = 10
    epochs: int = 20
    precision: str = "32-true"
    random_state: int | None = None

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        real: int | None = None,
        checkpoint: Path | None = None,
        fabric: Fabric | None = None,
    ) -> Self:
        """Fit to maps.

        Parameters
        ----------
        X
            Maps (n, c, h, w) or (n, c, d, h, w): an array, or `Samples`, read as they are needed.
        y
            Classes (n,).
        sample_weight
            Weight of each sample in the loss (n,).
        real
            How many of the samples, the first, are real: channels are scaled by them alone.
        checkpoint
            File that holds the training after every epoch; a killed fit goes on from it.
        fabric
            Device and precision.

        Raises
        ------
        DataError
            Lengths or shapes that do not fit, fewer than two classes, values that are not finite,
            a checkpoint of another training.
        RarecaseError
            A loss that is no longer finite.
        """
        samples = X if isinstance(X, Samples | Joined) else Samples(X)
        labels = checked_labels(y, len(samples))
        self.classes_, codes = np.unique(labels, return_inverse=True)
        weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float32)
        self._check(samples, labels, weight)
        if fabric is None:
            fabric = Fabric(accelerator="auto", devices=1, precision=cast("Any", self.precision))
        if isinstance(samples, Joined):
            real_ones = samples.first.on(fabric.device)
            moments(samples.second)  # refuses NaN in the added samples
            samples = Joined(real_ones, samples.second.on(fabric.device))
        else:
            samples = samples.on(fabric.device)
            real_ones = samples if real is None else samples.only(np.arange(real))
        self.shape_ = samples.shape
        factor = safe_scale(moments(real_ones).rms)
        self._factor = factor.reshape(-1, *(1,) * (len(self.shape_) - 1))
        with torch_seeded(self._seed, "cnn weights"):
            self._net = FeatureNet(
                self.shape_, len(self.classes_),
                channels=self.channels, dense=self.dense, dropout=self.dropout,
            )  # fmt: skip
        history = self._train(fabric, samples, codes.astype(np.int64), weight, checkpoint)
        self.history_ = pd.DataFrame(history)
        return self

    @property
    def _seed(self) -> int:
        return self.random_state or 0

    def _check(
        self,
        samples: Samples | Joined,
        labels: NDArray[Any],
        weight: NDArray[np.float32] | None,
    ) -> None:
        if len(self.classes_) < 2:
            raise DataError(f"y: expected two classes or more, got {self.classes_.tolist()}.")
        if len(samples.shape) not in (3, 4):
            raise DataError(
                "X: the CNN classifies maps (n, c, h, w) or (n, c, d, h, w), got samples of "
                f"{samples.shape}; take classifier 'logistic' for vectors."
            )
        if weight is not None and weight.shape != labels.shape:
            raise DataError(
                f"sample_weight: expected one a sample ({len(labels)}), got shape {weight.shape}."
            )
        if not self.channels or min(self.channels) < 1 or self.dense < 1:
            raise SettingError(
                f"channels, dense: expected widths from 1, got {self.channels}, {self.dense}."
            )
        if not 0 <= self.dropout < 1:
            raise SettingError(f"dropout: expected 0 to below 1, got {self.dropout}.")
        if self.batch_size < 2 or self.epochs < 1 or not self.lr > 0:
            raise SettingError(
                "batch_size, epochs, lr: expected at least 2, at least 1 and above 0, "
                f"got {self.batch_size}, {self.epochs}, {self.lr}."
            )

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities (n, classes) of maps, in the order of `classes_`."""
        samples = samples_of(X)
        if not hasattr(self, "shape_"):
            raise SettingError("this FeatureCNN is not fitted; call fit(X, y) first.")
        if samples.shape != self.shape_:
            raise DataError(f"X: expected samples of shape {self.shape_}, got {samples.shape}.")
        device = next(self._net.parameters()).device
        out = np.empty((len(samples), len(self.classes_)))
        for indices, batch in samples.batches():
            with torch.inference_mode():
                scaled = torch.from_numpy(batch / self._factor).to(device)
                logits = self._net(scaled).float().cpu().double()
            if logits.ndim == 1:
                second = torch.sigmoid(logits)
                out[indices] = torch.stack([1 - second, second], dim=1).numpy()
            else:
                out[indices] = torch.softmax(logits, dim=1).numpy()
        if not np.isfinite(out).all():
            bad = int(np.flatnonzero(~np.isfinite(out).all(axis=1))[0])
            raise DataError(f"X: sample {bad} gives no finite probability; it may hold NaN.")
        return out

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each sample (n,)."""
        return cast("NDArray[Any]", self.classes_[self.predict_proba(X).argmax(axis=1)])

    def _train(
        self,
        fabric: Fabric,
        samples: Samples | Joined,
        codes: NDArray[np.int64],
        weight: NDArray[np.float32] | None,
        checkpoint: Path | None,
    ) -> History:
        schedule = Schedule(lr=self.lr, batch=self.batch_size, epochs=self.epochs)
        adam = make_adam(self._net, schedule, fused=True)
        net, optimizer = fabric.setup(self._net, adam)
        labels = torch.from_numpy(codes).to(fabric.device)
        factor = torch.from_numpy(self._factor).to(fabric.device)
        weights = None if weight is None else torch.from_numpy(weight).to(fabric.device)

        def epoch(number: int) -> Row:
            rng = numpy_rng(self._seed, "cnn shuffle", number)
            sums = torch.zeros(2, device=fabric.device)
            with torch_seeded(self._seed, "cnn dropout", number):
                batches = epoch_batches(len(samples), self.batch_size, rng)
                for batch, values in read_ahead(samples, batches, device=fabric.device):
                    at = torch.from_numpy(batch).to(values.device, non_blocking=True)
                    label = labels[at]
                    logits = net(values.float().div_(factor))
                    loss = classification_loss(
                        logits, label, weight=None if weights is None else weights[at]
                    )
                    optimizer.zero_grad()
                    fabric.backward(loss)
                    optimizer.step()
                    right = (predicted_class(logits.detach()) == label).sum()
                    sums += torch.stack([loss.detach().float() * len(batch), right])
            return dict(zip(("loss", "accuracy"), (sums / len(samples)).tolist(), strict=True))

        extra = [moments(samples.second).rms] if isinstance(samples, Joined) else []
        extra += [] if weight is None else [weight]
        key = training_key(
            self._seed, samples.shape, schedule, self.dropout,
            arrays=(codes, self._factor, *extra), modules={"net": self._net},
        )  # fmt: skip
        training = Training(
            "training the classifier", epoch, {"net": self._net}, {"net": adam}, key,
            cure=f"lower lr (now {plainly(self.lr)})",
        )  # fmt: skip
        return run_epochs(training, epochs=self.epochs, checkpoint=checkpoint)


def make() -> Classifier:
    """The classifier of maps: nothing of it is tuned, its cost is that of many logistic ones."""
    return Classifier("cnn", FeatureCNN(), takes="maps", lazy=True, tune_threshold=False)
