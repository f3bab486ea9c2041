"""The cache of slices: what is in it, and that nothing of the user's is lost."""

import json

import numpy as np
import pytest

from rarecase.cohort import SliceCache, cache_slices, read_cohort
from rarecase.errors import DataError, SettingError
from rarecase.imaging import fit_square, fit_square_masks
from support.written import load_case, normalise_case

LABELS = {"p1": "a", "p2": "b", "p3": "b"}


def test_volumes(build, tmp_path):
    cohort = read_cohort(build.manifest(LABELS))
    cache_slices(cohort, tmp_path / "cache", 16)
    cache = SliceCache.open(tmp_path / "cache")
    assert cache.images.shape == (12, 2, 16, 16) and cache.images.dtype == np.float32
    assert cache.masks.shape == (12, 16, 16) and cache.masks.dtype == np.uint8
    assert isinstance(cache.images, np.memmap) and cache.channels == ("flair", "t1")
    assert cache.rows.columns.tolist() == [
        "row", "case", "patient", "label", "slice", "has_mask", "tumour"
    ]  # fmt: skip
    assert cache.rows["row"].tolist() == list(range(12))
    assert cache.rows["slice"].tolist() == [0, 1, 2, 3] * 3
    assert cache.rows["label"].tolist() == ["a"] * 4 + ["b"] * 8
    np.testing.assert_array_equal(cache.rows["tumour"], cache.masks.sum(axis=(1, 2)))
    for number, case in enumerate(cohort.cases):
        arrays = load_case(case, cohort.channels)
        part = slice(4 * number, 4 * number + 4)
        expected = fit_square(normalise_case(arrays.images), 16)
        np.testing.assert_array_equal(cache.images[part], expected)
        np.testing.assert_array_equal(cache.masks[part], fit_square_masks(arrays.masks, 16))
    assert (cache.images[:, :, 0] == 0).all() and cache.images.max() > 0.9


def test_the_files_are_plain_npy(build, tmp_path):
    cache_slices(read_cohort(build.manifest(LABELS)), tmp_path / "cache", 16)
    whole = np.load(tmp_path / "cache/images.npy", allow_pickle=False)
    np.testing.assert_array_equal(whole, SliceCache.open(tmp_path / "cache").images)
    assert (tmp_path / "cache/masks.npy").stat().st_size == 12 * 16 * 16 + 128


def test_raw_values(build, tmp_path):
    cohort = read_cohort(build.manifest(LABELS))
    cache_slices(cohort, tmp_path / "cache", 12, normalise="none")
    raw = load_case(cohort.cases[0], cohort.channels).images
    cache = SliceCache.open(tmp_path / "cache")
    np.testing.assert_array_equal(cache.images[:4], fit_square(raw, 12))


def test_raw_values_have_their_background_at_zero(build, tmp_path):
    cohort = read_cohort(build.manifest(LABELS))
    before = load_case(cohort.cases[0], cohort.channels).images
    for file in cohort.cases[0].images.values():
        data = np.asarray(before[:, 0].transpose(2, 1, 0)[::-1, ::-1], np.int16) - 1000
        build.volume(str(file.relative_to(build.root)), data=data)
    cache_slices(cohort, tmp_path / "cache", 12, normalise="none")
    cache = SliceCache.open(tmp_path / "cache")
    np.testing.assert_array_equal(cache.images[:4, 0], fit_square(before, 12)[:, 0])


def test_empty_slices_are_left_out_and_counted(build, tmp_path):
    root = build.manifest(LABELS)
    for channel in ("flair", "t1"):
        data = np.zeros((10, 12, 6), np.int16)
        data[3:7, 3:9, 2:4] = build.rng.integers(80, 120, (4, 6, 2))
        build.volume(f"v/p1_{channel}.nii.gz", data=data)
    mask = np.zeros((10, 12, 6), np.uint8)
    mask[5, 5, 5] = 1  # tumour where the image shows nothing: kept
    build.volume("v/p1_m.nii.gz", data=mask)
    cohort = read_cohort(root)
    cache_slices(cohort, tmp_path / "cache", 12, skip_empty=True)
    cache = SliceCache.open(tmp_path / "cache")
    assert cache.rows.loc[cache.rows["case"] == "c-p1", "slice"].tolist() == [2, 3, 5]
    assert cache.meta["skipped"] == {"slices": 3, "by_case": {"c-p1": 3}}
    cache_slices(cohort, tmp_path / "all", 12)
    assert len(SliceCache.open(tmp_path / "all").rows) == len(cache.rows) + 3


