import numpy as np
import pytest

from rarecase.errors import DataError
from rarecase.generators import Duplicates, Gaussian
from rarecase.generators.audit.audit import audit_generator


def cohort(shape=(4,), *, patients=16, slices=6, seed=0):
    """Slices of patients of two classes, half of them of each."""
    rng = np.random.default_rng(seed)
    who = np.repeat([f"p{i:02d}" for i in range(patients)], slices)
    y = np.repeat(np.array(["HGG", "LGG"])[np.arange(patients) % 2], slices)
    middle = np.repeat(rng.normal(size=(patients, *shape)), slices, axis=0)
    X = middle + 0.5 * rng.normal(size=middle.shape) + (y == "LGG").reshape(-1, *[1] * len(shape))
    return X.astype(np.float32), y, who


def test_copies_are_found_and_real_patients_are_none():
    X, y, who = cohort()
    found = audit_generator(Duplicates(), X, y, groups=who).set_index(["class", "source"])
    for label in ("HGG", "LGG"):
        made, real = found.loc[label, "synthetic"], found.loc[label, "real"]
        assert made["exact copies"] == 1 and made["nn ratio"] == 0
        assert real["exact copies"] == 0 and real["nn ratio"] > 0.5
        assert made["held"] == real["held"] == 12 and made["samples"] == 12
        assert made["train"] == 36 and real["train"] == 24 and real["samples"] == 12


def test_nobody_held_out_is_learnt_from():
    seen = []

    class Spy(Duplicates):
        def fit(self, X, y, **given):
            seen.append((np.asarray(given["rows"]), given["groups"], y))
            return super().fit(X, y, **given)

    X, y, who = cohort()
    audit_generator(Spy(), X, y, groups=who)
    (rows, groups, labels), = seen  # fmt: skip
    assert (who[rows] == groups).all() and (y[rows] == labels).all()
    left = set(who) - set(groups)
    assert len(left) == 4 and len(rows) == 12 * 6


def test_maps_by_their_means_and_the_given_generator_stays_as_it_was():
    X, y, who = cohort((3, 4, 4))
    generator = Gaussian()
    found = audit_generator(generator, X, y, groups=who)
    assert not hasattr(generator, "classes_")
    assert np.isfinite(found.drop(columns=["class", "source"]).to_numpy(float)).all()
    flat = audit_generator(Duplicates(), X.mean(axis=(2, 3)), y, groups=who)
    maps = audit_generator(Duplicates(), X, y, groups=who)
    real = flat["source"] == "real"
    np.testing.assert_allclose(
        flat[real]["frechet"].to_numpy(), maps[real]["frechet"].to_numpy(), rtol=1e-3
    )


def test_features_that_never_vary_are_not_measured():
    _, y, who = cohort()
    found = audit_generator(Duplicates(), np.ones((len(y), 200), np.float32), y, groups=who)
    assert found["frechet"].isna().all() and (found["samples"] == 12).all()


def test_what_is_too_little_is_said():
    X, y, who = cohort(patients=4)
    with pytest.raises(DataError, match="no class has three patients"):
        audit_generator(Duplicates(), X, y, groups=who)
    with pytest.raises(DataError, match="groups: expected one per sample"):
        audit_generator(Duplicates(), X, y, groups=who[:3])
    X, y, who = cohort(patients=8, slices=2)
    found = audit_generator(Duplicates(), X, y, groups=who)
    assert (found["held"] == 2).all() and found["frechet"].isna().all()
