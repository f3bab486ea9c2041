"""Draw simulated patients: the pictures of docs/simulated-cohort.md.

python benchmarks/simulate_montage.py docs/images/simulated.png      four channels and the mask
python benchmarks/simulate_montage.py docs/images/varied.jpg --varied     64 varied patients
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from rarecase.seeds import derive
from rarecase.simulate import simulate_patient, simulate_varied
from rarecase.simulate.varied import draw_kind

CHANNELS = ("flair", "t1", "t1ce", "t2")
COLOURS = {1: "tab:red", 2: "limegreen", 4: "gold"}


def main() -> None:
    """Read the arguments and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--each", type=int, default=2, help="patients a class")
    parser.add_argument("--size", type=int, default=240)
    parser.add_argument("--slices", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--separability", type=float, default=1.0)
    parser.add_argument("--varied", action="store_true")
    asked = parser.parse_args()
    if asked.varied:
        varied(asked.out, seed=asked.seed)
        return
    names = [(label, i + 1) for label in ("HGG", "LGG") for i in range(asked.each)]
    shape = (len(names), len(CHANNELS) + 1)
    figure, axes = plt.subplots(*shape, figsize=(2 * shape[1], 2.3 * shape[0]), facecolor="black")
    for row, (label, index) in zip(axes, names, strict=True):
        patient = simulate_patient(
            label=label,
            seed=derive(asked.seed, "patient", label, index),
            size=asked.size,
            slices=asked.slices,
            separability=asked.separability,
        )
        level = int((patient.mask > 0).sum(axis=(0, 1)).argmax())
        crop = (slice(int(0.18 * asked.size), int(0.82 * asked.size)),
                slice(int(0.1 * asked.size), int(0.9 * asked.size)))  # fmt: skip
        mask = patient.mask[crop][:, :, level].T
        for axis, channel in zip(row, (*CHANNELS, "mask"), strict=True):
            image = patient.images["flair" if channel == "mask" else channel][crop][:, :, level].T
            axis.imshow(image, cmap="gray", vmin=0, vmax=np.percentile(image, 99.8))
            axis.set_axis_off()
            if channel == "mask":
                for value, colour in COLOURS.items():
                    if (mask == value).any():
                        axis.contour(mask == value, [0.5], colors=colour, linewidths=0.9)
            if row[0] is axes[0, 0]:
                axis.set_title(channel, color="white", fontsize=9)
        row[0].text(2, 8, label, color="white", fontsize=9)
    figure.subplots_adjust(0, 0, 1, 0.97, 0.01, 0.01)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(asked.out, dpi=64)


def varied(out: Path, *, seed: int, side: int = 8) -> None:
    """side × side varied patients, each in one of its sequences, the slice with most of its lesion,
    which is outlined: red all of it, yellow its core."""
    figure, axes = plt.subplots(side, side, figsize=(2 * side, 2 * side), facecolor="black")
    for number, axis in enumerate(axes.flat):
        own = derive(seed, "montage", number)
        patient = simulate_varied(label=draw_kind(own), seed=own, slices=20)
        shown = (patient.mask > 0).sum(axis=(0, 1))
        level = int(shown.argmax()) if shown.any() else 10
        channel = CHANNELS[number % len(CHANNELS)]
        image, mask = patient.images[channel][..., level].T, patient.mask[..., level].T
        top = np.percentile(patient.images[channel], 99.8)
        axis.imshow(image, cmap="gray", vmin=0, vmax=top)
        for found, colour in ((mask > 0, "tab:red"), (np.isin(mask, (1, 4)), "gold")):
            if found.any():
                axis.contour(found, [0.5], colors=colour, linewidths=0.7)
        axis.text(2, 9, f"{patient.label}, {channel}", color="white", fontsize=8)
        axis.set_axis_off()
    figure.subplots_adjust(0, 0, 1, 1, 0.01, 0.01)
    figure.savefig(out, dpi=64, pil_kwargs={"quality": 82})


if __name__ == "__main__":
    main()
