from dataclasses import replace

import numpy as np
import pytest

from rarecase.errors import SettingError
from rarecase.seeds import numpy_rng
from rarecase.simulate import simulate_patient
from rarecase.simulate.anatomy import draw_anatomy
from rarecase.simulate.contrast import CHANNELS, draw_scanner, paint, scan
from rarecase.simulate.patient import image_axes
from rarecase.simulate.traits import draw_traits
from rarecase.simulate.tumour import grow_tumour, label_parts, place, tumour_parts

SMALL = {"size": 64, "slices": 16}


@pytest.fixture(scope="module")
def high():
    return [simulate_patient(label="HGG", seed=i, **SMALL) for i in range(6)]


@pytest.fixture(scope="module")
def low():
    return [simulate_patient(label="LGG", seed=100 + i, **SMALL) for i in range(6)]


def test_shapes_types_and_geometry(high):
    patient = high[0]
    assert tuple(patient.images) == CHANNELS
    for image in patient.images.values():
        assert image.shape == (64, 64, 16)
        assert image.dtype == np.float32
    assert patient.mask.dtype == np.uint8
    np.testing.assert_allclose(np.diag(patient.affine), [-3.75, -3.75, 8.75, 1])
    middle = patient.affine @ [31.5, 31.5, 7.5, 1]
    np.testing.assert_allclose(middle, [0, 0, 0, 1], atol=1e-4)


def test_background_is_exactly_zero_and_the_same_in_every_channel(high, low):
    for patient in high + low:
        brain = patient.images["t1"] > 0
        assert 0.1 < brain.mean() < 0.5
        for image in patient.images.values():
            np.testing.assert_array_equal(image > 0, brain)
            assert image[brain].min() >= 1
            assert image.max() <= 32767


def test_the_mask_lies_in_the_brain_and_holds_brats_labels(high, low):
    for patient in high + low:
        assert set(np.unique(patient.mask)) <= {0, 1, 2, 4}
        assert (patient.images["t1"][patient.mask > 0] > 0).all()
        assert (patient.mask > 0).any()
    for patient in high:
        assert {1, 2, 4} <= set(np.unique(patient.mask))


def test_volumes_are_those_drawn(high, low):
    for patient in high + low:
        voxel = abs(np.linalg.det(patient.affine)) / 1e3
        core = np.isin(patient.mask, (1, 4)).sum() * voxel
        assert core == pytest.approx(patient.traits.core_ml, rel=0.3)


def test_only_high_grade_enhances_as_a_rule(high, low):
    share = [(p.mask == 4).sum() / (p.mask > 0).sum() for p in high]
    assert np.median(share) > 0.08
    assert np.median([(p.mask == 4).sum() / (p.mask > 0).sum() for p in low]) < 0.02


def test_the_rim_lights_up_on_t1ce_and_necrosis_is_dark(high):
    brighter = 0
    for patient in high:
        relative = {c: v / np.median(v[v > 0]) for c, v in patient.images.items()}
        rim, core = patient.mask == 4, patient.mask == 1
        assert relative["t1ce"][rim].mean() > 1.15 * relative["t1"][rim].mean()
        brighter += relative["t1ce"][rim].mean() > 1.3 * relative["t1ce"][core].mean()
    assert brighter >= 5


def test_oedema_and_low_grade_tumour_are_bright_on_flair_and_t2(high, low):
    for patient in high:
        flair = patient.images["flair"]
        healthy = np.median(flair[(flair > 0) & (patient.mask == 0)])
        assert flair[patient.mask == 2].mean() > 1.25 * healthy
    for patient in low:
        for channel, sign, part in (("flair", 1, 50), ("t2", 1, 50), ("t1", -1, 75)):
            image = patient.images[channel]
            # on T1 the darker grey matter is no measure: the brighter half is white matter
            healthy = np.percentile(image[(image > 0) & (patient.mask == 0)], part)
            assert sign * (np.median(image[patient.mask == 1]) - healthy) > 0


def test_low_grade_cores_are_more_even(high, low):
    def spread(patient):
        core = patient.images["t2"][np.isin(patient.mask, (1, 4))]
        return core.std() / core.mean()

    assert np.median([spread(p) for p in low]) < np.median([spread(p) for p in high])


