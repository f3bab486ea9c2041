"""Loading a case: upright slices, masks that follow, checks."""

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from rarecase.cohort import (
    Case,
    SliceFiles,
    count_slices,
    inspect_cohort,
    load_groups,
    read_cohort,
)
from rarecase.cohort.thumbnail import thumbnail
from rarecase.errors import DataError
from rarecase.imaging import read_volume
from support.written import load_case


def marked(build, name, codes):
    """A volume with one bright voxel at the patient's right, front, top, stored along `codes`."""
    data = np.ones((6, 8, 3), np.float32)
    data[5, 7, 2] = 9  # RAS: most right, most anterior, top slice
    data[1, 2, 0] = 5
    image = nib.Nifti1Image(data, np.diag([2.0, 2.0, 4.0, 1.0]))
    target = nib.orientations.axcodes2ornt(codes)
    image = image.as_reoriented(
        nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), target)
    )
    path = build.root / name
    nib.save(image, path)
    return path


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "LAS"])
def test_slices_are_upright_and_radiological(build, codes):
    path = marked(build, "a.nii.gz", codes)
    arrays = load_case(Case("a", "a", images={"flair": path}, mask=path), ["flair"])
    assert arrays.images.shape == (3, 1, 8, 6)
    assert arrays.images[2, 0, 0, 0] == 9  # front is the top row, right is the left column
    assert arrays.images[0, 0, 8 - 1 - 2, 6 - 1 - 1] == 5
    assert arrays.spacing == (2.0, 2.0, 4.0)
    assert arrays.has_mask.all() and arrays.numbers.tolist() == [0, 1, 2]
    assert count_slices(Case("a", "a", images={"flair": path})) == 3


def test_mask_and_channels_of_other_orientations_follow(build):
    data = np.zeros((6, 8, 3), np.int16)
    data[4, 6, 1] = 4
    las = data[::-1]
    affine = np.diag([-1.0, 1, 1, 1])
    affine[0, 3] = 5
    image = build.volume("i.nii.gz", data=data + 1)
    mask = build.volume("m.nii.gz", data=np.ascontiguousarray(las), affine=affine)
    arrays = load_case(Case("a", "a", images={"flair": image}, mask=mask), ["flair"])
    assert arrays.notes == ()
    np.testing.assert_array_equal(arrays.masks, (arrays.images[:, 0] > 1).astype(np.uint8))
    assert arrays.masks.sum() == 1 and arrays.masks.dtype == np.uint8


def test_a_lost_origin_is_noted_and_voxels_correspond(build):
    image = build.volume("i.nii.gz")
    affine = np.eye(4)
    affine[:3, 3] = (90, -126, -72)
    mask = build.volume("m.nii.gz", tumour=True, affine=affine)
    arrays = load_case(Case("a", "a", images={"flair": image}, mask=mask), ["flair"])
    np.testing.assert_array_equal(arrays.masks, (arrays.images[:, 0] > 0).astype(np.uint8))
    assert len(arrays.notes) == 1 and "170.8 mm away" in arrays.notes[0]


def test_channels_choose_and_order(build):
    images = {name: build.volume(f"{name}.nii.gz") for name in ("flair", "t1")}
    arrays = load_case(Case("a", "a", images=images), ["t1", "flair"])
    flair = load_case(Case("a", "a", images=images), ["flair"])
    np.testing.assert_array_equal(arrays.images[:, 1:], flair.images)
    assert arrays.masks is None and not arrays.has_mask.any()
    with pytest.raises(DataError, match="Case 'a' has no t2 image"):
        load_case(Case("a", "a", images=images), ["t2"])


def test_planes_of_pictures(build):
    file = build.picture("a.png", colour=True)
    case = Case("a", "a", slices=(SliceFiles(file, None, 7),), planes=("t1", "flair", "t1gd"))
    arrays = load_case(case, ["t1gd", "t1"])
    truth = np.asarray(Image.open(file)).transpose(2, 0, 1)[[2, 0]]
    np.testing.assert_array_equal(arrays.images[0], truth)
    assert arrays.numbers.tolist() == [7] and arrays.spacing is None


