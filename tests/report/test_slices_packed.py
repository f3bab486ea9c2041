import base64
import io
import json

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from rarecase.report.slices_packed import (
    FEWEST,
    LIMIT,
    Stack,
    coarser,
    pack_masks,
    pack_stack,
    pack_stacks,
    run_lengths,
    spread,
)

SIDE = 64


def smooth(rng, count, side=SIDE):
    """Images with the grain of a scan, background 0."""
    images = ndimage.gaussian_filter(rng.normal(size=(count, side, side)), (0, 2, 2)) * 3 + 1.2
    y, x = np.mgrid[:side, :side] - side / 2
    images[:, y**2 + x**2 > (0.45 * side) ** 2] = 0
    return np.clip(images, 0, 3).astype(np.float32)


def discs(rng, count, side=SIDE):
    y, x = np.mgrid[:side, :side]
    cy, cx, r = rng.uniform(0.3, 0.7, (3, count, 1, 1)) * side
    return ((y - cy) ** 2 + (x - cx) ** 2 < (r / 4) ** 2).astype(np.uint8)


def stack(images, true=None, predicted=None, *, case="a", patient=0):
    areas = np.zeros(len(images), dtype=np.int64)
    for each in (true, predicted):
        areas = areas if each is None else np.maximum(areas, each.sum(axis=(1, 2)))
    return Stack(
        case=case, patient=patient, words="", numbers=np.arange(len(images)) + 5, areas=areas,
        read=lambda at: (
            images[at],
            None if true is None else true[at],
            None if predicted is None else predicted[at],
        ),
    )  # fmt: skip


def unpacked(text, side):
    """Run lengths decoded another way: by numpy's repeat."""
    runs, run, place = [], 0, 0
    for byte in base64.b64decode(text):
        run += (byte % 128) * 128**place
        place += 1
        if byte < 128:
            runs.append(run)
            run, place = 0, 0
    runs.append(side * side - sum(runs))
    return np.repeat(np.arange(len(runs)) % 2, runs).reshape(side, side)


def grey_of(case, part):
    """A slice of the packed case, in the values of the cache."""
    image = Image.open(io.BytesIO(base64.b64decode(part["image"]))).convert("L")
    low, high = case["values"]
    return low + np.asarray(image, dtype=np.float64) * (high - low) / 255


def test_a_slice_is_the_cached_one_and_its_masks_are_exact():
    rng = np.random.default_rng(0)
    images, true, predicted = smooth(rng, 6), discs(rng, 6), discs(rng, 6)
    case = pack_stack(stack(images, true, predicted))
    assert [part["n"] for part in case["slices"]] == [5, 6, 7, 8, 9, 10]
    for i, part in enumerate(case["slices"]):
        assert len(json.dumps(part)) <= LIMIT
        error = grey_of(case, part) - np.minimum(images[i], case["values"][1])
        assert np.sqrt(np.mean(error**2)) < 0.05  # of tissue whose mean is about 1
        assert part["coarse"] == 1
        assert (unpacked(part["true"], SIDE) == true[i]).all()
        assert (unpacked(part["predicted"], SIDE) == predicted[i]).all()


def test_the_window_at_first_is_that_of_other_pictures():
    images = smooth(np.random.default_rng(1), 4)
    case = pack_stack(stack(images))
    low, high = case["values"]
    first = [low + grey * (high - low) / 255 for grey in case["window"]]
    tissue = images[images > 0]
    assert first == pytest.approx([0, np.percentile(tissue, 99.5)], abs=0.05)
    assert high > first[1]  # so that bright lesions can be told apart


def test_an_image_that_does_not_fit_is_made_smaller():
    noise = np.random.default_rng(2).uniform(0.1, 3, (2, 256, 256)).astype(np.float32)
    case = pack_stack(stack(noise))
    sizes = [Image.open(io.BytesIO(base64.b64decode(s["image"]))).size for s in case["slices"]]
    assert all(len(json.dumps(part)) <= LIMIT for part in case["slices"])
    assert case["side"] == 256
    assert max(max(size) for size in sizes) < 200


def test_a_mask_of_specks_is_made_coarser_and_says_so():
    specks = np.random.default_rng(3).integers(0, 2, (128, 128)).astype(np.uint8)
    packed, coarse = pack_masks({"true": specks})
    assert coarse > 1
    assert len(packed["true"]) <= LIMIT // 3
    shown = unpacked(packed["true"], -(-128 // coarse))
    assert (shown == coarser(specks, coarse)).all()


@pytest.mark.parametrize("fill", [0, 1])
def test_masks_of_one_value_come_back(fill):
    mask = np.full((5, 5), fill, dtype=np.uint8)
    text = base64.b64encode(run_lengths(mask)).decode()
    assert (unpacked(text, 5) == fill).all()


def test_slices_are_spread_and_the_largest_tumour_is_among_them():
    areas = np.zeros(100, dtype=np.int64)
    areas[61] = 9
    chosen = spread(areas, 12)
    assert len(set(chosen.tolist())) == 12
    assert 61 in chosen
    assert {0, 99} <= set(chosen.tolist())
    assert np.diff(chosen).max() <= 12


def test_a_case_without_any_tissue_is_packed():
    case = pack_stack(stack(np.zeros((2, 16, 16), dtype=np.float32)))
    assert grey_of(case, case["slices"][0]).max() == 0


def test_500_cases_of_5000_slices_stay_within_their_budget():
    """Noise fills whatever it may; small images of it, so that the test is fast."""
    rng = np.random.default_rng(4)
    images = rng.uniform(0.1, 3, (10, 24, 24)).astype(np.float32)
    true = discs(rng, 10, 24)
    stacks = [stack(images, true, case=f"c{i}", patient=i) for i in range(500)]
    packed = pack_stacks(stacks, budget=2_000_000)
    size = sum(len(json.dumps(case)) for case in packed.cases)
    assert 1_500_000 < size <= 2_000_000
    assert packed.most is None  # ten slices are fewer than what every case keeps
    assert packed.left_out == 500 - len(packed.cases) > 0
    assert [case["case"] for case in packed.cases] == [f"c{i}" for i in range(len(packed.cases))]


def test_slices_go_before_cases_do():
    images = np.random.default_rng(5).uniform(0.1, 3, (60, 24, 24)).astype(np.float32)
    stacks = [stack(images, case=f"c{i}", patient=i) for i in range(20)]
    everything = sum(len(json.dumps(case)) for case in pack_stacks(stacks).cases)
    packed = pack_stacks(stacks, budget=everything // 2)
    assert FEWEST <= packed.most < 60
    assert {len(case["slices"]) for case in packed.cases} == {packed.most}
    assert all(case["of"] == 60 for case in packed.cases)
    assert packed.left_out == 0
