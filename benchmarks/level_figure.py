"""Draw how often each answer is given, against the true difference: docs/images/level.png.

    python benchmarks/level_figure.py

From the data sets that `level.py` has kept. The error of a difference depends little on its size:
so the differences of a scenario, all moved by the same number, are those of any true difference.
`helps` (one contrast) has the errors of `much true`, `no difference` those of `noise`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from level import ALPHA, RESULTS, path_of
from level_scenarios import ALL
from scipy.stats import t

from rarecase.evidence.paired import TRAINED
from rarecase.evidence.verdict import MARGIN

PICTURE = Path(__file__).parents[1] / "docs/images/level.png"
TRUE = np.linspace(-0.04, 0.15, 96)
LOOKS = {
    "known": ("who knows the deviation", "black", "--"),
    "DeLong": ("product (DeLong × 1.1)", "tab:blue", "-"),
    "two-way": ("two-way variance", "tab:green", ":"),
    "Nadeau-Bengio": ("Nadeau and Bengio", "tab:orange", "-."),
}


def kept(scenario: str) -> dict[str, Any]:
    """By rule: differences, standard errors, degrees of freedom (3, data sets)."""
    lines = [json.loads(line) for line in path_of(RESULTS / "level", scenario).open()]
    found = {rule: np.array([line[rule] for line in lines]).T for rule in [*LOOKS][1:]}
    found["DeLong"][1] *= math.sqrt(TRAINED.repeated)
    d = found["DeLong"][0]
    found["known"] = np.array([d, np.full(d.size, d.std(ddof=1)), np.full(d.size, np.inf)])
    return found


def helps(rule: Any, true: float) -> float:
    d, error, freedom = rule
    return float((t.sf((d - d.mean() + true) / error, freedom) < ALPHA).mean())


def no_difference(rule: Any, true: float) -> float:
    d, error, freedom = rule
    reach = t.isf(ALPHA, freedom) * error
    return float((np.abs(d - d.mean() + true) + reach < MARGIN).mean())


def main() -> None:
    sizes = [size for size in ALL if path_of(RESULTS / "level", f"much true, {size}").exists()]
    figure, axes = plt.subplots(1, len(sizes), figsize=(3.6 * len(sizes), 3.4), sharey=True)
    for ax, size in zip(axes, sizes, strict=True):
        found, silent = kept(f"much true, {size}"), kept(f"noise, {size}")["DeLong"]
        for rule, (label, colour, dashes) in LOOKS.items():
            ax.plot(TRUE, [helps(found[rule], x) for x in TRUE], dashes, color=colour, label=label)
        said = [no_difference(silent, x) for x in TRUE]
        ax.fill_between(TRUE, said, color="tab:gray", alpha=0.35, label="no difference (product)")
        ax.axhline(ALPHA, color="tab:red", lw=0.7)
        ax.set(title=f"{size} rare", xlabel="true ΔAUC", xlim=(TRUE[0], TRUE[-1]), ylim=(0, 1))
    axes[0].set_ylabel("said in this share of data sets")
    axes[0].legend(fontsize=7, loc="upper left")
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
