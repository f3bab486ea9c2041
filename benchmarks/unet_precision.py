"""What bfloat16 and channels_last are worth on this machine: U-Net slices a second.

    python benchmarks/unet_precision.py

The paper's U-Net forward (width 64, 240×240×4) and a training step of the quick preset's (width 16,
batch normalisation, 128×128×1), each as a ratio against plain float32 in the same run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import torch

from rarecase.segmenter.losses import dice_loss
from rarecase.segmenter.unet import UNet

WAYS = {
    "float32": (False, False),
    "float32, channels_last": (False, True),
    "bfloat16": (True, False),
    "bfloat16, channels_last": (True, True),
}


def seconds(once: Callable[[], object], *, times: int) -> float:
    once()
    start = time.perf_counter()
    for _ in range(times):
        once()
    return (time.perf_counter() - start) / times


def forward(*, half: bool, last: bool) -> float:
    layout = torch.channels_last if last else torch.contiguous_format
    net = UNet(in_channels=4, width=64).to(memory_format=layout).eval()
    images = torch.rand(4, 4, 240, 240).contiguous(memory_format=layout)

    @torch.no_grad()
    def once() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            net(images)

    return 4 / seconds(once, times=2)


def training(*, half: bool, last: bool) -> float:
    layout = torch.channels_last if last else torch.contiguous_format
    net = UNet(in_channels=1, width=16, norm="batch").to(memory_format=layout)
    adam = torch.optim.Adam(net.parameters(), lr=1e-4)
    images = torch.rand(16, 1, 128, 128).contiguous(memory_format=layout)
    masks = (torch.rand(16, 1, 128, 128) > 0.9).float()

    def once() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits = net(images)
        adam.zero_grad()
        dice_loss(logits, masks).backward()
        adam.step()

    return 16 / seconds(once, times=8)


def main() -> None:
    torch.set_num_threads(2)
    result = {}
    for name, measure in (("forward, width 64, 240×240×4", forward),
                          ("training, width 16, 128×128×1", training)):  # fmt: skip
        rates = {way: measure(half=half, last=last) for way, (half, last) in WAYS.items()}
        plain = rates["float32"]
        result[name] = {
            way: {"slices_a_second": round(rate, 1), "ratio": round(rate / plain, 2)}
            for way, rate in rates.items()
        }
    text = json.dumps(result, indent=2, ensure_ascii=False)
    print(text)
    Path(__file__).with_name("results").joinpath("unet_precision.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