def test_tissue_contrast_has_the_order_of_each_channel():
    target = image_axes(size=96, slices=20, field_of_view=240, coverage=140)
    for seed in range(3):
        tissue = draw_anatomy(numpy_rng(seed, "a")).tissue(target)
        scanner = draw_scanner(numpy_rng(seed, "s"))
        nothing = np.zeros_like(tissue.white)
        traits = draw_traits(numpy_rng(seed, "t"), label="HGG", separability=1)
        tumour = grow_tumour(
            numpy_rng(seed, "g"), draw_anatomy(numpy_rng(seed, "a")),
            seed=place(numpy_rng(seed, "p"), draw_anatomy(numpy_rng(seed, "a"))),
            traits=traits,
        )  # fmt: skip
        parts = tumour_parts(tumour, target, within=tissue.brain)
        parts = replace(parts, oedema=nothing, enhancing=nothing, inner=nothing, whole=nothing)
        pure = {n: getattr(tissue, n) > 0.95 for n in ("white", "grey", "csf")}
        for channel, order in {
            "t1": "white grey csf", "t1ce": "white grey csf",
            "t2": "csf grey white", "flair": "grey white csf",
        }.items():  # fmt: skip
            clean = paint(
                tissue, parts, scanner.looks[channel],
                necrosis=1, enhancement=0, heterogeneity=0,
            )  # fmt: skip
            image = scan(
                numpy_rng(seed, channel), clean, scanner,
                channel=channel, inside=tissue.brain, target=target,
            )  # fmt: skip
            means = [image[pure[name]].mean() for name in order.split()]
            assert means == sorted(means, reverse=True), (channel, means)


def test_noise_is_rician_in_an_empty_signal():
    target = image_axes(size=96, slices=20, field_of_view=240, coverage=140)
    tissue = draw_anatomy(numpy_rng(0, "a")).tissue(target)
    scanner = draw_scanner(numpy_rng(0, "s"))
    scanner = replace(scanner, gain={"t1": 1e4}, noise={"t1": 0.05})
    image = scan(
        numpy_rng(0, "n"), np.zeros_like(tissue.white), scanner,
        channel="t1", inside=tissue.brain, target=target,
    )[tissue.brain]  # fmt: skip
    # a Rician of no signal is a Rayleigh distribution
    assert image.mean() / 1e4 == pytest.approx(0.05 * np.sqrt(np.pi / 2), rel=0.01)
    assert image.std() / 1e4 == pytest.approx(0.05 * np.sqrt(2 - np.pi / 2), rel=0.02)


def test_parts_share_out_the_tumour_and_never_leave_the_brain():
    anatomy = draw_anatomy(numpy_rng(5, "a"))
    traits = draw_traits(numpy_rng(5, "t"), label="HGG", separability=1)
    seed = place(numpy_rng(5, "p"), anatomy)
    tumour = grow_tumour(numpy_rng(5, "g"), anatomy, seed=seed, traits=traits)
    target = image_axes(size=80, slices=16, field_of_view=240, coverage=140)
    tissue = anatomy.tissue(target)
    parts = tumour_parts(tumour, target, within=tissue.brain)
    total = parts.oedema + parts.enhancing + parts.inner
    np.testing.assert_allclose(total, parts.whole, atol=1e-5)
    assert parts.whole.max() <= 1 + 1e-6
    for share in (parts.oedema, parts.enhancing, parts.inner):
        assert share.min() >= -1e-6
        assert (share[~tissue.brain] == 0).all()
    labels = label_parts(parts)
    np.testing.assert_array_equal(labels > 0, parts.whole > 0.5)


