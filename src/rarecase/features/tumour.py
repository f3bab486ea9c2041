"""`tumour` vectors: every block's features averaged over the predicted mask, and joined."""

from __future__ import annotations

import torch

from rarecase.segmenter.pooling import shrunk


def masked_mean(maps: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Mean of `maps` (n, c, h, w) under `weights` (n, 1, H, W) ≥ 0, as (n, c); also of maps of one
    more axis.

    The weights are brought to the block's size by averaging. Where a slice's weights are all 0 the
    plain mean is taken.
    """
    small, space = shrunk(weights.float(), maps.shape[2:]), tuple(range(2, maps.ndim))
    total = small.sum(dim=space)
    weighted = (maps.float() * small).sum(dim=space) / total.clamp(min=1e-12)
    return torch.where(total > 0, weighted, maps.float().mean(dim=space))


def tumour_vectors(
    blocks: list[torch.Tensor],
    logits: torch.Tensor,
    *,
    masks: torch.Tensor | None = None,
    known: torch.Tensor | None = None,
) -> torch.Tensor:
    """Join the masked means of all blocks: (n, Σ channels); of volumes too.

    The mask is where the probability exceeds one half, or that of `masks` (n, 1, h, w) where
    `known` (n,) says so; a slice without tumour in it is averaged under its probabilities instead,
    which point at the most suspicious place.
    """
    probabilities = logits.float().sigmoid()
    mask = (probabilities > 0.5).float()
    if masks is not None and known is not None:
        mask = torch.where(known.reshape(-1, *(1,) * (mask.ndim - 1)), masks, mask)
    empty = mask.sum(dim=tuple(range(1, mask.ndim)), keepdim=True) == 0
    weights = torch.where(empty, probabilities, mask)
    return torch.cat([masked_mean(maps, weights) for maps in blocks], dim=1)
