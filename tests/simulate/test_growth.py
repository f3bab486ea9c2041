import numpy as np
import pytest

from rarecase.simulate.growth import FAR, arrival_time


def test_in_a_uniform_medium_the_front_arrives_with_the_distance():
    n, step = 41, 2.0
    start = np.zeros((n, n, n), bool)
    start[20, 20, 20] = True
    time = arrival_time(start, np.full((n, n, n), 1.5, np.float32), step=step, voxels=n**3)
    offsets = (np.indices((n, n, n)) - 20) * step
    expected = np.sqrt((offsets**2).sum(axis=0)) / 1.5
    far = (expected > 8) & (expected < 26)
    error = np.abs(time - expected)[far] / expected[far]
    assert error.max() < 0.2  # first-order scheme: late along the diagonals
    assert error.mean() < 0.08
    np.testing.assert_allclose(time[20, 20, 20:], expected[20, 20, 20:], rtol=1e-4)


def test_time_is_the_shortest_way_round_a_wall():
    speed = np.ones((15, 15, 3), np.float32)
    speed[7, :12] = 0
    start = np.zeros(speed.shape, bool)
    start[3, 3, 1] = True
    time = arrival_time(start, speed, step=1.0, voxels=speed.size)
    assert time[7, 5, 1] > 1e5
    straight = np.hypot(11 - 3, 0)
    around = np.hypot(7 - 3, 12 - 3) + np.hypot(11 - 7, 12 - 3)
    assert around * 0.95 < time[11, 3, 1] < around * 1.15
    assert time[11, 3, 1] > straight * 1.5


def test_every_point_solves_the_upwind_equation(rng):
    speed = np.exp(0.6 * rng.standard_normal((14, 14, 14))).astype(np.float32)
    start = np.zeros(speed.shape, bool)
    start[6:8, 6:8, 6:8] = True
    time = arrival_time(start, speed, step=3.0, voxels=speed.size).astype(float)
    padded = np.pad(time, 1, constant_values=FAR)
    total = np.zeros_like(time)
    for k in range(3):
        before = np.roll(padded, 1, k)[1:-1, 1:-1, 1:-1]
        after = np.roll(padded, -1, k)[1:-1, 1:-1, 1:-1]
        total += np.maximum(0, time - np.minimum(before, after)) ** 2
    residual = np.sqrt(total) / 3.0 * speed
    np.testing.assert_allclose(residual[~start], 1.0, rtol=2e-3)


def test_stopping_early_changes_nothing_within_the_volume(rng):
    speed = np.exp(0.8 * rng.standard_normal((25, 25, 25))).astype(np.float32)
    start = np.zeros(speed.shape, bool)
    start[12, 12, 12] = True
    early = arrival_time(start, speed, step=3.0, voxels=800)
    full = arrival_time(start, speed, step=3.0, voxels=speed.size, most=2000)
    near = early <= np.partition(early, 799, axis=None)[799]
    np.testing.assert_array_equal(early[near], full[near])
    assert not np.array_equal(early, full)


@pytest.fixture
def rng():
    return np.random.default_rng(4)
