"""A training step of the ACGAN on a CPU: matrix products on the smallest maps against convolutions.

    python benchmarks/acgan_steps.py [--widths 64,512]

Both ways in turn, five steps each, the fastest counts. Keeps seconds and their ratio in
results/acgan_steps.json.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric

from rarecase.generators import networks
from rarecase.generators.acgan_step import Pair, take_step
from rarecase.training import Schedule, make_adam

RESULTS = Path(__file__).with_name("results")
SHAPES = ((256, 8, 8), (1024, 15, 15))
BATCH = 16


def seconds_a_step(
    shape: tuple[int, ...], width: int, precision: str, steps: int = 5
) -> dict[str, float]:
    """The fastest of `steps` steps, with products and with convolutions."""
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
    torch.manual_seed(0)
    generator = networks.ConvGenerator(shape, 2, width=width)
    critic = networks.ConvDiscriminator(shape, 2, width=width)
    schedule = Schedule(lr=1e-4, betas=(0.5, 0.999), batch=BATCH, epochs=1)
    nets = [fabric.setup(net, make_adam(net, schedule, fused=True)) for net in (generator, critic)]
    (g, g_adam), (d, d_adam) = nets
    pair = Pair(fabric, g, d, g_adam, d_adam, None)
    real, label = torch.rand(BATCH, *shape), torch.arange(BATCH) % 2
    few = networks.FEW
    found: dict[str, list[float]] = {"products": [], "convolutions": []}
    for _ in range(steps + 1):
        for name, limit in (("products", few), ("convolutions", 0)):
            networks.FEW = limit
            began = time.perf_counter()
            take_step(pair, real, label, torch.randn(BATCH, 100), label)
            found[name].append(time.perf_counter() - began)
    networks.FEW = few
    return {name: float(np.min(each[1:])) for name, each in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--widths", default="64,512")
    args = parser.parse_args()
    lines = []
    for shape in SHAPES:
        for width in map(int, args.widths.split(",")):
            for precision in ("32-true", "bf16-mixed"):
                said = seconds_a_step(shape, width, precision)
                ratio = said["products"] / said["convolutions"]
                about = {"shape": shape, "width": width, "precision": precision}
                lines.append({**about, **said, "ratio": round(ratio, 3)})
                print(lines[-1], flush=True)
    found = {"threads": torch.get_num_threads(), "steps": lines}
    (RESULTS / "acgan_steps.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
