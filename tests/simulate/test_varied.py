"""Varied patients: any lesion, contrast, quality and plane, and what stays true of all."""

import json

import numpy as np
import pytest

from rarecase.cohort import read_cohort
from rarecase.errors import SettingError
from rarecase.simulate import simulate_cohort
from rarecase.simulate.lesions import LESIONS
from rarecase.simulate.varied import draw_kind, simulate_varied

SMALL = {"size": 64, "slices": 12}


@pytest.fixture(scope="module")
def several():
    """Three of each kind."""
    return {
        label: [simulate_varied(label=label, seed=100 * k + i, **SMALL) for i in range(3)]
        for k, label in enumerate(LESIONS)
    }


def everybody(several):
    return [patient for each in several.values() for patient in each]


def test_images_are_whole_and_only_what_has_a_lesion_is_outlined(several):
    for patient in everybody(several):
        for image in patient.images.values():
            assert image.shape == (64, 64, 12) and image.dtype == np.float32
            assert np.isfinite(image).all() and image.min() >= 0
            assert image[image > 0].std() > 0
        assert set(np.unique(patient.mask)) <= {0, 1, 2, 4}
        inside = patient.images["flair"][patient.mask > 0]
        assert (inside > 0).all()  # nothing is outlined in the background
    assert not any(patient.mask.any() for patient in several["none"])
    shown = [p.mask.any() for name in ("glioma", "meningioma") for p in several[name]]
    assert np.mean(shown) > 0.6


def test_lesions_differ_from_what_is_around_them_in_some_sequence(several):
    for patient in several["glioma"]:
        if (patient.mask > 0).sum() < 30:
            continue
        near = np.zeros_like(patient.mask, bool)
        for axis in (0, 1):
            for step in (-4, 4):
                near |= np.roll(patient.mask > 0, step, axis)
        near &= patient.mask == 0
        apart = []
        for image in patient.images.values():
            a, b = image[patient.mask > 0], image[near & (image > 0)]
            apart.append(abs(a.mean() - b.mean()) / (a.std() + b.std()))
        assert max(apart) > 0.2


def test_planes_quality_and_heads_vary_and_one_seed_is_one_patient():
    drawn = [simulate_varied(label="none", seed=seed, **SMALL).examination for seed in range(12)]
    assert len({each.plane for each in drawn}) == 3 and len({e.stripped for e in drawn}) == 2
    assert len({round(each.thickness, 3) for each in drawn}) == 12
    one, same = (simulate_varied(label="sella", seed=4, **SMALL) for _ in range(2))
    assert all(np.array_equal(one.images[c], same.images[c]) for c in one.images)
    few = simulate_varied(label="sella", seed=4, channels=("t2",), **SMALL)
    np.testing.assert_array_equal(few.images["t2"], one.images["t2"])
    json.dumps(one.as_json())
    kinds = [draw_kind(seed) for seed in range(300)]
    assert set(kinds) == set(LESIONS) and 0.3 < kinds.count("glioma") / 300 < 0.55


def test_a_head_surrounds_the_brain_unless_it_is_stripped():
    for seed in range(30):
        patient = simulate_varied(label="none", seed=seed, channels=("t1",), **SMALL)
        seen = patient.examination
        filled = (patient.images["t1"] > 0).mean()
        if seen.stripped:
            assert 0.1 < filled < 0.45
        else:
            assert filled == 1 if seen.air else 0.25 < filled < 0.95


@pytest.mark.parametrize("plane", ["coronal", "sagittal"])
def test_another_plane_lies_in_space_as_its_file_says(plane):
    """Eyes are in front and below, wherever the slices run."""
    seed = next(s for s in range(50) if _plane(s) == plane)
    affine = simulate_varied(label="none", seed=seed, channels=("t1",), **SMALL).affine
    along = np.abs(affine[:3, 2]).argmax()
    assert along == {"coronal": 1, "sagittal": 0}[plane]
    assert np.linalg.matrix_rank(affine[:3, :3]) == 3


def _plane(seed):
    return simulate_varied(label="none", seed=seed, channels=("t1",), **SMALL).examination.plane


def test_a_varied_cohort_is_read_like_any_other(tmp_path):
    made = simulate_cohort(
        tmp_path / "v", patients={"glioma": 1, "none": 1}, size=48, slices=10, varied=True
    )
    cohort = read_cohort(made)
    assert {case.label for case in cohort.cases} == {"glioma", "none"}
    assert cohort.channels == ("flair", "t1", "t1gd", "t2") and all(c.mask for c in cohort.cases)
    assert simulate_cohort(made, patients={"glioma": 1, "none": 1}, size=48, slices=10,
                           varied=True) == made  # fmt: skip
    with pytest.raises(SettingError, match="did you mean 'glioma'"):
        simulate_cohort(tmp_path / "w", patients={"gliom": 1}, varied=True)
