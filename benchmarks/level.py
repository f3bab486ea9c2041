"""How often the test of two arms rejects, where nothing differs and where something does.

    python benchmarks/level.py [--sets 1000] [--only SCENARIO,…] [--jobs -1]

A thousand tables a line, two arms side by side on each (`level_scenarios.py` says how they are
made); 10 rare patients of 60, 24 of 110, 76 of 285, 200 of 800:

* seeds: duplicates drawn from two other seeds. Nothing differs.
* none: Gaussian samples against the real ones alone, without signal. Nothing can differ.
* noise: the same with signal: what a Gaussian adds is noise, on average.
* half, unlike: either arm sees 15 features, as good as the other's, and half of them, or none, are
  the same: as where sets of features are compared. Nothing differs on average. `once`: of these,
  and of noise, one repeat of five folds.
* true, much true: samples of the distribution that the data come from, as many as classes lack or
  eight times as many, against as many duplicates. They help.
* gain 0.05, gain 0.10: arms that see, beside each real training patient, one more feature, which
  says so much of the class that the AUC rises by that; the control sees as good as nothing in it.
* skewed, heavy, slices, sites, lda, forest: `none` with features whose distribution is skewed or
  has heavy tails; with three samples of each patient; tested on sites that are not learnt from;
  with another classifier.
* worse by 0.02, better by 0.02: arms whose true difference is the margin of `no difference`:
  undersampling, samples of the true distribution.

Written down for every data set: the difference and its standard error by DeLong, by the influence
curve within folds (LeDell, Petersen, van der Laan 2015), by a two-way variance (rare × common
patients), and Nadeau and Bengio's; summed up, too, for DeLong × 1.1 (the product's), × 1.6 and × 2
(the product's between sets of features). `results/level/` keeps them, and the next call goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from level_scenarios import FOLDS, SCENARIOS, SIZES, Scenario, draw, fits
from scipy.stats import norm, t
from sklearn.utils.parallel import Parallel, delayed

from rarecase.evidence.fits import Fit
from rarecase.evidence.paired import OTHER_FEATURES, TRAINED, Learning, compare_fits
from rarecase.evidence.placed import Placed, placed_folds
from rarecase.evidence.verdict import MARGIN

RESULTS = Path(__file__).with_name("results")
ALPHA = 0.05


def errors(arm: list[Fit], control: list[Fit]) -> dict[str, Any]:
    """Difference, standard error and degrees of freedom by every rule."""
    tested = compare_fits(arm, control, rare=1, learning=Learning(1.0, 1.0))
    folds = list(placed_folds(arm, control, rare=1))
    each = np.array([fold.difference for fold in folds])
    nadeau = math.sqrt((1 / each.size + 1 / (FOLDS - 1)) * each.var(ddof=1))
    rules = {
        "DeLong": (tested.error, tested.freedom),
        "influence": (influence(folds), math.inf),
        "two-way": (two_way(arm, control), tested.freedom),
        "Nadeau-Bengio": (nadeau, each.size - 1),
    }
    found = {name: (tested.difference, error, freedom) for name, (error, freedom) in rules.items()}
    return found | {"likeness": tested.likeness}


def influence(folds: list[Placed]) -> float:
    """LeDell, Petersen and van der Laan 2015, of a difference and averaged over repeats: the
    influence of each patient within its fold."""
    total: dict[int, float] = {}
    for fold in folds:
        n = fold.patient.size
        for side in (True, False):
            mine = fold.rare == side
            value = (fold.moved[mine] - fold.moved[mine].mean()) * n / mine.sum()
            for who, v in zip(fold.patient[mine].tolist(), value.tolist(), strict=True):
                total[who] = total.get(who, 0.0) + v * fold.weight * FOLDS
    values = np.array(list(total.values()))
    return float(np.sqrt(np.square(values).mean() / values.size))


def two_way(arm: list[Fit], control: list[Fit]) -> float:
    """Variance of the mean over pairs (rare, common), clustered both ways (Cameron, Gelbach and
    Miller 2011), pairs averaged over the folds they meet in."""
    n = arm[0].true.size
    total, met = np.zeros((n, n)), np.zeros((n, n))
    for a, c in zip(
        arm, [next(x for x in control if x.repeat == a.repeat) for a in arm], strict=True
    ):
        for f in a.folds:
            inside = a.fold == f
            i, j = (np.flatnonzero(inside & (a.true == k)) for k in (1, 0))
            wins = [(np.sign(fit.p[i, 1][:, None] - fit.p[j, 1][None]) + 1) / 2 for fit in (a, c)]
            total[np.ix_(i, j)] += wins[0] - wins[1]
            met[np.ix_(i, j)] += 1
    weight = met / met.sum()
    mean = total.sum() / met.sum()
    apart = np.where(met > 0, total / np.maximum(met, 1) - mean, 0.0) * weight
    rows, columns, pairs = apart.sum(1), apart.sum(0), apart
    variance = np.square(rows).sum() + np.square(columns).sum() - np.square(pairs).sum()
    return math.sqrt(max(variance, 0.0))


def one(scenario: Scenario, size: tuple[int, int], seed: int) -> dict[str, Any]:
    sets, site = draw(scenario, size, seed)
    sides = zip(sets, (scenario.arm, scenario.control), strict=True)
    both = [
        fits(features, sampler, scenario, site=site, seed=seed, stream=stream)
        for stream, (features, sampler) in enumerate(sides, 1)
    ]
    return {"seed": seed, **errors(*both)}


def summary(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean difference, its deviation over data sets, and how often each rule rejects, upwards, at
    5 %; `known`: that of the test that knows the deviation; `no difference`: how often the 90 %
    interval of × 1.1 lies within the margin."""
    stored = [name for name in lines[0] if name not in ("seed", "likeness", "product")]
    rules = [(name, name, 1.0) for name in stored]
    rules += [(f"× {f:g}", "DeLong", f) for f in (TRAINED.repeated, *sorted(OTHER_FEATURES))]
    moved = np.array([line[stored[0]][0] for line in lines])
    found = {"sets": len(lines), "mean": moved.mean(), "deviation": moved.std(ddof=1)}
    found["likeness"] = np.mean([line.get("likeness", np.nan) for line in lines])
    found["known"] = float((moved / found["deviation"] > norm.isf(ALPHA)).mean())
    for rule, kept, times in rules:
        d, error, freedom = np.array([line[kept] for line in lines], dtype=float).T
        error = error * math.sqrt(times)
        with np.errstate(divide="ignore", invalid="ignore"):
            found[rule] = float((t.sf(d / error, freedom) < ALPHA).mean())
            found[f"{rule} error"] = float(np.sqrt(np.mean(error**2)))
    d, error, freedom = np.array([line["DeLong"] for line in lines], dtype=float).T
    reach = t.isf(ALPHA, freedom) * error * math.sqrt(TRAINED.repeated)
    found["no difference"] = float((np.abs(d) + reach < MARGIN).mean())
    return {name: round(float(value), 4) for name, value in found.items()}