def test_some_slices_without_a_mask(build):
    slices = tuple(
        SliceFiles(
            build.picture(f"{i}.png"), build.picture(f"{i}m.png", mask=True) if i else None, i
        )
        for i in range(3)
    )
    arrays = load_case(Case("a", "a", slices=slices, planes=("image",)), ["image"])
    assert arrays.has_mask.tolist() == [False, True, True]
    assert arrays.masks.sum(axis=(1, 2)).tolist() == [0, 15, 15]


def test_pictures_of_two_sizes_come_in_groups(build):
    files = [build.picture("a.png"), build.picture("b.png", size=(8, 10)), build.picture("c.png")]
    slices = tuple(SliceFiles(file, None, i) for i, file in enumerate(files))
    case = Case("a", "a", slices=slices, planes=("image",))
    groups = load_groups(case, ["image"])
    assert [g.numbers.tolist() for g in groups] == [[0, 2], [1]]


def test_black_pictures(build):
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(build.root / "a.png")
    case = Case("a", "a", slices=(SliceFiles(build.root / "a.png", None, 0),), planes=("image",))
    with pytest.raises(DataError, match=r"Case 'a': every pixel of its 1 picture\(s\) is 0"):
        load_case(case, ["image"])


def test_a_folder_called_like_a_file_is_the_one_volume_in_it(build):
    for label, patient in (("HGG", "p1"), ("HGG", "p2"), ("LGG", "p3")):
        for kind in ("flair", "seg"):
            folder = f"{label}/{patient}/{patient}_{kind}.nii"
            build.volume(f"{folder}/000{len(kind)}_brain.nii", tumour=kind == "seg")
    found = inspect_cohort(read_cohort(build.root))
    assert found.ok and len(found.cases) == 3
    assert (found.cases["tumour_pixels"] > 0).all()
    build.volume("HGG/p1/p1_flair.nii/another.nii")
    with pytest.raises(DataError, match=r"p1_flair\.nii: a folder of 2 volumes \(0005_brain"):
        read_volume(build.root / "HGG/p1/p1_flair.nii")


@pytest.mark.parametrize("size", [(16, 24), (20, 20)])
def test_a_picture_turned_by_its_exif_lies_under_a_mask_drawn_upright(build, size):
    upright = np.full(size, 40, np.uint8)
    upright[2:6, 3:11] = 200
    exif = Image.Exif()
    exif[274] = 6  # to be seen turned to the right
    Image.fromarray(np.rot90(upright)).save(build.root / "a.jpg", exif=exif, quality=100)
    Image.fromarray((upright > 100).astype(np.uint8)).save(build.root / "m.png")
    files = SliceFiles(build.root / "a.jpg", build.root / "m.png", 0)
    case = Case("a", "a", slices=(files,), planes=("image",))
    arrays = load_case(case, ["image"])
    np.testing.assert_array_equal(arrays.images[:, 0] > 100, arrays.masks)
    assert arrays.notes == ("a.jpg: turned upright as its EXIF orientation says",)


def test_the_channel_that_a_mask_was_drawn_on_is_shown(build):
    fine, coarse = np.diag([1.0, 1, 1, 1]), np.diag([2.0, 2, 1, 1])
    fine[:3, 3], coarse[:3, 3] = (-9, 4, 7), (-8.5, 4.5, 7)
    flair = build.volume("flair.nii.gz", shape=(10, 12, 4), affine=coarse)
    t1gd = build.volume("t1gd.nii.gz", shape=(20, 24, 4), affine=fine)
    t2 = build.volume("t2.nii.gz", shape=(10, 12, 4), affine=coarse)
    channels = ["t2", "flair", "t1gd"]
    images = {"flair": flair, "t1gd": t1gd, "t2": t2}
    for shape, affine, on in (((20, 24, 4), fine, "t1gd"), ((10, 12, 4), coarse, "flair")):
        mask = build.volume("m.nii.gz", shape=shape, affine=affine, tumour=True)
        groups = load_groups(Case("a", "a", images=images, mask=mask), channels)
        assert thumbnail(groups, channels).channel == on
    same = Case("a", "a", images={"t1": t1gd, "flair": t1gd}, mask=t1gd)
    assert load_groups(same, ["t1", "flair"])[0].drawn_on == ()
    assert thumbnail(load_groups(same, ["t1", "flair"]), ["t1", "flair"]).channel == "flair"
