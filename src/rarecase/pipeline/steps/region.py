"""`region` vectors of a fold: a small network learns from its training patients' crops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from rarecase.checkpoint import save_tensors
from rarecase.features import FeatureStore
from rarecase.features.region import DIMENSIONS, REGION, crop, embed_crops, train_region
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.fold import Fold
from rarecase.pipeline.grid import SEGMENTER
from rarecase.pipeline.step import Context
from rarecase.pipeline.steps.images import tumour_slices
from rarecase.seeds import derive
from rarecase.segmenter import PackedMasks, Slices, channel_map, load_segmenter
from rarecase.segmenter.batches import in_order


def region_store(context: Context, fold: Fold, *, out: Path) -> FeatureStore:
    """Crops by the fold's own outlines; a network that learns from the fitting patients' tumour
    slices; the vectors of every slice in a store at `out`, the network beside it."""
    source = context.fold_folder / SEGMENTER
    rows = pd.read_parquet(source / "rows.parquet")
    crops = _crops(fold, source)
    learnt = tumour_slices(rows, fold.rows_of(fold.fitting))
    place = {name: code for code, name in enumerate(fold.classes)}
    label = rows["label"].astype(str).map(place).to_numpy(np.int64)[learnt]
    net = train_region(
        crops[torch.from_numpy(learnt)], label, classes=len(fold.classes),
        seed=derive(context.settings.seed, REGION, context.cell.repeat, context.cell.fold),
        fabric=make_fabric(context.settings.compute, exact=True),
    )  # fmt: skip
    save_tensors(out.with_name("region.safetensors"), net.state_dict())
    seen = sorted({*fold.fitting, *load_segmenter(source).seen})
    with FeatureStore.create(out, block=REGION, shape=(DIMENSIONS,), rows=rows, seen=seen) as store:
        store.write(0, embed_crops(net, crops))
    return FeatureStore.open(out)


def _crops(fold: Fold, source: Path) -> torch.Tensor:
    """Crops of every slice, (n, c, 48, 48)."""
    segmenter, cache = load_segmenter(source), fold.cache
    slices = Slices(cache.images, cache.masks, channel_map(cache.channels, segmenter.channels))
    drawn = PackedMasks(source / "predicted.npy", width=cache.masks.shape[-1])
    parts = []
    for part in in_order(np.arange(len(cache.rows)), size=64):
        images, _ = slices.batch(part)
        ready = slices.ready(images, segmenter.normaliser)
        parts.append(crop(ready, torch.from_numpy(drawn.read(part))))
    return torch.cat(parts)
