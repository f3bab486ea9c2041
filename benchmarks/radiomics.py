"""Our radiomics beside mirp's and flash-radiomics': time, memory, and IBSI's values got right.

    python benchmarks/radiomics.py [--peers FOLDER] [--ibsi ../shared/data/ibsi]

One channel and four of a 240×240×155 volume of 1 mm with a ball of 100 mL as mask: shape,
intensities and textures of the original images in 32 bins, in three dimensions. Each measurement is
a process of its own on one core; its CPU seconds without imports, and its peak memory with
interpreter and images. With --peers both peers are installed from PyPI below FOLDER (2 GB), each
into an environment of its own, unless they are there.

Values: those of IBSI's digital phantom, without a choice or in three dimensions (co-occurrences and
runs averaged over directions). They count as right where any feature of the family has the value,
since names differ; ours are set against theirs by name in tests/features/radiomics.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).with_name("results")
PEERS = {
    "mirp": ["mirp==2.7.0"],
    "flash": ["flash-radiomics==1.0.0", "numpy", "h5py", "SimpleITK", "pykwalify", "PyWavelets",
              "scipy", "scikit-image", "scikit-learn", "trimesh"],
}  # fmt: skip
FAMILIES = {  # how names of a family begin: ours, mirp's, flash's
    "morphology": ("morph_", "original_shape_"),
    "local intensity": ("loc_",),
    "intensity statistics": ("stat_", "original_firstorder_"),
    "intensity histogram": ("int_", "ih_", "original_ih_"),
    "intensity-volume histogram": ("ivh_", "original_ivh_"),
    "GLCM": ("cm_", "original_glcm_"),
    "GLRLM": ("rlm_", "original_glrlm_"),
    "GLSZM": ("szm_", "original_glszm_"),
    "GLDZM": ("dzm_", "original_gldzm_"),
    "NGTDM": ("ngtdm_", "ngt_", "original_ngtdm_"),
    "NGLDM": ("ngldm_", "ngl_", "original_gldm_"),
}
Measure = Callable[[Any, Any, float, int | None], dict[str, float]]


def ours(image: Any, mask: Any, spacing: float, bins: int | None) -> dict[str, float]:
    from rarecase.features.radiomics import cooccurrence, neighbours, region, runs, shape, zones
    from rarecase.features.radiomics.recipe import Recipe, measure
    from rarecase.features.radiomics.statistics import histogram_features, intensity_features

    if bins:
        return measure({"c": image}, mask, (spacing,) * 3, recipe=Recipe(bins=bins, flat=False))
    part = region.make_region(image, mask, (spacing,) * 3)
    levels, most = region.levels_of(part, width=1)
    return (
        intensity_features(part.values)
        | histogram_features(levels[part.mask], most)
        | shape.shape_features(part, spatial=True)
        | cooccurrence.cooccurrence_features(levels, most)
        | runs.run_features(levels)
        | zones.zone_features(levels)
        | neighbours.neighbour_features(levels)
    )


def mirp(image: Any, mask: Any, spacing: float, bins: int | None) -> dict[str, float]:
    """From files: of arrays it takes the spacing for 1 mm."""
    import itk
    from mirp import extract_features

    families = ["mrp", "st", "ih", "cm", "rlm", "szm", "ngtdm", "ngldm"] if bins else "all"
    binned = {"base_discretisation_method": "fixed_bin_number", "base_discretisation_n_bins": bins}
    with tempfile.TemporaryDirectory() as place:
        names = []
        for name, each in (("image", image), ("mask", mask.astype(np.uint8))):
            written = itk.image_from_array(np.ascontiguousarray(each))
            written.SetSpacing((spacing,) * 3)
            names.append(f"{place}/{name}.nii")
            itk.imwrite(written, names[-1])
        (found,) = extract_features(
            image=names[0], mask=names[1], base_feature_families=families,
            glcm_spatial_method="3d_average", glrlm_spatial_method="3d_average",
            **(binned if bins else {"base_discretisation_method": "none"}),
        )  # fmt: skip
    return found.iloc[0].to_dict()


def flash(image: Any, mask: Any, spacing: float, bins: int | None) -> dict[str, float]:
    import SimpleITK
    from flash_radiomics import RadiomicsFeatureExtractor

    pair = [
        SimpleITK.GetImageFromArray(np.asarray(each)) for each in (image, mask.astype(np.uint8))
    ]
    for each in pair:
        each.SetSpacing((spacing,) * 3)
    classes = ("shape", "firstorder", "glcm", "glrlm", "glszm", "ngtdm", "gldm")
    wanted = {"scalarFeatureClass": {c: [] for c in classes} if bins else {}}
    binned = {"binCount": bins} if bins else {"binWidth": 1}
    extractor = RadiomicsFeatureExtractor(
        wanted | {"spatialFeatureClass": None}, backend="cpu", num_threads=1, distances=[1],
        additionalInfo=False, **binned,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        return dict(extractor.execute(*pair, label=1, output_hdf5_path=f"{place}/x.h5"))


TOOLS: dict[str, Measure] = {"ours": ours, "mirp": mirp, "flash": flash}


def work(tool: str, folder: Path, channels: int) -> None:
    """One measurement, in the process that is measured; without channels the phantom's values."""
    if not channels:
        image, mask = np.load(folder / "image.npy"), np.load(folder / "mask.npy")
        found = TOOLS[tool](image, mask, 2.0, None).items()
        numbers = {k: float(v) for k, v in found if isinstance(v, (int, float, np.number))}
        (folder / f"{tool}.json").write_text(json.dumps(numbers))
        return
    rng = np.random.default_rng(0)
    z, y, x = np.ogrid[:155, :240, :240]
    mask = (z - 77) ** 2 + (y - 120) ** 2 + (x - 120) ** 2 < 28.8**2
    images = [rng.normal(300, 50, mask.shape).astype(np.float32) for _ in range(channels)]
    small = slice(60, 95), slice(100, 140), slice(100, 140)
    TOOLS[tool](images[0][small], mask[small], 1.0, 32)  # imports, and what is compiled
    began = time.process_time()
    for image in images:
        found = TOOLS[tool](image, mask, 1.0, 32)
    seconds = round(time.process_time() - began, 2)
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
    row = {"seconds": seconds, "peak GB": peak, "features": len(found)}
    (folder / f"{tool}.json").write_text(json.dumps(row))


