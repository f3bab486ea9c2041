"""The ACGAN itself: layers, losses, schedule."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from rarecase.errors import DataError, RarecaseError, SettingError
from rarecase.features.samples import Samples
from rarecase.generators import ACGAN, networks
from rarecase.generators.collapse import diagnose
from rarecase.generators.losses import discriminator_loss, generator_loss
from rarecase.generators.networks import (
    ConvDiscriminator,
    ConvGenerator,
    MLPDiscriminator,
    MLPGenerator,
    stage_sizes,
)
from support.contract import toy


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (8, 8), (15, 15), (7, 16)])
def test_convolutional_shapes(size):
    generator = ConvGenerator((5, *size), 3, width=4)
    made = generator(torch.randn(4, 100), torch.tensor([0, 1, 2, 0]))
    assert made.shape == (4, 5, *size)
    source, logits = ConvDiscriminator((5, *size), 3, width=4)(made)
    assert source.shape == (4,)
    assert logits.shape == (4, 3)


def test_widths_mirror_the_paper():
    generator = ConvGenerator((1024, 15, 15), 2, width=64)
    assert [norm.num_features for norm in generator.norms] == [256, 128, 64]
    critic = ConvDiscriminator((1024, 15, 15), 2, width=64)
    assert [down.out_channels for down in critic.down] == [64, 128, 256]
    assert critic.heads.in_features == 256 * 2 * 2
    assert stage_sizes(1, 5) == [(1, 5), (1, 3), (1, 2), (1, 1)]


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (15, 15), (4, 9)])
def test_convolutions_as_products_are_convolutions(size, monkeypatch):
    torch.manual_seed(0)
    generator = ConvGenerator((5, *size), 2, width=4)
    critic = ConvDiscriminator((5, *size), 2, width=4)
    noise, label = torch.randn(6, 100), torch.arange(6) % 2
    parameters = [*generator.parameters(), *critic.parameters()]

    def said():
        source, logits = critic(generator(noise, label))
        gradients = torch.autograd.grad(source.sum() + logits.square().sum(), parameters)
        return source, logits, *gradients

    monkeypatch.setattr(networks, "MANY", 0)
    products = []
    whole = networks._as_product
    monkeypatch.setattr(
        networks, "_as_product", lambda *given: products.append(whole(*given)) or products[-1]
    )
    found = said()
    assert any(products)
    monkeypatch.setattr(networks, "FEW", 0)
    products.clear()
    expected = said()
    assert not any(products)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_weights_start_near_nothing():
    torch.manual_seed(0)
    critic = ConvDiscriminator((64, 8, 8), 2)
    assert float(critic.down[1].weight.detach().std()) == pytest.approx(0.02, rel=0.05)
    assert float(critic.down[1].bias.detach().abs().max()) == 0


def test_first_samples_have_no_dead_outputs():
    torch.manual_seed(0)
    generator = ConvGenerator((32, 8, 8), 2, width=16)
    made = generator(torch.randn(64, 100), torch.arange(64) % 2)
    assert bool((made > 0).any(dim=0).all())


def test_vectors_overwrite_the_first_noise_with_the_class():
    generator = MLPGenerator(7, 3, hidden=8, noise=10)
    noise = torch.randn(2, 10)
    other = noise.clone()
    other[:, :3] = 9.0
    label = torch.tensor([0, 2])
    torch.testing.assert_close(generator(noise, label), generator(other, label))
    assert not torch.equal(generator(noise, label), generator(noise, label.flip(0)))
    assert MLPDiscriminator(7, 3, hidden=4)(generator(noise, label))[1].shape == (2, 3)


def test_losses_against_torch():
    torch.manual_seed(0)
    real, fake = (torch.randn(6), torch.randn(6, 3)), (torch.randn(6), torch.randn(6, 3))
    a, b = torch.randint(3, (6,)), torch.randint(3, (6,))
    bce = F.binary_cross_entropy
    expected = (
        bce(torch.sigmoid(real[0]), torch.ones(6))
        + bce(torch.sigmoid(fake[0]), torch.zeros(6))
        - torch.softmax(real[1], 1)[range(6), a].log().mean()
        - torch.softmax(fake[1], 1)[range(6), b].log().mean()
    )
    torch.testing.assert_close(discriminator_loss(real, a, fake, b), expected)
    expected = (
        bce(torch.sigmoid(fake[0]), torch.ones(6))
        - torch.softmax(fake[1], 1)[range(6), b].log().mean()
    )
    torch.testing.assert_close(generator_loss(fake, b), expected)
    huge = (torch.full((6,), 1e4), fake[1])
    assert bool(torch.isfinite(discriminator_loss(real, a, huge, b)))


def test_history_and_step_cap():
    X, y, _ = toy((3, 2, 2))
    history = ACGAN(width=4, epochs=50, max_steps=10).fit(X, y).history_
    assert history["epoch"].tolist() == [1, 2, 3]  # 60 samples: 4 steps an epoch, 10 in all
    assert history.columns.tolist() == [
        "epoch", "d_loss", "g_loss", "real_class_accuracy", "fake_class_accuracy", "seconds",
    ]  # fmt: skip
    assert history["real_class_accuracy"].between(0, 1).all()
    capped = ACGAN(width=4, epochs=2, max_steps=1000).fit(X, y)
    free = ACGAN(width=4, epochs=2).fit(X, y)
    np.testing.assert_array_equal(capped.sample({"LGG": 3})[0], free.sample({"LGG": 3})[0])


@pytest.mark.parametrize("shape", [(6,), (6, 4, 4)], ids=["vectors", "maps"])
def test_a_collapse_is_said(shape, caplog):
    X, y, _ = toy(shape)
    small = {"width": 4, "hidden": (16, 16), "epochs": 20}
    gan = ACGAN(**small).fit(X, y)
    assert gan.diagnosis_["label"].tolist() == ["HGG", "LGG"]
    for code, name in enumerate(gan.classes_):
        made, real = gan.sample({name: 128})[0], X[y == name]
        spread = made.std(axis=0).mean() / real.std(axis=0).mean()
        if len(shape) == 1:
            spread = np.median(made.std(axis=0) / real.std(axis=0))
        assert gan.diagnosis_["spread"][code] == pytest.approx(spread, rel=1e-5)
    assert (gan.diagnosis_["distinct"] > 0.9).all()
    caplog.clear()
    # What starts near nothing and learns nothing makes one sample, whatever the noise.
    found = ACGAN(**small, lr=1e-12).fit(X, y).diagnosis_
    assert (found["spread"] < 0.2).all()
    assert "ACGAN has collapsed for class LGG" in caplog.text


def test_of_large_maps_fewer_are_looked_at(monkeypatch):
    X, y, _ = toy((6, 8, 8))
    gan = ACGAN(width=4, epochs=1).fit(X, y)
    asked, read, samples = [], [], Samples(X)
    draw, give = gan.sample, samples.read
    monkeypatch.setattr(gan, "sample", lambda counts: asked.append(counts) or draw(counts))
    monkeypatch.setattr(samples, "read", lambda rows: read.append(rows) or give(rows))
    monkeypatch.setattr("rarecase.generators.collapse.VALUES", X[0].size * 20)
    found = diagnose(gan, samples, (y == "LGG").astype(np.int64))
    assert asked == [{"HGG": 16}, {"LGG": 16}]
    assert [(len(rows), rows[0], rows[-1]) for rows in read] == [(16, 0, 39), (16, 40, 59)]
    assert found["spread"].gt(0).all()


def test_units_are_the_datas():
    X, y, _ = toy((4, 2, 2))
    small = ACGAN(width=4, epochs=3).fit(X, y).sample({"HGG": 50})[0]
    large = ACGAN(width=4, epochs=3).fit(X * 1024, y).sample({"HGG": 50})[0]
    np.testing.assert_allclose(large, small * 1024, rtol=1e-3, atol=1e-2)


def test_silent_channels_stay_finite():
    X, y, _ = toy((4, 2, 2))
    X[:, 1] = 0
    made, _ = ACGAN(width=4, epochs=2).fit(X, y).sample({"HGG": 5})
    assert np.isfinite(made).all()


def test_more_than_two_classes():
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b", "c"], 20)
    X = rng.normal(np.repeat(np.eye(3) * 5 + 1, 20, axis=0), 0.3).clip(0)
    gan = ACGAN(hidden=(64, 32), batch_size=10, epochs=40).fit(X, y)
    made, labels = gan.sample({"a": 40, "b": 40, "c": 40})
    assert (np.array(["a", "b", "c"])[made.argmax(1)] == labels).mean() > 0.8


def test_a_diverging_training_says_where_and_what_to_do():
    X, y, _ = toy((3, 2, 2))
    with pytest.raises(RarecaseError, match=r"no longer finite in epoch \d+ .*lower lr"):
        ACGAN(width=4, epochs=30, lr=1e30).fit(X, y)


def test_a_diverging_training_keeps_no_broken_checkpoint(tmp_path):
    X, y, _ = toy((3, 2, 2))
    checkpoint = tmp_path / "c.safetensors"
    for _ in range(2):
        with pytest.raises(RarecaseError, match="lower lr"):
            ACGAN(width=4, epochs=30, lr=1e30).fit(X, y, checkpoint=checkpoint)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("width", 0),
        ("epochs", 0),
        ("batch_size", 1),
        ("max_steps", 0),
        ("lr", 0.0),
        ("precision", "bf16-true"),
    ],
)
def test_impossible_settings(setting, value):
    X, y, _ = toy((3, 2, 2))
    with pytest.raises(SettingError, match=f"{setting}: "):
        ACGAN(**{setting: value}).fit(X, y)


def test_noise_must_hold_the_classes():
    X, y, _ = toy((6,))
    with pytest.raises(SettingError, match="noise: 2 classes overwrite"):
        ACGAN(noise=2, hidden=(4, 4)).fit(X, y)


def test_ranks_it_does_not_make():
    X, y, _ = toy((2, 3, 2, 2, 2))
    with pytest.raises(DataError, match=r"vectors .* maps"):
        ACGAN().fit(X, y)


def test_load_names_what_is_not_a_generator(tmp_path):
    (tmp_path / "generator.json").write_text("{}")
    with pytest.raises(DataError, match="not a generator of kind ACGAN"):
        ACGAN.load(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        ACGAN.load(tmp_path / "nowhere")
