"""The arms that train a network, at the size that a benchmark can afford."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rarecase.experiment.arm_names import NEURAL

from rarecase.experiment import Arm, Oversample
from rarecase.generators import ACGAN, ADCGAN, CVAE, WGAN, Diffusion, InfoGAN


def neural_arms(
    *, hidden: tuple[int, int], noise: int, lr: float | None, batch_size: int, steps: int
) -> dict[str, Arm]:
    """Arms by name; `lr` None: each generator's own, 2e-4 for the ACGAN."""
    shared = {"hidden": hidden, "noise": noise, "batch_size": batch_size}
    acgan = partial(ACGAN, lr=lr or 2e-4, max_steps=steps, epochs=10_000, **shared)
    others = {
        "adcgan": ADCGAN, "wgan": WGAN, "infogan": InfoGAN, "cvae": CVAE, "diffusion": Diffusion,
    }  # fmt: skip
    listed: dict[str, Callable[..., Any]] = {"acgan": acgan, "acgan-unfiltered": acgan}
    listed |= {n: partial(kind, lr=lr, steps=steps, **shared) for n, kind in others.items()}
    assert set(listed) == set(NEURAL)
    return {
        name: Arm(
            name, Oversample(lambda s, make=make: make(random_state=s), agreeing=name == "acgan"),
            synthetic=True,
        )
        for name, make in listed.items()
    }  # fmt: skip
