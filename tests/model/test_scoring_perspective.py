"""The usual size of evidence by height in the picture."""

import numpy as np

from model.scoring.perspective import LOWEST, row_scales

ROWS = 40


def growing(frames=30):
    """Values of what moves, about the number of their row, `float32 [T, 40, 10]`."""
    noise = np.random.default_rng(0).uniform(0.9, 1.0, (frames, ROWS, 10))
    return (np.arange(1, ROWS + 1)[:, np.newaxis] * noise).astype(np.float32)


def test_linear_growth_over_rows_is_recovered():
    values = growing()
    scales = row_scales(values, np.ones(values.shape, bool))
    rows = np.arange(12, 36)  # above the floor, and far enough from the edge to have neighbours on both sides
    slope, offset = np.polyfit(rows, scales[rows], 1)
    assert 0.8 < slope < 1.1
    np.testing.assert_allclose(scales[rows], slope * rows + offset, rtol=0.05)
    assert (np.diff(scales) >= 0).all()


def test_what_does_not_move_does_not_count():
    values = growing()
    moving = np.ones(values.shape, bool)
    expected = row_scales(values, moving)
    values[:, :, :3], moving[:, :, :3] = 1e6, False
    np.testing.assert_allclose(row_scales(values, moving), expected, rtol=0.02)


def test_rows_without_movement_take_their_neighbours():
    values = growing()
    moving = np.zeros(values.shape, bool)
    moving[:, 18:24] = True
    scales = row_scales(values, moving)
    assert 16 <= scales[0] <= 20  # the nearest row's, which is 19
    assert 23 <= scales[-1] <= 25  # and here 24
    assert np.isfinite(scales).all()


def test_far_away_nothing_is_divided_by_next_to_nothing():
    values = growing()
    values[:, :10] = 1e-6
    scales = row_scales(values, np.ones(values.shape, bool))
    assert scales.min() >= np.float32(LOWEST) * scales.max() > 0


def test_where_nothing_moves_all_rows_count_alike():
    np.testing.assert_array_equal(row_scales(growing(), np.zeros((30, ROWS, 10), bool)), np.ones(ROWS))


def test_values_of_zero_are_not_divided_by():
    zeros = np.zeros((3, ROWS, 10), np.float32)
    np.testing.assert_array_equal(row_scales(zeros, np.ones(zeros.shape, bool)), np.ones(ROWS))
