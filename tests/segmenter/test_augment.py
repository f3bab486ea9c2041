import numpy as np
import pytest
import torch
from scipy import ndimage

from rarecase.errors import SettingError
from rarecase.segmenter.augment import Augmentation, Drawn, apply, draw, sampling_grid

STILL = {
    "flip_horizontal": 0.0,
    "flip_vertical": 0.0,
    "elastic_alpha": 0.0,
    "rotation": 0.0,
    "shift": 0.0,
    "shear": 0.0,
    "zoom": 0.0,
}


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blob(size: int = 64) -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return torch.exp(-((x - 20.0) ** 2 + (y - 36.0) ** 2) / 60)[None, None]


def test_nothing_drawn_changes_nothing():
    image = blob()
    moved, mask = apply(
        draw(Augmentation(**STILL), 1, generator=rng()), image, (image > 0.5).float()
    )
    torch.testing.assert_close(moved, image, atol=1e-4, rtol=0)
    assert torch.equal(mask, (image > 0.5).float())


@pytest.mark.parametrize(("name", "axis"), [("flip_horizontal", 3), ("flip_vertical", 2)])
def test_flips_are_flips(name, axis):
    drawn = draw(Augmentation(**{**STILL, name: 1.0}), 1, generator=rng())
    torch.testing.assert_close(
        apply(drawn, blob(), blob())[0], blob().flip(axis), atol=1e-4, rtol=0
    )


def affine_by_scipy(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The same map from output to input coordinates with scipy, in pixels (row, column)."""
    half = image.shape[0] / 2
    swap = np.array([[0.0, 1.0], [1.0, 0.0]])
    linear = swap @ matrix[:, :2] @ swap
    shift = swap @ matrix[:, 2] * half
    centre = np.array([half - 0.5] * 2)
    offset = centre + shift - linear @ centre
    return ndimage.affine_transform(image, linear, offset=offset, order=1, mode="constant")


@pytest.mark.parametrize("name", ["rotation", "shift", "shear", "zoom"])
def test_each_affine_part_agrees_with_scipy(name):
    spec = Augmentation(**{**STILL, name: getattr(Augmentation(), name)})
    drawn = draw(spec, 3, generator=rng(4))
    images = blob().expand(3, 1, 64, 64)
    moved, _ = apply(drawn, images, images)
    assert not torch.allclose(moved[0], blob()[0], atol=0.01)
    for one in range(3):
        expected = affine_by_scipy(blob()[0, 0].numpy(), drawn.matrix[one].double().numpy())
        np.testing.assert_allclose(moved[one, 0].numpy(), expected, atol=2e-3)


def test_the_chain_is_the_papers_order():
    """One map equals flip, rotation, shift, shear, zoom in turn."""
    spec = Augmentation(**{**STILL, "flip_horizontal": 1.0, "rotation": 20, "shift": 0.1,
                           "shear": 0.05, "zoom": 0.1})  # fmt: skip
    drawn = draw(spec, 1, generator=rng(3))
    points = sampling_grid(drawn, height=8, width=8)[0].reshape(-1, 2).double()
    g = rng(3)
    torch.rand(1, 2, generator=g)  # the flips' draw; without elastic noise nothing else is drawn

    def uniform(*shape: int, reach: float) -> torch.Tensor:
        return ((torch.rand(1, *shape, generator=g) * 2 - 1) * reach)[0].double()

    angle, shift = uniform(reach=np.deg2rad(20)), uniform(2, reach=0.2)
    shear, zoom = uniform(reach=0.05), 1 + uniform(2, reach=0.1)
    centres = (torch.arange(8) + 0.5) / 4 - 1
    x = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), -1).reshape(-1, 2).double()
    x = x / zoom  # the last applied is undone first
    x = torch.stack([x[:, 0] + shear * x[:, 1], x[:, 1]], 1)
    x = x + shift
    c, s = angle.cos(), angle.sin()
    x = torch.stack([c * x[:, 0] - s * x[:, 1], s * x[:, 0] + c * x[:, 1]], 1)
    x[:, 0] *= -1
    torch.testing.assert_close(points, x, atol=1e-5, rtol=0)


def test_elastic_displacement_is_as_strong_and_as_smooth_as_table_1_says():
    drawn = draw(Augmentation(), 400, generator=rng())
    field = drawn.elastic.numpy() * 120  # pixels at 240×240
    assert field.std() == pytest.approx(4.89, rel=0.05)
    # Filtering white noise with σ gives a correlation of exp(−d²/4σ²) at distance d = σ.
    neighbour = np.corrcoef(field[..., :-2].ravel(), field[..., 2:].ravel())[0, 1]
    assert neighbour == pytest.approx(np.exp(-0.25), abs=0.05)


def test_elastic_scales_with_the_image():
    """The same draw moves a point by the same share of the image at every size."""
    drawn = draw(Augmentation(**{**STILL, "elastic_alpha": 720.0}), 1, generator=rng(1))
    small = sampling_grid(drawn, height=60, width=60)
    large = sampling_grid(drawn, height=240, width=240)
    centre = torch.nn.functional.avg_pool2d(large.permute(0, 3, 1, 2), 4).permute(0, 2, 3, 1)
    torch.testing.assert_close(small, centre, atol=5e-3, rtol=0)


def test_mask_moves_with_the_image_and_stays_binary():
    image = (blob() > 0.5).float()
    moved, mask = apply(
        draw(Augmentation(), 8, generator=rng(2)),
        image.expand(8, 1, 64, 64),
        image.expand(8, 1, 64, 64),
    )
    assert mask is not None
    assert set(mask.unique().tolist()) <= {0.0, 1.0}
    assert torch.equal(mask, (moved >= 0.5).float())


def test_what_comes_from_outside_is_background():
    drawn = Drawn(
        matrix=torch.tensor([[[1.0, 0, 3], [0, 1, 0]]]),
        flip=torch.ones(1, 2),
        elastic=torch.zeros(1, 2, 2, 2),
    )
    ones = torch.ones(1, 1, 16, 16)
    assert apply(drawn, ones, ones)[0].abs().max() == 0


def test_same_generator_same_draw_and_samples_differ():
    first, again = (draw(Augmentation(), 3, generator=rng(5)) for _ in range(2))
    assert torch.equal(first.matrix, again.matrix) and torch.equal(first.elastic, again.elastic)
    assert not torch.equal(first.matrix[0], first.matrix[1])


def test_only_square_images():
    with pytest.raises(SettingError, match="16×24"):
        oblong = torch.zeros(1, 1, 16, 24)
        apply(draw(Augmentation(), 1, generator=rng()), oblong, oblong)
