"""How much code one fold of one arm on stored features executes: files, and lines of the functions
that are entered (from `def` to the last line, decorators, blank lines and docstrings not counted).

    python benchmarks/reading_path.py [--out benchmarks/results/reading_path.json]

Tables: arm `gaussian` with logistic regression, features standardised in the fold. Vectors of a
run: the same arm in the step of a run's cells, from a store. Maps: arm `none`, and beside it the
ACGAN, with the CNN. Modules are imported and a first fold is fitted before anything is counted, so
that imports and caches do not count.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd

import rarecase
from rarecase.experiment.arm import Counts
from rarecase.experiment.classifiers.registry import make_classifier
from rarecase.experiment.design import make_design
from rarecase.experiment.fold import fit_fold
from rarecase.experiment.fold_rows import Place
from rarecase.features.feature_set import FeatureSet, make_features, store_features
from rarecase.features.store import FeatureStore

ROOT = Path(rarecase.__file__).parent
FILES, LINES = 25, 1200  # the reader's budget


def entered(work: Callable[[], object]) -> dict[str, set[int]]:
    """First lines of the project's functions that `work` enters, by file."""
    found: dict[str, set[int]] = {}

    def trace(frame: FrameType, event: str, arg: Any) -> None:
        name = frame.f_code.co_filename
        if name.startswith(str(ROOT)) and frame.f_code.co_name != "<module>":
            found.setdefault(name, set()).add(frame.f_code.co_firstlineno)

    sys.setprofile(trace)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


def code_lines(path: Path, firsts: set[int]) -> int:
    """Lines of code of the functions that begin at `firsts` (or whose decorator does)."""
    text = path.read_text()
    lines = text.splitlines()
    counted: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        begins = min([node.lineno, *(each.lineno for each in node.decorator_list)])
        if begins not in firsts and node.lineno not in firsts:
            continue
        doc = node.body[0]
        quoted: set[int] = set()
        if isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant):
            quoted = set(range(doc.lineno, (doc.end_lineno or doc.lineno) + 1))
        counted |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1)) - quoted
    return sum(
        1 for n in counted if lines[n - 1].strip() and not lines[n - 1].lstrip().startswith("#")
    )


def measure(work: Callable[[], object]) -> dict[str, Any]:
    """Files and lines that `work` executes when it is done for the second time."""
    work()
    found = entered(work)
    lines = {
        Path(name).relative_to(ROOT).as_posix(): code_lines(Path(name), firsts)
        for name, firsts in found.items()
    }
    whole = sum(len((ROOT / name).read_text().splitlines()) for name in lines)
    return {
        "files": len(lines), "lines": sum(lines.values()), "lines of whole files": whole,
        "by file": dict(sorted(lines.items(), key=lambda item: -item[1])),
    }  # fmt: skip


def fold(features: FeatureSet, design: Any, *, task: str) -> Callable[[], object]:
    """One fold of the arm named `task` (its control besides, where it is synthetic)."""
    fold_of = np.arange(len(features.patients)) // 3 % 3  # both classes in each
    arm = next(arm for arm in design.arms if arm.name == task)
    place = Place(fold_of, 0, 0)
    return lambda: fit_fold(features, design, place, arms=[arm])


def stored(place: Path, *, maps: bool) -> FeatureStore:
    """A store of 72 samples of 36 patients."""
    rng = np.random.default_rng(0)
    label = np.repeat(np.where(np.arange(36) % 3 == 0, "rare", "common"), 2)
    X = rng.random((72, 4, 6, 6) if maps else (72, 8), dtype=np.float32)
    rows = pd.DataFrame(
        {
            "case": [f"c{i // 2}" for i in range(72)], "slice": np.arange(72) % 2,
            "patient": [f"p{i // 2:02d}" for i in range(72)], "label": label, "predicted": 9,
            "row": np.arange(72),
        }
    )  # fmt: skip
    with FeatureStore.create(place, block="b", shape=X.shape[1:], rows=rows) as store:
        store.append(X)
    return FeatureStore.open(place)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    y = np.where(np.arange(60) % 3 == 0, "rare", "common")
    table = make_features(rng.normal(size=(60, 6)), y)
    vectors = make_design(["gaussian"], seeds=1)
    cnn = make_classifier("cnn", settings={"epochs": 1, "dense": 8, "channels": (4,)})
    maps = make_design(["acgan"], classifier=cnn, amounts=Counts((8,), 8), seeds=1)
    with tempfile.TemporaryDirectory() as folder:
        from rarecase.pipeline.designs import Part
        from rarecase.pipeline.steps.cells import features_of

        store = stored(Path(folder) / "vectors.zarr", maps=False)
        of_run = Part("tumour", vectors)
        chart = stored(Path(folder) / "maps.zarr", maps=True)

        def run_fold() -> object:
            features = features_of(store, of_run, classes=("common", "rare"), rare="rare")
            return fold(features, vectors, task="gaussian")()

        features = store_features(chart, classes=("common", "rare"), rare="rare", name="maps")
        found = {
            "gaussian on a table": measure(fold(table, vectors, task="gaussian")),
            "gaussian on a run's vectors": measure(run_fold),
            "none on maps, CNN": measure(fold(features, maps, task="none")),
            "acgan on maps, CNN": measure(fold(features, maps, task="acgan")),
        }
    for name, said in found.items():
        print(f"{name}: {said['files']} files, {said['lines']} lines of entered functions")
    if args.out is not None:
        args.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
