"""The arms that train a network, at the size that a benchmark can afford."""

from __future__ import annotations

from typing import Any

from rarecase.experiment import Arm, Sampler, Tuned
from rarecase.generators.registry import KINDS

TRAINED = tuple(name for name, kind in KINDS.items() if kind.trained)


def neural_settings(
    name: str, *, hidden: tuple[int, int], noise: int, lr: float | None, batch_size: int, steps: int
) -> tuple[tuple[str, Any], ...]:
    """What a generator is made with; `lr` None: its own, 2e-4 for the ACGAN."""
    shared: dict[str, Any] = {"hidden": hidden, "noise": noise, "batch_size": batch_size}
    if name == "acgan":
        shared |= {"lr": lr or 2e-4, "max_steps": steps, "epochs": 10_000}
    else:
        shared |= {"lr": lr, "steps": steps}
    return tuple(shared.items())


def neural_arms(**size: Any) -> dict[str, Arm]:
    """Arms by name; `size` as `neural_settings` takes it."""
    arms = {
        name: Arm(
            name,
            Sampler(name, settings=neural_settings(name, **size), filter=KINDS[name].filter),
            Tuned(),
            synthetic=True,
        )
        for name in TRAINED
    }
    plain = Sampler("acgan", settings=arms["acgan"].sampler.settings)
    return arms | {"acgan-unfiltered": Arm("acgan-unfiltered", plain, Tuned(), synthetic=True)}
