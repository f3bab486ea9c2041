"""Settings of trained generators that cannot be: said by name, before any training."""

import numpy as np
import pytest

from rarecase.errors import SettingError
from rarecase.generators import ACGAN, CVAE, Diffusion
from support.contract import toy

WHOLE = "expected at least {}, a whole number, got"
WIDTHS = "expected a tuple of whole numbers above 0"
PAIR = "expected a tuple of 2 whole numbers above 0"


@pytest.mark.parametrize("kind", [CVAE, Diffusion])
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("noise", None, WHOLE.format(1)),
        ("noise", 0, WHOLE.format(1)),
        ("batch_size", None, WHOLE.format(2)),
        ("batch_size", 8.5, WHOLE.format(2)),
        ("steps", "many", WHOLE.format(1)),
        ("hidden", 16, WIDTHS),
        ("hidden", (16, 0), WIDTHS),
        ("hidden", (16, 8.5), WIDTHS),
        ("lr", "fast", "expected a number above 0"),
        ("clip", 0, "expected a number above 0"),
        ("betas", (0.5,), "expected two numbers"),
        ("betas", (0.5, 1.0), "expected from 0 to below 1"),
        ("average", None, "expected from 0 to below 1"),
        ("holdout", np.nan, "expected from 0 to below 1"),
    ],
)
def test_of_generators_of_vectors(kind, name, value, words):
    X, y, _ = toy((6,))
    with pytest.raises(SettingError, match=f"^{name}: {words}"):
        kind(**{name: value}).fit(X, y)


@pytest.mark.parametrize("shape", [(6,), (6, 2, 2)], ids=["vectors", "maps"])
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("noise", -1, WHOLE.format(1)),
        ("noise", 0, WHOLE.format(1)),
        ("width", None, WHOLE.format(1)),
        ("epochs", 2.5, WHOLE.format(1)),
        ("hidden", (8,), PAIR),
        ("hidden", 16, PAIR),
        ("hidden", (8, 0), PAIR),
        ("lr", None, "expected a number above 0"),
        ("betas", None, "expected two numbers"),
        ("precision", None, "Known: "),
    ],
)
def test_of_the_acgan(shape, name, value, words):
    X, y, _ = toy(shape)
    with pytest.raises(SettingError, match=f"^{name}: {words}"):
        ACGAN(**{name: value}).fit(X, y)


def test_numbers_of_numpy_and_lists_are_taken():
    X, y, _ = toy((6,))
    CVAE(hidden=[np.int64(8)], noise=np.int64(4), steps=np.int32(2), lr=np.float32(0.1)).fit(X, y)
    ACGAN(hidden=[8, 8], epochs=np.int64(1), lr=np.float64(0.1), betas=[0.5, 0.9]).fit(X, y)
