"""A saved generator whose files were damaged is refused by name."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from rarecase.errors import DataError
from rarecase.generators import Gaussian


@pytest.fixture
def saved(tmp_path):
    X = np.random.default_rng(0).normal(size=(12, 3))
    Gaussian().fit(X, ["HGG", "LGG"] * 6).save(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda card: card.pop("settings"), "has no settings"),
        (lambda card: card["settings"].update(raneom=1), "raneom"),
        (lambda card: card.pop("shape"), "shape"),
        (lambda card: card.update(shape=3), "not iterable"),
        (lambda card: card.update(kind=""), "not a generator of kind Gaussian"),
    ],
)
def test_a_card_that_lacks_or_invents_something(saved, damage, why):
    path = saved / "generator.json"
    card = json.loads(path.read_text())
    damage(card)
    path.write_text(json.dumps(card))
    with pytest.raises(DataError, match=rf"generator\.json: .*{why}"):
        Gaussian.load(saved)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none(saved, value):
    path = saved / "generator.safetensors"
    arrays = load_file(path)
    name = next(n for n, a in arrays.items() if a.dtype.kind == "f")
    arrays[name].flat[0] = value
    save_file(arrays, path)
    with pytest.raises(DataError, match=r"generator\.safetensors: not what rarecase saved \(Input"):
        Gaussian.load(saved)
