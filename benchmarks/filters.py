"""What each filter keeps of what each generator made, and what that does to coverage.

    python benchmarks/map_generators.py RUN …
    python benchmarks/filters.py RUN --work WORK

The samples that `map_generators.py` kept in WORK, as means over the map, standardised by the fold's
training slices. Filters: the paper's (the generator's own discriminator agrees), and those that ask
real training samples alone (`recognised`, `near`, `dense`). For each the share of every class that
it keeps, and precision and coverage of the class's slices of test patients, beside those of as many
samples taken as they come. Kept in results/filters-WORK.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from fold_samples import FoldSlices, read_pooled
from fold_vectors import contexts

from rarecase.features.standardise import Space
from rarecase.generators.audit.audit import FEWEST
from rarecase.generators.audit.fidelity import neighbourhood
from rarecase.generators.filters import dense, near, recognised

RESULTS = Path(__file__).with_name("results")
INDEPENDENT = {"near": near, "dense": dense}


def kept_by(
    X: np.ndarray, y: np.ndarray, who: np.ndarray, made: np.ndarray, asked: np.ndarray,
    agrees: np.ndarray,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Which samples each filter keeps."""
    found = {name: keep(X, y, made, asked) for name, keep in INDEPENDENT.items()}
    found["recognised"] = recognised(X, y, made, asked, groups=who)
    if np.isfinite(agrees).all():
        found["own discriminator"] = agrees > 0.5
    return found


def measure(cell: FoldSlices, path: Path) -> list[dict[str, Any]]:
    """A line a class and filter."""
    with np.load(path) as kept:
        made, asked, agrees = kept["made"].astype(np.float64), kept["asked"], kept["agrees"]
        said = json.loads(str(kept["said"]))
    if not np.isfinite(made).all() or said.get("left out"):
        return []
    values = read_pooled(cell.store)
    space = Space.fit(values[cell.train])
    X, held, made = space(values[cell.train]), space(values[cell.test]), space(made)
    y, truth = cell.labels(cell.train), cell.labels(cell.test)
    lines = []
    for name, keep in kept_by(X, y, cell.patients(cell.train), made, asked, agrees).items():
        for c in cell.fold.classes:
            mine, real = made[asked == c], held[truth == c]
            chosen = mine[keep[asked == c]]
            line = {"generator": said["name"], "filter": name, "class": c,
                    "keeps": len(chosen) / len(mine)}  # fmt: skip
            if min(len(chosen), len(real)) >= FEWEST:
                k = min(5, len(real) - 1, len(chosen) - 1)
                for which, samples in (("", chosen), (" of as many", mine[: len(chosen)])):
                    found = neighbourhood(real, samples, k=k)
                    line |= {f"precision{which}": found.precision,
                             f"coverage{which}": found.coverage}  # fmt: skip
            lines.append(line)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    args = parser.parse_args()
    lines = []
    for context in contexts(args.run):
        where = f"{context.test_fold.repeat}-{context.test_fold.fold}"
        cell = FoldSlices.of(context, args.work / f"maps-{where}.zarr")
        for path in sorted(args.work.glob(f"*-{where}.npz")):
            lines += measure(cell, path)
        print(where, flush=True)
    whole = pd.DataFrame(lines)
    table = whole.drop(columns="class").groupby(["generator", "filter"]).mean()
    keeps = whole.pivot_table(index=["generator", "filter"], columns="class", values="keeps")
    table = table.drop(columns="keeps").join(keeps.add_prefix("keeps "))
    print(table.round(2).to_string())
    found = {
        "run": args.run.name,
        "work": args.work.name,
        "filters": table.round(4).reset_index().to_dict("records"),
    }
    text = json.dumps(found, indent=1, ensure_ascii=False).replace("NaN", "null")
    (RESULTS / f"filters-{args.work.name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
