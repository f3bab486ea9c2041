"""Device, precision and threads: from plain arguments to Lightning Fabric."""

from __future__ import annotations

import functools
import logging
import shutil
import time
from typing import Any

import lightning_fabric
import torch
from torch.nn import functional

from rarecase.ahead import usable_cpus
from rarecase.errors import SettingError

# On import Fabric turns its own chatter on ("Using bfloat16 …", once per fold and step).
logging.getLogger("lightning_fabric").setLevel(logging.WARNING)

DEVICES = ("auto", "cpu", "cuda", "mps")
WORTH_IT = 1.25  # far from 1, so that the measurement falls the same way every time


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


def pick_accelerator(device: str) -> str:
    """The device that `auto` stands for here; any other stays as it is."""
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def settle_precision(
    *,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    dimensions: int = 2,
) -> str:
    """The precision that `auto` stands for here, bfloat16 where this machine computes faster in it
    and float32 elsewhere; any other stays as it is."""
    if precision != "auto":
        return precision
    torch.set_num_threads(threads or usable_cpus())
    accelerator = pick_accelerator(device)
    if accelerator == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
    # PyTorch 2.13: gradients of 3-D convolutions in bfloat16 come out as NaN now and then.
    half = accelerator == "cpu" and dimensions == 2 and half_speed() >= WORTH_IT
    return "bf16-mixed" if half else "32-true"


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


def make_fabric(
    *,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    compile: bool = False,
) -> lightning_fabric.Fabric:
    """A Fabric on one device; also sets the number of CPU threads of this process.

    Parameters
    ----------
    device
        One of `DEVICES`.
    precision
        As Fabric names them, or `auto` (see `settle_precision`).
    threads
        CPU threads; None: all that this process may use.
    compile
        Compile every network at its first call.

    Raises
    ------
    SettingError
        For a device or precision that is not there, or without a compiler.
    """
    torch.set_num_threads(threads or usable_cpus())
    accelerator = pick_accelerator(device)
    kind: type[lightning_fabric.Fabric] = lightning_fabric.Fabric
    if compile:
        if accelerator == "cpu" and not (shutil.which("c++") or shutil.which("g++")):
            raise SettingError(
                "compute.compile: torch.compile needs a C++ compiler for the CPU, and neither c++ "
                "nor g++ is on the path. Install one, or leave compute.compile off."
            )
        kind = CompilingFabric
    if accelerator == "cuda":
        torch.backends.cudnn.deterministic = True  # the same seed, the same bits
    settled = settle_precision(device=device, precision=precision, threads=threads)
    try:
        return kind(accelerator=accelerator, devices=1, precision=settled)
    except (RuntimeError, ValueError) as error:
        raise SettingError(
            f"compute.device={device}, compute.precision={precision}: {error}"
        ) from None
