"""What the report shows of the images and of the network itself: the paper's Figures 3, 4, 5, 7, 8.

The report knows nothing that trains or predicts, so what its figures need of a network is computed
here and put on disk: a few slices, their masks before and after fine-tuning, one slice augmented,
and its feature maps in every block.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from rarecase.files import read_csv, read_parquet, replacing_file, write_json
from rarecase.pipeline.compute import make_fabric
from rarecase.pipeline.fold import Fold, load_fold
from rarecase.pipeline.run_folder import PICTURES, SEGMENTER
from rarecase.pipeline.simulated import PRETRAIN
from rarecase.pipeline.step import Context, Step
from rarecase.pipeline.steps.segment import fit_normaliser
from rarecase.seeds import torch_rng
from rarecase.segmenter import Augmentation, Segmenter, Volumes, load_segmenter, predict_masks
from rarecase.segmenter.augment import apply, draw
from rarecase.segmenter.feeding import feed
from rarecase.segmenter.initial import initial

CHANNELS = 8  # maps shown of a block
STILL = Augmentation(0, 0, 0, 0, 0, 0, 0, 0)
Arrays = dict[str, NDArray]


def pictures_step(context: Context, *, segmenter: Step, start: Step | None) -> Step:
    """The step of what the report shows of the first fold's network."""
    inputs = (segmenter,) if start is None else (segmenter, start)
    return Step(PICTURES, "segment", pictures_work, context, inputs=inputs)


def pictures_work(context: Context, folder: Path) -> None:
    """Write shown.npz and shown.json, of the first fold's test patients."""
    fold, place = load_fold(context), context.fold_folder / SEGMENTER
    segmenter, start = load_segmenter(place), _initial(context, fold)
    rows = choose_slices(fold, place)
    at = rows["row"].to_numpy()
    seen = fold.cache.channels.index("flair") if "flair" in fold.cache.channels else 0
    arrays: Arrays = {
        "images": np.asarray(fold.cache.images[at, seen], dtype=np.float32),
        "true": np.asarray(fold.cache.masks[at], dtype=np.uint8),
        "after": _masks(context, fold, segmenter, at),
    }
    if start is not None:
        arrays["before"] = _masks(context, fold, start, at)
    scale = context.settings.segmenter.augment_strength
    drawn = augmented(arrays["images"][0], arrays["true"][0], strength=scale)
    for n, (image, mask) in enumerate(drawn.values()):
        arrays[f"augmented_{n}"], arrays[f"augmented_mask_{n}"] = image, mask
    for name, maps in block_maps(context, fold, segmenter, int(at[0])).items():
        arrays[f"block_{name}"] = maps
    with replacing_file(folder / "shown.npz") as beside, beside.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    about = {
        "slices": rows[["case", "label", "slice", "has_mask"]].to_dict("records"),
        "channel": fold.cache.channels[seen],
        "start": segmenter.initialised_from if start is not None else None,
        "augmented": list(drawn),
        "augmented_here": context.settings.segmenter.augment,
        "augmentation": vars(Augmentation().scaled(scale)),
        "blocks": [[block.name, block.channels] for block in segmenter.net.blocks()],
    }
    write_json(folder / "shown.json", about)


