"""What generators for vectors share beyond the contract: averaging, guard, early stop, collapse."""

import logging

import lightning_fabric
import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch import nn

from rarecase.errors import DataError, SettingError
from rarecase.generators import ACGAN, ADCGAN, CVAE, WGAN, Diffusion, Gaussian, InfoGAN
from rarecase.generators.collapse import diagnose, energy_distance
from rarecase.generators.cvae import Prior
from rarecase.generators.diffusion import signal
from rarecase.generators.early_stopping import Average, Watch
from rarecase.generators.losses import STEEP, slope_penalty
from rarecase.generators.neural import Player
from rarecase.generators.perceptrons import CHECKS, PATIENCE
from rarecase.generators.wgan import linear_classifier
from rarecase.training import Schedule, make_adam


def data(n=(60, 30), d=4, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(["common", "rare"], n)
    X = rng.normal(size=(sum(n), d)) + 2.0 * (y == "rare")[:, None]
    return X.astype(np.float32), y, np.array([f"p{i // 3}" for i in range(sum(n))])


def test_the_average_follows_and_soon_forgets_the_start():
    net = nn.Linear(1, 1, bias=False)
    average = Average(net, decay=0.9)
    with torch.no_grad():
        net.weight.fill_(5.0)
    average.follow(1)
    first = average.net.weight.item()
    for steps in range(2, 80):
        average.follow(steps)
    assert abs(average.net.weight.item() - 5.0) < 0.01 < abs(first - 5.0)
    assert not average.net.weight.requires_grad


def test_a_gradient_is_cut_and_one_that_is_not_finite_left_out():
    fabric = lightning_fabric.Fabric(accelerator="cpu", devices=1)
    net = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        net.weight.zero_()
    adam = make_adam(net, Schedule(lr=0.1, betas=(0.9, 0.99), batch=2, epochs=1), fused=True)
    player = Player(fabric, *fabric.setup(net, adam), clip=1.0)
    player.step((player.net(torch.full((1, 2), 1e6))).sum())
    moved = net.weight.detach().clone()
    assert moved.abs().max() == pytest.approx(0.1, rel=1e-3)
    assert net.weight.grad.norm() == pytest.approx(1.0, rel=1e-4)
    player.step((player.net(torch.full((1, 2), float("inf")))).sum())
    assert torch.equal(net.weight, moved)


def test_the_weights_of_the_lowest_criterion_are_kept():
    net, values = nn.Linear(1, 1), iter([3.0, 1.0, 2.0, 2.5, 4.0])
    watch = Watch(net, lambda: next(values), every=2, patience=3)
    for epoch in range(1, 11):
        with torch.no_grad():
            net.weight.fill_(float(epoch))
        if watch.over:
            break
        watch.look(epoch)
    assert watch.state == {"lowest": 1.0, "epoch": 4, "since": 3}
    assert watch.best.weight.item() == 4.0


def test_patients_held_out_decide_where_to_stop_and_teach_nothing():
    X, y, who = data()
    gan = CVAE(hidden=(16,), noise=4, steps=2000, batch_size=32, holdout=0.3)
    gan.fit(X, y, groups=who)
    held = gan._held_out(np.unique(y, return_inverse=True)[1])
    assert 0.15 < held.mean() < 0.45
    assert set(who[held]).isdisjoint(who[~held])
    wild = X.copy()
    wild[held] = wild[held][::-1]  # other held-out samples, the same scale
    other = CVAE(hidden=(16,), noise=4, steps=1, holdout=0.3).fit(wild, y, groups=who)
    same = CVAE(hidden=(16,), noise=4, steps=1, holdout=0.3).fit(X, y, groups=who)
    weights = [list(each._nets["decoder"].parameters()) for each in (same, other)]
    assert all(torch.equal(a, b) for a, b in zip(*weights, strict=True))
    planned = gan._schedule(int((~held).sum())).epochs
    done = gan.history_["epoch"].iloc[-1]
    assert PATIENCE * (planned // CHECKS) < done < planned  # stopped, and not before its patience
    assert done % (planned // CHECKS) == 0  # at a look


@pytest.mark.parametrize(("n", "batch", "epochs"), [(100, 64, 20), (65, 64, 39), (129, 64, 20)])
def test_as_many_steps_as_asked_in_as_many_epochs_as_planned(n, batch, epochs):
    class Counted(CVAE):
        def _step(self, fit):
            step, self.seen = super()._step(fit), []
            return lambda *given: self.seen.append(len(given[0])) or step(*given)

    X, y, _ = data((n - 30, 30))
    gan = Counted(hidden=(4,), noise=4, steps=39, batch_size=batch).fit(X, y)
    assert len(gan.seen) == 39
    assert len(gan.history_) == gan._schedule(n).epochs == epochs


def test_energy_distance_by_its_definition():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(30, 3)), rng.normal(size=(40, 3)) + 1
    off = ~np.eye(30, dtype=bool), ~np.eye(40, dtype=bool)
    expected = 2 * cdist(a, b).mean() - cdist(a, a)[off[0]].mean() - cdist(b, b)[off[1]].mean()
    assert energy_distance(a, b) == pytest.approx(expected)


def test_a_collapse_is_said(caplog):
    X, y, _ = data()
    gan = ADCGAN(hidden=(16,), noise=4, steps=40).fit(X, y)
    assert gan.diagnosis_["label"].tolist() == ["common", "rare"]
    assert (gan.diagnosis_["distinct"] > 0.9).all()

    class Stuck(ADCGAN):
        def _draw(self, net, label, random):
            return torch.zeros(len(label), 4)

    with caplog.at_level(logging.WARNING):
        found = Stuck(hidden=(16,), noise=4, steps=1).fit(X, y).diagnosis_
    assert (found["spread"] < 0.01).all()
    assert "Stuck has collapsed for class rare" in caplog.text


def test_a_generator_that_matches_is_diagnosed_as_alike():
    X, y, _ = data((600, 600))
    gan = CVAE(hidden=(32,), noise=4, steps=1500).fit(X, y)
    from rarecase.features.samples import Samples

    found = diagnose(gan, Samples(X), np.unique(y, return_inverse=True)[1])
    assert found["spread"].between(0.7, 1.3).all()


def test_a_large_column_does_not_hide_a_collapse():
    X, y, _ = data()
    X = X * np.array([1e4, 1.0, 1.0, 1.0], np.float32)
    X = np.concatenate([X, np.full((len(X), 6), 0.1, np.float32)], axis=1)  # and never vary

    class Narrow(ADCGAN):
        def _draw(self, net, label, random):
            made = torch.zeros(len(label), 10)
            made[:, 0] = torch.randn(len(label), generator=random)
            return made

    found = Narrow(hidden=(16,), noise=4, steps=1).fit(X, y).diagnosis_
    assert (found["spread"] < 0.01).all()


def raw_table():
    """Like `data`, with a column that never varies."""
    X, y, _ = data()
    X[:, 3] = 0.1
    return X, y


@pytest.mark.parametrize("sign", [-1, 1], ids=["signed", "nonnegative"])
@pytest.mark.parametrize("kind", [ADCGAN, InfoGAN, CVAE, Diffusion, WGAN, ACGAN])
def test_units_of_columns_do_not_matter(kind, sign, tmp_path):
    X, y = raw_table()
    X = np.abs(X) if sign > 0 else X
    units = np.array([1e-4, 1e4, 1.0, 50.0], np.float32)

    def fitted(values):
        if kind is ACGAN:
            return ACGAN(hidden=(16, 16), noise=8, epochs=5).fit(values, y)
        return kind(hidden=(16,), noise=4, steps=10).fit(values, y)

    one, other = fitted(X), fitted(X * units)
    made, theirs = one.sample({"rare": 60})[0], other.sample({"rare": 60})[0]
    np.testing.assert_allclose(theirs / units, made, rtol=1e-3, atol=1e-3)
    assert np.unique(made[:, 3]).tolist() == [X[0, 3]]
    assert np.unique(theirs[:, 3]).tolist() == [(X * units)[0, 3]]
    other.save(tmp_path)
    np.testing.assert_array_equal(kind.load(tmp_path).sample({"rare": 60})[0], theirs)


@pytest.mark.parametrize(
    "make", [CVAE(hidden=(4,), noise=4, steps=1), ACGAN(hidden=(4, 4), noise=4, epochs=1)]
)
def test_a_column_too_coarse_for_float32_is_said(make, caplog):
    X, y, _ = data()
    make.fit(X + np.array([0.0, 0.0, 1e9, 0.0]), y)
    assert sum("columns 2 (from 0)" in said for said in caplog.messages) == 1


def test_maps_that_are_too_large_are_refused_before_anything_is_made():
    X = np.zeros((4, 1024, 15, 15), np.float32)
    with pytest.raises(DataError, match=r"230,400 values\) would need .* ACGAN takes maps"):
        WGAN(hidden=(4096,)).fit(X, ["a", "a", "b", "b"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": 0}, "steps: expected at least 1"),
        ({"holdout": 1.0}, "holdout: expected from 0 to below 1"),
        ({"clip": 0.0}, "clip: expected a number above 0"),
        ({"average": -0.1}, "average: expected from 0"),
    ],
)
def test_settings_that_cannot_be(change, words):
    X, y, _ = data()
    with pytest.raises(SettingError, match=words):
        Diffusion(**change).fit(X, y)


def test_the_fixed_classifier_is_scikit_learns():
    from sklearn.linear_model import LogisticRegression

    X, y, _ = data()
    codes = np.unique(y, return_inverse=True)[1]
    layer = linear_classifier(X, codes, classes=2)
    expected = LogisticRegression(C=0.1, max_iter=500).fit(X, codes).predict_proba(X)
    found = layer(torch.from_numpy(X)).softmax(1).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert not layer.weight.requires_grad


def test_the_signal_falls_from_all_to_nothing():
    time = torch.linspace(0, 1, 11)
    kept = signal(time)
    assert kept[0] > 0.9999 - 1e-4 and kept[-1] <= 1e-4
    assert bool((kept[1:] < kept[:-1]).all())


def test_the_penalty_is_half_the_squared_slope():
    weight = torch.tensor([3.0, -4.0, 0.0])
    real = torch.randn(5, 3, requires_grad=True)
    assert slope_penalty(real @ weight, real).item() == pytest.approx(STEEP * 3 / 2 * 25, rel=1e-5)


def test_the_prior_is_a_mixture_of_gaussians_a_class():
    torch.manual_seed(0)
    prior, label = Prior(3, 2), torch.tensor([0, 1, 1, 0])
    with torch.no_grad():
        for weights in prior.parameters():
            weights.copy_(torch.randn(weights.shape))
    z = torch.randn(4, 3)
    parts = torch.distributions.Independent(
        torch.distributions.Normal(prior.means[label], prior.log_spread[label].exp()), 1
    )
    mixture = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(logits=prior.weight[label]), parts
    )
    constant = 3 / 2 * np.log(2 * np.pi)
    torch.testing.assert_close(prior(z, label) - constant, mixture.log_prob(z))
    asked = torch.full((20_000,), 1)
    drawn = prior.draw(asked, torch.Generator().manual_seed(0)).detach()
    torch.testing.assert_close(drawn.mean(0), mixture.mean[1].detach(), atol=0.1, rtol=0)
    torch.testing.assert_close(drawn.var(0), mixture.variance[1].detach(), atol=0, rtol=0.1)


@pytest.mark.parametrize("kind", [ADCGAN, InfoGAN, CVAE, Diffusion, WGAN])
def test_spots_between_spots_are_told_apart_where_a_gaussian_cannot(kind):
    """Two spots of one class, and two of the other across: both have their mean where there is
    neither."""
    rng = np.random.default_rng(0)
    spots = {"common": [(-1, -1), (1, 1)], "rare": [(-1, 1), (1, -1)]}
    counts = {"common": 150, "rare": 50}

    def draw(name, n):
        return np.array(spots[name])[rng.integers(2, size=n)] + 0.15 * rng.normal(size=(n, 2))

    X = np.concatenate([draw(name, n) for name, n in counts.items()])
    y = np.repeat(list(counts), list(counts.values()))
    fresh = draw("rare", 500)
    steps = 4000 if kind is WGAN else 1600  # four of five steps are the critic's
    far = [
        energy_distance(fresh, generator.fit(X, y).sample({"rare": 500})[0])
        for generator in (kind(steps=steps, hidden=(64, 64), noise=8), Gaussian())
    ]
    assert far[0] < 0.5 * far[1]


def last(generator, column, X, y):
    """The mean of a column of the history over the last 40 epochs."""
    return generator(hidden=(32,), noise=4, steps=600).fit(X, y).history_[column][-40:].mean()


def test_the_codes_can_be_read_from_the_samples(monkeypatch):
    X, y, _ = data()
    blind = 1 / 3  # the variance of a code: what saying 0 of every one comes to
    assert last(InfoGAN, "code_error", X, y) < 0.3 * blind
    monkeypatch.setattr(InfoGAN, "WEIGHT", 0.0)
    assert last(InfoGAN, "code_error", X, y) > blind


def test_the_classifier_draws_samples_out_of_the_overlap(monkeypatch):
    X, y, _ = data()
    X[y == "rare"] -= 1.5
    drawn, missed = [], []
    for weight in (WGAN.CLASS_WEIGHT, 0.0, 5.0):
        monkeypatch.setattr(WGAN, "CLASS_WEIGHT", weight)
        brief = WGAN(hidden=(8,), noise=4, steps=10).fit(X, y)
        drawn.append(brief.sample({"rare": 5})[0])
        missed.append(last(WGAN, "class_loss", X, y))
    assert not np.array_equal(drawn[0], drawn[1])
    assert missed[2] < missed[1] - 0.1
