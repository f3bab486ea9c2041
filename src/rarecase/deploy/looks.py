"""What a case looks like, in numbers."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from rarecase.arrays import Floats
from rarecase.deploy.out_of_distribution import brightness
from rarecase.segmenter import Segmenter, Slices
from rarecase.segmenter.batches import in_order


@torch.no_grad()
def case_looks(
    segmenter: Segmenter, slices: Slices, images: NDArray[np.float32]
) -> dict[str, Floats]:
    """What a case looks like, tumour or not: to the network (every block's mean over it, (d,)), and
    by its brightness (how it is distributed in every channel, (d,)). Kept separate, since what is
    strange in a few numbers would drown in many. slices: the case's own; images (n, c, h, w): the
    same, as fitted."""
    net = segmenter.net.channels_last().eval()
    device = next(net.parameters()).device
    sums: list[torch.Tensor] = []
    for part in in_order(np.arange(len(slices)), size=16):
        batch, _ = slices.batch(part)
        ready = slices.ready(batch.to(device), segmenter.normaliser)
        means = [maps.float().flatten(2).mean(dim=2) for _, maps in net.walk(ready)]
        sums.append(torch.cat(means, dim=1).cpu())
    blocks = torch.cat(sums).mean(dim=0).numpy().astype(np.float64)
    bright = [brightness(images[:, c]) for c in sorted(set(slices.channels))]
    return {"images": blocks, "brightness": np.concatenate(bright)}
