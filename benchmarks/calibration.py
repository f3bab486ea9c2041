"""Does the verdict keep its word? How often `helps` is said where nothing helps, and where it does.

    python benchmarks/calibration.py [--sets 200] [--only SCENARIO,…] [--jobs -1]

Three nulls: no signal at all; signal, but enough data; few rare patients and copies of real rows
with a little noise passing as a generator. `helps` for any arm of a data set counts. A fourth for
the arms that train a network: no signal, one round of five folds, small networks. Power: five rare
patients in training, a generator that draws from the true distribution, 100 fresh rare and 200
common patients to score on. Every data set is written down when it is done (results/calibration/),
and the next call goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from neural_arms import neural_arms
from sklearn.utils.parallel import Parallel, delayed

from rarecase import compare
from rarecase.evidence import make_evidence
from rarecase.experiment import Arm, Sampler, fit_fold, make_design
from rarecase.experiment.fold_data import TRAINS
from rarecase.experiment.splits import splits_of
from rarecase.features.feature_set import make_features
from rarecase.features.standardise import Space
from rarecase.generators.closed_form import ClosedForm
from rarecase.seeds import numpy_rng

RESULTS = Path(__file__).with_name("results")
ARMS = ("smote", "borderline-smote", "mixup", "remix", "gaussian")
DIMENSIONS = 16
SHIFT = 0.35  # of every feature of the rare class: AUC 0.84 for who knows the distribution


class Jittered(ClosedForm):
    """Real rows with a tenth of their spread as noise: nothing new in them."""

    def _make_flat(self, code: int, block: int, rng: np.random.Generator) -> Any:
        mine = self._of_class(code)
        noise = rng.standard_normal((self.BLOCK, mine.shape[1]))
        return mine[rng.integers(len(mine), size=self.BLOCK)] + 0.1 * self._X.std(axis=0) * noise


class TrueDistribution(ClosedForm):
    """Rows drawn from the distribution the data came from: all that a generator could know. It
    brings them into the fold's own space, as the fold does with real rows.

    `rows` (n, d) are the whole table's before they were standardised; `shift` is the rare class's.
    """

    def __init__(
        self, rows: Any = None, shift: float = 0.0, sampling_strategy: Any = "auto",
        random_state: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.rows, self.shift = rows, shift

    def _prepare(self) -> None:
        trained = np.array(self.trained_on_, dtype=int)  # patients' numbers; each has one row here
        self._space = Space.fit(self.rows[trained])

    def _make_flat(self, code: int, block: int, rng: np.random.Generator) -> Any:
        return self._space(rng.normal(size=(self.BLOCK, DIMENSIONS)) + self.shift * code)


def draw(rng: np.random.Generator, common: int, rare: int, *, shift: float) -> Any:
    """Rows of two Gaussian classes, `shift` apart in every feature."""
    y = np.repeat(["common", "rare"], [common, rare])
    X = rng.normal(size=(common + rare, DIMENSIONS)) + shift * (y == "rare")[:, None]
    return X, y


def null(seed: int, *, common: int, rare: int, shift: float, jitter: bool = False) -> Any:
    """Verdicts on one data set in which no arm knows more than the real rows say."""
    X, y = draw(numpy_rng(seed, "null", common, rare), common, rare, shift=shift)
    jittered = Arm("jittered", Sampler(Jittered()), synthetic=True)
    arms = [*ARMS, jittered] if jitter else ARMS
    found = compare(X, y, arms=arms, checks=False, draws=1, random_state=seed)
    return found.evidence["verdicts"]


def neural(seed: int) -> Any:
    """Verdicts on the arms that train a network, on a data set without signal."""
    torch.set_num_threads(1)
    small = neural_arms(hidden=(64, 64), noise=16, lr=1e-3, batch_size=32, steps=150)
    X, y = draw(numpy_rng(seed, "null", "neural"), 60, 20, shift=0.0)
    found = compare(
        X, y, arms=list(small.values()), repeats=1, inner=2, amounts=(1.0,), generator_seeds=1,
        checks=False, draws=1, random_state=seed,
    )  # fmt: skip
    return found.evidence["verdicts"]


def power(seed: int) -> Any:
    """The verdict on an arm that truly helps, with five rare patients to train on."""
    rng = numpy_rng(seed, "power")
    X, y = draw(rng, 60, 5, shift=SHIFT)
    fresh, truth = draw(rng, 200, 100, shift=SHIFT)
    both = np.concatenate([X, fresh])
    features = make_features(both, np.concatenate([y, truth]), rare="rare")
    mine = Arm("true", Sampler(TrueDistribution(both, shift=SHIFT)), synthetic=True)
    design = make_design([mine], seed=seed)
    fold = np.where(np.arange(len(both)) < len(X), TRAINS, 0)
    (place,) = splits_of(features, [fold]).places()
    predictions = fit_fold(features, design, place).predictions
    return make_evidence(predictions, rare="rare", draws=1)["verdicts"]


SCENARIOS: dict[str, Callable[[int], Any]] = {
    "no signal": lambda seed: null(seed, common=80, rare=20, shift=0.0),
    "enough data": lambda seed: null(seed, common=120, rare=80, shift=SHIFT),
    "jittered copies": lambda seed: null(seed, common=80, rare=15, shift=SHIFT, jitter=True),
    "neural arms": neural,
    "power": power,
}


def one(scenario: str, seed: int) -> dict[str, Any]:
    began = time.perf_counter()
    kept = ("arm", "answer", "p_helps", "p_harms")
    verdicts = [{k: v[k] for k in kept} for v in SCENARIOS[scenario](seed)]
    return {"seed": seed, "seconds": round(time.perf_counter() - began, 1), "verdicts": verdicts}


def summary(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """How many data sets had an arm that was said to help, or to harm; seconds in all."""
    said = [{v["answer"] for v in line["verdicts"]} for line in lines]
    arms = Counter(
        f"{v['arm']} {v['answer']}" for line in lines for v in line["verdicts"]
        if v["answer"] in ("helps", "harms")
    )  # fmt: skip
    return {
        "data sets": len(lines),
        "helps": sum("helps" in each for each in said),
        "harms": sum("harms" in each for each in said),
        "by arm": dict(sorted(arms.items())),
        "seconds": round(sum(line["seconds"] for line in lines)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--only", help="scenarios, of " + ", ".join(SCENARIOS))
    parser.add_argument("--jobs", type=int, default=-1)
    args = parser.parse_args()
    kept = RESULTS / "calibration"
    kept.mkdir(exist_ok=True)
    file = RESULTS / "calibration.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    for scenario in args.only.split(",") if args.only else SCENARIOS:
        path = kept / f"{scenario.replace(' ', '-')}.jsonl"
        lines = (
            [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        )
        seen = {line["seed"] for line in lines}
        work = (delayed(one)(scenario, s) for s in range(args.sets) if s not in seen)
        with path.open("a") as out:
            for line in Parallel(n_jobs=args.jobs, return_as="generator_unordered")(work):
                lines.append(line)
                out.write(json.dumps(line) + "\n")
                out.flush()
                print(f"{scenario}: {summary(lines)}", flush=True)
        found[scenario] = summary(lines)
        file.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
