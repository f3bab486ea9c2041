"""Every example of `rarecase COMMAND --help`, run as it is printed, on small files called as in it.

    python tools/help_examples.py [--only WORD] [--no-studies] [--work FOLDER]

Each runs in a copy of a folder that holds what the examples name; of studies of a preset's size
`--dry-run` is added. Prints a line each, and the output of those that fail; exit status 1 if any.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from rarecase.cli.main import COMMANDS, EPILOG

STUDIES = ("run", "segment", "extract", "classify")
TINY = [
    "--preset", "demo", "--slices.size", "32", "--split.folds", "2", "--compute.processes", "1",
    "--simulation.patients", "{HGG: 8, LGG: 6}", "--simulation.slices", "6", "--segmenter.width",
    "8", "--segmenter.depth", "2", "--segmenter.init", "none", "--segmenter.scratch.epochs", "12",
    "--generator.widths", "8", "--generator.max_steps", "20", "--features",
    "tumour,bottleneck", "--arms", "none,smote", "--keep-features",
]  # fmt: skip
WORLD = (
    "simulate DATA --patients HGG=8,LGG=6 --size 32 --slices 6",
    "simulate other-hospital --patients HGG=4,LGG=3 --size 32 --slices 6 --seed 9 --prefix O",
)


def examples(text: str) -> Iterator[list[str]]:
    """The words of every example in an epilog, less what is said of it behind several spaces."""
    lines = iter(text.splitlines())
    for line in lines:
        if not line.startswith("  rarecase "):
            continue
        command = line.strip()
        while command.endswith("\\") or command.count("'") % 2:
            command = f"{command.removesuffix(chr(92)).rstrip()} {next(lines).strip()}"
        yield shlex.split(re.split(r" {3,}", command)[0])[1:]


def all_examples() -> list[list[str]]:
    """Those of every command, each once."""
    texts = [EPILOG, *(command.epilog for command in COMMANDS)]
    found = {tuple(words): words for text in texts for words in examples(text)}
    return list(found.values())


def rarecase(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    command = [sys.executable, "-m", "rarecase", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def tables(folder: Path) -> None:
    """features.csv, and the same under every other name that examples give to features."""
    rng = np.random.default_rng(0)
    grade = np.repeat([2, 3, 4], 32)
    made = pd.DataFrame({"patient": [f"P{i:02d}" for i in range(96)], "Grade": grade})
    made["hospital"] = np.tile(["A", "B", "C"], 32)
    made["age"] = rng.normal(60, 9, 96).round()
    made["sex"] = rng.choice(["f", "m"], 96)
    for name in ("flair_mean", "flair_energy", "t1ce_mean"):
        made[name] = rng.normal(size=96) + 0.8 * (grade == 2)
    made.loc[3, "t1ce_mean"] = np.nan
    made.to_csv(folder / "radiomics.csv", index=False)
    made = made.fillna(0.0)
    made.to_csv(folder / "new.csv", index=False)
    made["Grade"] = np.where(grade == 2, "Low", "High")
    made.to_csv(folder / "features.csv", index=False)
    made.drop(columns=["hospital", "sex"]).to_parquet(folder / "features.parquet")
    made.assign(patient="Q" + made["patient"]).to_csv(folder / "other-features.csv", index=False)
    X, y = rng.normal(size=(96, 4)), np.where(grade == 2, "LGG", "HGG")
    np.savez(folder / "embeddings.npz", X=X, y=y, groups=made["patient"].to_numpy(str))


def scans(folder: Path) -> None:
    """Single scans in several formats, and a cohort of numbered pictures."""
    import nibabel as nib
    import SimpleITK
    from PIL import Image

    source = next((folder / "DATA").glob("HGG/*/*_flair.nii.gz"))
    for name in ("scan.nii.gz", "a_flair.nii.gz", "a_t1.nii.gz"):
        shutil.copy(source, folder / name)
    SimpleITK.WriteImage(SimpleITK.ReadImage(str(source)), str(folder / "other.nrrd"))
    values = np.asarray(nib.load(source).dataobj)
    (folder / "dicom-series").mkdir()
    shutil.copy(source, folder / "dicom-series" / "scan.nii.gz")
    shutil.copytree(folder / "DATA", folder / "BraTS2020")
    lines = ["Patient,COCCluster"]
    for number in range(12):
        name = f"TCGA_CS_{4940 + number}"
        case = folder / "tcga-lgg" / f"{name}_19990101"
        case.mkdir(parents=True)
        for z in range(1, 4):
            grey = np.clip(values[:, :, z] / values.max() * 255, 0, 255).astype(np.uint8)
            Image.fromarray(np.stack([grey] * 3, axis=-1)).save(case / f"{case.name}_{z}.tif")
            mask = Image.fromarray((grey > 200).astype(np.uint8) * 255)
            mask.save(case / f"{case.name}_{z}_mask.tif")
        lines.append(f"{name},{1 + number % 2}")
    (folder / "tcga-lgg" / "data.csv").write_text("\n".join(lines) + "\n")


def labels(folder: Path) -> None:
    """Columns of labels as examples call them; of the other hospital its folders tell the grade."""
    shutil.copytree(folder / "other-hospital", folder / "new-cohort")
    cases = sorted(case.name for case in (folder / "DATA").glob("?GG/*"))
    rows = [[name, 2 + place % 3, "ab"[place % 2]] for place, name in enumerate(cases)]
    table = pd.DataFrame(rows, columns=["case", "Grade", "COLUMN"])
    table.to_csv(folder / "DATA" / "labels.csv", index=False)


def networks(folder: Path) -> None:
    """Weights of U-Nets and of other networks."""
    import torch
    from monai.networks.nets import resnet18
    from safetensors.torch import save_file

    from rarecase.segmenter import UNet
    from rarecase.segmenter.foreign import layer_names

    net = UNet(in_channels=4, width=4, depth=2)
    state = net.state_dict()
    torch.save(state, folder / "unet.pth")
    listed = []
    for name in layer_names(2):
        weight = state[f"{name}.weight"].numpy()
        order = (2, 3, 1, 0)  # height, width, in, out; transposed: height, width, out, in
        listed += [weight.transpose(order), state[f"{name}.bias"].numpy()]
    params = {f"{number}": each for number, each in enumerate(listed)}
    np.savez(folder / "u_net_flair_all.npz", **params)
    other = resnet18(spatial_dims=2, n_input_channels=3)
    save_file(other.state_dict(), folder / "w.safetensors")


def finished(folder: Path) -> None:
    """What other commands leave: a run, an exported model, a comparison, features of a network."""
    steps = [
        ["run", *TINY, "--out", "RUN"],
        ["export", "RUN", "--out", "exported-model"],
        shlex.split("compare features.csv --label Grade --groups patient --ignore hospital,sex "
                    "--arms none,smote --no-checks --repeats 2 --folds 3 --out grades"),
        ["import", "unet.pth", "--out", "brats"],
        next(words for words in all_examples() if "resnet.zarr" in words and "--out" in words),
    ]  # fmt: skip
    for words in steps:
        done = rarecase([*words, "-q"], folder)
        if done.returncode:
            raise SystemExit(f"{words}: {done.stdout}{done.stderr}")
    shutil.copytree(folder / "grades", folder / "COMPARISON")
    shutil.copytree(folder / "RUN", folder / "run")


def world(folder: Path) -> None:
    """A folder with everything that examples name."""
    folder.mkdir(parents=True, exist_ok=True)
    for line in WORLD:
        rarecase(shlex.split(line), folder)
    labels(folder)
    tables(folder)
    scans(folder)
    networks(folder)
    finished(folder)


def fresh(words: list[str], folder: Path) -> None:
    """Take away what an example is to write, unless it goes on with what is there."""
    if "--out" in words and not (words[0] in STUDIES and words[1] == "--out"):
        out = folder / words[words.index("--out") + 1]
        shutil.rmtree(out, ignore_errors=True)
        out.unlink(missing_ok=True)
    if words[0] == "simulate":
        shutil.rmtree(folder / words[1], ignore_errors=True)


def as_run(words: list[str]) -> list[str]:
    """An example as it is run here: studies of a preset's size are only estimated."""
    whole = words[0] in STUDIES and "--network" not in words and words[1] != "--out"
    return [*words, "--dry-run"] if whole and "--dry-run" not in words else words


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="WORD", help="examples that have it")
    parser.add_argument("--no-studies", action="store_true", help="leave the estimates out")
    parser.add_argument("--work", type=Path, help="folder of the files, made if it is not there")
    args = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as place:
        home = args.work or Path(place) / "world"
        if not home.exists():
            world(home)
        for number, words in enumerate(all_examples()):
            if args.only and args.only not in " ".join(words):
                continue
            if args.no_studies and "--dry-run" in as_run(words):
                continue
            folder = Path(place) / f"example-{number}"
            shutil.copytree(home, folder)
            fresh(words, folder)
            start = time.perf_counter()
            done = rarecase(as_run(words), folder)
            ok = done.returncode == 0
            failed += not ok
            took = f"{time.perf_counter() - start:6.1f} s"
            print("done  " if ok else "FAILED", took, shlex.join(as_run(words)), flush=True)
            if not ok:
                print(done.stdout[-1500:] + done.stderr[-1500:], flush=True)
            shutil.rmtree(folder)
    print(json.dumps({"failed": failed}))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