def tasks(only: str | None) -> Iterator[tuple[str, Callable[[int], Any]]]:
    for name in only.split(",") if only else SCENARIOS:
        for size in SCENARIOS[name].sizes:
            yield f"{name}, {size}", partial(one, SCENARIOS[name], SIZES[size])


def path_of(folder: Path, name: str) -> Path:
    """Where the data sets of a scenario are kept."""
    return folder / f"{name.replace(', ', '-').replace(' ', '-')}.jsonl"


def kept_lines(
    folder: Path, name: str, work: Callable[[int], dict[str, Any]], *, sets: int, jobs: int
) -> Iterator[dict[str, Any]]:
    """The line of every data set (`work` makes one of a seed): those that `folder` keeps, then the
    others, each written down when it is done."""
    folder.mkdir(exist_ok=True)
    path = path_of(folder, name)
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    yield from lines
    seen = {line["seed"] for line in lines}
    todo = (delayed(work)(seed) for seed in range(sets) if seed not in seen)
    with path.open("a") as out:
        for line in Parallel(n_jobs=jobs, return_as="generator_unordered")(todo):
            out.write(json.dumps(line) + "\n")
            out.flush()
            yield line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--only")
    parser.add_argument("--jobs", type=int, default=-1)
    args = parser.parse_args()
    file = RESULTS / "level.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    for name, work in tasks(args.only):
        began = time.perf_counter()
        lines = [*kept_lines(RESULTS / "level", name, work, sets=args.sets, jobs=args.jobs)]
        found[name] = summary(lines)
        print(name, found[name], f"{time.perf_counter() - began:.0f} s", flush=True)
    print(pd.DataFrame(found).T.to_string())
    file.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
