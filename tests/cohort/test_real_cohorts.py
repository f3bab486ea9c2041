"""The two real cohorts, in full."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rarecase.cohort import (
    SliceCache,
    assign_folds,
    cache_slices,
    count_slices,
    read_cohort,
)
from rarecase.errors import DataError, SettingError
from support.written import load_case

DATA = Path(__file__).parents[2] / "../shared/data"
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data"),
]


def test_tcga():
    cohort = read_cohort(DATA / "tcga-lgg", "COCCluster=2")
    assert cohort.layout == "tcga-lgg"
    assert Counter(cohort.patients.values()) == {"COCCluster=2": 12, "rest": 24}
    assert cohort.rare == "COCCluster=2" and cohort.dropped == ()
    assert sum(count_slices(case) for case in cohort.cases) == 1295
    table = assign_folds(cohort)
    assert table.groupby("fold").size().tolist() == [8, 7, 7, 7, 7]
    grades = read_cohort(DATA / "tcga-lgg", "neoplasm_histologic_grade")
    assert Counter(grades.patients.values()) == {"1": 20, "2": 16}
    missing = read_cohort(DATA / "tcga-lgg", "RNASeqCluster=2")
    assert len(missing.cases) == 31 and len(missing.dropped) == 5


def test_tcga_without_a_label_lists_the_columns():
    with pytest.raises(SettingError, match=r"COCCluster: 1 \(16\), 2 \(12\), 3 \(8\)"):
        read_cohort(DATA / "tcga-lgg")


def test_tcga_sites_and_single_class():
    cohort = read_cohort(DATA / "tcga-lgg", "COCCluster=2")
    assert assign_folds(cohort, "site")["fold"].nunique() == 5
    with pytest.raises(DataError, match="All 36 labelled patients have the label '1'"):
        read_cohort(DATA / "tcga-lgg", "tumor_tissue_site")


def test_tcga_case_is_what_the_files_hold():
    cohort = read_cohort(DATA / "tcga-lgg", "COCCluster=2")
    case = cohort.cases[5]
    arrays = load_case(case, ["flair"])
    files = case.slices[7]
    np.testing.assert_array_equal(arrays.images[7, 0], np.asarray(Image.open(files.image))[..., 1])
    np.testing.assert_array_equal(arrays.masks[7] > 0, np.asarray(Image.open(files.mask)) > 127)


def test_tcga_cache_keeps_the_lesion(tmp_path):
    cohort = read_cohort(DATA / "tcga-lgg", "COCCluster=2", channels=["flair"])
    cache_slices(cohort, tmp_path / "cache", 64)
    cache = SliceCache.open(tmp_path / "cache")
    assert cache.images.shape == (1295, 1, 64, 64)
    tumour = np.asarray(cache.masks) > 0
    images = np.asarray(cache.images[:, 0])
    assert np.isfinite(images).all() and images.min() == 0 and images.max() <= 3
    # FLAIR abnormality is brighter than the rest of the foreground.
    assert images[tumour].mean() > 1.25 * images[~tumour & (images > 0.5)].mean()
    assert 400 < (cache.rows["tumour"] > 0).sum() < 600


def test_figshare():
    cohort = read_cohort(DATA / "figshare-t1ce")
    assert cohort.layout == "slices" and cohort.channels == ("image",)
    assert Counter(cohort.patients.values()) == {"glioma": 35, "meningioma": 32, "pituitary": 24}
    assert sum(count_slices(case) for case in cohort.cases) == 1221
    table = assign_folds(cohort, "given")
    assert set(table["fold"]) == {1, 2} and len(table) == 91


def test_figshare_case(tmp_path):
    cohort = read_cohort(DATA / "figshare-t1ce")
    arrays = load_case(cohort.cases[0], cohort.channels)
    share = arrays.masks.mean(axis=(1, 2))
    assert arrays.has_mask.all() and (share > 0).all() and (share < 0.2).all()
