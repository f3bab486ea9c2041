"""Every generator on toy sets whose densities are known.

    python benchmarks/toys.py [--seeds 5] [--only GENERATOR,…] [--sets SET,…]

Three sets of two dimensions and one of 64, two classes each, mixtures of Gaussians along curves, so
that densities are known. 600 samples of the common and 200 of the rare class to learn from; 2,000
made of each. Energy distance to 10,000 fresh draws (mean over classes), coverage of 1,000 fresh
draws, share of made samples whose class the true densities give back, seconds to fit. A line is
written down when it is done (results/toys.jsonl), and the next call goes on; the table is printed
at the end.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import logsumexp
from sklearn.utils.parallel import Parallel, delayed

from rarecase.generators import (
    ACGAN,
    ADCGAN,
    CVAE,
    WGAN,
    BorderlineSmote,
    Borrowed,
    Diffusion,
    Duplicates,
    Gaussian,
    GaussianMixture,
    InfoGAN,
    Mixup,
    Remix,
    Smote,
)
from rarecase.generators.audit.fidelity import neighbourhood
from rarecase.generators.collapse import energy_distance
from rarecase.seeds import numpy_rng

RESULTS = Path(__file__).with_name("results")
TRAIN = {"common": 600, "rare": 200}
MADE, FRESH, COVERED = 2000, 10_000, 1000


@dataclass(frozen=True)
class Density:
    """A mixture of equally likely spherical Gaussians: centres (k, d), one deviation."""

    centres: np.ndarray
    deviation: float

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        which = rng.integers(len(self.centres), size=count)
        noise = rng.normal(size=(count, self.centres.shape[1]))
        return self.centres[which] + self.deviation * noise

    def log(self, X: np.ndarray) -> np.ndarray:
        """Log density of (n, d), up to a constant of the deviation and dimension."""
        square = ((X[:, None] - self.centres[None]) ** 2).sum(-1) / self.deviation**2
        d = self.centres.shape[1]
        return (
            logsumexp(-square / 2, axis=1) - np.log(len(self.centres)) - d * np.log(self.deviation)
        )


def arc(start: float, end: float, *, radius: float, at: tuple[float, float]) -> np.ndarray:
    turn = np.linspace(start, end, 60)
    return np.stack([at[0] + radius * np.cos(turn), at[1] + radius * np.sin(turn)], axis=1)


def moons() -> dict[str, Density]:
    """Two half circles that reach into each other."""
    return {
        "common": Density(arc(0, np.pi, radius=2, at=(-1, 0)), 0.2),
        "rare": Density(arc(np.pi, 2 * np.pi, radius=2, at=(1, 0.7)), 0.2),
    }


def rings() -> dict[str, Density]:
    """One ring inside another."""
    return {
        "common": Density(arc(0, 2 * np.pi, radius=3, at=(0, 0)), 0.25),
        "rare": Density(arc(0, 2 * np.pi, radius=1.2, at=(0, 0)), 0.25),
    }


def checks() -> dict[str, Density]:
    """A board of nine spots, of one class and the other in turn."""
    spots = np.array([(x, y) for x in (-2, 0, 2) for y in (-2, 0, 2)], dtype=float)
    even = np.arange(9) % 2 == 0
    return {"common": Density(spots[even], 0.3), "rare": Density(spots[~even], 0.3)}


def curves() -> dict[str, Density]:
    """Two closed curves in 64 dimensions."""
    rng = np.random.default_rng(0)
    turn = np.linspace(0, 2 * np.pi, 80)
    waves = np.concatenate([f(k * turn)[:, None] for k in (1, 2, 3) for f in (np.sin, np.cos)], 1)
    return {
        name: Density(waves @ rng.normal(size=(6, 64)) / 2 + shift * rng.normal(size=64), 0.25)
        for name, shift in (("common", 0.0), ("rare", 0.3))
    }


SETS: dict[str, Callable[[], dict[str, Density]]] = {
    "moons": moons, "rings": rings, "checks": checks, "curves": curves,
}  # fmt: skip
GENERATORS: dict[str, Callable[..., Any]] = {
    "duplicates": Duplicates,
    "smote": Smote,
    "borderline-smote": BorderlineSmote,
    "mixup": Mixup,
    "remix": Remix,
    "gaussian": Gaussian,
    "gaussian-mixture": GaussianMixture,
    "borrowed": Borrowed,
    "acgan": partial(ACGAN, hidden=(1024, 1024), noise=32, batch_size=64, lr=1e-3, max_steps=4000,
                     epochs=400),
    "adcgan": partial(ADCGAN, steps=4000),
    "wgan": partial(WGAN, steps=8000),
    "infogan": partial(InfoGAN, steps=4000),
    "cvae": partial(CVAE, steps=4000),
    "diffusion": partial(Diffusion, steps=4000),
}  # fmt: skip


def one(name: str, kind: str, seed: int) -> dict[str, Any]:
    """A generator on a set, from one seed."""
    torch.set_num_threads(1)
    densities, rng = SETS[name](), numpy_rng(seed, "toys", name)
    X = np.concatenate([densities[c].draw(n, rng) for c, n in TRAIN.items()])
    y = np.repeat(list(TRAIN), list(TRAIN.values()))
    began = time.perf_counter()
    generator = GENERATORS[kind](random_state=seed).fit(X, y)
    seconds = time.perf_counter() - began
    apart, covered, right = [], [], []
    for label in TRAIN:
        made = generator.sample({label: MADE})[0].astype(np.float64)
        fresh = densities[label].draw(FRESH, rng)
        apart.append(energy_distance(fresh, made))
        covered.append(neighbourhood(fresh[:COVERED], made[:COVERED]).coverage)
        other = next(c for c in TRAIN if c != label)
        right.append(float((densities[label].log(made) > densities[other].log(made)).mean()))
    found = {"energy": apart, "coverage": covered, "class accuracy": right}
    means = {key: float(np.mean(values)) for key, values in found.items()}
    return {"set": name, "generator": kind, "seed": seed, **means, "seconds": round(seconds, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default=",".join(GENERATORS))
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--jobs", type=int, default=-1)
    args = parser.parse_args()
    path = RESULTS / "toys.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(line["set"], line["generator"], line["seed"]) for line in lines}
    wanted = [
        (name, kind, seed)
        for kind in args.only.split(",") for name in args.sets.split(",")
        for seed in range(args.seeds)
    ]  # fmt: skip
    work = (delayed(one)(*each) for each in wanted if each not in done)
    with path.open("a") as out:
        for line in Parallel(n_jobs=args.jobs, return_as="generator_unordered")(work):
            lines.append(line)
            out.write(json.dumps(line) + "\n")
            out.flush()
    table = pd.DataFrame(lines).groupby(["set", "generator"], sort=False)
    print(table[["energy", "coverage", "class accuracy", "seconds"]].mean().round(3).to_string())


if __name__ == "__main__":
    main()
