from itertools import pairwise

import lightning_fabric
import numpy as np
import pandas as pd
import pytest
import torch

from rarecase.errors import DataError, LeakError, RarecaseError
from rarecase.seeds import torch_seeded
from rarecase.segmenter import (
    Augmentation,
    Normaliser,
    PackedMasks,
    Segmenter,
    SegmenterSchedule,
    Slices,
    UNet,
    channel_map,
    load_segmenter,
    predict_masks,
    train_segmenter,
)
from rarecase.segmenter.train import halved


def bright_squares(n: int = 24, size: int = 32) -> Slices:
    """Noise with a bright square: a task that a tiny U-Net learns in seconds."""
    rng = np.random.default_rng(0)
    images = rng.random((n, 1, size, size), dtype=np.float32) * 0.4
    masks = np.zeros((n, size, size), np.uint8)
    for i, (y, x) in enumerate(rng.integers(4, size - 12, (n, 2))):
        masks[i, y : y + 9, x : x + 9] = 1
    images[:, 0] += masks
    return Slices(images, masks, [0])


def segmenter(seed: int = 0) -> Segmenter:
    with torch_seeded(seed, "test"):
        net = UNet(in_channels=1, width=4, depth=2, norm="batch")
    return Segmenter(net=net, channels=("flair",))


def fabric() -> lightning_fabric.Fabric:
    return lightning_fabric.Fabric(accelerator="cpu", devices=1, precision="32-true")


def fit(model, slices, tmp_path, *, epochs=6, seed=1, augment=None, validation=True, **course):
    rows = np.arange(len(slices.images))
    return train_segmenter(
        model,
        slices,
        train_rows=rows[:16],
        validation_rows=rows[16:] if validation else rows[:0],
        schedule=SegmenterSchedule(lr=1e-2, batch=4, epochs=epochs, decay="cosine", **course),
        loss="dice+bce",
        augmentation=augment,
        fabric=fabric(),
        seed=seed,
        checkpoint=tmp_path / "training.safetensors",
    )  # fmt: skip


def test_learns_and_keeps_the_best_validation_epoch(tmp_path):
    model = segmenter()
    history = fit(model, bright_squares(), tmp_path, augment=Augmentation(), epochs=10)
    held = history[history["part"] == "validation"]
    assert held["dice"].max() > 0.8
    assert model.best_epoch == held.loc[held["loss"].idxmin(), "epoch"]
    assert list(history.columns) == ["epoch", "part", "loss", "dice", "iou", "seconds"]


class KilledError(Exception):
    """Stands for the process being killed."""


def test_a_killed_training_ends_with_the_same_bits(tmp_path, monkeypatch):
    whole = segmenter()
    history = fit(whole, bright_squares(), tmp_path / "whole", augment=Augmentation())

    import rarecase.training as module

    real, calls = module.save_training, []

    def save_then_die(*args, **kwargs):
        real(*args, **kwargs)
        calls.append(1)
        if len(calls) == 3:
            raise KilledError

    broken = segmenter()
    monkeypatch.setattr(module, "save_training", save_then_die)
    with pytest.raises(KilledError):
        fit(broken, bright_squares(), tmp_path / "broken", augment=Augmentation())
    monkeypatch.setattr(module, "save_training", real)
    again = segmenter(seed=99)  # other weights: everything must come from the checkpoint
    resumed = fit(again, bright_squares(), tmp_path / "broken", augment=Augmentation())
    columns = ["epoch", "part", "loss", "dice", "iou"]
    pd.testing.assert_frame_equal(resumed[columns], history[columns])
    assert again.best_epoch == whole.best_epoch
    for name, value in whole.net.state_dict().items():
        assert torch.equal(value, again.net.state_dict()[name]), name


