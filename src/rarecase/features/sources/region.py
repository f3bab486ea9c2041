"""`region` vectors: what a small network learns from crops around the tumour, within a fold.

Mehra and Sahoo (arXiv 2209.14097) wish for low-dimensional features of the tumour region, cropped
by the predicted mask. The network learns the classes from the fold's training patients alone; its
last hidden layer is the feature. Its training patients' vectors are those of patients it knows: the
shift between training and test features, which every study measures, says how much that matters.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Self

import lightning_fabric
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from rarecase.checkpoint import load_tensors, save_tensors
from rarecase.errors import DataError
from rarecase.features.sources.contract import Source, SourceData, tumour_slices
from rarecase.seeds import numpy_rng, torch_rng, torch_seeded
from rarecase.segmenter.batches import Slices, in_order
from rarecase.segmenter.unet import UNet
from rarecase.training import Row, Schedule, Training, run_epochs, training_key

SIDE = 48  # pixels of a crop
MARGIN = 1.4  # of the tumour's extent that a crop shows
SMALLEST = 16.0  # pixels of the slice that a crop shows at least
DIMENSIONS = 32
DECAY = 1e-2  # of the weights
SCHEDULE = Schedule(lr=1e-3, batch=32, epochs=20)
WEIGHTS = "region.safetensors"


class Region(Source):
    """Vectors (32,) of every slice; the network learns from training slices that show tumour."""

    exact: ClassVar[bool] = True
    learns: ClassVar[bool] = True

    def __init__(self, name: str = "region") -> None:
        self.name = name

    def shape(self, net: UNet, *, sides: Sequence[int]) -> tuple[int, ...]:
        return (DIMENSIONS,)

    def fit(self, data: SourceData, *, seed: int) -> Self:
        learnt = tumour_slices(data.rows, data.training)
        classes = sorted(data.cache.meta["classes"])
        place = {name: code for code, name in enumerate(classes)}
        about = data.rows.iloc[learnt]
        label = about["label"].astype(str).map(place).to_numpy(np.int64, copy=True)
        self.net_ = train_region(
            crops_of(data, learnt), label, classes=len(classes), seed=seed, fabric=data.fabric
        )
        self.trained_on_ = sorted(set(data.rows.iloc[data.training]["patient"]))
        return self

    def batches(self, data: SourceData) -> Iterator[np.ndarray]:
        for part in in_order(np.arange(len(data.rows)), size=256):
            yield embed_crops(self.net_, crops_of(data, part))

    def rows(self, data: SourceData) -> pd.DataFrame:
        return data.rows

    def seen(self, data: SourceData) -> frozenset[str]:
        return data.segmenter.seen.union(self.trained_on_)

    def nameless(self) -> Self:
        other = copy.copy(self)
        other.trained_on_ = []
        return other

    def save(self, folder: Path) -> None:
        super().save(folder)
        meta = {"trained_on": self.trained_on_}
        save_tensors(folder / WEIGHTS, self.net_.state_dict(), meta=meta)

    def load(self, folder: Path) -> Self:
        tensors, meta = load_tensors(folder / WEIGHTS)
        first, head = tensors["maps.0.weight"], tensors["head.weight"]
        self.net_ = RegionNet(first.shape[1], head.shape[0])
        self.net_.load_state_dict(tensors)
        self.net_.eval()
        self.trained_on_ = list(meta["trained_on"])
        return self


def crops_of(data: SourceData, rows: NDArray[np.int64]) -> Tensor:
    """Crops (n, c, 48, 48) of slices (`rows` rising), around their masks."""
    segmenter, cache = data.segmenter, data.cache
    slices = Slices(cache.images, cache.masks, segmenter.order(cache.channels))
    parts = []
    for part in in_order(rows, size=64):
        images, _ = slices.batch(part)
        ready = slices.ready(images, segmenter.normaliser)
        parts.append(crop(ready, torch.from_numpy(data.read_masks(part))))
    return torch.cat(parts)


class RegionNet(nn.Module):
    """Crops (n, c, 48, 48) to class logits; `embed` gives the vectors (n, 32) before them."""

    def __init__(self, channels: int, classes: int):
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in ((channels, 16), (16, 32), (32, 64)):
            layers += [
                nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(),
                nn.MaxPool2d(2),
            ]  # fmt: skip
        self.maps = nn.Sequential(*layers)
        self.embedding = nn.Linear(64, DIMENSIONS)
        self.head = nn.Linear(DIMENSIONS, classes)

    def embed(self, crops: Tensor) -> Tensor:
        """Vectors (n, 32), not negative."""
        pooled = self.maps(crops).mean(dim=(2, 3))
        return functional.relu(self.embedding(pooled))

    def forward(self, crops: Tensor) -> Tensor:
        found: Tensor = self.head(functional.dropout(self.embed(crops), 0.3, self.training))
        return found


def crop(images: Tensor, masks: Tensor) -> Tensor:
    """Squares (n, c, 48, 48) of `images` (n, c, h, w) around their `masks` (n, h, w); the whole
    slice where a mask is empty. What lies outside the slice is 0."""
    height, width = images.shape[-2:]
    theta = torch.zeros(len(images), 2, 3)
    for number, mask in enumerate(masks):
        y, x = torch.nonzero(mask, as_tuple=True)
        side = float(max(height, width))
        centre = (height - 1) / 2, (width - 1) / 2
        if len(y):
            low, high = (y.min(), x.min()), (y.max(), x.max())
            extent = max(float(b - a) + 1 for a, b in zip(low, high, strict=True))
            side = max(extent * MARGIN, SMALLEST)
            centre = tuple(float(a + b) / 2 for a, b in zip(low, high, strict=True))  # type: ignore[assignment]
        # In units in which the slice spans −1 to 1.
        theta[number, 0, 0], theta[number, 1, 1] = side / width, side / height
        theta[number, 0, 2] = (2 * centre[1] + 1) / width - 1
        theta[number, 1, 2] = (2 * centre[0] + 1) / height - 1
    grid = functional.affine_grid(theta, [len(images), 1, SIDE, SIDE], align_corners=False)
    return functional.grid_sample(images, grid.to(images.device), align_corners=False)


def train_region(
    crops: Tensor,
    label: NDArray[np.int64],
    *,
    classes: int,
    seed: int,
    fabric: lightning_fabric.Fabric,
    checkpoint: Path | None = None,
) -> RegionNet:
    """Learn the classes `label` (n,) of `crops` (n, c, 48, 48), classes weighing the same. With
    `checkpoint` (a file) a killed training goes on from its last epoch."""
    counts = np.bincount(label, minlength=classes)
    if (counts == 0).any():
        raise DataError("region: no training slice shows a tumour of one of the classes.")
    with torch_seeded(seed, "region weights"):
        net = RegionNet(crops.shape[1], classes)
    optimizer = torch.optim.AdamW(net.parameters(), lr=SCHEDULE.lr, weight_decay=DECAY)
    wrapped, tuned = fabric.setup(net, optimizer)
    weight = torch.from_numpy((len(label) / (classes * counts)).astype(np.float32))
    target = torch.from_numpy(label)

    def epoch(number: int) -> Row:
        # Numbered from 0 in the seeds.
        order = numpy_rng(seed, "region shuffle", number - 1).permutation(len(label))
        random = torch_rng(seed, "region augmentation", number - 1)
        total, batches = torch.zeros((), device=fabric.device), 0
        with torch_seeded(seed, "region dropout", number - 1):
            # Batch norm needs two samples: a last one alone is left out.
            for start in range(0, len(order) - 1, SCHEDULE.batch):
                rows = torch.from_numpy(order[start : start + SCHEDULE.batch])
                batch = _turned(crops[rows], random).to(fabric.device)
                loss = functional.cross_entropy(
                    wrapped(batch).float(), target[rows].to(fabric.device),
                    weight=weight.to(fabric.device),
                )  # fmt: skip
                tuned.zero_grad()
                fabric.backward(loss)
                tuned.step()
                total, batches = total + loss.detach(), batches + 1
        return {"loss": float(total) / batches}

    key = training_key(seed, SCHEDULE, DECAY, arrays=(label, crops.numpy()), modules={"net": net})
    training = Training(
        "learning the tumour's region", epoch, {"net": net}, {"adam": optimizer}, key,
        cure="look for extreme intensities with 'rarecase inspect'",
    )  # fmt: skip
    run_epochs(training, epochs=SCHEDULE.epochs, checkpoint=checkpoint)
    return net


@torch.no_grad()
def embed_crops(net: RegionNet, crops: Tensor) -> NDArray[np.float32]:
    """Vectors (n, 32) of crops."""
    device = next(net.parameters()).device
    found: NDArray[np.float32] = net.embed(crops.to(device)).float().cpu().numpy()
    return found


def _turned(crops: Tensor, random: torch.Generator) -> Tensor:
    """Mirrored left and right, and made a little brighter or darker, each crop by chance."""
    mirror = torch.rand(len(crops), generator=random) < 0.5
    turned = torch.where(mirror[:, None, None, None], crops.flip(3), crops)
    light = 1 + 0.2 * (2 * torch.rand(len(crops), 1, 1, 1, generator=random) - 1)
    return turned * light
