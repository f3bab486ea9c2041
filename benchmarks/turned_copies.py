"""Masks predicted on turned and coarser copies of a scan, against the mask of the scan itself.

    python benchmarks/turned_copies.py [--work FOLDER]

A U-Net learns for eight epochs from 24 simulated patients. Twelve new scans, six of 1.9×1.9×2.9 mm
and six of 1×1×1.5 mm, are copied: stored along other axes (f), where the mask must be the same, and
turned by 8 to 15 degrees with voxels up to twice as long (t). Each copy's mask is carried back to
its scan's grid through SimpleITK. The ceiling is what the scan's own mask has left after a journey
through the copy's grid: no outline on so coarse voxels can be nearer. Half an hour on two cores;
what is in FOLDER is not made again. Keeps results/turned_copies.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import SimpleITK

RESULTS = Path(__file__).with_name("results")
SCANS = {"1.9 mm": (128, 48, 77, "New"), "1 mm": (240, 96, 91, "Nova")}  # size, slices, seed, name
TURNS = [
    ((1, 0, 0), 15, (2, 2, 2)), ((0, 1, 0), -15, (2, 2, 2)), ((0, 0, 1), 15, (2, 2, 2)),
    ((0.6, -0.8, 0), 10, (1, 1, 2)), ((0, 1, 0), -15, (1, 1, 2)), ((1, 1, 1), 8, (2, 2, 2)),
]  # fmt: skip
STORED = [  # order of axes, and their signs
    ((0, 1, 2), (-1, 1, 1)), ((0, 1, 2), (1, -1, -1)), ((1, 0, 2), (1, 1, 1)),
    ((1, 0, 2), (-1, 1, 1)), ((2, 0, 1), (1, -1, 1)),
]  # fmt: skip


def turned(
    path: Path,
    out: Path,
    *,
    axis: tuple[float, float, float],
    degrees: float,
    longer: tuple[int, int, int],
) -> Path:
    """A copy on a grid turned around the middle, its voxels `longer` times as long."""
    image = SimpleITK.ReadImage(str(path))
    unit = (np.array(axis) / np.linalg.norm(axis)).tolist()
    turn = SimpleITK.VersorTransform(unit, np.deg2rad(degrees))
    matrix = np.array(turn.GetMatrix()).reshape(3, 3)
    directions = matrix @ np.array(image.GetDirection()).reshape(3, 3)
    size = [int(np.ceil(n / by)) for n, by in zip(image.GetSize(), longer, strict=True)]
    spacing = [s * by for s, by in zip(image.GetSpacing(), longer, strict=True)]
    middle = image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])
    half = directions @ (np.array(spacing) * (np.array(size) - 1) / 2)
    copy = SimpleITK.Resample(
        image, size, SimpleITK.Transform(), SimpleITK.sitkLinear,
        (np.array(middle) - half).tolist(), spacing, directions.ravel().tolist(), 0.0,
    )  # fmt: skip
    SimpleITK.WriteImage(copy, str(out))
    return out


def dice_at(mask: Path, other: Path, *, through: Path | None = None) -> float:
    """Dice of two masks in files, the second brought to the first's grid, if given by way of the
    grid of the file `through`."""
    first = SimpleITK.ReadImage(str(mask), SimpleITK.sitkFloat32)
    second = SimpleITK.ReadImage(str(other), SimpleITK.sitkFloat32)
    for grid in ([] if through is None else [SimpleITK.ReadImage(str(through))]) + [first]:
        second = SimpleITK.Resample(second, grid, SimpleITK.Transform(), SimpleITK.sitkLinear, 0.0)
        second = SimpleITK.Cast(second >= 0.5, SimpleITK.sitkFloat32)
    a, b = (SimpleITK.GetArrayFromImage(each) > 0.5 for each in (first, second))
    assert a.any()
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def rarecase(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "rarecase", *map(str, words), "-q"], check=True)


def make_copies(scans: list[Path], folder: Path) -> None:
    folder.mkdir()
    for scan in scans:
        stem = scan.name.removesuffix(".nii.gz")
        for k, (axis, degrees, longer) in enumerate(TURNS):
            out = folder / f"{stem}-t{k}.nii.gz"
            turned(scan, out, axis=axis, degrees=degrees, longer=longer)
        image = nib.load(scan)
        for k, (order, signs) in enumerate(STORED):
            nib.save(
                image.as_reoriented(np.array([order, signs]).T), folder / f"{stem}-f{k}.nii.gz"
            )


def measure(work: Path, run: Path, name: str) -> list[dict[str, Any]]:
    """A row a copy of one set of scans."""
    size, slices, seed, prefix = SCANS[name]
    fresh, copies = work / "fresh", work / "copies"
    if not fresh.exists():
        rarecase("simulate", fresh, "--patients", "HGG=4,LGG=2", "--size", size, "--slices", slices,
                 "--seed", seed, "--prefix", prefix)  # fmt: skip
    scans = sorted(fresh.glob("*/*/*_flair.nii.gz"))
    if not copies.exists():
        make_copies(scans, copies)
    for files, out in ((scans, work / "original"), (sorted(copies.iterdir()), work / "copied")):
        if not out.exists():
            rarecase("predict", run, *files, "--out", out)
    about = pd.read_csv(work / "original" / "predictions.csv").set_index("case")
    rows = []
    for copy in sorted(copies.iterdir()):
        stem = copy.name.removesuffix(".nii.gz")
        scan, kind = stem.rsplit("-", 1)
        drawn = next(fresh.glob(f"*/*/{scan.removesuffix('_flair')}_seg.nii.gz"))
        own, made = (
            work / "original" / f"{scan}_mask.nii.gz",
            work / "copied" / f"{stem}_mask.nii.gz",
        )
        rows.append(
            {
                "scan": scan, "voxels": name, "copy": kind, "ml": float(about.tumour_ml[scan]),
                "dice": dice_at(own, made), "ceiling": dice_at(own, own, through=copy),
                "dice with the truth": dice_at(drawn, made), "scan's": dice_at(drawn, own),
            }
        )  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path, default=Path("turned-copies"))
    work = parser.parse_args().work
    work.mkdir(exist_ok=True)
    cohort, run = work / "cohort", work / "run"
    if not cohort.exists():
        rarecase("simulate", cohort, "--patients", "HGG=16,LGG=8", "--size", 128, "--slices", 48,
                 "--seed", 5)  # fmt: skip
    if not run.exists():
        rarecase("run", cohort, "--preset", "quick", "--channels", "flair", "--out", run,
                 "--split.kind", "holdout", "--segmenter.epochs", 8, "--generator.max_steps", 100,
                 "--classifier.epochs", 2)  # fmt: skip
    rows = []
    for name in SCANS:
        (work / name).mkdir(exist_ok=True)
        rows += measure(work / name, run, name)
    table = pd.DataFrame(rows).round(4)
    table["turned"] = table["copy"].str.startswith("t")
    print(table.groupby(["voxels", "scan", "turned"])[["dice", "ceiling"]].agg(["min", "mean"]))
    whole = table.groupby(["voxels", "turned"])["dice"]
    summary = pd.DataFrame(
        {"copies": whole.size(), "least": whole.min(), "mean": whole.mean().round(4),
         "0.90 or more": whole.apply(lambda d: int((d >= 0.9).sum())),
         "ceiling, mean": table.groupby(["voxels", "turned"])["ceiling"].mean().round(4)}
    ).reset_index()  # fmt: skip
    print(summary.to_string())
    found = {"summary": summary.to_dict("records"), "copies": rows}
    text = json.dumps(found, indent=1, ensure_ascii=False, default=float)
    (RESULTS / "turned_copies.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
