"""Reading pictures and their masks."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from PIL import Image

from rarecase.errors import DataError
from rarecase.imaging import binarise, probe_picture, read_mask_picture, read_picture

RNG = np.random.default_rng(1)
GREY = RNG.integers(0, 255, (9, 7)).astype(np.uint8)
COLOUR = RNG.integers(0, 255, (9, 7, 3)).astype(np.uint8)


def save(path: Path, values: np.ndarray) -> Path:
    Image.fromarray(values).save(path)
    return path


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_grey_and_colour(tmp_path, suffix):
    grey = read_picture(save(tmp_path / f"g.{suffix}", GREY), channels=1)
    assert grey.shape == (1, 9, 7) and grey.dtype == np.float32
    np.testing.assert_array_equal(grey[0], GREY)
    colour = read_picture(save(tmp_path / f"c.{suffix}", COLOUR), channels=3)
    np.testing.assert_array_equal(colour, COLOUR.transpose(2, 0, 1))
    assert probe_picture(tmp_path / f"c.{suffix}") == (9, 7)


def test_grey_of_16_bits_with_transparency_is_refused_as_what_it_is(tmp_path):
    image = SimpleITK.GetImageFromArray(np.full((5, 6, 2), 300, np.uint16), isVector=True)
    SimpleITK.WriteImage(image, tmp_path / "x.png")
    with pytest.raises(DataError, match=r"x\.png: grey of 16 bits with transparency is not read"):
        read_picture(tmp_path / "x.png", channels=1)


def test_equal_planes_are_one(tmp_path):
    equal = save(tmp_path / "e.png", np.repeat(GREY[..., None], 3, axis=2))
    np.testing.assert_array_equal(read_picture(equal, channels=1)[0], GREY)


def test_deflated_tiff_with_predictor(tmp_path):
    path = tmp_path / "c.tif"
    Image.fromarray(COLOUR).save(path, compression="tiff_adobe_deflate", tiffinfo={317: 2})
    np.testing.assert_array_equal(read_picture(path, channels=3), COLOUR.transpose(2, 0, 1))


def test_sixteen_bits_float_palette_and_alpha(tmp_path):
    deep = GREY.astype(np.uint16) * 200
    np.testing.assert_array_equal(read_picture(save(tmp_path / "d.png", deep), channels=1)[0], deep)
    real = GREY.astype(np.float32) - 3.5
    np.testing.assert_array_equal(read_picture(save(tmp_path / "f.tif", real), channels=1)[0], real)
    Image.fromarray(GREY).convert("P").save(tmp_path / "p.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "p.png", channels=1)[0], GREY)
    alpha = np.dstack([COLOUR, np.full((9, 7), 255, np.uint8)])
    np.testing.assert_array_equal(
        read_picture(save(tmp_path / "a.png", alpha), channels=3), COLOUR.transpose(2, 0, 1)
    )


def test_grey_kept_as_colour_jpeg_is_grey(tmp_path):
    smooth = np.tile(np.arange(64, dtype=np.uint8) * 3, (64, 1))
    Image.fromarray(np.dstack([smooth] * 3)).save(tmp_path / "g.jpg", quality=75)
    found = read_picture(tmp_path / "g.jpg", channels=1)
    assert found.shape == (1, 64, 64)
    assert np.abs(found[0] - smooth).max() < 12


@pytest.mark.parametrize(
    ("values", "channels", "message"),
    [
        (COLOUR, 1, "a colour picture of 3 channel.*, 1 expected.*Convert it to grey"),
        (GREY, 3, "a grey picture of 1 channel.*, 3 expected"),
    ],
)
def test_another_number_of_channels(tmp_path, values, channels, message):
    with pytest.raises(DataError, match=message):
        read_picture(save(tmp_path / "x.png", values), channels=channels)


def test_broken_pictures(tmp_path):
    with pytest.raises(DataError, match=r"x\.png: no such file"):
        read_picture(tmp_path / "x.png", channels=1)
    (tmp_path / "x.jpg").write_bytes(b"nonsense")
    with pytest.raises(DataError, match=r"x\.jpg: not a picture that can be read"):
        read_picture(tmp_path / "x.jpg", channels=1)
    path = save(tmp_path / "big.png", RNG.integers(0, 255, (99, 99)).astype(np.uint8))
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(DataError, match=r"big\.png: the picture is truncated or damaged"):
        read_picture(path, channels=1)
    pages = [Image.fromarray(GREY)] * 2
    pages[0].save(tmp_path / "two.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(DataError, match="2 pages, one slice was expected"):
        read_picture(tmp_path / "two.tif", channels=1)
    Image.fromarray(COLOUR).convert("CMYK").save(tmp_path / "k.jpg")
    with pytest.raises(DataError, match="colour mode 'CMYK'"):
        read_picture(tmp_path / "k.jpg", channels=3)
    with pytest.raises(DataError, match="1 pixels are NaN"):
        read_picture(save(tmp_path / "n.tif", np.array([[np.nan, 1]], np.float32)), channels=1)


@pytest.mark.parametrize("one", [1, 255, 4])
def test_lossless_masks(tmp_path, one):
    truth = np.zeros((8, 8), np.uint8)
    truth[2:5, 3:7] = 1
    found = read_mask_picture(save(tmp_path / "m.png", truth * one))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, truth)


def test_jpeg_masks(tmp_path):
    truth = np.zeros((64, 64), np.uint8)
    truth[13:40, 21:50] = 1
    path = tmp_path / "m.jpg"
    Image.fromarray(truth * 255).save(path, quality=50)
    noisy = np.asarray(Image.open(path))
    assert len(np.unique(noisy)) > 2
    assert (read_mask_picture(path) != truth).mean() < 0.01


def test_a_mask_of_compression_noise_is_empty():
    noise = RNG.integers(0, 20, (32, 32)).astype(np.float32)
    assert not binarise(noise, lossy=True).any()
    assert not binarise(np.zeros((4, 4), np.float32)).any()


def test_binary_pictures_of_one_bit(tmp_path):
    truth = np.eye(6, dtype=np.uint8)
    Image.fromarray(truth.astype(bool)).save(tmp_path / "b.png")
    np.testing.assert_array_equal(read_mask_picture(tmp_path / "b.png"), truth)
