"""Threads, device and precision of a run's settings."""

from __future__ import annotations

import os
from pathlib import Path

import lightning_fabric
import torch

from rarecase import compute as bottom
from rarecase.pipeline.settings import ComputeSettings, Settings

SHARING = 4  # processes that share a GPU at most


def make_fabric(compute: ComputeSettings, *, exact: bool = False) -> lightning_fabric.Fabric:
    """A Fabric as the settings say. `exact`: float32, not compiled, whatever they say, for small
    networks that would gain nothing."""
    return bottom.make_fabric(
        device=compute.device,
        precision="32-true" if exact else compute.precision,
        threads=compute.threads,
        compile=compute.compile and not exact,
    )


def settle_precision(compute: ComputeSettings, *, dimensions: int = 2) -> str:
    """The precision that `auto` stands for here; any other stays as it is."""
    return bottom.settle_precision(
        device=compute.device,
        precision=compute.precision,
        threads=compute.threads,
        dimensions=dimensions,
    )


def fitting_processes(settings: Settings, *, cpus: int) -> int:
    """How many steps may run side by side: one for each of `cpus`, as far as half of the memory
    allows and there are folds to share out.

    Two trainings of one thread get further than one of two. On a GPU small networks leave most of
    it idle: up to four share it, as far as half of its memory and two CPUs each allow. From the
    whole memory, not from what is free, so that the same machine always says the same.
    """
    # PyTorch itself, and activations; preset quick was measured to take 1.13 GB, this says 1.4.
    shape, size, split = settings.segmenter, settings.slices.size, settings.split
    planes = settings.slices.planes if shape.dimensions == 3 else 1
    need = 2**30 + 160 * shape.batch * planes * size**2 * shape.width
    folds = split.folds * split.repeats if split.kind == "kfold" else cpus
    kind = bottom.pick_accelerator(settings.compute.device)
    if kind == "cuda" and torch.cuda.is_available():
        there = torch.cuda.get_device_properties(0).total_memory
        return max(1, min(SHARING, folds, cpus // 2, there // (2 * need)))
    return 1 if kind != "cpu" else max(1, min(folds, cpus, total_memory() // (2 * need)))


def total_memory() -> int:
    """Bytes of memory that this machine, or this container, has."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else ""
    return min(found, int(text)) if text.isdigit() else found
