"""Masks in whatever encoding: one rule for what counts as tumour."""

import re

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from rarecase.cohort import Case, SliceFiles
from rarecase.errors import DataError
from rarecase.imaging import read_mask_picture, read_mask_volume
from rarecase.imaging.mask_rule import drawn
from rarecase.imaging.pictures import noted_mask
from support.written import load_case

TRUTH = np.zeros((64, 48), bool)
TRUTH[9:27, 6:25] = TRUTH[33:58, 14:41] = True
TRUTH[11:13, 24:29] = True
LESIONS, _ = ndimage.label(TRUTH)


def many_lesions():
    """Forty lesions of four pixels, numbered, in a frame of their own."""
    labels = np.zeros((80, 40), np.uint8)
    for number in range(40):
        row, column = divmod(number, 4)
        labels[row * 8 + 2 : row * 8 + 4, column * 10 + 3 : column * 10 + 5] = number + 1
    return labels


def palette(values, colours):
    image = Image.fromarray(values.astype(np.uint8), mode="L").convert("P")
    image.putdata(values.astype(np.uint8).ravel().tolist())
    image.putpalette(np.asarray(colours, np.uint8).ravel().tolist())
    return image


def rgba(colour, alpha):
    return Image.fromarray(np.dstack([*[colour.astype(np.uint8)] * 3, alpha.astype(np.uint8)]))


def alpha_of(mask):
    return np.where(mask, 255, 0)


ENCODINGS = {
    "one bit.png": lambda m: Image.fromarray(m),
    "one.png": lambda m: Image.fromarray(m.astype(np.uint8)),
    "255.png": lambda m: Image.fromarray(alpha_of(m).astype(np.uint8)),
    "255.bmp": lambda m: Image.fromarray(alpha_of(m).astype(np.uint8)),
    "16 bits.png": lambda m: Image.fromarray((m * 40000).astype(np.uint16)),
    "lesions.png": lambda m: Image.fromarray(ndimage.label(m)[0].astype(np.uint8)),
    "float.tif": lambda m: Image.fromarray(m * np.float32(0.9999)),
    "lzw.tif": lambda m: Image.fromarray(alpha_of(m).astype(np.uint8)),
    "palette, white first.png": lambda m: palette(m, [[255] * 3, [200, 0, 0]]),
    "palette, all black.png": lambda m: palette(m, [[0] * 3, [0] * 3]),
    "red.png": lambda m: Image.fromarray(np.dstack([alpha_of(m), 0 * m, 0 * m]).astype(np.uint8)),
    "opaque.png": lambda m: rgba(alpha_of(m), np.full(m.shape, 255)),
    "white drawing.png": lambda m: rgba(np.full(m.shape, 255), alpha_of(m)),
    "black drawing.png": lambda m: rgba(np.zeros(m.shape), alpha_of(m)),
    "half transparent.png": lambda m: rgba(alpha_of(m), np.where(m, 128, 0)),
    "grey and alpha.png": lambda m: Image.fromarray(
        np.dstack([np.zeros(m.shape), alpha_of(m)]).astype(np.uint8), mode="LA"
    ),
}  # fmt: skip


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    encoding=st.sampled_from(sorted(ENCODINGS)),
    seed=st.integers(0, 2**16), size=st.tuples(st.integers(4, 40), st.integers(4, 40)),
)  # fmt: skip
def test_any_lossless_encoding_gives_the_same_mask(tmp_path, encoding, seed, size):
    mask = np.random.default_rng(seed).random(size) > 0.7
    path = tmp_path / encoding
    more = {"compression": "tiff_lzw"} if encoding.startswith("lzw") else {}
    ENCODINGS[encoding](mask).save(path, **more)
    found = read_mask_picture(path)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, mask)


@settings(max_examples=20, deadline=None)
@given(
    kind=st.sampled_from(["uint8", "int16", "float32"]),
    one=st.sampled_from([1, 255, 0.9999, 1.0001]), suffix=st.sampled_from([".nii.gz", ".nrrd"]),
)  # fmt: skip
def test_any_encoding_of_a_volume_gives_the_same_mask(tmp_path_factory, kind, one, suffix):
    if kind != "float32" and one % 1:
        one = 1
    folder = tmp_path_factory.mktemp("m")
    values = (np.repeat(TRUTH[:, :, None], 3, axis=2) * one).astype(kind)
    for name, data in (("i.nii.gz", np.arange(values.size).reshape(values.shape)), ("m", values)):
        image = nib.Nifti1Image(data.astype(kind if name == "m" else np.int32), np.eye(4))
        nib.save(image, folder / (f"m{'.nii.gz'}" if name == "m" else name))
    if suffix == ".nrrd":
        SimpleITK.WriteImage(SimpleITK.ReadImage(str(folder / "m.nii.gz")), str(folder / "m.nrrd"))
    for tumour in ((), (round(one),)):
        case = Case("a", "a", images={"flair": folder / "i.nii.gz"}, mask=folder / f"m{suffix}",
                    tumour=tumour)  # fmt: skip
        arrays = load_case(case, ["flair"])
        assert arrays.masks.sum() == 3 * TRUTH.sum()
        assert arrays.values == {round(one): 3 * TRUTH.sum()}
        assert not any("different values" in note for note in arrays.notes)


