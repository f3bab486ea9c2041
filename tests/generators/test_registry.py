"""One line per generator, which everything else reads."""

import json

import numpy as np
import pytest

from rarecase.errors import DataError, SettingError
from rarecase.generators import load_generator
from rarecase.generators.filters import FILTERS
from rarecase.generators.registry import KINDS, make_generator
from support.contract import toy

SMALL = {"acgan": {"hidden": (8, 8), "epochs": 1}}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_saved_generator_is_loaded_by_its_card(kind, tmp_path):
    X, y, _ = toy((6,))
    settings = {"hidden": (8,), "noise": 4, "steps": 3} if kind.trained else {}
    made = make_generator(kind.name, settings=SMALL.get(kind.name, settings), random_state=3)
    made.fit(X, y).save(tmp_path)
    back = load_generator(tmp_path)
    assert type(back) is kind.load_class() and back.random_state == 3
    np.testing.assert_array_equal(back.sample({"LGG": 5})[0], made.sample({"LGG": 5})[0])
    card = json.loads((tmp_path / "generator.json").read_text())
    assert set(card) == {"version", "kind", "classes", "trained_on", "shape", "settings"}
    assert kind.filter in (None, *FILTERS)


def test_what_is_unknown_is_said(tmp_path):
    with pytest.raises(SettingError, match="did you mean 'gaussian'"):
        make_generator("gausian")
    with pytest.raises(SettingError, match=r"no setting 'neighbors'.*did you mean 'neighbours'"):
        make_generator("smote", settings={"neighbors": 3})
    (tmp_path / "generator.json").write_text('{"kind": "Mine", "settings": {}}')
    with pytest.raises(DataError, match="kind 'Mine' is not among"):
        load_generator(tmp_path)
