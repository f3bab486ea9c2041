"""What the U-Nets of a finished run say of every slice: summaries of all blocks, fold by fold.

    python benchmarks/fold_vectors.py RUN [--work FOLDER]

For each fold its own U-Net, which never saw the fold's test patients, gives five summaries of every
block: mean, deviation and maximum over the outlined tumour, mean over a ring around it, mean over
the slice; and six numbers on the outline's size, place and form. The tumour is outlined by the
network, and once more by the true mask where there is one. The mean under the network's outline is
the block `tumour` of a study. Other benchmarks read what is kept and need the run no more.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import ndimage

from rarecase.experiment.fold_data import TRAINS
from rarecase.experiment.fold_rows import Place
from rarecase.features.feature_set import FeatureSet, counted, make_features, outlined
from rarecase.features.sources.unet import TUMOUR, masked_mean
from rarecase.pipeline.fold import Fold, load_fold
from rarecase.pipeline.resolve import resolve
from rarecase.pipeline.run_folder import COHORT, SEGMENTER, SETTINGS, folds_of, read_folds
from rarecase.pipeline.step import Context
from rarecase.segmenter import PackedMasks, Slices, load_segmenter
from rarecase.segmenter.batches import in_order

SUMMARIES = ("mean", "deviation", "maximum", "ring", "slice")
OUTLINES = ("predicted", "true")
POOLINGS = ("mean", "weighted by area", "largest slice", "maximum")
RING = 4  # pixels
ROWS = ["patient", "label", "row", "predicted", "tumour", "has_mask"]


@dataclass(frozen=True)
class Kept:
    """One fold's kept vectors. `rows`: the slices that count under `outline`, those that show a
    tumour, and all of a patient in whom none does."""

    folder: Path
    outline: str = "predicted"

    @cached_property
    def about(self) -> dict[str, Any]:
        """run, repeat, fold, classes, rare, training, test, and the block of each column."""
        said: dict[str, Any] = json.loads((self.folder / "fold.json").read_text())
        return said

    @cached_property
    def rows(self) -> pd.DataFrame:
        names = {"patient": str, "label": str}
        read = pd.read_csv(self.folder / f"{self.outline}-rows.csv", dtype=names)
        return read

    def slices(self, summary: str) -> np.ndarray:
        """(rows, channels of all blocks) float32; of `form` (rows, 6)."""
        kept: np.ndarray = np.load(self.folder / f"{self.outline}-{summary}.npy")
        return kept.astype(np.float32)

    def patients(self, summary: str, pooling: str) -> np.ndarray:
        """The same pooled, a row a patient in the order of names."""
        name = f"{self.outline}-{summary}-{pooling.replace(' ', '-')}.npy"
        if not (self.folder / "patients" / name).is_file():
            return pool(self.slices(summary), self.rows, pooling)
        kept: np.ndarray = np.load(self.folder / "patients" / name)
        return kept.astype(np.float32)

    def features(self, *, rare: str, block: str = TUMOUR) -> FeatureSet:
        """Means of a block (of all: `tumour`) over the outlined tumour, a row a slice."""
        mine = np.array([block in (TUMOUR, name) for name in self.about["blocks"]])
        return make_features(
            self.slices("mean")[:, mine].astype(np.float64), self.rows["label"].to_numpy(str),
            groups=self.rows["patient"].to_numpy(str), rare=rare,
            row=self.rows["row"].tolist(), name=block,
        )  # fmt: skip

    def place(self, features: FeatureSet, *, repeat: int | None = None) -> Place:
        """Who is tested here and who trains; `repeat` in place of the run's own."""
        tested, fold = set(self.about["test"]), self.about["fold"]
        fold_of = np.array([fold if p in tested else TRAINS for p in features.patients])
        repeat = self.about["repeat"] if repeat is None else repeat
        return Place(fold_of, repeat, fold, splits=f"folds of {self.about['run']}")


def kept_folds(folder: Path, *, outline: str = "predicted") -> list[Kept]:
    """Every fold kept in `folder`."""
    found = [Kept(path.parent, outline) for path in sorted(folder.glob("*/fold.json"))]
    if not found:
        raise SystemExit(f"{folder}: no kept fold. Run benchmarks/fold_vectors.py first.")
    return found


def contexts(run: Path, *, threads: int | None = None) -> list[Context]:
    """Every fold of a run; `threads` of the CPU to compute with."""
    given = {} if threads is None else {"compute.threads": threads}
    settings = resolve(preset=None, file=run / SETTINGS, overrides=given)
    folds = folds_of(read_folds(run / COHORT / "cohort.csv"))
    return [Context(run=run, settings=settings, test_fold=fold) for fold in folds]


def form(mask: np.ndarray) -> list[float]:
    """Log area, centre, spread along and across, roughness of a mask (h, w); 0 if it is empty."""
    area = int(mask.sum())
    if not area:
        return [0.0] * 6
    y, x = np.nonzero(mask)
    spread = np.cov(np.stack([y, x])) if area > 2 else np.zeros((2, 2))
    low, high = np.sqrt(np.clip(np.linalg.eigvalsh(spread), 0, None))
    edge = int((mask & ~ndimage.binary_erosion(mask)).sum())
    return [np.log1p(area), y.mean(), x.mean(), float(high), float(low), edge / np.sqrt(area)]