def jpeg(path, values, **more):
    Image.fromarray(values.astype(np.uint8)).save(path, quality=75, **more)
    return path


def test_every_level_of_a_jpeg_counts(tmp_path):
    drawing = np.where(LESIONS == 1, 85, np.where(LESIONS == 2, 255, 0))
    path = jpeg(tmp_path / "m.jpg", drawing)
    assert (read_mask_picture(path) != TRUTH).mean() < 0.01
    Image.open(path).save(tmp_path / "m.png")  # its noise, in a format without loss
    assert (read_mask_picture(tmp_path / "m.png") != TRUTH).mean() < 0.01
    assert "nearest of its levels" in noted_mask(tmp_path / "m.png").notes[0]


def test_a_jpeg_of_ones_is_empty_and_that_is_said(tmp_path):
    found = noted_mask(jpeg(tmp_path / "m.jpg", TRUTH * 3))
    assert not found.values.any() and "rises above what JPEG adds" in found.notes[0]


@pytest.mark.parametrize("seed", range(3))
def test_soft_edges_are_cut_at_half_and_that_is_said(tmp_path, seed):
    blob = ndimage.gaussian_filter(np.random.default_rng(seed).random((90, 90)), 6)
    blob = blob > np.median(blob)
    soft = np.asarray(Image.fromarray(blob.astype(np.uint8) * 255).resize((64, 64), 3))
    Image.fromarray(soft).save(tmp_path / "m.png")
    found = noted_mask(tmp_path / "m.png")
    assert len(np.unique(soft)) > 9
    np.testing.assert_array_equal(found.values, soft > 127)
    assert "different values" in found.notes[0]


def test_single_pixels_numbered_with_gaps_are_lesions(tmp_path):
    labels = np.zeros((40, 40), np.uint8)
    labels[1::4, 1::4] = np.arange(100, dtype=np.uint8).reshape(10, 10) * 2 + 1
    Image.fromarray(labels).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask_picture(tmp_path / "m.png"), labels > 0)


def test_numbered_lesions_are_all_tumour_however_many(tmp_path):
    labels = many_lesions()
    Image.fromarray(labels).save(tmp_path / "m.png")
    found = noted_mask(tmp_path / "m.png")
    np.testing.assert_array_equal(found.values, labels > 0)
    assert found.notes == ()


def test_values_are_chosen_in_pictures_as_in_volumes(tmp_path):
    Image.fromarray(LESIONS.astype(np.uint8)).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask_picture(tmp_path / "m.png", chosen=[2]), LESIONS == 2)
    Image.fromarray((LESIONS + 1).astype(np.uint8)).save(tmp_path / "i.png")
    files = SliceFiles(tmp_path / "i.png", tmp_path / "m.png", 0)
    case = Case("a", "a", slices=(files,), planes=("image",), tumour=(1,))
    arrays = load_case(case, ["image"])
    np.testing.assert_array_equal(arrays.masks[0], LESIONS == 1)
    assert set(arrays.values) == {1, 2}
    ENCODINGS["red.png"](TRUTH).save(tmp_path / "red.png")
    with pytest.raises(DataError, match=r"red\.png: its labels are colours"):
        read_mask_picture(tmp_path / "red.png", chosen=[1])


def test_what_was_done_to_masks_is_said_once_a_case(tmp_path):
    slices = []
    for number in range(3):
        mask, image = (tmp_path / f"{number}{part}.png" for part in ("m", "i"))
        ENCODINGS["black drawing.png"](TRUTH).save(mask)
        Image.fromarray((LESIONS * 9).astype(np.uint8)).save(image)
        slices.append(SliceFiles(image, mask, number))
    arrays = load_case(Case("a", "a", slices=tuple(slices), planes=("image",)), ["image"])
    assert arrays.notes == ("0m.png and 2 more: its drawing is what is not transparent",)


