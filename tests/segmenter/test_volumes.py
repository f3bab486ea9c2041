"""Cases as volumes: brought to planes and back, and a U-Net that looks at them."""

import lightning_fabric
import numpy as np
import pytest
import torch

from rarecase.errors import SettingError
from rarecase.segmenter import Augmentation, Segmenter, SegmenterSchedule, Slices, UNet, Volumes
from rarecase.segmenter.augment import apply, draw
from rarecase.segmenter.batches import stretched
from rarecase.segmenter.predict import predict_chances, predict_masks
from rarecase.segmenter.train import halved, train_segmenter

RNG = np.random.default_rng(0)
IMAGES = RNG.random((11, 2, 16, 16), dtype=np.float32)
MASKS = (RNG.random((11, 16, 16)) > 0.7).astype(np.uint8)
CASES = (np.arange(4), np.array([4]), np.arange(5, 11))


def volumes(planes=8, channels=(0, 1)):
    return Volumes(IMAGES, MASKS, channels, cases=CASES, planes=planes)


@pytest.mark.parametrize(("slices", "planes"), [(6, 8), (6, 3), (1, 4), (5, 5)])
def test_planes_are_interpolated_between_slices(slices, planes):
    volume = RNG.random((2, slices, 3, 3), dtype=np.float32)
    found = stretched(torch.from_numpy(volume), planes=planes).numpy()
    # Planes and slices cut the same stretch into equal parts; beyond the outer middles nothing new.
    at = (np.arange(planes) + 0.5) * slices / planes - 0.5
    for c, i, j in np.ndindex(2, 3, 3):
        expected = np.interp(at, np.arange(slices), volume[c, :, i, j])
        np.testing.assert_allclose(found[c, :, i, j], expected, atol=1e-6)


def test_a_batch_is_cases():
    images, masks = volumes().batch(np.array([2, 0]))
    assert images.shape == (2, 2, 8, 16, 16) and masks.shape == (2, 1, 8, 16, 16)
    first = stretched(torch.from_numpy(IMAGES[:4]).movedim(0, 1), planes=8)
    assert torch.equal(images[0], first)  # in rising order, as slices are
    assert set(masks.unique().tolist()) <= {0.0, 1.0}
    assert len(volumes()) == 3


def test_where_planes_are_slices_nothing_moves():
    six = volumes(planes=6)
    images, masks = six.batch(np.array([2]))
    np.testing.assert_array_equal(images[0].movedim(0, 1), IMAGES[5:])
    np.testing.assert_array_equal(masks[0, 0], MASKS[5:])
    rows, back = six.slices_of(np.array([2]), images[:, 0].numpy())
    assert rows.tolist() == list(range(5, 11))
    np.testing.assert_array_equal(back, IMAGES[5:, 0])


def test_samples_that_slices_are_part_of():
    assert volumes().samples_of(np.array([10, 3])).tolist() == [0, 2]
    assert volumes().samples_of(np.array([], dtype=int)).tolist() == []
    plain = Slices(IMAGES, MASKS, [0])
    assert plain.samples_of(np.array([10, 3])).tolist() == [10, 3]


def test_all_slices_of_a_volume_move_alike():
    drawn = draw(Augmentation(), 2, generator=torch.Generator().manual_seed(0))
    images, masks = volumes().batch(np.array([0, 2]))
    moved, moved_masks = apply(drawn, images, masks)
    for plane in (0, 5):
        alone, alone_mask = apply(drawn, images[:, :, plane], masks[:, :, plane])
        torch.testing.assert_close(moved[:, :, plane], alone)
        torch.testing.assert_close(moved_masks[:, :, plane], alone_mask)