def test_oedema_follows_white_matter():
    shares = []
    for seed in range(2):
        anatomy = draw_anatomy(numpy_rng(seed, "a"))
        traits = draw_traits(numpy_rng(seed, "t"), label="HGG", separability=1)
        centre = place(numpy_rng(seed, "p"), anatomy)
        target = image_axes(size=80, slices=40, field_of_view=240, coverage=140)
        tissue = anatomy.tissue(target)

        def white_share(in_grey, seed=seed, anatomy=anatomy, traits=traits, centre=centre,
                        target=target, tissue=tissue):  # fmt: skip
            asked = replace(traits, oedema_in_grey=in_grey)
            tumour = grow_tumour(numpy_rng(seed, "g"), anatomy, seed=centre, traits=asked)
            parts = tumour_parts(tumour, target, within=tissue.brain)
            return (parts.oedema * tissue.white).sum() / parts.oedema.sum()

        shares.append((white_share(0.03), white_share(1.0)))
    assert all(narrow > wide + 0.05 for narrow, wide in shares), shares


def test_the_same_seed_gives_the_same_voxels():
    a = simulate_patient(label="HGG", seed=7, **SMALL)
    b = simulate_patient(label="HGG", seed=7, **SMALL, channels=("t1ce", "flair"))
    np.testing.assert_array_equal(a.mask, b.mask)
    for channel in ("t1ce", "flair"):
        np.testing.assert_array_equal(a.images[channel], b.images[channel])
    other = simulate_patient(label="HGG", seed=8, **SMALL)
    assert not np.array_equal(a.mask, other.mask)


def test_the_same_seed_gives_the_same_tumour_at_every_size():
    coarse = simulate_patient(label="HGG", seed=7, size=60, slices=14, channels=("t1",))
    fine = simulate_patient(label="HGG", seed=7, size=120, slices=28, channels=("t1",))
    assert coarse.traits == fine.traits
    halved = (fine.mask > 0).reshape(60, 2, 60, 2, 14, 2).mean(axis=(1, 3, 5)) > 0.5
    whole = coarse.mask > 0
    assert 2 * (whole & halved).sum() / (whole.sum() + halved.sum()) > 0.9


def test_without_separability_the_label_leaves_no_trace_in_the_image():
    a = simulate_patient(label="HGG", seed=11, separability=0, **SMALL)
    b = simulate_patient(label="LGG", seed=11, separability=0, **SMALL)
    np.testing.assert_array_equal(a.mask, b.mask)
    for channel in CHANNELS:
        np.testing.assert_array_equal(a.images[channel], b.images[channel])
    c = simulate_patient(label="LGG", seed=11, separability=1, **SMALL)
    assert not np.array_equal(a.mask, c.mask)


def test_the_scanner_never_depends_on_the_label():
    a = simulate_patient(label="HGG", seed=12, **SMALL, channels=("t1",))
    b = simulate_patient(label="LGG", seed=12, **SMALL, channels=("t1",))
    assert a.scanner == b.scanner
    assert a.centre_mm == b.centre_mm


def test_simple_statistics_of_the_tumour_tell_the_classes_apart(high, low):
    def contrast(patient):
        t1ce, t1 = (patient.images[c] / np.median(patient.images[c][patient.images[c] > 0])
                    for c in ("t1ce", "t1"))  # fmt: skip
        return np.percentile((t1ce / np.maximum(t1, 1e-3))[patient.mask > 0], 90)

    assert np.median([contrast(p) for p in high]) > max(np.median([contrast(p) for p in low]), 1.2)


def test_the_smallest_grid_still_shows_every_tumour():
    for seed in range(3):
        for separability in (0, 1):
            patient = simulate_patient(
                label="HGG", seed=seed, size=16, slices=6,
                separability=separability, channels=("t1",),
            )  # fmt: skip
            assert (patient.mask > 0).any()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"label": "GBM"}, "label 'GBM' is not simulated"),
        ({"size": 8}, "size must be at least 16"),
        ({"slices": 1}, "slices must be at least 6 over 140 mm, got 1"),
        ({"channels": ("flaire",)}, "did you mean 'flair'"),
        ({"channels": ()}, "at least one"),
        ({"channels": ("t1", "t1")}, "must be different"),
        ({"field_of_view": 100}, "at least 200 mm"),
        ({"coverage": 0}, "coverage at least 100 mm"),
        ({"separability": 2}, "separability must lie in"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong, words):
    with pytest.raises(SettingError, match=words):
        simulate_patient(**({"label": "HGG", "seed": 0, **SMALL} | wrong))