def summaries(maps: torch.Tensor, inside: torch.Tensor, ring: torch.Tensor) -> Iterator[Any]:
    """Name and values (n, c) of each summary of a block (n, c, h, w) under masks (n, 1, H, W)."""
    mean = masked_mean(maps, inside)
    yield "mean", mean
    square = masked_mean(maps.square(), inside)
    yield "deviation", (square - mean.square()).clamp(min=0).sqrt()
    small = torch.nn.functional.adaptive_max_pool2d(inside[:, 0], maps.shape[-2:])[:, None]
    small = torch.where(small.sum(dim=(2, 3), keepdim=True) > 0, small, torch.ones_like(small))
    yield "maximum", (maps * small).amax(dim=(2, 3))
    yield "ring", masked_mean(maps, ring)
    yield "slice", maps.mean(dim=(2, 3))


@torch.no_grad()
def summarise(
    context: Context, fold: Fold, *, device: str
) -> tuple[dict[str, dict[str, np.ndarray]], list[str]]:
    """Under each outline an array (slices, d) for each summary, and `form`; the block of each of
    the d columns."""
    source = context.fold_folder / SEGMENTER
    segmenter, cache = load_segmenter(source), fold.cache
    slices = Slices(cache.images, cache.masks, segmenter.order(cache.channels))
    net = segmenter.net.channels_last().eval().to(device)
    known = cache.rows["has_mask"].to_numpy(bool)
    drawn = PackedMasks(source / "predicted.npy", width=cache.masks.shape[-1])
    names = (*SUMMARIES, "form")
    found: dict[str, dict[str, list[np.ndarray]]] = {
        outline: {name: [] for name in names} for outline in OUTLINES
    }
    for part in in_order(np.arange(len(cache.rows)), size=32):
        images, true = slices.batch(part)
        predicted = drawn.read(part).astype(bool)
        by_hand = np.where(known[part, None, None], true.numpy()[:, 0] > 0, predicted)
        weights = {}
        for outline, mask in zip(OUTLINES, (predicted, by_hand), strict=True):
            wide = np.stack([ndimage.binary_dilation(m, iterations=RING) for m in mask])
            weights[outline] = [
                torch.from_numpy(m).float()[:, None].to(device) for m in (mask, wide & ~mask)
            ]
            found[outline]["form"].append(np.array([form(m) for m in mask]))
        each: dict[tuple[str, str], list[np.ndarray]] = {}
        for _, maps in net.walk(slices.ready(images.to(device), segmenter.normaliser)):
            for outline, (inside, ring) in weights.items():
                for name, values in summaries(maps.float(), inside, ring):
                    each.setdefault((outline, name), []).append(values.cpu().numpy())
        for (outline, name), parts in each.items():
            found[outline][name].append(np.concatenate(parts, axis=1))
    blocks = [each.name for each in net.blocks() for _ in range(each.channels)]
    whole = {
        outline: {name: np.concatenate(parts) for name, parts in arrays.items()}
        for outline, arrays in found.items()
    }
    return whole, blocks


def pool(X: np.ndarray, rows: pd.DataFrame, pooling: str) -> np.ndarray:
    """Slices to patients, in the order of names."""
    who = rows["patient"].to_numpy()
    if pooling in ("mean", "maximum"):
        each = pd.DataFrame(X).groupby(who)
        return np.asarray(each.mean() if pooling == "mean" else each.max())
    area = np.maximum(rows["predicted"].to_numpy(float), 1.0)
    if pooling == "largest slice":
        largest: np.ndarray = X[pd.Series(area).groupby(who).idxmax().to_numpy()]
        return largest
    total = pd.Series(area).groupby(who).sum().to_numpy()
    weighted = pd.DataFrame(X).mul(area, axis=0).groupby(who).sum().to_numpy()
    return np.asarray(weighted / total[:, None])


def keep_fold(context: Context, out: Path, *, device: str) -> None:
    """Write one fold's vectors to `out`, in half precision."""
    if (out / "fold.json").is_file():
        return
    fold = load_fold(context)
    (out / "patients").mkdir(parents=True, exist_ok=True)
    whole, blocks = summarise(context, fold, device=device)
    own = pd.read_parquet(context.fold_folder / SEGMENTER / "rows.parquet")
    for outline, arrays in whole.items():
        rows = outlined(own, outline)  # type: ignore[arg-type]
        shown = counted(rows["predicted"].to_numpy(), pd.factorize(rows["patient"])[0])
        rows = rows.loc[shown, ROWS].reset_index(drop=True)
        rows.to_csv(out / f"{outline}-rows.csv", index=False)
        for summary, values in arrays.items():
            here = values[shown]
            np.save(out / f"{outline}-{summary}.npy", here.astype(np.float16))
            for pooling in POOLINGS:
                name = f"{outline}-{summary}-{pooling.replace(' ', '-')}.npy"
                np.save(out / "patients" / name, pool(here, rows, pooling).astype(np.float16))
    said = {
        "run": context.run.name, "repeat": context.test_fold.repeat, "fold": context.test_fold.fold,
        "classes": fold.classes, "rare": fold.rare, "training": fold.training, "test": fold.test,
        "blocks": blocks,
    }  # fmt: skip
    (out / "fold.json").write_text(json.dumps(said))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--work", type=Path, help="where to keep them (default: RUN-vectors)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    work = args.work or args.run.with_name(args.run.name + "-vectors")
    work.mkdir(exist_ok=True, parents=True)
    shutil.copy(args.run / SETTINGS, work / SETTINGS)
    for context in contexts(args.run):
        cell = context.test_fold
        keep_fold(context, work / f"repeat-{cell.repeat}-fold-{cell.fold}", device=args.device)
        print(context.where(), flush=True)


if __name__ == "__main__":
    main()
