"""What the pre-trained U-Net is worth on a cohort that it has never seen.

    python benchmarks/pretrained.py MODEL COHORT [--channels flair]
    python benchmarks/pretrained.py MODEL COHORT --curve [--patients 4,8,16] [--epochs 1,2,4,8]

Dice of every case, over all of its slices: as the network is; and after so many epochs on so many
patients, from the network in three ways (one learning rate; less of it the farther from the output;
encoder frozen for a third of the epochs) and from random weights, on a third of the patients that
is kept apart. Trained as `quick` trains (loss, rate, augmentation), cut at one half.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from rarecase.cohort import SliceCache, read_cohort
from rarecase.cohort.cache import cache_slices
from rarecase.compute import make_fabric
from rarecase.seeds import numpy_rng, torch_seeded
from rarecase.segmenter import (
    Augmentation,
    Segmenter,
    SegmenterSchedule,
    UNet,
    load_segmenter,
    predict_masks,
    train_segmenter,
)
from rarecase.segmenter.batches import Slices
from rarecase.segmenter.feeding import feed
from rarecase.segmenter.metrics import volume_dice
from rarecase.segmenter.model import adapted
from rarecase.segmenter.networks import expecting_little
from rarecase.segmenter.threshold import HALF


def dice(segmenter: Segmenter, cache: SliceCache, rows: np.ndarray, *, flips: bool) -> pd.Series:
    """Dice of every case (case → dice)."""
    fabric = make_fabric(device="cpu", precision="32-true")
    slices = feed(segmenter, cache, planes=1)
    found = np.zeros(cache.masks.shape, np.uint8)
    for part, masks in predict_masks(segmenter, slices, rows=rows, fabric=fabric, flips=flips):
        found[part] = masks
    cases = cache.rows["case"].to_numpy()[rows]
    return volume_dice(found[rows], cache.masks[rows], cases).set_index("case")["dice"]


def start(model: Path | None, cache: SliceCache, *, width: int, seed: int) -> Segmenter:
    """The pre-trained network, or one of random weights."""
    if model is not None:
        return replace(adapted(load_segmenter(model), cache.channels), threshold=HALF)
    with torch_seeded(seed, "weights"):
        net = UNet(in_channels=len(cache.channels), width=width, depth=4, norm="batch")
    return Segmenter(expecting_little(net), tuple(cache.channels))


@dataclass(frozen=True)
class Way:
    """How a network is trained: its learning rate, what each block has of the next one's, the share
    of the epochs in which its encoder stands still; from the pre-trained network or not."""

    lr: float
    layer_decay: float = 1.0
    frozen: float = 0.0
    pretrained: bool = True


WAYS = {
    "one rate": Way(3e-3),
    "layer-wise": Way(3e-3, layer_decay=0.8),
    "frozen start": Way(3e-3, frozen=1 / 3),
    "random": Way(2e-3, pretrained=False),
}


def train(
    made: Segmenter, slices: Slices, rows: np.ndarray, way: Way, *, epochs: int, seed: int
) -> None:
    """Train in place, in one part or two."""
    still = round(way.frozen * epochs)
    encoder = [*made.net.encoders.parameters(), *made.net.bottleneck.parameters()]
    for passes, moves in ((still, False), (epochs - still, True)):
        if not passes:
            continue
        for each in encoder:
            each.requires_grad_(moves)
        with tempfile.TemporaryDirectory() as work:
            train_segmenter(
                made, slices, train_rows=rows, validation_rows=np.empty(0, np.int64),
                schedule=SegmenterSchedule(
                    epochs=passes, batch=8, lr=way.lr, decay="cosine" if moves else "constant",
                    layer_decay=way.layer_decay,
                ),
                loss="sample-dice+bce", augmentation=Augmentation().scaled(0.4), seed=seed,
                fabric=make_fabric(device="cpu", precision="auto", threads=1),
                checkpoint=Path(work) / "training.safetensors",
            )  # fmt: skip


def curve(
    model: Path,
    cache: SliceCache,
    *,
    ways: list[str],
    patients: list[int],
    epochs: list[int],
    seed: int,
) -> pd.DataFrame:
    """Mean Dice of the patients kept apart, by way, patients and epochs."""
    everybody = numpy_rng(seed, "curve").permutation(sorted(cache.rows["patient"].unique()))
    apart, others = everybody[: len(everybody) // 3], everybody[len(everybody) // 3 :]
    judged = np.flatnonzero(cache.rows["patient"].isin(apart) & cache.rows["has_mask"])
    width, lines = load_segmenter(model).net.width, []
    for count in [*patients, len(others)]:
        rows = np.flatnonzero(cache.rows["patient"].isin(others[:count]) & cache.rows["has_mask"])
        for passes in epochs:
            for name in ways:
                way = WAYS[name]
                made = start(model if way.pretrained else None, cache, width=width, seed=seed)
                slices = feed(made, cache, planes=1)
                train(made, slices, rows, way, epochs=passes, seed=seed)
                score = dice(made, cache, judged, flips=False).mean()
                lines.append((name, count, passes, score))
                print(*lines[-1], flush=True)
    return pd.DataFrame(lines, columns=["way", "patients", "epochs", "dice"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("cohort")
    parser.add_argument("--label")
    parser.add_argument("--channels")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--curve", action="store_true")
    parser.add_argument("--patients", default="4,8,16")
    parser.add_argument("--epochs", default="1,2,4,8")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    channels = args.channels.split(",") if args.channels else None
    cohort = read_cohort(args.cohort, label=args.label, channels=channels)
    with tempfile.TemporaryDirectory() as work:
        cache_slices(cohort, Path(work) / "slices", args.size, skip_empty=True)
        cache = SliceCache.open(Path(work) / "slices")
        if args.curve:
            numbers = (
                [int(n) for n in text.split(",") if n] for text in (args.patients, args.epochs)
            )
            patients, epochs = numbers
            found = curve(
                args.model, cache, ways=args.ways.split(","), patients=patients, epochs=epochs,
                seed=args.seed,
            )  # fmt: skip
            print(found.pivot_table("dice", ["way", "patients"], "epochs").round(3).to_string())
            return
        rows = np.flatnonzero(cache.rows["has_mask"])
        each = dice(load_segmenter(args.model), cache, rows, flips=True)
        label = cache.rows.drop_duplicates("case").set_index("case")["label"]
        print(each.groupby(label).describe().round(3).to_string())
        print(f"{len(each)} cases, mean Dice {each.mean():.3f}, median {each.median():.3f}")


if __name__ == "__main__":
    main()
