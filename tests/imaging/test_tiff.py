"""TIFF and pictures as they are stored: tags, types of numbers, axes, sizes of voxels."""

import json

import numpy as np
import pytest
import SimpleITK
import tifffile
from PIL import Image

from rarecase.cohort import Case
from rarecase.errors import DataError
from rarecase.imaging import (
    probe_picture,
    probe_volume,
    read_mask_picture,
    read_mask_volume,
    read_picture,
    read_volume,
)
from rarecase.imaging.pictures import count_planes, noted_mask, noted_picture
from support.written import axial, load_case

RNG = np.random.default_rng(0)
SLICES = RNG.integers(1, 200, (10, 24, 28)).astype(np.uint8)  # slice, row, column
GREY = RNG.integers(0, 200, (12, 9)).astype(np.uint8)


def upright_slices(volume):
    return axial(volume.data)


@pytest.mark.parametrize(
    "values",
    [
        np.array([[-100, 3]], np.int8), np.array([[3_980_000_000, 7]], np.uint32),
        np.array([[-30000, 3]], np.int16), np.array([[-(2**31), 5]], np.int32),
        np.array([[0.5, -2.25]], np.float64), np.array([[0.5, 2]], np.float16),
        np.array([[65535, 2]], np.uint16),
    ],
    ids=lambda v: str(v.dtype),
)  # fmt: skip
@pytest.mark.parametrize("more", [{}, {"compression": "zlib", "predictor": None}, {"bigtiff": 1}])
def test_numbers_of_every_type_are_read_as_stored(tmp_path, values, more):
    tifffile.imwrite(tmp_path / "p.tif", values, **more)
    np.testing.assert_array_equal(read_picture(tmp_path / "p.tif", channels=1)[0], values)
    assert probe_picture(tmp_path / "p.tif") == (1, 2)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int16", "bool"])
def test_white_is_zero_is_inverted_at_every_depth(tmp_path, dtype):
    stored = (GREY > 90) if dtype == "bool" else GREY.astype(dtype)
    top = 1 if dtype == "bool" else -1 if dtype == "int16" else np.iinfo(dtype).max
    tifffile.imwrite(tmp_path / "p.tif", stored, photometric="miniswhite")
    found = noted_picture(tmp_path / "p.tif", channels=1)
    expected = (top - stored.astype(np.int64)).astype(np.float32)
    np.testing.assert_array_equal(found.values[0], expected)
    assert found.notes == ("its tags say that 0 is white; it is inverted, so that white is high",)
    tifffile.imwrite(tmp_path / "v.tif", np.stack([stored, stored]), photometric="miniswhite")
    np.testing.assert_array_equal(upright_slices(read_volume(tmp_path / "v.tif"))[1], expected)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "bool"])
@pytest.mark.parametrize("more", [{}, {"compression": "zlib"}])
def test_of_a_mask_whose_zero_is_white_the_stored_numbers_count(tmp_path, dtype, more):
    stored = np.zeros((12, 9), dtype)
    stored[2:5, 3:6] = 1 if dtype == "bool" else 255
    more = {} if dtype == "bool" else more
    for name, values in (("drawn", stored), ("empty", np.zeros_like(stored))):
        tifffile.imwrite(tmp_path / f"{name}.tif", values, photometric="miniswhite", **more)
        found = noted_mask(tmp_path / f"{name}.tif")
        np.testing.assert_array_equal(found.values, values > 0)
        assert "of a mask the numbers count" in found.notes[0]
    tifffile.imwrite(tmp_path / "v.tif", np.stack([stored, stored]), photometric="miniswhite")
    volume = read_mask_volume(tmp_path / "v.tif")
    np.testing.assert_array_equal(upright_slices(volume)[1] > 0, stored > 0)
    assert any("of a mask the numbers count" in note for note in volume.notes)


