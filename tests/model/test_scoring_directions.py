"""Where people go: shares of directions, their rarity, and who goes where nobody does."""

import numpy as np
import pytest

from model.scoring.directions import BINS, flow_direction, rarity, shares

SPEEDS = np.full(6, 2.0, np.float32)  # pixels a frame, usual in each of 6 rows
RIGHT, DOWN, LEFT = (0, BINS // 4, BINS // 2)


def going(x, y):
    return np.broadcast_to(np.float32([x, y]), (6, 8, 2))


@pytest.fixture
def rarities():
    """A place where half of the frames see someone go right, and the others nobody."""
    counts = sum(shares(going(2.0 * (t % 2), 0.0), SPEEDS) for t in range(100))
    return rarity(counts, 100)


def test_shares_sum_to_one():
    motion = np.random.default_rng(0).normal(0, 1.5, (6, 8, 2)).astype(np.float32)
    found = shares(motion, SPEEDS)
    assert found.shape == (6, 8, 1 + BINS)
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=-1), 1.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("x", "y", "place"), [(2, 0, 1 + RIGHT), (0, 2, 1 + DOWN), (-2, 0, 1 + LEFT), (0, 0, 0), (0.1, 0, 0)]
)
def test_a_direction_is_a_bin_of_its_own(x, y, place):
    np.testing.assert_allclose(shares(going(x, y), SPEEDS)[..., place], 1.0, rtol=1e-5)


def test_between_two_directions_either_has_half():
    angle = np.pi / BINS
    found = shares(going(2 * np.cos(angle), 2 * np.sin(angle)), SPEEDS)[0, 0]
    np.testing.assert_allclose(found[[1, 2]], 0.5, atol=1e-5)


def test_what_counts_as_standing_goes_with_the_rows_usual_speed():
    speeds = np.where(np.arange(6) < 3, 0.5, 8.0).astype(np.float32)  # far away and near
    still = shares(going(0.6, 0.0), speeds)[..., 0]
    assert (still[:3] == 0).all()
    assert (still[3:] == 1).all()


def test_the_probabilities_of_a_place_sum_to_one(rarities):
    np.testing.assert_allclose((10.0**-rarities).sum(axis=-1), 1.0, rtol=1e-4)


def test_a_direction_never_seen_is_rarer_than_one_seen_often(rarities):
    often = flow_direction(going(2.0, 0.0), SPEEDS, rarities)
    never = flow_direction(going(-2.0, 0.0), SPEEDS, rarities)
    np.testing.assert_allclose(often, 0.0, atol=0.05)
    assert (never > 2).all()  # of 100 frames none


def test_more_normal_frames_make_the_unseen_rarer():
    still = shares(going(0.0, 0.0), SPEEDS)
    few, many = (flow_direction(going(2.0, 0.0), SPEEDS, rarity(n * still, n)) for n in (10, 1000))
    assert (many > few + 1).all()


def test_standing_still_is_no_surprise():
    empty = rarity(100 * shares(going(0.0, 0.0), SPEEDS), 100)
    np.testing.assert_allclose(flow_direction(going(0.0, 0.0), SPEEDS, empty), 0.0, atol=1e-6)


def test_neighbours_share_what_they_saw():
    motion = np.zeros((6, 8, 2), np.float32)
    motion[:, :4, 0] = 2.0  # on the left all go right
    usual = rarity(100 * shares(motion, SPEEDS), 100)
    found = flow_direction(going(2.0, 0.0), SPEEDS, usual)[3]
    assert (np.diff(found) >= -1e-5).all()
    assert found[4] < found[7] - 0.3
