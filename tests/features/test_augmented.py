"""Originals as another examination might have shown them, on heads and on what looks unlike one."""

from dataclasses import replace

import numpy as np
import pytest

from rarecase.cohort.fitting import case_scales
from rarecase.cohort.load import CaseArrays
from rarecase.features.augmented import Change, shaded_originals
from rarecase.segmenter import intensity
from rarecase.simulate.varied import simulate_varied

NOTHING = intensity.Intensity(gamma=0, contrast=0, bias=0, blur=0, noise=0)


def head(*, offset=0.0, sign=1.0):
    """Raw slices of a simulated head with air around it, on another scale."""
    patient = simulate_varied(label="glioma", seed=5, size=48, slices=6)
    image = patient.images["t1"].transpose(2, 1, 0).astype(np.float32)
    image = sign * image + np.float32(offset)
    return CaseArrays(image[:, None], None, np.zeros(6, bool), np.arange(6), None)


def change(monkeypatch, spec):
    monkeypatch.setattr("rarecase.features.augmented.Intensity", lambda: spec)
    return Change.of("a", copy=1, seed=3, channels=1, strength=1.0)


@pytest.mark.parametrize("offset", [0.0, -1000.0], ids=["MRI", "as CT"])
def test_no_change_of_intensities_is_none_of_the_originals(offset, monkeypatch):
    group = head(offset=offset)
    found = shaded_originals(group, case_scales([group], tissue=True), change(monkeypatch, NOTHING))
    reach = np.ptp(group.images)
    np.testing.assert_allclose(found, group.images, atol=1e-3 * reach)


def test_nothing_gets_darker_than_the_air_and_tissue_keeps_its_scale(monkeypatch):
    group = head()
    scales = case_scales([group], tissue=True)
    found = shaded_originals(group, scales, change(monkeypatch, intensity.Intensity()))
    assert not np.array_equal(found, group.images)
    assert found.min() >= group.images.min()
    (after,) = case_scales([replace(group, images=found)], tissue=True)
    assert (after.ramp is None) == (scales[0].ramp is None)
    assert after.mean == pytest.approx(scales[0].mean, rel=0.25)
