"""How long a comparison takes: 285 patients × 2,000 features, every closed-form arm.

    python benchmarks/compare_table.py

5 × 5 folds, three amounts on three inner folds, 1,000 bootstraps, without the self-checks; as many
processes as there are cores.
"""

from __future__ import annotations

import json
import os
import resource
import time
from pathlib import Path

import numpy as np

from rarecase import compare
from rarecase.pipeline.executor import pool

PATIENTS, RARE, FEATURES, LATENT = 285, 75, 2000, 12


def main() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat(["HGG", "LGG"], [PATIENTS - RARE, RARE])
    latent = rng.normal(size=(PATIENTS, LATENT)) + 0.5 * (y == "LGG")[:, None]
    # Radiomics tables are like this: thousands of features that say the same few things.
    X = latent @ rng.normal(size=(LATENT, FEATURES)) + rng.normal(size=(PATIENTS, FEATURES))
    began = time.perf_counter()
    with pool(-1) as executor:
        found = compare(X, y, checks=False, draws=1000, executor=executor)
    seconds = time.perf_counter() - began
    print(found)
    peak = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    result = {
        "seconds": round(seconds, 1), "cores": os.cpu_count(),
        "largest_process_gb": round(peak / 2**20, 2), "arms": len(found.evidence["rows"]),
    }  # fmt: skip
    text = json.dumps(result, indent=2)
    print(text)
    Path(__file__).with_name("results").joinpath("compare_table.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
