"""Break a cohort and a table in two dozen ways and show what a user sees.

python examples/bad_inputs.py > docs/bad-inputs.md
"""

from __future__ import annotations

import contextlib
import io
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from rarecase import simulate_cohort
from rarecase.cli.main import main

TINY = [
    "--preset",
    "demo",
    "--pretrain.cohort",
    "null",
    "--slices.size",
    "32",
    "--split.folds",
    "2",
]


def first(data: Path, name: str) -> Path:
    """A file of the first HGG case."""
    return next(iter(sorted(data.glob(f"HGG/*/*_{name}.nii.gz"))))


def truncated(data: Path) -> None:
    path = first(data, "flair")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def change(path: Path, how: Callable[[np.ndarray], np.ndarray], dtype: type = np.float32) -> None:
    image = nib.load(path)
    nib.save(nib.Nifti1Image(how(image.get_fdata()).astype(dtype), image.affine), path)


def elsewhere(path: Path) -> None:
    image = nib.load(path)
    affine = image.affine.copy()
    affine[0, 3] += 400
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), affine), path)


def with_nan(values: np.ndarray) -> np.ndarray:
    values[3:5, 4, 2] = np.nan
    return values


def manifest(data: Path, *, drop: str | None = None) -> Path:
    rows = [
        {"case": f"c{i}", "patient": f"p{i % 9}", "label": case.parent.name, "age": 40 + i,
         "flair": next(case.glob("*_flair*")), "mask": next(case.glob("*_seg*"))}
        for i, case in enumerate(sorted(data.glob("*/*")))
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    if drop == "twice":
        table = pd.concat([table, table.tail(1)])
    if drop == "missing":
        table.loc[2, "flair"] = "gone.nii.gz"
    if drop in ("twice", "missing", "folds"):
        table["patient"] = table["case"]
    if drop == "folds":
        table.loc[1, "patient"] = "c0"
        table["fold"] = np.arange(len(table)) % 2
    path = data / "manifest.csv"
    table.to_csv(path, index=False)
    return path


Case = tuple[str, Callable[[Path], object], list[str]]
CASES: list[Case] = [
    ("A NIfTI file cut short by a broken download", truncated, []),
    ("A mask of another patient, elsewhere", lambda d: elsewhere(first(d, "seg")), []),
    ("A volume of zeros", lambda d: change(first(d, "flair"), np.zeros_like), []),
    ("NaN in a volume", lambda d: change(first(d, "flair"), with_nan), []),
    ("One class only", lambda d: shutil.rmtree(d / "LGG"), []),
    ("A label column that is not there", manifest, ["--label", "grade"]),
    ("A label value that is not there", manifest, ["--label", "label=GBM"]),
    ("Two labels for one patient", manifest, ["--label", "label"]),
    ("The same case twice", lambda d: manifest(d, drop="twice"), ["--label", "label"]),
    ("A file that is missing", lambda d: manifest(d, drop="missing"), ["--label", "label"]),
    ("A patient in two given folds", lambda d: manifest(d, drop="folds"),
     ["--label", "label", "--split.kind", "given"]),
    ("More folds than patients of a class", lambda d: None, ["--split.folds", "8"]),
    ("A channel that is not there", lambda d: None, ["--channels", "dwi"]),
    ("A folder without a cohort", lambda d: [shutil.rmtree(d / n) for n in ("HGG", "LGG")], []),
    ("A misspelt setting", lambda d: None, ["--segmenter.epocs", "3"]),
]  # fmt: skip


def table(data: Path, **columns: object) -> Path:
    """A table of features of 30 patients, two of three columns of which are as they should be."""
    rng = np.random.default_rng(0)
    made = pd.DataFrame(rng.normal(size=(30, 2)), columns=["volume", "sphericity"])
    made.insert(0, "patient", [f"p{i:02d}" for i in range(30)])
    made.insert(1, "grade", np.resize(["low", "high", "high"], 30))
    path = data / "features.csv"
    made.assign(**columns).to_csv(path, index=False)
    return path


GRADES = ["--label", "grade", "--groups", "patient"]
TABLES: list[Case] = [
    ("Missing values in a table", lambda d: table(d, age=[np.nan, *range(29)]), GRADES),
    ("Rows of one patient, and nobody said so",
     lambda d: table(d, patient=np.repeat([f"p{i}" for i in range(15)], 2)), GRADES[:2]),
    ("An outcome among the features", lambda d: table(d, os_months=np.arange(30) % 7), GRADES),
    ("A column that is the label under another name",
     lambda d: table(d, code=np.resize([20, 10, 10], 30)), GRADES),
    ("A site that equals the class",
     lambda d: table(d, hospital=np.resize(["Rome", "Bern", "Oslo"], 30)), GRADES),
    ("A header that has shifted",
     lambda d: table(d, original_shape_Elongation="(192, 256, 256)"), GRADES),
    ("A decimal comma in one row, a point in the next",
     lambda d: table(d, age=np.resize(["45,5", "50.5"], 30)), GRADES),
    ("Features that no column has", table, [*GRADES, "--features", "radiomics=flare_*"]),
]  # fmt: skip


def seen(
    break_it: Callable[[Path], object], words: list[str], verb: str = "run"
) -> tuple[int, str, str]:
    """Break a fresh copy, run it; the command, its exit code, and what came on standard error."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "DATA"
        shutil.copytree(COHORT, data)
        broken = break_it(data)
        path = broken if isinstance(broken, Path) else data
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            given = [*TINY, *words] if verb == "run" else words
            code = main([verb, str(path), *given, "--out", f"{folder}/RUN", "--quiet"])
        name = path.relative_to(folder)
        command = " ".join(["rarecase", verb, str(name), *words, "--out RUN"])
        return code, command, said.getvalue().replace(f"{folder}/", "").strip()


with tempfile.TemporaryDirectory() as place:
    COHORT = simulate_cohort(
        Path(place) / "cohort", patients={"HGG": 6, "LGG": 4}, size=32, slices=6
    )
    print("# What a user sees when something is wrong\n")
    print("Made by `python examples/bad_inputs.py`: each is a copy of a good cohort, broken in one")
    print(
        "way. Exit code 1: the data; 2: arguments and settings. Nothing of the data is changed.\n"
    )
    verbs = ["run"] * len(CASES) + ["compare"] * len(TABLES)
    for verb, (title, break_it, words) in zip(verbs, [*CASES, *TABLES], strict=True):
        code, command, message = seen(break_it, words, verb)
        print(f"## {title}\n\n```\n$ {command}\n{message}\n$ echo $?\n{code}\n```\n")
