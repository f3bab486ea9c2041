import lightning_fabric
import numpy as np
import pytest
import torch

from rarecase.errors import DataError
from rarecase.features.sources.region import DIMENSIONS, SIDE, crop, embed_crops, train_region
from rarecase.progress import use
from support.contract import Killer


def fabric():
    return lightning_fabric.Fabric(accelerator="cpu", devices=1, precision="32-true")


def test_a_crop_shows_the_tumour_in_the_middle_at_its_own_size():
    images = torch.zeros(1, 1, 64, 64)
    masks = torch.zeros(1, 64, 64)
    masks[0, 10:30, 40:60] = 1
    images[0, 0] = masks[0]
    found = crop(images, masks)
    assert found.shape == (1, 1, SIDE, SIDE)
    # 20 pixels of 28 that are shown, in the middle.
    inside = found[0, 0] > 0.5
    assert inside.float().mean().item() == pytest.approx((20 / 28) ** 2, rel=0.06)
    rows = torch.nonzero(inside.any(dim=1))[:, 0]
    assert rows.float().mean().item() == pytest.approx((SIDE - 1) / 2, abs=1)
    assert found[0, 0, 0, 0] == 0


def test_an_empty_outline_shows_the_whole_slice():
    images = torch.arange(64.0).repeat(64, 1)[None, None]
    found = crop(images, torch.zeros(1, 64, 64))
    assert found[0, 0, 5, 0] < 2 and found[0, 0, 5, -1] > 61


def toy(n=60, seed=0):
    rng = np.random.default_rng(seed)
    label = np.repeat([0, 1], [n // 3 * 2, n // 3])
    crops = rng.normal(size=(n, 1, SIDE, SIDE)).astype(np.float32) * 0.3
    crops[label == 1, :, 16:32, 16:32] += 1.0
    return torch.from_numpy(crops), label


def test_vectors_tell_classes_apart_that_look_different_and_repeat_to_the_bit():
    crops, label = toy()
    nets = [train_region(crops, label, classes=2, seed=0, fabric=fabric()) for _ in range(2)]
    new, truth = toy(seed=1)
    vectors = embed_crops(nets[0], new)
    assert vectors.shape == (60, DIMENSIONS) and vectors.min() >= 0
    means = [vectors[truth == c].mean(axis=0) for c in (0, 1)]
    nearest = np.argmin([np.linalg.norm(vectors - m, axis=1) for m in means], axis=0)
    assert (nearest == truth).mean() > 0.9
    np.testing.assert_array_equal(embed_crops(nets[1], new), vectors)


def test_a_killed_training_ends_with_the_same_bits(tmp_path):
    crops, label = toy()
    how = {"classes": 2, "seed": 0, "fabric": fabric()}
    whole = train_region(crops, label, **how)
    checkpoint = tmp_path / "region.safetensors"
    with pytest.raises(KeyboardInterrupt), use(Killer(7)):
        train_region(crops, label, **how, checkpoint=checkpoint)
    resumed = train_region(crops, label, **how, checkpoint=checkpoint)
    np.testing.assert_array_equal(embed_crops(resumed, crops), embed_crops(whole, crops))
    with pytest.raises(DataError, match="another training"):
        train_region(crops + 1, label, **how, checkpoint=checkpoint)


def test_a_class_without_a_tumour_slice_is_said():
    crops, label = toy()
    with pytest.raises(DataError, match="shows a tumour of one of the classes"):
        train_region(crops, label, classes=3, seed=0, fabric=fabric())