@pytest.mark.parametrize("name", ["rgb.png", "rgba.png", "rgb.tif", "planes.tif"])
def test_colours_of_sixteen_bits_keep_them(tmp_path, name):
    values = RNG.integers(0, 65535, (12, 9, 3)).astype(np.uint16)
    path = tmp_path / name
    if name == "planes.tif":
        tifffile.imwrite(path, np.moveaxis(values, -1, 0), photometric="rgb",
                         planarconfig="separate")  # fmt: skip
    elif name == "rgb.tif":
        tifffile.imwrite(path, values, photometric="rgb")
    else:
        opaque = np.full((12, 9, 1), 65535, np.uint16)
        stored = np.concatenate([values, opaque], -1) if name == "rgba.png" else values
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(stored, isVector=True), str(path))
    np.testing.assert_array_equal(read_picture(path, channels=3), values.transpose(2, 0, 1))
    assert count_planes(path) == 3


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "lzw.tif"])
def test_pictures_are_turned_as_their_tag_says_and_that_is_said(tmp_path, orientation, suffix):
    raw = np.repeat(np.repeat(GREY[:4, :3], 8, 0), 8, 1)
    path, exif = tmp_path / f"p.{suffix}", Image.Exif()
    exif[274] = orientation
    if suffix.endswith("tif"):
        more = {"compression": "tiff_lzw"} if "lzw" in suffix else {}
        Image.fromarray(raw).save(path, tiffinfo={274: orientation}, **more)
    else:
        Image.fromarray(raw).save(path, exif=exif, quality=100)
    # By the standard: where the first row and the first column of the file are to be seen.
    turns = {2: raw[:, ::-1], 3: raw[::-1, ::-1], 4: raw[::-1], 5: raw.T, 6: raw[::-1].T,
             7: raw[::-1, ::-1].T, 8: raw[:, ::-1].T}  # fmt: skip
    found = noted_picture(path, channels=1)
    np.testing.assert_allclose(found.values[0], turns[orientation], atol=3)
    assert probe_picture(path) == found.values.shape[1:]
    assert any("turned upright" in note for note in found.notes)


def test_transparency_that_is_left_aside_is_said(tmp_path):
    colour = RNG.integers(0, 255, (12, 9, 4)).astype(np.uint8)
    Image.fromarray(colour).save(tmp_path / "p.png")
    found = noted_picture(tmp_path / "p.png", channels=3)
    np.testing.assert_array_equal(found.values, colour[..., :3].transpose(2, 0, 1))
    assert found.notes == ("its transparency is left aside",)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize("predictor", [1, 2, 3])
def test_compressions_are_read_unchanged(tmp_path, compression, predictor):
    real = GREY.astype(np.float32) / 7
    for values in (GREY, GREY.astype(np.uint16) * 99, real, GREY > 90):
        tags = {317: predictor} if predictor < 3 or values is real else {}
        if values.dtype == bool:
            tags = {}
        Image.fromarray(values).save(tmp_path / "p.tif", compression=compression, tiffinfo=tags)
        np.testing.assert_array_equal(read_picture(tmp_path / "p.tif", channels=1)[0], values)


def test_a_palette_of_a_tiff(tmp_path):
    colours = np.zeros((3, 256), np.uint16)
    colours[:, 0], colours[:, 1] = 65535, (65535, 0, 0)
    tifffile.imwrite(tmp_path / "p.tif", (GREY > 90).astype(np.uint8), photometric="palette",
                     colormap=colours)  # fmt: skip
    np.testing.assert_array_equal(read_mask_picture(tmp_path / "p.tif"), GREY > 90)
    image = read_picture(tmp_path / "p.tif", channels=3)
    np.testing.assert_array_equal(image[1], np.where(GREY > 90, 0, 255))


def stack(path, values, axes, *, unit="mm", spacing=3.0, size=0.5, how="imagej"):
    if how == "imagej":
        more = {"imagej": True, "resolution": (1 / size, 1 / size)}
        about = {"axes": axes, "unit": unit, "spacing": spacing}
    else:
        more = {"ome": True}
        about = {"axes": axes}
        for axis, length in (("X", size), ("Y", size), ("Z", spacing)):
            about |= {f"PhysicalSize{axis}": length, f"PhysicalSize{axis}Unit": unit}
    tifffile.imwrite(path, values, metadata=about, **more)
    return path


