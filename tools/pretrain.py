"""Train the U-Net that is shipped: on simulated patients alone, of any contrast and lesion.

    python tools/pretrain.py WORK                    simulate, train, write WORK/model
    python tools/pretrain.py LOOK --heads 60 --epochs 2 1   a look at whether it runs

The patients are those of `rarecase simulate --varied`; no real one is looked at. A sample is a
slice with the sequences that one happens to have, from one to four: what is missing is 0; a single
one may come without its name, and is fed to all four. What is outlined is what a person would
outline on those: the whole lesion where T2 or FLAIR is among them, else what differs without them,
its core. The same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.utils.parallel import Parallel, delayed

from rarecase.cohort.fitting import fit_case
from rarecase.cohort.load import CaseArrays
from rarecase.compute import make_fabric
from rarecase.files import replacing_file, write_table
from rarecase.seeds import derive, numpy_rng, torch_rng, torch_seeded
from rarecase.segmenter import Augmentation, Segmenter, SegmenterSchedule, UNet, train_segmenter
from rarecase.segmenter.batches import Slices
from rarecase.segmenter.intensity import Intensity, apply_intensity, draw_intensity
from rarecase.segmenter.networks import expecting_little
from rarecase.segmenter.threshold import dice_threshold
from rarecase.simulate.contrast import CHANNELS
from rarecase.simulate.varied import draw_kind, simulate_varied

SEED = 23_092_022  # of no demo, example or test
SIZE, SLICES = 128, 20
WITH, WITHOUT = 6, 3  # slices taken of a head, with lesion and without
PER = 100  # heads a file
VALIDATION = 0.04
NAMELESS = 0.4  # of the samples with one sequence
NAMES = tuple("t1gd" if name == "t1ce" else name for name in CHANNELS)  # as cohorts call them


def take(seed: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Of one head normalised slices (n, 4, SIZE, SIZE) float16 and labels (n, SIZE, SIZE)."""
    own = derive(seed, "head", number)
    patient = simulate_varied(label=draw_kind(own), seed=own, size=SIZE, slices=SLICES)
    images = np.stack([patient.images[name].transpose(2, 1, 0) for name in CHANNELS], axis=1)
    labels = patient.mask.transpose(2, 1, 0)
    group = CaseArrays(images, None, np.zeros(SLICES, bool), np.arange(SLICES), None)
    found = fit_case([group], SIZE, name=str(number), normalise="tissue")
    shown = (labels > 0).any((1, 2))
    rng = numpy_rng(own, "slices")
    some = [
        rng.permutation(np.flatnonzero(part))[:most]
        for part, most in ((shown, WITH), (~shown & (found.images > 0).any((1, 2, 3)), WITHOUT))
    ]
    rows = np.sort(np.concatenate(some))
    return found.images[rows].astype(np.float16), labels[rows]


def heads_file(work: Path, start: int, *, heads: int, seed: int) -> Path:
    """Where the heads from number `start` on lie, of so many in all."""
    return work / f"heads-{seed}-{start:05d}-{min(start + PER, heads):05d}.npz"


def simulate(work: Path, *, heads: int, seed: int, jobs: int) -> None:
    """Heads in files of `PER`, each written whole."""
    for start in range(0, heads, PER):
        out = heads_file(work, start, heads=heads, seed=seed)
        if out.is_file():
            continue
        numbers = range(start, min(start + PER, heads))
        each = Parallel(n_jobs=jobs)(delayed(take)(seed, number) for number in numbers)
        images, labels = (np.concatenate(part) for part in zip(*each, strict=True))
        head = np.repeat(numbers, [len(part) for part, _ in each])
        with replacing_file(out) as beside, beside.open("wb") as file:
            np.savez(file, images=images, labels=labels, head=head)
        print(f"{numbers[-1] + 1} of {heads} heads", flush=True)


