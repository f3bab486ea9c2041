"""`rarecase inspect` on 200 volumes of 240×240×50: seconds and memory, beside reading alone.

    python benchmarks/inspecting.py [--volumes 200] [--work FOLDER]

Eight simulated FLAIR volumes, each taken again and again under another brightness and moved by some
voxels, so that no two files are the same; int16, compressed, without masks for every third. The
peer is nibabel reading every voxel of the same files, one after another in one process.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np

from rarecase import read_cohort, simulate_cohort

RESULTS = Path(__file__).with_name("results")


def write(folder: Path, source: Path, volumes: int) -> None:
    """The cohort: a manifest and a file a case."""
    folder.mkdir(parents=True)
    cases = read_cohort(
        simulate_cohort(source, patients={"HGG": 5, "LGG": 3}, size=240, slices=50,
                        channels=("flair",))
    ).cases  # fmt: skip
    lines = ["case,patient,label,flair,mask"]
    for number in range(volumes):
        case = cases[number % len(cases)]
        image, name = nib.load(case.images["flair"]), f"case{number:03d}"
        moved = np.roll(np.asarray(image.dataobj), number // len(cases), axis=0)
        bright = (moved * (0.8 + number / volumes)).astype(np.int16)
        nib.save(nib.Nifti1Image(bright, image.affine), folder / f"{name}.nii.gz")
        mask = ""
        if number % 3:
            drawn = np.roll(np.asarray(nib.load(case.mask).dataobj), number // len(cases), axis=0)
            mask = f"{name}_mask.nii.gz"
            nib.save(nib.Nifti1Image(drawn.astype(np.uint8), image.affine), folder / mask)
        lines.append(f"{name},{name},{case.label},{name}.nii.gz,{mask}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--volumes", type=int, default=200)
    parser.add_argument("--work", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        data = (args.work or Path(place)) / "data"
        if not data.exists():
            write(data, data.with_name("simulated"), args.volumes)
        start = time.perf_counter()
        for file in sorted(data.glob("*.nii.gz")):
            np.asarray(nib.load(file).dataobj).sum()
        reading = time.perf_counter() - start
        found = {"volumes": args.volumes, "reading_seconds": round(reading, 1)}
        for name, more in (("inspect", []), ("inspect --html", ["--html", f"{place}/sheet.html"])):
            start = time.perf_counter()
            command = [sys.executable, "-m", "rarecase", "inspect", str(data), *more]
            done = subprocess.run(command, capture_output=True, text=True)
            seconds = time.perf_counter() - start
            if done.returncode not in (0, 1):
                raise SystemExit(done.stdout + done.stderr)
            found[name] = {
                "seconds": round(seconds, 1),
                "over_reading": round(seconds / reading, 2),
            }
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        found["peak_gb"] = round(peak, 2)
    (RESULTS / "inspecting.json").write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
