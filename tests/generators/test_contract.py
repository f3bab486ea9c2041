"""Every generator against the contract, on the shapes it claims."""

from functools import partial

import contract
import pytest
from imblearn.utils import estimator_checks as imblearn_checks
from sklearn.utils import estimator_checks as sklearn_checks

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

MAPS = partial(ACGAN, width=8, epochs=12)
VECTORS = partial(ACGAN, hidden=(64, 32), batch_size=16, epochs=40)
TRAINED = [
    pytest.param(MAPS, (6, 4, 4), id="acgan-4x4"),
    pytest.param(MAPS, (6, 15, 15), id="acgan-15x15"),
    pytest.param(MAPS, (6, 8, 5), id="acgan-8x5"),
    pytest.param(MAPS, (6, 1, 1), id="acgan-1x1"),
    pytest.param(MAPS, (6, 3, 5, 4), id="acgan-volumes"),
    pytest.param(VECTORS, (6,), id="acgan-vectors"),
]
NEURAL = [ADCGAN, WGAN, InfoGAN, CVAE, Diffusion]
SMALL = {"hidden": (64, 64), "batch_size": 16, "noise": 8, "lr": 2e-3}
NEURAL_CASES = [
    pytest.param(partial(kind, **SMALL), shape, id=f"{kind.__name__}-{name}")
    for kind in NEURAL
    for name, shape in {"vectors": (6,), "maps": (6, 4, 3)}.items()
]
CLOSED = [
    Duplicates, Smote, BorderlineSmote, Mixup, Remix, Gaussian, GaussianMixture, Borrowed,
]  # fmt: skip
SHAPES = {"vectors": (6,), "maps": (6, 4, 3), "volumes": (6, 2, 3, 2)}
CASES = [
    *TRAINED,
    *NEURAL_CASES,
    *(
        pytest.param(kind, shape, id=f"{kind.__name__}-{name}")
        for kind in CLOSED
        for name, shape in SHAPES.items()
    ),
]
every_case = pytest.mark.parametrize(("make", "shape"), CASES)


def trained(make, epochs):
    """The same generator, trained for so many epochs (of four steps); a closed form has none."""
    if make in CLOSED:
        return make
    return partial(make, **({"steps": 4 * epochs} if make.func in NEURAL else {"epochs": epochs}))


def brief(make):
    """Enough where quality is not the question."""
    return trained(make, 4)


@every_case
def test_shapes_and_types(make, shape):
    contract.check_shapes_and_types(brief(make), shape)


@every_case
@pytest.mark.parametrize("negative", [False, True], ids=["nonnegative", "signed"])
def test_conditioning(make, shape, negative):
    epochs = 150 if getattr(make, "func", None) in NEURAL else 40
    contract.check_conditioning(trained(make, epochs), shape, negative=negative)


@every_case
def test_seeds(make, shape):
    contract.check_seeds(brief(make), shape)


@every_case
def test_round_trip(make, shape, tmp_path):
    contract.check_round_trip(brief(make), shape, tmp_path)


@every_case
def test_what_is_saved(make, shape, tmp_path):
    contract.check_what_is_saved(brief(make), shape, tmp_path)


@pytest.mark.parametrize(("make", "shape"), [*TRAINED, *NEURAL_CASES])
def test_resume(make, shape, tmp_path):
    contract.check_resume(brief(make), shape, tmp_path)


@every_case
def test_stores(make, shape, tmp_path):
    contract.check_stores(brief(make), shape, tmp_path)


@every_case
def test_resampling(make, shape):
    contract.check_resampling(brief(make), shape)


@every_case
def test_types_of_values(make, shape):
    contract.check_types_of_values(brief(make), shape)


@every_case
def test_integer_labels(make, shape, tmp_path):
    contract.check_integer_labels(brief(make), shape, tmp_path)


@every_case
def test_refusals(make, shape):
    contract.check_refusals(brief(make), shape)


SAMPLERS = [
    *(kind() for kind in CLOSED),
    ACGAN(hidden=(16, 16), epochs=1),
    *(kind(hidden=(8,), noise=4, steps=3) for kind in NEURAL),
]


@imblearn_checks.parametrize_with_checks(SAMPLERS)
def test_as_imbalanced_learn_checks_it(estimator, check):
    check(estimator)


@sklearn_checks.parametrize_with_checks(SAMPLERS)
def test_as_scikit_learn_checks_it(estimator, check):
    check(estimator)
