"""One truth written in every layout and format comes back the same, whatever its orientation,
spacing and data type."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rarecase.cohort import read_cohort
from support.written import LAYOUTS, Truth, cohort, load_case, truth

ORIENTATIONS = ("RAS", "LPS", "LAS", "PIR", "ASL", "SAR", "IPL", "RSA")
SIZES = st.sampled_from([0.5, 0.9, 1.0, 1.75])


def check(layout: str, cases: list[Truth], root: Path) -> None:
    found = read_cohort(cohort(layout, root, cases))
    assert found.channels == ("flair",)
    assert [case.label for case in found.cases] == [t.label for t in cases]
    for case, t in zip(found.cases, cases, strict=True):
        arrays = load_case(case, found.channels)
        np.testing.assert_allclose(arrays.images[:, 0], t.slices, rtol=1e-6)
        np.testing.assert_array_equal(arrays.masks, t.mask_slices)
        if layout != "tif":
            np.testing.assert_allclose(
                arrays.spacing, np.linalg.norm(t.affine[:3, :3], axis=0)[[1, 0, 2]], rtol=1e-5
            )
            np.testing.assert_allclose(arrays.grid.affine, t.affine, atol=1e-4)


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    codes=st.sampled_from(ORIENTATIONS),
    pixel=SIZES,
    step=st.sampled_from([0.9, 1.0, 3.0, 5.5]),
    dtype=st.sampled_from(["uint8", "int16", "uint16", "float32"]),
    seed=st.integers(0, 1000),
)
def test_every_layout(layout, codes, pixel, step, dtype, seed):
    rng = np.random.default_rng(seed)
    # DICOM numbers hold even values alone here, see `written.dicom`.
    shape = tuple(int(n) for n in rng.integers(7, 14, 3))
    spacing = (pixel, pixel, step)
    cases = [
        truth(
            rng, shape=shape, spacing=spacing, codes=codes, dtype=dtype, patient=name, label=label
        )
        for name, label in (("a1", "HGG"), ("b2", "LGG"), ("c3", "HGG"))
    ]
    for t in cases:
        t.image = 2 * (t.image // 2)
    with tempfile.TemporaryDirectory() as folder:
        check(layout, cases, Path(folder) / "data")
