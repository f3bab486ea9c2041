"""Every generator against the contract, on the shapes it claims."""

from functools import partial

import contract
import pytest

from rarecase.generators import ACGAN

MAPS = partial(ACGAN, width=8, epochs=12)
VECTORS = partial(ACGAN, hidden=(64, 32), batch_size=16, epochs=40)
CASES = [
    pytest.param(MAPS, (6, 4, 4), id="acgan-4x4"),
    pytest.param(MAPS, (6, 15, 15), id="acgan-15x15"),
    pytest.param(MAPS, (6, 8, 5), id="acgan-8x5"),
    pytest.param(MAPS, (6, 1, 1), id="acgan-1x1"),
    pytest.param(VECTORS, (6,), id="acgan-vectors"),
]
every_case = pytest.mark.parametrize(("make", "shape"), CASES)


def brief(make):
    """The same generator, trained for four epochs: enough where quality is not the question."""
    return partial(make, epochs=4)


@every_case
def test_shapes_and_types(make, shape):
    contract.check_shapes_and_types(brief(make), shape)


@every_case
@pytest.mark.parametrize("negative", [False, True], ids=["nonnegative", "signed"])
def test_conditioning(make, shape, negative):
    contract.check_conditioning(partial(make, epochs=40), shape, negative=negative)


@every_case
def test_seeds(make, shape):
    contract.check_seeds(brief(make), shape)


@every_case
def test_round_trip(make, shape, tmp_path):
    contract.check_round_trip(brief(make), shape, tmp_path)


@every_case
def test_resume(make, shape, tmp_path):
    contract.check_resume(brief(make), shape, tmp_path)


@every_case
def test_stores(make, shape, tmp_path):
    contract.check_stores(brief(make), shape, tmp_path)


@every_case
def test_resampling(make, shape):
    contract.check_resampling(brief(make), shape)


@every_case
def test_integer_labels(make, shape, tmp_path):
    contract.check_integer_labels(brief(make), shape, tmp_path)


@every_case
def test_refusals(make, shape):
    contract.check_refusals(brief(make), shape)
