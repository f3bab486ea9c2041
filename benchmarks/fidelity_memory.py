"""Fidelity and memory of 50,000 made samples of 2,048 features: peak memory and seconds.

    python benchmarks/fidelity_memory.py [--samples 50000] [--features 2048]

Float32 arrays on disk; real and made samples are opened as memory maps. Prints each measure's
seconds and the peak resident memory of the process, and keeps them in results/fidelity_memory.json.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rarecase.generators.audit.fidelity import (
    frechet_distance,
    kernel_distance,
    neighbourhood,
    two_sample_auc,
)
from rarecase.generators.audit.memorisation import memorisation

RESULTS = Path(__file__).with_name("results")


def write(path: Path, samples: int, features: int, *, seed: int) -> Any:
    """Standard normal samples, written in pieces, opened again to read."""
    rng = np.random.default_rng(seed)
    out = np.lib.format.open_memmap(path, "w+", np.float32, (samples, features))
    for start in range(0, samples, 1000):
        out[start : start + 1000] = rng.standard_normal(out[start : start + 1000].shape)
    out.flush()
    del out
    return np.load(path, mmap_mode="r")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--features", type=int, default=2048)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        real = write(Path(folder) / "real.npy", args.samples, args.features, seed=0)
        held = write(Path(folder) / "held.npy", args.samples // 10, args.features, seed=1)
        made = write(Path(folder) / "made.npy", args.samples, args.features, seed=2)
        measures: dict[str, Callable[[], Any]] = {
            "precision, recall, density, coverage": lambda: neighbourhood(real, made),
            "Fréchet distance": lambda: frechet_distance(real, made),
            "kernel distance": lambda: kernel_distance(real, made),
            "two-sample AUC": lambda: two_sample_auc(real, made),
            "memory": lambda: memorisation(real, held, made),
        }
        found: dict[str, Any] = {"samples": args.samples, "features": args.features}
        for name, measure in measures.items():
            began = time.perf_counter()
            measure()
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            found[name] = {"seconds": round(time.perf_counter() - began, 1), "peak GB": peak}
            print(name, found[name], flush=True)
    (RESULTS / "fidelity_memory.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