def test_the_first_epochs_may_see_slices_at_half_size(tmp_path):
    model, seen = segmenter(), []
    model.net.register_forward_pre_hook(
        lambda net, inputs: seen.append(tuple(inputs[0].shape)) if net.training else None
    )
    history = fit(model, bright_squares(), tmp_path, epochs=3, coarse=0.6)
    assert model.best_epoch == 3  # scores at half size do not compete
    assert list(history.query("part == 'validation'")["epoch"]) == [1, 2, 3]
    assert seen == [(4, 1, 16, 16)] * 8 + [(4, 1, 32, 32)] * 4
    images, masks = torch.arange(16.0).view(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    masks[..., :2, :1] = masks[..., 3:, 3:] = 1  # a half and a quarter of a pixel
    small, small_masks = halved(images, masks, step=2)
    assert small.flatten().tolist() == [2.5, 4.5, 10.5, 12.5]
    assert small_masks.flatten().tolist() == [1, 0, 0, 0]
    odd, _ = halved(torch.ones(1, 1, 112, 112), torch.zeros(1, 1, 112, 112), step=16)
    assert odd.shape[-2:] == (64, 64) and odd.min() == odd.max() == 1  # 56 is not divisible


def test_the_first_blocks_of_a_trained_network_move_least(tmp_path):
    model = segmenter()
    stages = model.net.stages()
    before = [{k: v.detach().clone() for k, v in part.named_parameters()} for part in stages]
    known = {id(weight) for weight in model.net.parameters()}
    assert {id(w) for part in model.net.stages() for w in part.parameters()} == known
    fit(model, bright_squares(), tmp_path, epochs=1, layer_decay=0.5, validation=False)
    moved = [
        max(
            float((v.detach() - old[k]).abs().max())
            for k, v in part.named_parameters()
            if "weight" in k
        )
        for old, part in zip(before, model.net.stages(), strict=True)
    ]
    # Adam moves a weight by at most about its rate a step, whatever the gradient.
    assert all(near < 0.75 * far for near, far in pairwise(moved))


def test_it_stops_when_the_validation_patients_gain_nothing(tmp_path):
    slices = bright_squares()
    noise = Slices(slices.images, slices.masks.copy(), [0])
    noise.masks[16:] = 1 - noise.masks[16:]  # what is learnt makes these worse
    model = segmenter()
    history = fit(model, noise, tmp_path, epochs=12, patience=2)
    assert history["epoch"].max() == model.best_epoch + 2 < 12
    again = fit(segmenter(), noise, tmp_path, epochs=12, patience=2)  # it is over, not begun anew
    assert list(again["epoch"]) == list(history["epoch"])


def test_without_validation_rows_the_last_epoch_is_taken(tmp_path):
    model = segmenter()
    fit(model, bright_squares(), tmp_path, epochs=2, validation=False)
    assert model.best_epoch == 2


def test_no_masks_and_nonsense_rates_are_said(tmp_path):
    slices = bright_squares()
    with pytest.raises(DataError, match="No slice with a mask"):
        train_segmenter(
            segmenter(), slices, train_rows=np.arange(0), validation_rows=np.arange(0),
            schedule=SegmenterSchedule(1e-5, 10, 30), augmentation=None, fabric=fabric(), seed=0,
            checkpoint=tmp_path / "c",
        )  # fmt: skip
    broken = Slices(np.full_like(slices.images, np.inf), slices.masks, [0])
    with pytest.raises(RarecaseError, match=r"loss is no longer finite in epoch 1.*learning rate"):
        fit(segmenter(), broken, tmp_path, epochs=1)


def test_saves_and_loads_with_its_provenance(tmp_path):
    model = segmenter()
    model.normaliser = Normaliser(mean=(1.0,), deviation=(2.0,))
    model.trained_on, model.validated_on, model.best_epoch = ("p1", "p2"), ("p3",), 7
    model.save(tmp_path)
    again = load_segmenter(tmp_path / "model.safetensors")
    assert again.describe() == model.describe()
    x = torch.randn(1, 1, 16, 16)
    assert torch.equal(again.net.eval()(x), model.net.eval()(x))
    assert {f.suffix for f in tmp_path.iterdir()} == {".safetensors", ".json"}


def test_refuses_patients_that_it_has_seen():
    model = segmenter()
    model.trained_on, model.validated_on = ("p1",), ("p2",)
    model.refuse_seen(["p3"])
    with pytest.raises(LeakError, match=r"1 of the patients.*p2.*allow_seen"):
        model.refuse_seen(["p2", "p3"])


def test_broken_model_files_are_named(tmp_path):
    with pytest.raises(DataError, match=r"model\.safetensors: no such file"):
        load_segmenter(tmp_path)
    segmenter().save(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(DataError, match=r"model\.safetensors: not a safetensors file"):
        load_segmenter(tmp_path)
    (tmp_path / "model.json").unlink()
    with pytest.raises(DataError, match=r"model\.json: no such file"):
        load_segmenter(tmp_path)
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(DataError, match="not a segmenter's card"):
        load_segmenter(tmp_path)


def test_flair_is_repeated_on_the_channels_of_a_pretrained_network():
    assert channel_map(["flair"], ["flair", "t1", "t1gd", "t2"]) == [0, 0, 0, 0]
    assert channel_map(["image"], ["flair", "t1"]) == [0, 0]
    slices = Slices(
        np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2), np.zeros((1, 2, 2)), [1, 1, 0]
    )
    images, _ = slices.batch(np.array([0]))
    ready = slices.ready(images, Normaliser(mean=(0.0, 4.0, 0.0), deviation=(1.0, 1.0, 2.0)))
    assert ready[0, :, 0, 0].tolist() == [4.0, 0.0, 0.0]


def test_masks_from_mirror_images_are_the_mean_of_four_predictions():
    model, slices = segmenter(), bright_squares(5)
    torch.nn.init.normal_(model.net.head.weight)
    rows = np.arange(5)
    parts = predict_masks(model, slices, rows=rows, fabric=fabric(), batch=2, flips=True)
    found = np.concatenate([masks for _, masks in parts])
    images = torch.from_numpy(slices.images)
    model.net.eval()
    with torch.no_grad():
        turned = [
            model.net(torch.rot90(images, 2, (2, 3))).sigmoid().rot90(2, (2, 3)),
            model.net(images.flip(-1)).sigmoid().flip(-1),
            model.net(images.flip(-2)).sigmoid().flip(-2),
            model.net(images).sigmoid(),
        ]
    expected = (sum(turned) / 4)[:, 0] > 0.5
    plain = np.concatenate([m for _, m in predict_masks(model, slices, rows=rows, fabric=fabric())])
    assert (found == expected.numpy()).mean() > 0.999  # rounding may move a pixel
    assert (found != plain).any()


def test_predicted_masks_survive_packing(tmp_path):
    slices, model = bright_squares(), segmenter()
    model.net.eval()
    bits = PackedMasks.create(tmp_path / "m.npy", samples=24, height=32, width=32)
    kept = []
    for rows, masks in predict_masks(model, slices, rows=np.arange(24), fabric=fabric(), batch=7):
        bits[rows] = np.packbits(masks, axis=-1)
        kept.append(masks)
    bits.flush()
    packed = PackedMasks(tmp_path / "m.npy", width=32)
    np.testing.assert_array_equal(packed.read(np.arange(24)), np.concatenate(kept))
    with torch.no_grad():
        logits = model.net(torch.from_numpy(slices.images[:7]))
    np.testing.assert_array_equal(packed.read(np.arange(7)), (logits[:, 0] > 0).numpy())
