"""How things move where: features of what moves, and how far it is from all that was normal."""

import numpy as np
import pytest

from model.scoring.motions import ENTRIES, NEAREST, PLACE, STILL, Motions, features

SPEEDS = np.full(6, 2.0, np.float32)  # pixels a frame, usual in each of 6 rows


def going(x, y, rows=slice(2, 4)):
    motion = np.zeros((6, 8, 2), np.float32)
    motion[rows] = x, y
    return motion, np.hypot(*np.moveaxis(motion, -1, 0)) / SPEEDS[:, np.newaxis]


def bank(*seen):
    return Motions.fit([features(*motion, SPEEDS) for motion in seen], np.random.default_rng(0))


@pytest.fixture
def walked():
    """A path in two rows along which all go right, some a little faster than others."""
    return bank(*(going(speed, 0.0) for speed in np.linspace(1.6, 2.4, 20)))


def furthest(motions, *motion):
    return motions.distance(*motion, SPEEDS).max()


def test_only_what_moves_has_features():
    found = features(*going(2.0, 0.0), SPEEDS)
    assert found.shape == (16, 5)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, :2], [[1.0, 0.0]] * 16)
    assert len(features(*going(0.9 * STILL * 2.0, 0.0), SPEEDS)) == 0


def test_what_was_seen_is_near_and_what_was_not_is_as_far_as_it_differs(walked):
    usual = furthest(walked, *going(2.0, 0.0))
    fast, faster = (furthest(walked, *going(speed, 0.0)) for speed in (4.0, 6.0))
    assert usual < 0.1
    assert 0.8 < fast < faster


@pytest.mark.parametrize(
    ("motion", "why"),
    [
        (going(-2.0, 0.0), "against the stream"),
        (going(0.0, 2.0), "across it"),
        (going(2.0, 0.0, rows=slice(5, 6)), "at the usual speed, but on the lawn"),
    ],
)
def test_direction_and_place_count_as_speed_does(walked, motion, why):
    assert furthest(walked, *motion) > 1.0, why


def test_direction_tells_where_something_is_slow_in_the_picture_too():
    speeds = np.linspace(0.4, 2.4, 20)
    walked = bank(*(going(speed, 0.0) for speed in speeds))
    assert furthest(walked, *going(0.0, 0.4)) > 1.3 * np.hypot(0.2, 0.2)  # usual speeds that lie between the two
    assert furthest(walked, *going(0.4, 0.0)) < 0.2


def test_who_has_been_fast_for_long_is_further_away_than_who_is_fast_for_a_moment(walked):
    motion, speed = going(3.0, 0.0)
    lasting, moment = (furthest(walked, motion, sustained) for sustained in (speed, np.minimum(speed, 1.0)))
    assert lasting > moment + 0.1


def test_standing_still_is_never_strange(walked):
    assert furthest(walked, *going(0.0, 0.0)) == 0.0


def test_one_odd_flow_among_the_entries_excuses_nothing(walked):
    odd = features(*going(6.0, 0.0), SPEEDS)[: NEAREST - 1]
    with_it = Motions(np.concatenate([walked.entries, odd]))
    assert furthest(with_it, *going(6.0, 0.0)) == pytest.approx(furthest(walked, *going(6.0, 0.0)), rel=0.2)


@pytest.mark.parametrize(
    ("speed", "row", "far"),
    [
        (2.0, 2, (0.0, 0.0)),  # as all others
        (-2.0, 2, (1.8, 0.0)),  # against the stream: the slowest there went 0.8 the other way
        (2.0, 5, (0.0, 2 * PLACE / 6)),  # two rows beside the path
    ],
)
def test_velocity_and_place_are_far_each_for_itself(walked, speed, row, far):
    motion, _ = going(speed, 0.0, slice(row, row + 1))
    np.testing.assert_allclose(walked.apart(motion, SPEEDS, (row, 3)), far, atol=0.1)


def test_nothing_is_far_from_an_empty_bank():
    motion, _ = going(2.0, 0.0)
    assert Motions(np.zeros((0, 5), np.float32)).apart(motion, SPEEDS, (2, 3)).tolist() == [0.0, 0.0]


def test_where_nothing_ever_moved_all_that_moves_is_strange():
    assert furthest(Motions(np.zeros((0, 5), np.float32)), *going(2.0, 0.0)) == pytest.approx(1.0)


def test_the_bank_is_bounded():
    many = [np.random.default_rng(0).normal(size=(ENTRIES, 5)).astype(np.float32)] * 2
    assert Motions.fit(many, np.random.default_rng(0)).entries.shape == (ENTRIES, 5)
