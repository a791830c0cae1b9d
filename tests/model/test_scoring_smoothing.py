"""Running means that go along with what moves."""

import numpy as np
import pytest

from model.scoring.evidence import CELL, COARSE
from model.scoring.smoothing import Smoother

STILL = np.zeros((3, 12, 2), np.float32)
RIGHT = STILL + np.float32([CELL, 0])  # one cell a frame


def blob(column):
    strange = np.zeros((3, 12), np.float32)
    strange[1, column] = 1.0
    return {"a": strange}


def test_the_first_frame_is_taken_as_it_is():
    np.testing.assert_array_equal(Smoother(4.0).push(blob(5), RIGHT)["a"], blob(5)["a"])


def test_a_value_that_moves_with_the_motion_is_kept():
    smoother = Smoother(4.0)
    for column in range(2, 8):
        found = smoother.push(blob(column), RIGHT)["a"]
        assert found[1, column] == pytest.approx(1.0)


def test_a_value_that_jumps_without_motion_begins_anew():
    smoother = Smoother(4.0)
    for column in range(2, 8):
        found = smoother.push(blob(column), STILL)["a"]
    assert found[1, 7] == pytest.approx(0.25)


@pytest.mark.parametrize(("down", "right"), [(0, 1), (1, 0), (0, -1), (-1, 0)])
def test_the_past_goes_the_way_of_the_motion(down, right):
    smoother = Smoother(4.0)
    smoother.push(blob(5), STILL)
    found = smoother.push({"a": np.zeros((3, 12), np.float32)}, STILL + np.float32([CELL * right, CELL * down]))["a"]
    assert np.unravel_index(found.argmax(), found.shape) == (1 + down, 5 + right)


def test_a_value_that_left_is_forgotten_faster_than_one_that_comes_is_learned():
    smoother = Smoother(4.0)
    nothing = {"a": np.zeros((3, 12), np.float32)}
    smoother.push(blob(5), STILL)
    falling = [smoother.push(nothing, STILL)["a"][1, 5] for _ in range(3)]
    np.testing.assert_allclose(falling, [0.5, 0.25, 0.125])
    rising = [smoother.push(blob(2), STILL)["a"][1, 2] for _ in range(3)]
    np.testing.assert_allclose(rising, 1 - 0.75 ** np.arange(1, 4), rtol=1e-6)


def test_without_smoothing_every_frame_stands_alone():
    smoother = Smoother(1.0)
    for column in range(2, 8):
        np.testing.assert_allclose(smoother.push(blob(column), RIGHT)["a"], blob(column)["a"], atol=1e-6)


def test_kinds_do_not_mix_and_what_was_returned_stays():
    smoother = Smoother(4.0)
    first = smoother.push({**blob(5), "b": np.full((3, 12), 7.0, np.float32)}, STILL)
    second = smoother.push({**blob(6), "b": np.full((3, 12), 7.0, np.float32)}, STILL)
    np.testing.assert_array_equal(first["a"], blob(5)["a"])
    np.testing.assert_allclose(second["b"], 7.0)


def test_what_has_just_come_counts_by_the_root_of_its_share():
    smoother, column = Smoother(4.0), blob(0)["a"]
    smoother.push({"a": 0 * column}, STILL, column > 1)
    for frames in range(1, 6):
        found = smoother.push({"a": 2 * column}, STILL, column > 0)["a"]
        assert found[1, 0] == pytest.approx(2 * np.sqrt(1 - 0.75**frames))
        assert found[0].max() == 0
    left = smoother.push({"a": 0 * column}, STILL, column > 1)["a"]  # as without: what is gone must not linger
    assert left[1, 0] == pytest.approx(1 - 0.75**5)


def test_what_is_there_from_the_first_frame_on_is_taken_as_it_is():
    smoother = Smoother(4.0)
    for column in range(2, 8):
        found = smoother.push(blob(column), RIGHT, blob(column)["a"] > 0)["a"]
        assert found[1, column] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("kind", "share"), [("prediction_error", 0.25), ("motion_distance", 1 / 3.4), ("appearance_distance", 0.125)]
)
def test_every_kind_rises_at_its_own_pace(kind, share):
    smoother = Smoother(4.0)
    for column in (5, 2):
        found = smoother.push({kind: blob(column)["a"]}, STILL)
    assert found[kind][1, 2] == pytest.approx(share)


def test_looks_go_along_too_and_rise_as_fast_as_they_fall():
    smoother, grid = Smoother(5.0), STILL[:, ::COARSE]  # three frames
    looks = np.zeros((*grid.shape[:2], 7), np.float32)
    looks[1, 2] = 1.0
    smoother.push_looks(looks, grid)
    moved = smoother.push_looks(looks, grid + np.float32([CELL * COARSE, 0]))
    np.testing.assert_allclose(moved[1, 2:4, 0], [1 / 3, 2 / 3], rtol=1e-6)
    assert smoother.push({"a": blob(5)["a"]}, STILL).keys() == {"a"}
