"""The paper at its own size: one real step of every part, and the tables worked out by hand."""

import re
from pathlib import Path

import lightning_fabric
import numpy as np
import pytest
import torch

from rarecase.experiment.classifiers import make_classifier
from rarecase.experiment.classifiers.cnn_network import FeatureNet
from rarecase.generators import ACGAN
from rarecase.generators.networks import ConvDiscriminator, ConvGenerator
from rarecase.pipeline.resolve import resolve
from rarecase.segmenter import (
    Augmentation,
    Segmenter,
    SegmenterSchedule,
    Slices,
    UNet,
    train_segmenter,
)

DOC = Path(__file__).parents[2] / "docs/paper-size.md"
MAPS = (1024, 15, 15)


def tables():
    """Section → part → the counts at the end of its row."""
    found, section = {}, ""
    for line in DOC.read_text().splitlines():
        if line.startswith("## "):
            section = line[3:].split(",")[0]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        counts = [int(c.replace(",", "")) for c in cells if re.fullmatch(r"[\d,]{2,}", c)]
        if line.startswith("| ") and counts:
            found.setdefault(section, {})[cells[0]] = counts
    return found


def count(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


def test_the_unet_is_the_one_in_the_table():
    with torch.device("meta"):
        net = UNet(in_channels=4)
        shapes = {name: tuple(m.shape[1:]) for name, m in net.walk(torch.empty(1, 4, 240, 240))}
    parts = {f"enc{i + 1}": count(block) for i, block in enumerate(net.encoders)}
    parts |= {f"up{i + 1}": count(block) for i, block in enumerate(net.upsamplings)}
    parts |= {f"dec{i + 1}": count(block) for i, block in enumerate(net.decoders)}
    parts |= {"bottleneck": count(net.bottleneck), "head": count(net.head), "all": count(net)}
    assert {name: counts[0] for name, counts in tables()["U-Net"].items()} == parts
    assert shapes["bottleneck"] == MAPS and shapes["dec2"] == (128, 120, 120)
    down, up = (tuple(f"{side}{i}" for i in order) for side, order in
                (("enc", (1, 2, 3, 4)), ("dec", (4, 3, 2, 1))))  # fmt: skip
    assert tuple(shapes) == (*down, "bottleneck", *up)


@pytest.mark.parametrize(("place", "width"), [(0, 64), (1, 256), (2, 512)])
def test_the_acgan_is_the_one_in_the_table(place, width):
    with torch.device("meta"):
        g = ConvGenerator(MAPS, 2, width=width)
        d = ConvDiscriminator(MAPS, 2, width=width)
    norms = [count(norm) for norm in g.norms]
    parts = {
        "G project": count(g.project) + norms[0],
        "G up1": count(g.up[0]) + norms[1],
        "G up2": count(g.up[1]) + norms[2],
        "G last": count(g.last),
        "G all": count(g),
        **{f"D down{i + 1}": count(layer) for i, layer in enumerate(d.down)},
        "D heads": count(d.heads),
        "D all": count(d),
    }
    table = {name: counts[place] for name, counts in tables()["ACGAN for maps"].items()}
    assert table == parts


def test_the_classifier_is_the_one_in_the_table():
    with torch.device("meta"):
        net = FeatureNet(MAPS, 2)
    blocks = list(net.blocks)
    parts = {
        "block1": count(*blocks[:4]), "block2": count(*blocks[4:]),
        "first": count(net.first), "second": count(net.second), "all": count(net),
    }  # fmt: skip
    assert {name: counts[0] for name, counts in tables()["Classifier"].items()} == parts


def test_the_preset_is_the_papers_shapes_and_schedule():
    paper = resolve(preset="paper")
    assert paper.slices.size == 240 and paper.slices.normalise == "cohort"
    tuning = paper.segmenter
    assert (tuning.width, tuning.depth, tuning.norm) == (64, 4, "none")
    assert (tuning.epochs, tuning.batch, tuning.learning_rate, tuning.beta1) == (30, 10, 1e-5, 0.9)
    assert (tuning.loss, tuning.augment, tuning.augment_strength) == ("dice", True, 1.0)
    assert (tuning.coarse, tuning.flips, tuning.decay) == (0, False, "constant")
    gan = paper.generator
    assert gan.widths == [64, 256, 512] and (gan.epochs, gan.batch) == (50, 16)
    assert gan.learning_rate == 0.002 and gan.max_steps is None
    first = paper.experiment[0]
    assert (first.features, first.classifier, first.arms) == ("bottleneck", "cnn", ["acgan"])
    assert max(first.amounts) == 4800 and first.planned == 1158 and paper.split.kind == "holdout"
    classifier = paper.classifier
    assert (classifier.channels, classifier.dense) == ([64, 128], 2048)
    assert (classifier.epochs, classifier.batch, classifier.learning_rate) == (20, 10, 1e-3)
    assert paper.protocol == "sound"


def fabric():
    return lightning_fabric.Fabric(accelerator="cpu", devices=1, precision="32-true")


def changed(before, module):
    return all(
        not torch.equal(old, new)
        for (name, old), new in zip(before.items(), module.state_dict().values(), strict=True)
        if name.endswith("weight")
    )


@pytest.mark.slow
def test_one_step_of_the_unet_at_full_size(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2, 1, 240, 240)).astype(np.float32)  # a step of ten takes a minute
    masks = np.zeros((2, 240, 240), np.uint8)
    masks[:, 90:150, 80:140] = 1
    segmenter = Segmenter(net=UNet(in_channels=4), channels=("flair", "t1", "t1gd", "t2"))
    before = {k: v.clone() for k, v in segmenter.net.state_dict().items()}
    history = train_segmenter(
        segmenter, Slices(images, masks, [0, 0, 0, 0]),  # FLAIR on all four, as in the paper
        train_rows=np.arange(2), validation_rows=np.arange(0),
        schedule=SegmenterSchedule(lr=1e-5, batch=2, epochs=1), augmentation=Augmentation(),
        fabric=fabric(), seed=0, checkpoint=tmp_path / "training.safetensors",
    )  # fmt: skip
    assert np.isfinite(history["loss"]).all()
    assert changed(before, segmenter.net)


@pytest.mark.slow
@pytest.mark.parametrize("width", [512])
def test_one_step_of_the_acgan_at_full_size(width):
    rng = np.random.default_rng(0)
    X = np.maximum(rng.normal(size=(16, *MAPS)), 0).astype(np.float32)
    y = np.repeat(["HGG", "LGG"], [9, 7])
    gan = ACGAN(width=width, epochs=1).fit(X, y, fabric=fabric())
    assert np.isfinite(gan.history_.to_numpy(dtype=float)).all()
    made, asked = gan.sample({"HGG": 2, "LGG": 1})
    assert made.shape == (3, *MAPS) and made.min() >= 0
    assert asked.tolist() == ["HGG", "HGG", "LGG"]


@pytest.mark.slow
def test_one_step_of_the_classifier_at_full_size():
    rng = np.random.default_rng(0)
    X = np.maximum(rng.normal(size=(10, *MAPS)), 0).astype(np.float32)
    y = np.repeat(["HGG", "LGG"], [6, 4])
    classifier = make_classifier("cnn", settings={"epochs": 1}).estimator.fit(X, y, fabric=fabric())
    chances = classifier.predict_proba(X)
    assert chances.shape == (10, 2)
    np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-6)