def choose_slices(fold: Fold, segmenter: Path) -> pd.DataFrame:
    """Of every class the test case with the median Dice (by name, where none has a mask), at the
    slice with most tumour. The rare class stands last, as in the paper's Figures 3 and 4."""
    rows = read_parquet(segmenter / "rows.parquet")
    volumes = read_csv(segmenter / "volumes.csv", texts=("case", "label"))
    tested = rows[rows["part"] == "test"]
    found = []
    for name in sorted(fold.classes, key=lambda each: each == fold.rare):
        mine = tested[tested["label"].astype(str) == name]
        if mine.empty:
            continue
        scored = volumes[volumes["case"].isin(mine["case"])].sort_values(["dice", "case"])
        case = scored["case"].iloc[len(scored) // 2] if len(scored) else mine["case"].min()
        of_case = mine[mine["case"] == case]
        size = of_case["tumour"] if of_case["has_mask"].any() else of_case["predicted"]
        found.append(of_case.loc[[size.idxmax()]])
    table: pd.DataFrame = pd.concat(found)
    return table


def _initial(context: Context, fold: Fold) -> Segmenter | None:
    """The network that fine-tuning began with, normalised as the fold's; None: random weights."""
    chosen = context.settings
    start = initial(chosen.segmenter.init)
    if start is None and not chosen.pretrain.cohort:
        return None
    segmenter = load_segmenter(start or context.run / PRETRAIN)
    slices = feed(segmenter, fold.cache, planes=chosen.slices.planes)
    segmenter.normaliser = fit_normaliser(chosen, slices, fold.rows_of(fold.normalised_on))
    return segmenter


def _masks(
    context: Context, fold: Fold, segmenter: Segmenter, at: NDArray[np.int64]
) -> NDArray[np.uint8]:
    slices = feed(segmenter, fold.cache, planes=context.settings.slices.planes)
    fabric, flips = make_fabric(context.settings.compute), context.settings.segmenter.flips
    found: dict[int, NDArray[np.uint8]] = {}
    for rows, masks in predict_masks(segmenter, slices, rows=at, fabric=fabric, flips=flips):
        found |= zip(rows.tolist(), masks, strict=True)
    return np.stack([found[row] for row in at.tolist()])


def augmented(
    image: NDArray[np.float32], mask: NDArray[np.uint8], *, strength: float
) -> dict[str, tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    """An image (h, w) and its mask as they are, under each augmentation of Table 1 alone, and
    under all seven, three times. `strength` as in the study's settings."""
    full = Augmentation().scaled(strength)
    alone: dict[str, dict[str, Any]] = {
        "horizontal flip": {"flip_horizontal": 1.0},
        "vertical flip": {"flip_vertical": 1.0},
        "elastic": {"elastic_alpha": full.elastic_alpha, "elastic_sigma": full.elastic_sigma},
        "rotation": {"rotation": full.rotation},
        "shift": {"shift": full.shift},
        "shear": {"shear": full.shear},
        "zoom": {"zoom": full.zoom},
    }
    specs = {"original": STILL}
    specs |= {name: Augmentation(**{**vars(STILL), **kind}) for name, kind in alone.items()}
    specs |= {f"all seven ({i})": full for i in (1, 2, 3)}
    images = torch.from_numpy(np.array(image, dtype=np.float32))[None, None]
    masks = torch.from_numpy(np.array(mask, dtype=np.float32))[None, None]
    out = {}
    for name, spec in specs.items():
        drawn = draw(spec, 1, generator=torch_rng(0, "shown augmentation", name))
        moved, moved_mask = apply(drawn, images, masks)
        assert moved_mask is not None
        out[name] = (moved[0, 0].numpy(), moved_mask[0, 0].numpy().astype(np.uint8))
    return out


@torch.no_grad()
def block_maps(
    context: Context, fold: Fold, segmenter: Segmenter, row: int
) -> dict[str, NDArray[np.float16]]:
    """For every block the maps (8, h, w) of one slice in the channels that vary most over it; of a
    volume the plane in which the slice lies."""
    fabric = make_fabric(context.settings.compute)
    slices = feed(segmenter, fold.cache, planes=context.settings.slices.planes)
    sample = slices.samples_of(np.array([row]))
    images, _ = slices.batch(sample)
    ready = slices.ready(fabric.to_device(images), segmenter.normaliser)
    found = {}
    for name, maps in segmenter.net.eval().to(fabric.device).walk(ready):
        values = maps[0].float().cpu().numpy()
        if isinstance(slices, Volumes):
            mine = slices.cases[int(sample[0])].tolist()
            values = values[:, mine.index(row) * values.shape[1] // len(mine)]
        best = np.argsort(-values.var(axis=(1, 2)), kind="stable")[:CHANNELS]
        found[name] = np.clip(values[best], -65504, 65504).astype(np.float16)
    return found
