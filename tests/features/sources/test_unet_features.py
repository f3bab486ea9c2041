import lightning_fabric
import numpy as np
import pytest
import torch

from rarecase.errors import SettingError
from rarecase.features import feature_batches, source_of, tumour_vectors
from rarecase.features.sources.unet import masked_mean
from rarecase.segmenter import Normaliser, Segmenter, Slices, UNet


@pytest.fixture
def segmenter() -> Segmenter:
    torch.manual_seed(0)
    return Segmenter(
        net=UNet(in_channels=1, width=4, depth=2),
        channels=("flair",),
        normaliser=Normaliser(mean=(0.5,), deviation=(2.0,)),
    )


def taken(segmenter, images, drawn, block):
    fabric = lightning_fabric.Fabric(accelerator="cpu", devices=1, precision="32-true")
    slices = Slices(images, drawn, [0])
    parts = feature_batches(segmenter, slices, block=block, fabric=fabric, batch=4)
    return np.concatenate([*parts])


def run(segmenter: Segmenter, block: str):
    images = np.random.default_rng(0).random((10, 1, 16, 16), dtype=np.float32)
    return images, taken(segmenter, images, np.zeros((10, 16, 16), np.uint8), block)


@pytest.mark.parametrize("block", ["enc1", "bottleneck", "dec2"])
def test_every_block_is_what_the_network_computes(segmenter, block):
    images, found = run(segmenter, block)
    with torch.no_grad():
        maps = segmenter.net.features((torch.from_numpy(images) - 0.5) / 2, block=block)
    assert found.shape[1:] == source_of(block).shape(segmenter.net, sides=(16, 16))
    np.testing.assert_allclose(found, maps.numpy(), atol=2e-3)
    assert found.min() >= 0  # after the ReLU


def test_tumour_vectors_join_all_blocks(segmenter):
    images, found = run(segmenter, "tumour")
    assert found.shape[1:] == (4 + 8 + 16 + 8 + 4,)
    with torch.no_grad():
        blocks = [m for _, m in segmenter.net.walk((torch.from_numpy(images) - 0.5) / 2)]
        logits = segmenter.net.head(blocks[-1])
        expected = tumour_vectors(blocks, logits, masks=torch.zeros(10, 1, 16, 16))
    np.testing.assert_allclose(found, expected.numpy(), atol=2e-3)


def test_masked_mean_by_hand():
    maps = torch.arange(16.0).reshape(1, 1, 4, 4)
    weights = torch.zeros(1, 1, 8, 8)
    weights[..., :2, :2] = 1  # the top left of the maps
    weights[..., :2, 2:3] = 1  # half of the one beside it
    assert masked_mean(maps, weights).item() == pytest.approx((0 * 1 + 1 * 0.5) / 1.5)
    assert masked_mean(maps, torch.zeros(1, 1, 8, 8)).item() == pytest.approx(7.5)


@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="GPU")),
    ],
)
def test_every_sample_is_averaged_under_its_own_weights_however_they_lie(device):
    rng = np.random.default_rng(0)
    maps = torch.from_numpy(rng.random((5, 3, 4, 4), dtype=np.float32)).to(device)
    masks = (rng.random((5, 8, 8)) < 0.3).astype(np.float32)
    small = masks.reshape(5, 4, 2, 4, 2).mean(axis=(2, 4))[:, None]
    expected = (maps.cpu().numpy() * small).sum(axis=(2, 3)) / small.sum(axis=(2, 3))
    plain = torch.from_numpy(masks)[:, None]
    for weights in (
        torch.from_numpy(masks[:, None]),  # a stride of 0 where the channel is
        plain, plain.contiguous(memory_format=torch.channels_last), plain.as_strided(
            (5, 1, 8, 8), (64, 1, 8, 1)
        ),
    ):  # fmt: skip
        found = masked_mean(maps, weights.to(device)).cpu().numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_slice_without_predicted_tumour_looks_where_it_is_most_suspicious():
    maps = torch.tensor([[[[1.0, 5.0]]]])
    logits = torch.tensor([[[[-9.0, -1.0]]]])
    assert tumour_vectors([maps], logits).item() == pytest.approx(5, abs=0.01)
    logits = torch.tensor([[[[2.0, -1.0]]]])
    assert tumour_vectors([maps], logits).item() == pytest.approx(1)


def test_vectors_are_of_the_masks_that_are_given(segmenter):
    images = np.random.default_rng(0).random((4, 1, 16, 16), dtype=np.float32)
    masks = np.zeros((4, 16, 16), np.uint8)
    masks[:, 4:9, 6:12] = 1
    found = taken(segmenter, images, masks, "tumour")
    with torch.no_grad():
        blocks = [m for _, m in segmenter.net.walk((torch.from_numpy(images) - 0.5) / 2)]
    given = torch.cat([masked_mean(m, torch.from_numpy(masks)[:, None]) for m in blocks], dim=1)
    np.testing.assert_allclose(found, given.numpy(), atol=2e-3)
    own = tumour_vectors(blocks, segmenter.net.head(blocks[-1]))
    assert not torch.allclose(own, given, atol=2e-3)


def test_unknown_block_is_named(segmenter):
    with pytest.raises(SettingError, match="did you mean 'dec1'"):
        run(segmenter, "dec11")
