"""Scores of outlines, against MONAI and by hand."""

import numpy as np
import pytest
import torch
from monai.metrics import compute_hausdorff_distance

from rarecase.segmenter.outlines import outline_scores


def blobs(seed, depth=10, side=24):
    """Two masks that overlap, and a part that only the true one has."""
    rng = np.random.default_rng(seed)
    z, y, x = np.ogrid[:depth, :side, :side]
    middle = rng.uniform(8, 12, 2)

    def ball(cy, cx, r):
        return (z - depth / 2) ** 2 + (y - cy) ** 2 + (x - cx) ** 2 < r**2

    true = ball(*middle, 4.5) | ball(21, 21, 2)
    return ball(*(middle + rng.uniform(-2, 2, 2)), 5).astype(np.uint8), true.astype(np.uint8)


def scores(predicted, true, spacing=(1.0, 1.0)):
    return outline_scores(predicted, true, numbers=np.arange(len(true)), spacing=spacing)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.8, 3.0)])
def test_distances_are_monais(spacing):
    thin = blobs(0)
    for mask in thin:  # both in one slice of the volume
        mask[:4] = mask[5:] = 0
    for predicted, true in (*map(blobs, range(4)), thin):
        batch = [torch.from_numpy(m)[None, None].float() for m in (predicted, true)]
        pixel, step = spacing
        expected = compute_hausdorff_distance(
            *batch, include_background=True, percentile=95, spacing=[step, pixel, pixel]
        ).item()
        assert scores(predicted, true, spacing)["hd95"] == pytest.approx(expected, abs=1e-4)


def test_what_is_missed_and_how_large_it_is():
    predicted, true = blobs(0)
    found = scores(predicted, true, (0.5, 4.0))
    assert (found["lesions"], found["missed"]) == (2, 1)
    assert found["volume"] == pytest.approx(true.sum() * 0.5 * 0.5 * 4 / 1e3)
    assert found["volume_error"] == pytest.approx(predicted.sum() / true.sum() - 1)
    overlap = 2 * (predicted & true).sum() / (predicted.sum() + true.sum())
    assert found["dice"] == pytest.approx(overlap)
    shown = (predicted | true).any((1, 2))
    each = [2 * (p & t).sum() / (p.sum() + t.sum())
            for p, t in zip(predicted[shown], true[shown], strict=True)]  # fmt: skip
    assert found["slice_dice"] == pytest.approx(np.mean(each))


def test_slices_that_were_left_out_keep_their_place():
    predicted, true = blobs(1)
    true[:] = 0
    true[2, 4:8, 4:8] = predicted[:] = 0
    true[2, 4:8, 4:8] = predicted[6, 4:8, 4:8] = 1
    kept = np.array([2, 6])
    found = outline_scores(predicted[kept], true[kept], numbers=kept, spacing=(1.0, 2.0))
    assert found["hd95"] == 8 and found["missed"] == 1


def test_pictures_stand_for_themselves_in_pixels():
    predicted, true = (np.zeros((2, 12, 12), np.uint8) for _ in range(2))
    true[:, 3:6, 3:6] = 1
    predicted[0, 3:6, 5:8] = 1
    found = scores(predicted, true, None)
    assert found["hd95"] == 2 and found["volume"] == 18
    assert (found["lesions"], found["missed"]) == (2, 1)


def test_nothing_there():
    none, some = np.zeros((3, 8, 8), np.uint8), np.zeros((3, 8, 8), np.uint8)
    some[1, 2:5, 2:5] = 1
    found = scores(none, none)
    assert found["dice"] == 1 and np.isnan(found["slice_dice"]) and np.isnan(found["hd95"])
    assert np.isnan(found["volume_error"]) and found["lesions"] == 0
    assert scores(none, some)["dice"] == 0 and np.isnan(scores(none, some)["hd95"])
