"""Augmentation of intensities."""

import pytest
import torch

from rarecase.segmenter.intensity import Intensity, apply_intensity, draw_intensity

NONE = Intensity(gamma=0, contrast=0, bias=0, blur=0, noise=0)


@pytest.fixture
def images():
    made = torch.rand(4, 2, 24, 20) + 0.5
    made[..., :5] = 0
    return made


def drawn(spec, images, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return draw_intensity(spec, *images.shape[:2], generator=generator)


def test_without_strength_nothing_changes(images):
    torch.testing.assert_close(apply_intensity(drawn(NONE, images), images), images)


def test_the_background_stays_and_the_same_draw_gives_the_same(images):
    spec = Intensity()
    one, same = (apply_intensity(drawn(spec, images), images) for _ in range(2))
    assert torch.equal(one, same) and not torch.equal(one, images)
    assert (one[..., :5] == 0).all() and one.max() <= 3 and one.min() >= 0
    assert not torch.equal(apply_intensity(drawn(spec, images, seed=1), images), one)


@pytest.mark.parametrize("name", ["gamma", "contrast", "bias", "blur", "noise"])
def test_each_part_does_what_it_is_called(images, name):
    spec = Intensity(**(vars(NONE) | {name: 0.5}))
    each = drawn(spec, images)
    found = apply_intensity(each, images)
    inside = images > 0
    if name == "gamma":
        torch.testing.assert_close(found[inside], (images**each.gamma)[inside].clamp(0, 3))
    elif name == "contrast":
        expected = (1 + each.contrast * (images - 1)).clamp(0, 3)
        torch.testing.assert_close(found[inside], expected[inside])
    elif name == "bias":
        ratio = (found / images)[..., 5:].log()[found[..., 5:] < 3]
        assert ratio.std() > 0.1
        field = (found / images).log()[..., 6:]
        assert field.diff(dim=-1)[found[..., 7:] < 3].abs().median() < 0.15  # smooth
    elif name == "blur":
        blurred = each.blur.expand_as(images)[..., 0, 0] > 0.2
        rough = [im.diff(dim=-1)[..., 6:].std(dim=(-2, -1)) for im in (found, images)]
        assert (rough[0] < rough[1])[blurred].all()
    else:
        apart = (found - images)[..., 5:]
        assert apart.std() > 0.05 and abs(float(apart.mean())) < 0.05