@pytest.mark.parametrize("how", ["imagej", "ome"])
@pytest.mark.parametrize(
    ("unit", "factor"), [("mm", 1), ("cm", 10), ("micron", 1e-3), ("µm", 1e-3), ("inch", 25.4)]
)
def test_spacing_of_imagej_and_ome(tmp_path, how, unit, factor):
    if how == "ome":
        unit = {"micron": "nm", "inch": "in"}.get(unit, unit)
        factor = 1e-6 if unit == "nm" else factor
    elif unit == "µm":
        unit = "\\u00B5m"
    path = stack(tmp_path / "v.tif", SLICES, "ZYX", unit=unit, spacing=3 / factor,
                 size=0.5 / factor, how=how)  # fmt: skip
    volume = read_volume(path)
    assert volume.grid.spacing == pytest.approx((0.5, 0.5, 3), rel=1e-3)
    assert probe_volume(path).grid.spacing == pytest.approx((0.5, 0.5, 3), rel=1e-3)
    np.testing.assert_array_equal(upright_slices(volume), SLICES)
    assert volume.notes == ()


@pytest.mark.parametrize("how", ["imagej", "ome"])
def test_channels_of_a_hyperstack_are_the_fourth_axis(tmp_path, how):
    both = np.stack([SLICES, 250 - SLICES], axis=1)
    path = stack(tmp_path / "v.tif", both, "ZCYX", how=how)
    with pytest.raises(DataError, match=r"v\.tif: holds 2 volumes"):
        read_volume(path)
    volume = read_volume(path, several=True)
    assert volume.data.shape == probe_volume(path).shape == (28, 24, 10, 2)
    for channel, values in enumerate((SLICES, 250 - SLICES)):
        np.testing.assert_array_equal(axial(volume.data[..., channel]), values)


def test_channels_before_slices(tmp_path):
    both = np.stack([SLICES, 250 - SLICES])
    tifffile.imwrite(tmp_path / "v.tif", both, metadata={"axes": "CZYX"})
    volume = read_volume(tmp_path / "v.tif", several=True)
    np.testing.assert_array_equal(axial(volume.data[..., 1]), 250 - SLICES)


@pytest.mark.parametrize(("axes", "word"), [("TYX", "time points"), ("CYX", "channels")])
def test_what_was_not_told_of_its_slices_is_said(tmp_path, axes, word):
    volume = read_volume(stack(tmp_path / "v.tif", SLICES, axes))
    np.testing.assert_array_equal(upright_slices(volume), SLICES)
    assert f"its 10 {word} are taken as slices" in volume.notes[0]


def test_the_spacing_file_of_nnunet(tmp_path):
    image, mask = tmp_path / "c_0000.tif", tmp_path / "c.tif"
    tifffile.imwrite(image, SLICES)
    tifffile.imwrite(mask, (SLICES > 100).astype(np.uint8))
    (tmp_path / "c.json").write_text(json.dumps({"spacing": [2.0, 1.5, 1.25]}))
    arrays = load_case(Case("a", "a", images={"x": image}, mask=mask), ["x"])
    assert arrays.source.spacing == (1.25, 1.5, 2.0)
    assert not any("says nothing" in note for note in arrays.notes)
    (tmp_path / "c.json").write_text(json.dumps({"spacing": [2.0, 1.5]}))
    with pytest.raises(DataError, match=r"c\.json: spacing \[2\.0, 1\.5\], three numbers"):
        read_volume(image)
    (tmp_path / "c.json").write_text(json.dumps({"name": "of another kind"}))
    assert "1 mm is assumed" in read_volume(image).notes[0]


def test_pages_that_break_off_are_refused(tmp_path):
    pages = [Image.fromarray(page) for page in SLICES]
    pages[0].save(tmp_path / "v.tif", save_all=True, append_images=pages[1:])
    whole = (tmp_path / "v.tif").read_bytes()
    for part in (0.3, 0.6, 0.95):
        (tmp_path / "cut.tif").write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(DataError, match=r"cut\.tif"):
            read_volume(tmp_path / "cut.tif")


def test_a_deep_png_that_breaks_off_is_refused(tmp_path):
    values = RNG.integers(0, 65535, (60, 50, 3)).astype(np.uint16)
    SimpleITK.WriteImage(
        SimpleITK.GetImageFromArray(values, isVector=True), str(tmp_path / "p.png")
    )
    whole = (tmp_path / "p.png").read_bytes()
    (tmp_path / "p.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"p\.png: the picture is truncated or damaged"):
        read_picture(tmp_path / "p.png", channels=3)
