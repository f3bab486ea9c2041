"""What torch.compile is worth on this machine (`compute.compile`): steps a second, and the price.

    python benchmarks/compilation.py [--device auto]

A training step of the paper's U-Net (width 64, 240×240×4, batch 10), of the quick preset's (width
16, batch normalisation, 128×128×1, batch 8) and of the paper's ACGAN (width 64, 15×15×1024, batch
16), each compiled and not, in turns in one process. `pays_after_steps` is where the time that
compiling took is earned back; null where it never is.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from rarecase.generators.acgan_step import Pair, take_step
from rarecase.generators.networks import ConvDiscriminator, ConvGenerator
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.settings import ComputeSettings
from rarecase.segmenter.losses import dice_loss
from rarecase.segmenter.unet import UNet

Step = Callable[[], object]


def unet_step(fabric: Any, *, width: int, norm: Any, channels: int, size: int, batch: int) -> Step:
    torch.manual_seed(0)
    net = UNet(in_channels=channels, width=width, norm=norm).channels_last()
    net, adam = fabric.setup(net, torch.optim.Adam(net.parameters(), lr=1e-5))
    images = torch.rand(batch, channels, size, size).contiguous(memory_format=torch.channels_last)
    masks = (torch.rand(batch, 1, size, size) > 0.9).float()
    images, masks = fabric.to_device((images, masks))

    def once() -> None:
        adam.zero_grad()
        fabric.backward(dice_loss(net(images).float(), masks))
        adam.step()

    return once


def gan_step(fabric: Any) -> Step:
    torch.manual_seed(0)
    shape, batch = (1024, 15, 15), 16
    g = ConvGenerator(shape, classes=2, noise=100, width=64, nonnegative=True)
    d = ConvDiscriminator(shape, classes=2, width=64)
    adams = [torch.optim.Adam(m.parameters(), lr=2e-4, betas=(0.5, 0.999)) for m in (g, d)]
    g, g_adam = fabric.setup(g, adams[0])
    d, d_adam = fabric.setup(d, adams[1])
    pair = Pair(fabric, g, d, g_adam, d_adam, None)
    real, z = torch.rand(batch, *shape), torch.randn(batch, 100)
    label = torch.arange(batch) % 2
    real, z, label = fabric.to_device((real, z, label))
    return lambda: take_step(pair, real, label, z, label)


PARTS: dict[str, Callable[[Any], Step]] = {
    "U-Net, width 64, 240×240×4, batch 10": lambda fabric: unet_step(
        fabric, width=64, norm="none", channels=4, size=240, batch=10
    ),
    "U-Net, width 16, 128×128×1, batch 8": lambda fabric: unet_step(
        fabric, width=16, norm="batch", channels=1, size=128, batch=8
    ),
    "ACGAN, width 64, 15×15×1024, batch 16": gan_step,
}


def seconds(step: Step, device: torch.device) -> float:
    start = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=6)
    args = parser.parse_args()
    parts = {}
    for name, make in PARTS.items():
        fabrics = [
            make_fabric(ComputeSettings(device=args.device, compile=c)) for c in (False, True)
        ]
        plain, compiled = (make(fabric) for fabric in fabrics)
        device = fabrics[0].device
        first = [seconds(step, device) for step in (plain, compiled)]
        seconds(compiled, device)  # a second graph where what asks for gradients has changed
        rounds = [(seconds(plain, device), seconds(compiled, device)) for _ in range(args.rounds)]
        eager, fast = (statistics.median(column) for column in zip(*rounds, strict=True))
        won = eager - fast
        parts[name] = {
            "steps_a_second": round(1 / eager, 2),
            "compiled_steps_a_second": round(1 / fast, 2),
            "ratio": round(eager / fast, 2),
            "seconds_to_compile": round(first[1] - first[0], 1),
            "pays_after_steps": round((first[1] - first[0]) / won) if won > 0 else None,
        }
        print(name, parts[name], flush=True)
    gpu = torch.cuda.get_device_name() if device.type == "cuda" else None
    result = {
        "device": gpu or f"CPU, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "precision": fabrics[0]._precision.precision,
        "parts": parts,
    }
    text = json.dumps(result, indent=2, ensure_ascii=False)
    kind = "gpu" if gpu else "cpu"
    Path(__file__).with_name("results").joinpath(f"compilation-{kind}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
