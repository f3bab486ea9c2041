"""Where the U-Net of a fold starts from."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from rarecase.errors import DataError
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.fold import Fold
from rarecase.pipeline.run_folder import PRETRAIN
from rarecase.pipeline.settings import Settings
from rarecase.pipeline.step import Context
from rarecase.seeds import torch_seeded
from rarecase.segmenter import Segmenter, load_segmenter, predict_masks
from rarecase.segmenter.feeding import feed
from rarecase.segmenter.initial import PRETRAINED, initial
from rarecase.segmenter.metrics import volume_dice
from rarecase.segmenter.model import adapted
from rarecase.segmenter.networks import expecting_little, network_like

log = logging.getLogger(__name__)
LEAST, LOOKED_AT = 0.1, 200
"""The Dice below which the network of the package knows nothing of a cohort, on so many slices: to
call everything a lesion gives twice the share of pixels that are one, of some percent."""


def new_segmenter(settings: Settings, *, channels: tuple[str, ...], seed: int) -> Segmenter:
    """A U-Net of the study's architecture with random weights."""
    with torch_seeded(seed, "weights"):
        net = network_like(settings.segmenter, in_channels=len(channels))
    return Segmenter(net=expecting_little(net), channels=channels)


def start_segmenter(context: Context, fold: Fold, *, seed: int) -> Segmenter:
    """The initial U-Net: given, pre-trained, or of random weights. Never one that saw the test."""
    chosen, channels = context.settings.segmenter, tuple(fold.cache.channels)
    given = initial(chosen.init)
    if given is None and not context.settings.pretrain.cohort:
        if not len(fold.rows_of(fold.fitting, masked=True)):
            raise DataError(
                f"{context.where()}: no training case has a mask to train a U-Net on. Take that of "
                "the package (segmenter.init=pretrained), or a trained one of your own."
            )
        return new_segmenter(context.settings, channels=channels, seed=seed)
    segmenter = load_segmenter(given or context.run / PRETRAIN)
    if not chosen.allow_seen:
        segmenter.refuse_seen(fold.test)
    segmenter.initialised_from = Path(str(chosen.init)).name if given else PRETRAIN
    if chosen.init == PRETRAINED and not _is_sensible(context, fold, segmenter):
        return new_segmenter(context.settings, channels=channels, seed=seed)
    if segmenter.missing == "zero":
        return with_channels(segmenter, channels)
    lacking = [name for name in segmenter.channels if name not in channels]
    if lacking:
        log.info(
            "channels %s of the U-Net: another channel is fed for what %s lack", lacking, channels
        )
    return segmenter


def with_channels(segmenter: Segmenter, channels: tuple[str, ...]) -> Segmenter:
    """The network as the cohort's channels feed it; those that it does not know are named."""
    used = {channels[at] for at in segmenter.order(channels) if at is not None}
    if new := [name for name in channels if name not in used]:
        log.warning(
            "the U-Net to start from knows %s and has not seen %s: what these show is learnt from "
            "the training patients alone", ", ".join(segmenter.channels), ", ".join(new),
        )  # fmt: skip
    return adapted(segmenter, channels)


def _is_sensible(context: Context, fold: Fold, segmenter: Segmenter) -> bool:
    """Whether the network of the package outlines anything of what those did who drew the masks of
    the fitting patients. Another organ, or kind of image, it does not know."""
    rows = fold.rows_of(fold.fitting, masked=True)
    if not len(rows):
        return True  # there is nothing else to start from
    if segmenter.net.dimensions == 2:
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, LOOKED_AT).round().astype(int))]
    slices = feed(segmenter, fold.cache, planes=context.settings.slices.planes)
    found = np.zeros_like(fold.cache.masks)
    fabric = make_fabric(context.settings.compute)
    for part, masks in predict_masks(segmenter, slices, rows=rows, fabric=fabric):
        found[part] = masks
    table = volume_dice(found[rows], fold.cache.masks[rows], np.zeros(len(rows)))
    score = float(table["dice"].iloc[0])
    if score >= LEAST:
        log.info("%s: the pre-trained U-Net begins with a Dice of %.2f", context.where(), score)
        return True
    log.warning(
        "%s: the pre-trained U-Net outlines nothing of what the masks show (Dice %.2f on training "
        "patients). Another organ, or kind of image? Random weights are trained instead.",
        context.where(), score,
    )  # fmt: skip
    return False
