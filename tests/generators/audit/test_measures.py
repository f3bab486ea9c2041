import numpy as np
import pytest

from rarecase.errors import DataError
from rarecase.generators.audit.audit import MEASURES, audit_samples
from rarecase.generators.audit.fidelity import frechet_distance, kernel_distance, neighbourhood
from rarecase.generators.audit.memorisation import memorisation


def draws(n, seed, d=4):
    return np.random.default_rng(seed).normal(size=(n, d))


def test_every_measure_is_the_one_it_names():
    train, held, made = draws(60, 0), draws(40, 1), draws(90, 2) + 0.5
    found = audit_samples(train, held, made)
    assert tuple(found) == MEASURES
    near, known = neighbourhood(held, made), memorisation(train, held, made)
    for name in ("precision", "recall", "density", "coverage"):
        assert found[name] == getattr(near, name)
    assert found["frechet"] == frechet_distance(held, made)
    assert found["kernel"] == kernel_distance(held, made)
    assert found["nn ratio"] == known.ratio and found["membership"] == known.membership
    assert found["exact copies"] == known.exact and found["near copies"] == known.near
    assert 0.5 < found["two-sample AUC"] < 1 and found["frechet baseline"] > 0


def test_copies_and_fresh_draws():
    train, held = draws(200, 0), draws(60, 1)
    copies, fresh = audit_samples(train, held, train[:80]), audit_samples(train, held, draws(80, 2))
    assert copies["exact copies"] == 1 and copies["nn ratio"] == 0
    assert fresh["nn ratio"] == pytest.approx(1, abs=0.2) and fresh["exact copies"] == 0
    assert fresh["two-sample AUC"] == pytest.approx(0.5, abs=0.15)


def test_of_one_patient_no_floor_and_nothing_told_apart():
    train, held, made = draws(60, 0), draws(40, 1), draws(90, 2)
    found = audit_samples(train, held, made, groups=np.zeros(40))
    assert np.isnan(found["frechet baseline"]) and np.isnan(found["two-sample AUC"])
    several = audit_samples(train, held, made, groups=np.arange(40) // 8)
    assert np.isfinite(several["frechet baseline"]) and np.isfinite(several["two-sample AUC"])
    assert np.isnan(
        audit_samples(train, held, made, synthetic_groups=np.zeros(90))["two-sample AUC"]
    )


@pytest.mark.parametrize("short", ["train", "held", "synthetic"])
def test_too_few_are_said(short):
    given = {"train": draws(60, 0), "held": draws(40, 1), "synthetic": draws(90, 2)}
    given[short] = given[short][:5]
    with pytest.raises(DataError, match=f"{short}: expected 6 samples or more, got 5"):
        audit_samples(**given)