@dataclass(frozen=True)
class VariedSlices(Slices):
    """`masks` are labels (n, h, w). Every batch draws, by its rows, which sequences there are, and
    with them what is to be outlined, and intensities."""

    seed: int = 0
    vary: bool = True

    def batch(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        rows = np.sort(rows)
        images = torch.from_numpy(self.images[rows].astype(np.float32))
        labels = torch.from_numpy(self.masks[rows])
        rng = numpy_rng(self.seed, "sequences", rows.tobytes().hex())
        there = torch.from_numpy(np.stack([draw_sequences(rng) for _ in rows]))
        nameless = torch.from_numpy(rng.random(len(rows)) < NAMELESS) & (there.sum(1) == 1)
        if self.vary:
            generator = torch_rng(int(rng.integers(2**62)), "intensities")
            drawn = draw_intensity(Intensity(), *images.shape[:2], generator=generator)
            images = apply_intensity(drawn, images)
        water = there[:, CHANNELS.index("flair")] | there[:, CHANNELS.index("t2")]
        wanted = torch.where(water[:, None, None], labels > 0, (labels == 1) | (labels == 4))
        images = images * there[:, :, None, None]
        images[nameless] = images[nameless].sum(1, keepdim=True)
        return images, wanted[:, None].float()


def draw_sequences(rng: np.random.Generator) -> np.ndarray:
    """Which of `CHANNELS` an examination has (4,): a single one half of the time, else any."""
    there = rng.random(len(CHANNELS)) < 0.5
    if rng.random() < 0.5 or not there.any():
        there[:] = False
        there[rng.choice(len(CHANNELS), p=[0.4, 0.1, 0.35, 0.15])] = True
    return there


def load(work: Path, *, heads: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images, labels and heads of all files."""
    starts = range(0, heads, PER)
    files = [np.load(heads_file(work, start, heads=heads, seed=seed)) for start in starts]
    images, labels, head = (
        np.concatenate([file[name] for file in files]) for name in ("images", "labels", "head")
    )
    return images, labels, head


def learn(segmenter: Segmenter, args: argparse.Namespace) -> pd.DataFrame:
    """Train in place, in rounds whose rate begins anew (warm restarts; Loshchilov, Hutter 2017);
    the history of all of them."""
    images, labels, head = load(args.work, heads=args.heads, seed=args.seed)
    last = head >= args.heads * (1 - VALIDATION)
    fabric = make_fabric(device="cpu", precision=args.precision, threads=args.threads)
    found = []
    for number, epochs in enumerate(args.epochs):
        seed = args.seed + number
        history = train_segmenter(
            segmenter, VariedSlices(images, labels, range(len(CHANNELS)), seed=seed),
            train_rows=np.flatnonzero(~last), validation_rows=np.flatnonzero(last),
            schedule=SegmenterSchedule(
                epochs=epochs, batch=16, lr=2e-3, decay="cosine",
                coarse=0.0 if number else args.coarse,
            ),
            augmentation=Augmentation().scaled(0.6), loss="dice+bce", fabric=fabric, seed=seed,
            checkpoint=args.work / f"training-{number}.safetensors",
            name=f"pre-training, round {number + 1} of {len(args.epochs)}",
        )  # fmt: skip
        history.insert(0, "round", number + 1)
        found.append(history)
    return pd.concat(found, ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--heads", type=int, default=2800)
    parser.add_argument("--epochs", type=int, nargs="+", default=[8, 10, 5], help="of each round")
    parser.add_argument("--coarse", type=float, default=0.5, help="share of the first at half size")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--jobs", type=int, default=-1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="32-true", help="bf16-mixed on CPUs that know it")
    args = parser.parse_args()
    args.work.mkdir(exist_ok=True)
    simulate(args.work, heads=args.heads, seed=args.seed, jobs=args.jobs)
    with torch_seeded(args.seed, "weights"):
        net = UNet(in_channels=len(CHANNELS), width=args.width, depth=4, norm="batch")
    segmenter = Segmenter(expecting_little(net), NAMES, missing="zero")
    history = learn(segmenter, args)
    epoch = segmenter.best_epoch or 0
    last = history[history["round"] == len(args.epochs)]
    segmenter.threshold = dice_threshold(last, epoch=epoch)
    out = args.work / "model"
    out.mkdir(exist_ok=True)
    for weight in net.parameters():
        # On disk: half the size, and what is lost is far below what training leaves open. Not of
        # the statistics of batches, which may be beyond its range.
        weight.data = weight.data.half()
    segmenter.save(out)
    write_table(out / "history.csv", history)


if __name__ == "__main__":
    main()
