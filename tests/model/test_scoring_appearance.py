"""How what moves looks, and how far that is from all that was seen."""

import numpy as np
import pytest

from model.scoring.appearance import ENTRIES, Appearance, feature_weights, features, looks
from model.scoring.evidence import CELL, COARSE
from model.scoring.motions import NEAREST

SIZE = (64, 96)
GRID = (SIZE[0] // CELL // COARSE, SIZE[1] // CELL // COARSE)
DIFFERING, FULL, ACROSS, DOWN, BRIGHT, NEAR_DIFFERING, NEAR_BRIGHT = range(7)
THING = (slice(24, 40), slice(40, 56))  # pixels
MIDDLE = (4, 6)  # the cell of its middle


def scene(speed=(2.0, 0.0), bright=0.8, swing=0.0, stripes=None):
    """A thing on grey ground, its parts a chequerboard of which half is faster by `swing` and half is slower."""
    frame, flow = np.full(SIZE, 0.5, np.float32), np.zeros((*SIZE, 2), np.float32)
    rows, columns = np.indices((16, 16))
    frame[THING] = bright
    if stripes is not None:
        frame[THING] += 0.2 * np.sin((rows, columns)[stripes])
    flow[THING] = speed
    flow[..., 0][THING] += swing * np.where((rows // 4 + columns // 4) % 2, 1.0, -1.0)
    return frame, flow


def at_the_thing(**how):
    return looks(*scene(**how), 4)[MIDDLE]


def test_looks_lie_on_a_coarse_grid_and_of_a_still_picture_they_are_finite():
    found = looks(*scene(speed=(0.0, 0.0)), 4)
    assert found.shape == (*GRID, 7)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_what_is_stiff_has_one_velocity_and_what_swings_has_several():
    stiff, swinging = at_the_thing(), at_the_thing(swing=1.0)
    for which in (DIFFERING, NEAR_DIFFERING):
        assert stiff[which] < 0.01
        assert swinging[which] > 0.3


def test_looks_do_not_depend_on_how_fast_and_whither_something_goes():
    there, back = at_the_thing(swing=0.5), at_the_thing(speed=(0.0, -6.0), swing=0.0)
    np.testing.assert_allclose(back[[FULL, BRIGHT, NEAR_BRIGHT]], there[[FULL, BRIGHT, NEAR_BRIGHT]], rtol=0.15)


@pytest.mark.parametrize("bright", [0.1, 0.8])
def test_contrast_is_that_of_what_moves_with_the_ground_around_it(bright):
    assert np.sign(at_the_thing(bright=bright)[BRIGHT]) == np.sign(bright - 0.5)


def test_stripes_show_across_or_down():
    rows, columns = (at_the_thing(bright=0.5, stripes=axis) for axis in (0, 1))
    assert rows[DOWN] > 3 * rows[ACROSS]
    assert columns[ACROSS] > 3 * columns[DOWN]


def test_the_ground_does_not_count():
    frame, flow = scene()
    frame[:, 64:] = np.random.default_rng(0).random((64, 32))
    np.testing.assert_allclose(
        looks(frame, flow, 2)[MIDDLE][[DIFFERING, ACROSS, DOWN]],
        looks(*scene(), 2)[MIDDLE][[DIFFERING, ACROSS, DOWN]],
        atol=1e-5,
    )


SPEED = np.zeros(GRID, np.float32)
SPEED[3:5] = 1.0


def normal(seed, shift=0.0):
    return np.random.default_rng(seed).normal(shift, 0.1, (*GRID, 7)).astype(np.float32)


@pytest.fixture(scope="module")
def bank():
    seen = [features(normal(seed), SPEED) for seed in range(40)]
    return Appearance.fit(seen, feature_weights(seen), np.random.default_rng(0))


def test_only_what_moves_has_features():
    assert features(normal(0), SPEED).shape == (2 * GRID[1], 9)
    assert features(normal(0), np.zeros(GRID, np.float32)).shape == (0, 9)


def test_what_was_seen_is_near_and_what_was_not_is_as_far_as_it_differs(bank):
    usual, odd, odder = (bank.distance(normal(99, shift), SPEED) for shift in (0.0, 0.5, 1.0))
    assert 0 < usual.max() < odd[3:5].min() < odd.max() < odder[3:5].min()
    for found in (usual, odd, odder):
        assert found[~(SPEED > 0)].max() == 0


def test_a_usual_look_in_an_unusual_place_counts_less_than_an_unusual_look(bank):
    elsewhere = np.roll(SPEED, 2, axis=0)
    misplaced = bank.distance(normal(99), elsewhere).max()
    assert bank.distance(normal(99), SPEED).max() < misplaced < bank.distance(normal(99, 1.0), SPEED).max()


def test_what_just_moves_comes_in_gradually(bank):
    slow, faster, usual = (bank.distance(normal(99, 1.0), SPEED * speed).max() for speed in (0.31, 0.45, 1.0))
    assert 0 < slow < faster < usual


def test_one_odd_look_among_the_entries_excuses_nothing(bank):
    odd = features(normal(0, 1.0), SPEED)[:1] * bank.weights
    with_it = Appearance(np.concatenate([bank.entries, odd]), bank.weights)
    assert with_it.distance(normal(0, 1.0), SPEED).max() == pytest.approx(
        bank.distance(normal(0, 1.0), SPEED).max(), rel=0.2
    )


def test_the_bank_is_bounded():
    seen = [np.zeros((ENTRIES, 9), np.float32)] * 2
    assert len(Appearance.fit(seen, np.ones(9, np.float32), np.random.default_rng(0)).entries) == ENTRIES


@pytest.mark.parametrize("count", range(NEAREST))
def test_where_nothing_ever_moved_all_that_moves_is_strange(count):
    few = Appearance(np.zeros((count, 9), np.float32), np.ones(9, np.float32))
    np.testing.assert_array_equal(few.distance(normal(0), SPEED), SPEED)


def test_what_never_varied_has_a_weight_that_is_finite():
    weights = feature_weights([np.zeros((5, 9), np.float32), np.zeros((0, 9), np.float32)])
    assert np.isfinite(weights).all()
    assert np.isfinite(feature_weights([np.zeros((0, 9), np.float32)])).all()