def run(tool: str, python: Path, folder: Path, channels: int) -> dict[str, float]:
    """`work` in a process of its own on one core."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
    command = [python, __file__, "--work", tool, "--folder", folder, "--channels", str(channels)]
    env = os.environ | dict.fromkeys(names, "1")
    done = subprocess.run(
        command, env=env, capture_output=True, text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return json.loads((folder / f"{tool}.json").read_text())


def environment(tool: str, folder: Path) -> Path:
    """The Python of a peer's environment, which is made if it is not there."""
    python = folder / tool / "bin/python"
    if not python.exists():
        venv.create(folder / tool, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PEERS[tool]], check=True)
    return python


def right(found: dict[str, float], reference: Any) -> tuple[int, int]:
    """How many of the phantom's values a feature of the family has, and how many there are."""
    hits = 0
    for row in reference.itertuples():
        digits = 0.5 * 10.0 ** (math.floor(math.log10(abs(row.value))) - 2) if row.value else 1e-6
        slack = max(row.tolerance if row.tolerance == row.tolerance else 0.0, digits) * 1.0001
        mine = [v for k, v in found.items() if k.startswith(FAMILIES[row.family])]
        hits += any(abs(value - row.value) <= slack for value in mine)
    return hits, len(reference)


def phantom(ibsi: Path, folder: Path) -> Any:
    """Writes the phantom for `work`; its reference values."""
    import nibabel as nib
    import pandas as pd

    for name, end in (("image", ""), ("mask", "_mask")):
        values = np.asarray(nib.load(ibsi / f"digital_phantom{end}.nii.gz").dataobj)
        np.save(folder / f"{name}.npy", values.transpose(2, 1, 0).astype(float))
    table = pd.read_csv(ibsi / "reference_values.csv", keep_default_na=False)
    table["tolerance"] = pd.to_numeric(table["tolerance"], errors="coerce")
    how = table["aggregation"].isin(["", "3D", "3D, averaged"])
    return table[(table["data"] == "digital phantom") & how]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--ibsi", type=Path, default=Path("../shared/data/ibsi"))
    parser.add_argument("--work", choices=TOOLS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--channels", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        return work(args.work, args.folder, args.channels)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        reference = phantom(args.ibsi, folder)
        for tool in TOOLS if args.peers else ["ours"]:
            own = tool == "ours"
            python = Path(sys.executable) if own else environment(tool, args.peers)
            hits = right(run(tool, python, folder, 0), reference)
            found[tool] = {"values right": "{} of {}".format(*hits)}
            for channels in (1, 4):
                found[tool][f"{channels} channel(s)"] = run(tool, python, folder, channels)
            print(tool, found[tool], flush=True)
    (RESULTS / "radiomics.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
