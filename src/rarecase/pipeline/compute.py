"""Threads, device and precision, from settings to Lightning Fabric."""

from __future__ import annotations

import functools
import logging
import os
import shutil
import time
from pathlib import Path
from typing import Any

import lightning_fabric
import torch
from torch.nn import functional

from rarecase.ahead import usable_cpus
from rarecase.errors import SettingError
from rarecase.pipeline.settings import ComputeSettings, Settings

# On import Fabric turns its own chatter on ("Using bfloat16 …", once a fold and step).
logging.getLogger("lightning_fabric").setLevel(logging.WARNING)

SHARING = 4  # processes that share a GPU at most
WORTH_IT = 1.25  # far from 1, so that the measurement falls the same way every time


def auto_precision(accelerator: str) -> str:
    """bfloat16 where this machine computes faster in it, float32 elsewhere."""
    if accelerator == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
    if accelerator == "cpu" and half_speed() >= WORTH_IT:
        return "bf16-mixed"
    return "32-true"


@functools.cache
def half_speed() -> float:
    """How many times as fast a convolution is learnt from in bfloat16 as in float32, on the CPU.

    Measured, because what the processor says of itself misleads: with AMX it is 2 to 4 times as
    fast, with AVX-512's bfloat16 instructions alone half as fast or twice as fast.
    """
    weight = torch.ones(64, 64, 3, 3, requires_grad=True)  # nothing random: it is no one's seed
    maps = torch.ones(2, 64, 120, 120).contiguous(memory_format=torch.channels_last)

    def once(half: bool) -> float:
        start = time.thread_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            functional.conv2d(maps, weight, padding=1).float().sum().backward()  # type: ignore[no-untyped-call]
        return time.thread_time() - start

    # One thread, and the time that it computed: whatever else the machine does, the answer is the
    # same (wall time of two threads was seen to say 0.5 and 4 beside another process).
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rounds = [(once(False), once(True)) for _ in range(4)][1:]
    finally:
        torch.set_num_threads(before)
    return min(full for full, _ in rounds) / min(half for _, half in rounds)


def settle_precision(compute: ComputeSettings, *, dimensions: int = 2) -> str:
    """The precision that `auto` stands for here; any other stays as it is."""
    if compute.precision != "auto":
        return compute.precision
    torch.set_num_threads(compute.threads or usable_cpus())
    accelerator = pick_accelerator(compute)
    if dimensions == 3 and accelerator == "cpu":
        # PyTorch 2.13: gradients of 3-D convolutions in bfloat16 come out as NaN now and then.
        return "32-true"
    return auto_precision(accelerator)


def pick_accelerator(compute: ComputeSettings) -> str:
    """The device that `auto` stands for here; any other stays as it is."""
    if compute.device != "auto":
        return compute.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def fitting_processes(settings: Settings, *, threads: int) -> int:
    """How many trainings may run side by side: one a thread, as far as half of the memory allows.

    Two trainings of one thread get further than one of two. On a GPU small networks leave most of
    it idle: up to four share it, as far as half of its memory and two threads each allow. From the
    whole memory, not from what is free, so that the same machine always says the same.
    """
    # PyTorch itself, and activations; preset quick was measured to take 1.13 GB, this says 1.4.
    shape, size = settings.segmenter, settings.slices.size
    planes = settings.slices.planes if shape.dimensions == 3 else 1
    need = 2**30 + 160 * shape.batch * planes * size**2 * shape.width
    kind = pick_accelerator(settings.compute)
    if kind == "cuda" and torch.cuda.is_available():
        there = torch.cuda.get_device_properties(0).total_memory
        return max(1, min(SHARING, threads // 2, there // (2 * need)))
    return 1 if kind != "cpu" else max(1, min(threads, total_memory() // (2 * need)))


def total_memory() -> int:
    """Bytes of memory that this machine, or this container, has."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else ""
    return min(found, int(text)) if text.isdigit() else found


class CompilingFabric(lightning_fabric.Fabric):  # type: ignore[misc]
    """A Fabric that has every network it is given compiled at its first call (torch.compile).

    Compiled in place: parameters keep their names, and checkpoints their form.
    """

    def setup(self, module: torch.nn.Module, *optimizers: Any, **how: Any) -> Any:
        module.compile()
        return super().setup(module, *optimizers, **how)

    def setup_module(self, module: torch.nn.Module, *args: Any, **how: Any) -> Any:
        module.compile()
        return super().setup_module(module, *args, **how)


def make_fabric(compute: ComputeSettings, *, exact: bool = False) -> lightning_fabric.Fabric:
    """A Fabric on one device; also sets the number of CPU threads of this process.

    `exact`: float32 whatever the settings say, for small networks that would gain nothing.
    """
    torch.set_num_threads(compute.threads or usable_cpus())
    accelerator = pick_accelerator(compute)
    precision = "32-true" if exact else settle_precision(compute)
    kind: type[lightning_fabric.Fabric] = lightning_fabric.Fabric
    if compute.compile and not exact:
        if accelerator == "cpu" and not (shutil.which("c++") or shutil.which("g++")):
            raise SettingError(
                "compute.compile: torch.compile needs a C++ compiler for the CPU, and neither c++ "
                "nor g++ is on the path. Install one, or leave compute.compile off."
            )
        kind = CompilingFabric
    if accelerator == "cuda":
        torch.backends.cudnn.deterministic = True  # the same seed, the same bits
    try:
        return kind(accelerator=accelerator, devices=1, precision=precision)
    except (RuntimeError, ValueError) as error:
        raise SettingError(
            f"compute.device={compute.device}, compute.precision={compute.precision}: {error}"
        ) from None