def test_pictures_of_two_sizes_stay_in_order(build, tmp_path):
    root = build.slices(LABELS, per_patient=3)
    build.picture("a/p1_1.png", size=(32, 24))
    build.picture("a/p1_1_mask.png", size=(32, 24), mask=True)
    cache_slices(read_cohort(root), tmp_path / "cache", 16)
    cache = SliceCache.open(tmp_path / "cache")
    assert cache.rows["slice"].tolist() == [0, 1, 2] * 3
    assert cache.rows["tumour"].tolist()[0] == 15 and cache.rows["tumour"].tolist()[1] < 15
    assert (cache.images[1, 0, :, 0] == 0).all()  # padded to a square


def test_cases_without_masks(build, tmp_path):
    root = build.rembrandt(2, 2)
    (root / "HGG/HF000/HF000_seg.nii.gz").unlink()
    cache_slices(read_cohort(root), tmp_path / "cache", 16)
    cache = SliceCache.open(tmp_path / "cache")
    assert cache.rows["has_mask"].tolist() == [False] * 4 + [True] * 12
    assert not cache.masks[:4].any() and cache.masks[4:].any()


def test_the_same_cohort_gives_the_same_bytes(build, tmp_path):
    cohort = read_cohort(build.rembrandt(2, 2))
    for name in ("a", "b"):
        cache_slices(cohort, tmp_path / name, 16)
    for file in ("images.npy", "masks.npy", "rows.parquet", "meta.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_nothing_of_others_is_overwritten(build, tmp_path):
    cohort = read_cohort(build.rembrandt(2, 2))
    mine = build.table("precious/notes.txt", "mine")
    with pytest.raises(DataError, match="precious: holds other files, which are left alone"):
        cache_slices(cohort, mine.parent, 16)
    with pytest.raises(DataError, match="a file is in the way"):
        cache_slices(cohort, mine, 16)
    assert mine.read_text() == "mine\n"
    cache_slices(cohort, tmp_path / "cache", 16)
    cache_slices(cohort, tmp_path / "cache", 20)
    assert SliceCache.open(tmp_path / "cache").images.shape[-1] == 20


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 4}, "size: 4, at least 8"),
        ({"size": 16, "normalise": "cases"}, "'cases' is unknown; did you mean 'case'"),
    ],
)
def test_impossible_settings(build, tmp_path, settings, message):
    with pytest.raises(SettingError, match=message):
        cache_slices(read_cohort(build.rembrandt(2, 2)), tmp_path / "cache", **settings)


def cut_short(folder):
    (folder / "images.npy").write_bytes((folder / "images.npy").read_bytes()[:900])


def no_rows(folder):
    (folder / "rows.parquet").unlink()


def other_size(folder):
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps(meta | {"size": 8}))


def another_meta(folder):
    (folder / "meta.json").write_text("{}")


def no_masks(folder):
    (folder / "masks.npy").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (cut_short, "images.npy: not an .npy file"),
        (no_rows, "rows.parquet: no such file"),
        (no_masks, "masks.npy: no such file"),
        (other_size, "images.npy: float32 of shape .* was expected"),
        (another_meta, "not a cache of slices"),
    ],
)
def test_a_broken_cache_is_named(build, tmp_path, spoil, message):
    cache_slices(read_cohort(build.rembrandt(2, 2)), tmp_path / "cache", 16)
    spoil(tmp_path / "cache")
    with pytest.raises(DataError, match=message):
        SliceCache.open(tmp_path / "cache")
