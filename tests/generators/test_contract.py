"""Every generator of the registry against the contract, on the shapes it takes."""

from functools import partial

import pytest
from imblearn.utils import estimator_checks as imblearn_checks
from sklearn.utils import estimator_checks as sklearn_checks

from rarecase.generators.registry import KINDS
from support import contract

SHAPES = [(6,), (6, 4, 3)]
MORE = {"acgan": [(6, 15, 15), (6, 8, 5), (6, 1, 1), (6, 3, 5, 4)]}  # its layers depend on sides
CLOSED_MAPS = [(6, 2, 3, 2)]
NETWORK = {"hidden": (64, 64), "batch_size": 16, "noise": 8, "lr": 2e-3}


def small(kind, shape, *, epochs):
    """The generator, small, trained for so many epochs (of four steps); a closed form has none."""
    make = kind.load_class()
    if kind.name == "acgan":
        if len(shape) > 1:
            return partial(make, width=8, epochs=epochs)
        return partial(make, hidden=(64, 32), batch_size=16, epochs=epochs)
    return partial(make, **NETWORK, steps=4 * epochs) if kind.trained else make


CASES = [
    pytest.param(kind, shape, id=f"{kind.name}-{'x'.join(map(str, shape))}")
    for kind in KINDS.values()
    for shape in [
        *SHAPES,
        *(MORE.get(kind.name, []) if kind.trained else CLOSED_MAPS),
    ]
]
TRAINED = [case for case in CASES if case.values[0].trained]


@pytest.mark.parametrize(("kind", "shape"), CASES)
@pytest.mark.parametrize("check", contract.CHECKS.values(), ids=contract.CHECKS)
def test_contract(kind, shape, check, tmp_path):
    check(small(kind, shape, epochs=4), shape, tmp_path)


@pytest.mark.parametrize(("kind", "shape"), TRAINED)
@pytest.mark.parametrize("check", contract.TRAINED.values(), ids=contract.TRAINED)
def test_contract_of_trained_ones(kind, shape, check, tmp_path):
    check(small(kind, shape, epochs=4), shape, tmp_path)


@pytest.mark.parametrize(("kind", "shape"), CASES)
@pytest.mark.parametrize("negative", [False, True], ids=["nonnegative", "signed"])
def test_what_is_requested_is_generated(kind, shape, negative):
    epochs = 40 if kind.name == "acgan" else 150
    contract.LEARNS(small(kind, shape, epochs=epochs), shape, negative=negative)


def brief(kind):
    if kind.name == "acgan":
        return kind.load_class()(hidden=(16, 16), epochs=1)
    return kind.load_class()(**({"hidden": (8,), "noise": 4, "steps": 3} if kind.trained else {}))


SAMPLERS = [brief(kind) for kind in KINDS.values()]


@imblearn_checks.parametrize_with_checks(SAMPLERS)
def test_as_imbalanced_learn_checks_it(estimator, check):
    check(estimator)


@sklearn_checks.parametrize_with_checks(SAMPLERS)
def test_as_scikit_learn_checks_it(estimator, check):
    check(estimator)
