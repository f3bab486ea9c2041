import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score

from rarecase.errors import DataError
from rarecase.generators.audit.memorisation import memorisation


def draws(n, seed, d=5):
    return np.random.default_rng(seed).normal(size=(n, d))


def test_by_the_definitions():
    train, held, made = draws(60, 0), draws(60, 1), draws(80, 2)
    made[:8] = train[:8]
    made[8:20] = train[8:20] + 1e-3
    found = memorisation(train, held, made)
    to_train, held_to_train = cdist(made, train).min(1), cdist(held, train).min(1)
    assert found.ratio == pytest.approx(np.median(to_train) / np.median(held_to_train))
    assert found.exact == pytest.approx(8 / 80)
    own = cdist(train, train) + np.diag(np.full(60, np.inf))
    assert found.near == pytest.approx((to_train <= 0.1 * np.median(own.min(1))).mean())
    assert found.near >= 20 / 80
    score = -np.concatenate([cdist(train, made).min(1), cdist(held, made).min(1)])
    assert found.membership == pytest.approx(roc_auc_score(np.repeat([1, 0], 60), score))


def test_fresh_draws_remember_nothing_however_many_trained():
    found = memorisation(draws(400, 0), draws(60, 1), draws(300, 2))
    assert found.ratio == pytest.approx(1, abs=0.12)
    assert found.exact == 0 and found.near == 0
    assert found.membership == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("held_out", [60, 20])
def test_copies_are_found_however_few_were_held_out(held_out):
    train = draws(400, 0)
    found = memorisation(train, draws(held_out, 1), train[:100])
    assert found.ratio == 0 and found.exact == 1 and found.near == 1


def test_copies_in_single_precision_are_copies():
    train = draws(60, 0)
    assert memorisation(train, draws(60, 1), train[:20].astype(np.float32)).exact == 1


@pytest.mark.parametrize("held_out", [60, 20])
def test_noise_on_copies_is_found_out(held_out):
    train, held = draws(60, 0), draws(held_out, 1)
    jittered = np.repeat(train, 3, axis=0) + 0.1 * draws(180, 2)
    found = memorisation(train, held, jittered)
    assert found.ratio < 0.4 and found.membership > 0.95 and found.exact == 0


def test_too_few_are_refused():
    with pytest.raises(DataError, match="train: expected three samples"):
        memorisation(draws(2, 0), draws(5, 1), draws(5, 2))