def test_black_ground_and_transparent_margin_are_both_background(tmp_path):
    seen = np.zeros(TRUTH.shape, bool)
    seen[:, :44] = True
    rgba(alpha_of(TRUTH), alpha_of(seen)).save(tmp_path / "m.png")
    found = noted_mask(tmp_path / "m.png")
    np.testing.assert_array_equal(found.values, TRUTH & seen)
    assert found.notes == ("what is black or transparent in it is background",)


def layered(tmp_path, layers, *, suffix=".nii.gz", tumour=()):
    image = tmp_path / "i.nii.gz"
    values = np.arange(layers[0].size, dtype=np.int32).reshape(layers[0].shape)
    nib.save(nib.Nifti1Image(values, np.eye(4)), image)
    path = tmp_path / f"m{suffix}"
    if suffix == ".nrrd":
        values = np.stack([layer.T for layer in layers], -1)
        written = SimpleITK.GetImageFromArray(values, isVector=True)
        written.SetDirection(np.diag([-1.0, -1, 1]).ravel().tolist())
        SimpleITK.WriteImage(written, str(path))
    elif suffix == ".npy":
        np.save(path, np.stack(layers, -1))
    else:
        nib.save(nib.Nifti1Image(np.stack(layers, -1), np.eye(4)), path)
    return load_case(Case("a", "a", images={"x": image}, mask=path, tumour=tumour), ["x"])


def boxes():
    one, two = np.zeros((2, 12, 10, 4), np.uint8)
    one[2:7, 2:6, 1:3] = 1
    two[5:9, 4:8, 1:4] = 2
    return one, two


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".npy"])
def test_layers_of_a_segmentation_are_united(tmp_path, suffix):
    one, two = boxes()
    arrays = layered(tmp_path, [one, two], suffix=suffix)
    assert arrays.masks.sum() == ((one > 0) | (two > 0)).sum()
    assert any("holds 2 layers; their union is taken" in note for note in arrays.notes)
    # Where layers overlap, a value that is chosen is not hidden by a higher one.
    assert layered(tmp_path, [one, two], suffix=suffix, tumour=(1,)).masks.sum() == one.sum()


def test_the_background_among_the_layers_is_left_out(tmp_path):
    one, two = (layer > 0 for layer in boxes())
    two &= ~one
    layers = [(~(one | two)).astype(np.uint8), one.astype(np.uint8), two.astype(np.uint8)]
    arrays = layered(tmp_path, layers)
    assert arrays.masks.sum() == (one | two).sum()
    assert any("all but the largest, number 1, as the background" in n for n in arrays.notes)


@pytest.mark.parametrize(
    ("values", "chosen", "inside", "said"),
    [
        ([0, 0.004, 1], (), 1, "1 values between 0 and 0.01 count as 0"),
        ([0, 0.3, 0.7], (), 2, "all above 0 are taken as tumour"),
        ([0, 0.3, 1], (1,), 1, "those that are 1 are taken as tumour"),
        ([0, -1, -1], (), 0, "holds no value above 0 but -1"),
        ([0, 3, 3], (1, 2), 0, r"none of the values .*1, 2\) but 3 \(2 voxels\)"),
        ([0, *range(1, 60)], (), 59, None),
        ([0, *range(7, 6000, 90)], (), 67, "as an image or a map"),
    ],
)
def test_what_is_said_is_what_was_done(values, chosen, inside, said):
    found = drawn(np.array(values, np.float32), "m.nii", chosen=chosen)
    assert found.inside.sum() == inside
    if said is None:
        assert found.said == ()
    else:
        assert any(re.search(said, each) for each in found.said)


def test_tiff_masks_of_every_kind_of_number(tmp_path):
    for dtype in ("int8", "uint16", "uint32", "float64", "float16"):
        tifffile.imwrite(tmp_path / "m.tif", LESIONS.astype(dtype))
        np.testing.assert_array_equal(read_mask_picture(tmp_path / "m.tif"), TRUTH)


def test_levels_of_a_jpeg_are_chosen_though_it_moves_them(tmp_path):
    path = jpeg(tmp_path / "m.jpg", np.where(LESIONS == 1, 85, np.where(LESIONS == 2, 200, 0)))
    for value, number in ((85, 1), (200, 2)):
        found = read_mask_picture(path, chosen=[value])
        assert (found != (number == LESIONS)).mean() < 0.04
        assert found[number == LESIONS].mean() > 0.95


def test_layers_on_the_fifth_axis(tmp_path):
    one, two = boxes()
    layers = np.stack([one, two], -1)[:, :, :, None]
    nib.save(nib.Nifti1Image(layers, np.eye(4)), tmp_path / "m.nii")
    mask = read_mask_volume(tmp_path / "m.nii")
    np.testing.assert_array_equal(mask.data > 0, (one > 0) | (two > 0))
