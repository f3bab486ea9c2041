"""Masks on grids of their own: resampled by world coordinates, or refused."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from rarecase.cohort import Case
from rarecase.errors import DataError
from rarecase.imaging.grid import Grid, resample
from support.written import load_case


def ball(grid: Grid) -> np.ndarray:
    places = nib.affines.apply_affine(grid.affine, np.moveaxis(np.indices(grid.shape), 0, -1))
    return (np.linalg.norm(places - np.array([30.0, 34, 20]), axis=-1) < 11).astype(np.float32)


def save(path, data, grid):
    nib.save(nib.Nifti1Image(data.astype(np.float32), grid.affine), path)
    return path


def grid(shape, spacing, origin, turn=(0, 0, 0)):
    matrix = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() @ np.diag(spacing)
    return Grid(shape, nib.affines.from_matvec(matrix, origin))


IMAGE = grid((60, 66, 20), (1, 1, 2), (0.5, 1, 2))


def case(tmp_path, mask_grid, mask=None):
    image = save(tmp_path / "i.nii.gz", ball(IMAGE) * 50 + 10, IMAGE)
    drawn = save(tmp_path / "m.nii.gz", ball(mask_grid) if mask is None else mask, mask_grid)
    return Case("a", "a", images={"flair": image}, mask=drawn)


def dice(a, b):
    return 2 * (a * b).sum() / (a.sum() + b.sum())


@pytest.mark.parametrize(
    "other",
    [
        grid((120, 132, 40), (0.5, 0.5, 1), (0.2, 0.7, 1.5)),
        grid((50, 50, 18), (1, 1, 2), (4.7, 8, 2)),
        grid((80, 80, 50), (1, 1, 1), (-12, -4, -4), turn=(4, 10, 8)),
    ],
    ids=["finer", "a part", "turned"],
)
def test_a_mask_of_another_grid_is_resampled_and_that_is_said(tmp_path, other):
    arrays = load_case(case(tmp_path, other), ["flair"])
    assert dice(arrays.masks, (arrays.images[:, 0] > 35)) > 0.97
    assert len(arrays.notes) == 1 and "has another grid than i.nii.gz" in arrays.notes[0]


def test_a_mask_cut_out_of_the_images_voxels_is_usual(tmp_path):
    arrays = load_case(case(tmp_path, grid((50, 50, 18), (1, 1, 2), (4.5, 8, 2))), ["flair"])
    np.testing.assert_array_equal(arrays.masks, arrays.images[:, 0] > 35)
    assert arrays.notes == ()


def test_a_channel_cut_out_of_the_firsts_voxels_is_said(tmp_path):
    first = save(tmp_path / "i.nii.gz", ball(IMAGE) * 50 + 10, IMAGE)
    part = grid((60, 66, 10), (1, 1, 2), (0.5, 1, 12))
    second = save(tmp_path / "t.nii.gz", ball(part) * 50 + 10, part)
    arrays = load_case(Case("a", "a", images={"flair": first, "t1": second}), ["flair", "t1"])
    np.testing.assert_array_equal(arrays.images[5:15, 0], arrays.images[5:15, 1])
    (said,) = arrays.notes
    assert "its voxels are the same, covering 50% of it" in said and "resampled" not in said


def test_rounding_in_a_header_is_no_other_grid(tmp_path):
    near = grid(IMAGE.shape, (1, 1, 2), (0.7, 1.1, 2.3))
    arrays = load_case(case(tmp_path, near, ball(IMAGE)), ["flair"])
    assert arrays.notes == ()
    np.testing.assert_array_equal(arrays.masks, arrays.images[:, 0] > 35)


def test_a_mask_moved_away_from_its_image_is_refused(tmp_path):
    moved = grid(IMAGE.shape, (1, 1, 2), (30.5, 1, 2))
    with pytest.raises(
        DataError, match=r"m\.nii\.gz has the size, spacing and direction of .*30\.0"
    ):
        load_case(case(tmp_path, moved, ball(IMAGE)), ["flair"])
    # ... but not where a channel lies there too: then it was drawn on that.
    drawn = case(tmp_path, moved)
    second = save(tmp_path / "t.nii.gz", ball(moved) * 50 + 10, moved)
    arrays = load_case(replace(drawn, images=drawn.images | {"t1": second}), ["flair", "t1"])
    np.testing.assert_array_equal(arrays.masks, arrays.images[:, 1] > 35)


def test_spacing_that_differs_in_the_seventh_digit_is_the_same(tmp_path):
    one, other = (grid(IMAGE.shape, (s, s, 2), (9, 11, 2)) for s in (0.7, 0.7000004))
    image = save(tmp_path / "i.nii.gz", ball(one) * 50 + 10, one)
    found = []
    for there in (one, other):
        mask = save(tmp_path / "m.nii.gz", ball(one), there)
        found.append(load_case(Case("a", "a", images={"flair": image}, mask=mask), ["flair"]))
    np.testing.assert_array_equal(found[0].masks, found[1].masks)
    assert found[0].masks.any() and found[0].spacing == found[1].spacing and not found[1].notes


def test_a_mask_of_another_place_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"300 mm away from .*they do not overlap"):
        load_case(
            case(tmp_path, grid(IMAGE.shape, (1, 1, 2), (300.5, 1, 2)), ball(IMAGE)), ["flair"]
        )


def test_a_tilted_volume_is_laid_straight_with_its_mask(tmp_path):
    tilted = grid((70, 76, 26), (1, 1, 2), (-8, -6, -2), turn=(9, 0, 0))
    image = save(tmp_path / "i.nii.gz", ball(tilted) * 50 + 10, tilted)
    mask = save(tmp_path / "m.nii.gz", ball(tilted), tilted)
    arrays = load_case(Case("a", "a", images={"flair": image}, mask=mask), ["flair"])
    assert "tilted by 9.0 degrees" in arrays.notes[0]
    assert arrays.grid.tilt == pytest.approx(0)
    there = resample(ball(arrays.grid), arrays.grid, arrays.grid)[::-1, ::-1].transpose(2, 1, 0)
    assert dice(arrays.masks, there) > 0.95
    # What is drawn on straight slices comes back to the tilted file.
    back = resample(arrays.masks.transpose(2, 1, 0)[::-1, ::-1], arrays.grid, arrays.source) >= 0.5
    assert dice(back, ball(tilted)) > 0.95
