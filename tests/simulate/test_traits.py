from dataclasses import asdict

import numpy as np
import pytest
from scipy import stats

from rarecase.errors import SettingError
from rarecase.simulate.traits import CLASSES, SPREADS, draw_traits


def drawn(label, separability, *, start, count=400):
    rows = [
        asdict(
            draw_traits(np.random.default_rng(start + i), label=label, separability=separability)
        )
        for i in range(count)
    ]
    return {name: np.array([row[name] for row in rows]) for name in SPREADS}


@pytest.mark.parametrize("trait", SPREADS)
def test_without_separability_both_classes_share_every_distribution(trait):
    moments = [SPREADS[trait].moments(label, 0.0) for label in CLASSES]
    assert moments[0] == moments[1]


def test_without_separability_independent_draws_cannot_be_told_apart():
    high, low = drawn("HGG", 0.0, start=0), drawn("LGG", 0.0, start=10_000)
    for name in SPREADS:
        assert stats.ks_2samp(high[name], low[name]).pvalue > 1e-3, name


def test_the_shared_distribution_has_the_moments_of_the_mixture():
    rng = np.random.default_rng(0)
    for spread in SPREADS.values():
        parts = [rng.normal(*spread.moments(label, 1.0), 200_000) for label in CLASSES]
        mixture = np.concatenate(parts)
        mean, deviation = spread.moments("HGG", 0.0)
        assert mixture.mean() == pytest.approx(mean, abs=0.02)
        assert mixture.std() == pytest.approx(deviation, rel=0.02)


def test_with_separability_the_classes_differ_as_in_life():
    high, low = drawn("HGG", 1.0, start=0), drawn("LGG", 1.0, start=10_000)
    for name, greater in (
        ("enhancing", high), ("necrosis", high), ("oedema_ratio", high), ("irregularity", high),
        ("margin_mm", low), ("oedema_in_grey", low),
    ):  # fmt: skip
        other = low if greater is high else high
        assert stats.mannwhitneyu(greater[name], other[name]).pvalue < 1e-20
        assert np.median(greater[name]) > np.median(other[name]), name


def test_classes_draw_apart_steadily():
    for spread in SPREADS.values():
        gaps = []
        for separability in (0, 0.25, 0.5, 0.75, 1):
            (a, s), (b, t) = (spread.moments(label, separability) for label in CLASSES)
            gaps.append(abs(a - b) / np.hypot(s, t))
        assert gaps == sorted(gaps)
        assert gaps[0] == 0


@pytest.mark.parametrize("separability", [-0.1, 1.1, float("nan")])
def test_separability_outside_is_refused(separability):
    with pytest.raises(SettingError, match="separability must lie in 0…1"):
        draw_traits(np.random.default_rng(0), label="HGG", separability=separability)


def test_an_unknown_class_is_refused_with_the_known_ones():
    with pytest.raises(SettingError, match=r"'hgg' is not simulated; .*HGG, LGG"):
        draw_traits(np.random.default_rng(0), label="hgg", separability=1)
