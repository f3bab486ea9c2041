"""Threads, device and precision, from settings to Lightning Fabric."""

from __future__ import annotations

import logging
import os

import lightning_fabric
import torch

from rarecase.errors import SettingError
from rarecase.study.settings import ComputeSettings

# On import Fabric turns its own chatter on ("Using bfloat16 …", once a fold and step).
logging.getLogger("lightning_fabric").setLevel(logging.WARNING)


def available_threads() -> int:
    """CPUs that this process may use (cgroup and affinity respected where the system says so)."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def auto_precision(accelerator: str) -> str:
    """bfloat16 where the hardware computes in it, float32 elsewhere."""
    if accelerator == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
    # The test is private in PyTorch and not in every version.
    cpu_has_it = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    if accelerator == "cpu" and cpu_has_it():
        return "bf16-mixed"
    return "32-true"


def make_fabric(compute: ComputeSettings, *, exact: bool = False) -> lightning_fabric.Fabric:
    """A Fabric on one device; also sets the number of CPU threads of this process.

    `exact`: float32 whatever the settings say, for small networks that would gain nothing.
    """
    torch.set_num_threads(compute.threads or available_threads())
    accelerator = compute.device
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    precision = "32-true" if exact else compute.precision
    if precision == "auto":
        precision = auto_precision(accelerator)
    try:
        return lightning_fabric.Fabric(accelerator=accelerator, devices=1, precision=precision)
    except (RuntimeError, ValueError) as error:
        raise SettingError(
            f"compute.device={compute.device}, compute.precision={compute.precision}: {error}"
        ) from None
