"""How fast this machine does a study's steps: each is done for a moment on made-up numbers of the
study's real shapes."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass

import lightning_fabric
import numpy as np
import torch

from rarecase.experiment.classifiers import make_classifier
from rarecase.generators import ACGAN
from rarecase.pipeline.settings import Settings
from rarecase.segmenter import Augmentation, UNet
from rarecase.segmenter.augment import apply, draw
from rarecase.segmenter.batches import laid_out
from rarecase.segmenter.losses import dice_loss

BUDGET = 1.0  # seconds for each measurement, after one call to warm up


@dataclass(frozen=True)
class Rates:
    """Seconds a sample: training the U-Net, predicting with it, a step of each generator, a step of
    the classifier. `weights`: bytes of the U-Net's parameters."""

    train: float
    predict: float
    generate: tuple[float, ...]  # one a width
    classify: float
    weights: int


def measure(
    settings: Settings,
    *,
    channels: int,
    shape: tuple[int, ...],
    sides: tuple[int, ...],
    classes: int,
    fabric: lightning_fabric.Fabric,
) -> Rates:
    """Measure a study whose U-Net takes `channels` of images with these `sides` and whose features
    have `shape`."""
    chosen = settings.segmenter
    net = UNet(
        in_channels=channels, width=chosen.width, depth=chosen.depth, norm=chosen.norm,
        dimensions=chosen.dimensions,
    )  # fmt: skip
    images = torch.rand(chosen.batch, channels, *sides)
    train, predict = _unet(net, images, fabric=fabric)
    generate, classify = _heads(settings, shape=shape, classes=classes, fabric=fabric)
    weights = 4 * sum(parameter.numel() for parameter in net.parameters())
    return Rates(train, predict, generate, classify, weights)


def _per_sample(once: Callable[[], object], *, samples: int) -> float:
    once()
    start, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - start < BUDGET:
        once()
        calls += 1
    return (time.perf_counter() - start) / (calls * samples)


def _unet(
    net: UNet, images: torch.Tensor, *, fabric: lightning_fabric.Fabric
) -> tuple[float, float]:
    adam = torch.optim.Adam(net.channels_last().parameters(), lr=1e-9)
    wrapped, optimizer = fabric.setup(net, adam)
    masks = (images[:, :1] > 0.9).float()
    generator = torch.Generator().manual_seed(0)

    def ready(stack: torch.Tensor) -> torch.Tensor:
        laid: torch.Tensor = fabric.to_device(laid_out(stack))
        return laid

    def train() -> None:
        moved, target = apply(draw(Augmentation(), len(images), generator=generator), images, masks)
        loss = dice_loss(wrapped(ready(moved)), ready(masks if target is None else target))
        optimizer.zero_grad()
        fabric.backward(loss)
        optimizer.step()
        loss.item()  # waits for a GPU

    @torch.no_grad()
    def predict() -> None:
        wrapped(ready(images)).sum().item()

    samples = len(images)
    return _per_sample(train, samples=samples), _per_sample(predict, samples=samples)


def _heads(
    settings: Settings, *, shape: tuple[int, ...], classes: int, fabric: lightning_fabric.Fabric
) -> tuple[tuple[float, ...], float]:
    generator, classifier = settings.generator, settings.classifier
    samples = max(4 * generator.batch, 32)
    X = np.random.default_rng(0).random((samples, *shape), dtype=np.float32)
    y = np.array([f"class {i % classes}" for i in range(samples)])
    gans = [
        ACGAN(
            width=width,
            hidden=(generator.hidden_generator, generator.hidden_discriminator),
            batch_size=generator.batch,
            epochs=1,
        )
        for width in generator.widths
    ]
    cnn = make_classifier(
        "auto",
        shape,
        epochs=1,
        batch_size=classifier.batch,
        channels=tuple(classifier.channels),
        dense=classifier.dense,
    )
    generate = tuple(
        _per_sample(functools.partial(gan.fit, X, y, fabric=fabric), samples=samples)
        for gan in gans
    )
    if len(shape) == 1:
        return generate, 0.0  # a linear model is fitted once: nothing beside the rest
    return generate, _per_sample(lambda: cnn.fit(X, y, fabric=fabric), samples=samples)