def test_half_the_size_keeps_the_planes():
    images, masks = halved(*volumes().batch(np.array([0, 2])), step=4)
    assert images.shape == (2, 2, 8, 8, 8) and masks.shape == (2, 1, 8, 8, 8)


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_network_of_three_dimensions(norm):
    net = UNet(in_channels=2, width=4, depth=2, norm=norm, dimensions=3).eval()
    images = torch.rand(1, 2, 8, 16, 12)
    shapes = {name: tuple(maps.shape[1:]) for name, maps in net.walk(images)}
    assert shapes == {
        block.name: (block.channels, *(side // block.reduction for side in (8, 16, 12)))
        for block in net.blocks()
    }
    assert net(images).shape == (1, 1, 8, 16, 12)
    flat = UNet(in_channels=2, width=4, depth=2, norm=norm)
    kernels = [w.shape for w in flat.parameters() if w.ndim == 4]
    assert [w.shape for w in net.parameters() if w.ndim == 5] == [
        (*shape, shape[-1]) for shape in kernels
    ]
    with pytest.raises(SettingError, match=r"divisible by 4; got 6×16×12. Take 8×16×12"):
        net(torch.rand(1, 2, 6, 16, 12))
    with pytest.raises(SettingError, match=r"\(n, 2, d, h, w\)"):
        net(torch.rand(1, 2, 16, 16))


def test_a_kernel_that_ignores_depth_is_the_flat_network():
    """Independent of the code for volumes: 3×3 weights in the middle plane of 3×3×3 ones."""
    flat = UNet(in_channels=1, width=3, depth=1).eval()
    net = UNet(in_channels=1, width=3, depth=1, dimensions=3).eval()
    state = net.state_dict()
    for name, weight in flat.state_dict().items():
        if weight.ndim != 4:
            state[name].copy_(weight)
        elif weight.shape[-1] == 1:
            state[name].copy_(weight[:, :, None])
        else:
            state[name].zero_()
            # A transposed convolution of stride 2 gives plane 2i from tap 0 and 2i + 1 from tap 1.
            taps = (0, 1) if "upsamplings" in name else (1,)
            for tap in taps:
                state[name][:, :, tap] = weight
    net.load_state_dict(state)
    image = torch.rand(1, 1, 8, 8)
    volume = image[:, :, None].expand(-1, -1, 4, -1, -1).contiguous()
    torch.testing.assert_close(net(volume)[:, :, 1], flat(image))


def test_what_is_said_of_a_slice_stands_beside_its_row():
    torch.manual_seed(0)
    segmenter = Segmenter(net=UNet(in_channels=2, width=4, depth=1), channels=("t1", "flair"))
    fabric = lightning_fabric.Fabric(accelerator="cpu", devices=1, precision="32-true")
    slices, found = Slices(IMAGES, MASKS, [0, 1]), {}
    asked = np.array([9, 2, 5])  # not in rising order, as the slices of a report's figure
    for rows, chances in predict_chances(segmenter, slices, rows=asked, fabric=fabric, batch=2):
        found |= zip(rows.tolist(), chances, strict=True)
    assert sorted(found) == [2, 5, 9]
    for row in asked.tolist():
        with torch.no_grad():
            alone = segmenter.net(torch.from_numpy(IMAGES[[row]]))[0, 0].sigmoid()
        np.testing.assert_allclose(found[row], alone, atol=1e-6)
    assert np.abs(found[2] - found[9]).max() > 1e-3


def test_it_learns_and_outlines_slices(tmp_path):
    images = np.zeros((12, 1, 16, 16), np.float32)
    masks = np.zeros((12, 16, 16), np.uint8)
    for row in range(12):
        at = 2 + row % 6
        masks[row, at : at + 6, 4:10] = 1
    images[:, 0] = masks + 0.1 * RNG.standard_normal(masks.shape)
    slices = Volumes(images, masks, [0], cases=(np.arange(6), np.arange(6, 12)), planes=4)
    torch.manual_seed(0)
    net = UNet(in_channels=1, width=4, depth=1, norm="batch", dimensions=3)
    segmenter = Segmenter(net=net, channels=("flair",))
    fabric = lightning_fabric.Fabric(accelerator="cpu", devices=1, precision="32-true")
    train_segmenter(
        segmenter, slices, train_rows=np.array([0, 1]), validation_rows=np.array([], int),
        schedule=SegmenterSchedule(lr=2e-2, batch=2, epochs=60), augmentation=None,
        fabric=fabric, seed=0, checkpoint=tmp_path / "training.safetensors",
    )  # fmt: skip
    found = list(predict_masks(segmenter, slices, rows=np.array([7, 3]), fabric=fabric))
    rows = np.concatenate([rows for rows, _ in found])
    drawn = np.concatenate([part for _, part in found])
    assert rows.tolist() == list(range(12))
    overlap = 2 * (drawn & masks).sum() / (drawn.sum() + masks.sum())
    assert overlap > 0.75  # planes are fewer than slices
    segmenter.save(tmp_path / "saved")
    from rarecase.segmenter import load_segmenter

    assert load_segmenter(tmp_path / "saved").net.dimensions == 3
