"""How fast this machine does a study's steps: each is done for a moment on random numbers of the
study's real shapes."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightning_fabric
import numpy as np
import torch
from sklearn.base import clone

from rarecase.cohort import Cohort
from rarecase.experiment.sampling import new_generator
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.disk import Sizes
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.sources import source_in
from rarecase.pipeline.trial import try_sources
from rarecase.progress import unsaid
from rarecase.segmenter import Augmentation, UNet
from rarecase.segmenter.augment import apply, draw
from rarecase.segmenter.batches import laid_out
from rarecase.segmenter.losses import dice_loss
from rarecase.segmenter.networks import network_like

BUDGET = 0.5  # seconds for each measurement, after one call to warm up


@dataclass(frozen=True)
class Rates:
    """Seconds a sample: training the U-Net, predicting with it, a pass of each generator and of the
    classifier of maps by the part and arm. `weights`: bytes of the U-Net's parameters; `sources`:
    seconds a case and bytes of memory of sources that were tried on one."""

    train: float
    predict: float
    generate: dict[tuple[str, str], float]
    classify: dict[str, float]
    weights: int
    sources: dict[str, tuple[float, int]]


def measure(settings: Settings, sizes: Sizes, *, cohort: Cohort) -> Rates:
    """Measure the steps of a study of these sizes."""
    classes = len(cohort.classes)
    chosen, fabric = settings.segmenter, make_fabric(settings.compute)
    net = network_like(chosen, in_channels=sizes.inputs)
    images = torch.rand(chosen.batch, sizes.inputs, *sizes.sides)
    train, predict = _unet(net, images, fabric=fabric)
    generate: dict[tuple[str, str], float] = {}
    classify: dict[str, float] = {}
    for part in sizes.parts:
        if not part.design.classifier.lazy:
            continue  # linear models are fitted once: nothing beside the rest
        shape, batch = sizes.shapes[part.features], settings.generator.batch
        samples = max(4 * batch, 32)
        X = np.random.default_rng(0).random((samples, *shape), dtype=np.float32)
        y = np.array([f"class {i % classes}" for i in range(samples)])
        for arm in part.generated():
            gan = one_pass(new_generator(arm.sampler, seed=0, standardised=False), len(X))
            once = functools.partial(gan.fit, X, y, fabric=fabric)
            with unsaid("rarecase.generators.collapse"):  # of random numbers, after one pass
                generate[part.name, arm.name] = _per_sample(once, samples=len(X))
        model = one_pass(clone(part.design.classifier.estimator), len(X))
        once = functools.partial(model.fit, X, y, fabric=fabric)
        classify[part.name] = _per_sample(once, samples=len(X))
    weights = 4 * sum(parameter.numel() for parameter in net.parameters())
    tried = [name for name in sizes.shapes if source_in(settings, name).tried]
    sources = try_sources(settings, cohort, tried) if tried else {}
    return Rates(train, predict, generate, classify, weights, sources)


def one_pass(model: Any, samples: int) -> Any:
    """A generator or classifier that goes once over so many samples, if it is trained at all."""
    params = model.get_params()
    if "max_steps" in params:
        model.set_params(max_steps=None)
    if "epochs" in params:
        return model.set_params(epochs=1)
    if "steps" in params:
        return model.set_params(steps=max(1, samples // params["batch_size"]))
    return model


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

    def ready(stack: torch.Tensor) -> Any:
        return fabric.to_device(laid_out(stack))

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
