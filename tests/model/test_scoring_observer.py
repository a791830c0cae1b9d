"""A clip frame by frame, with a network that sees it smaller."""

import keras
import numpy as np
import pytest

from model import config, prednet
from model.scoring import CELL, EVIDENCE, Observer, Step
from model.scoring.evidence import COARSE, block_means, cells, prediction_error, squared_gradient

SETTINGS = config.PredNet((1, 4), (1, 4), (3,), (3, 3), (3, 3), shrink=2)
SIZE = (32, 48)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return prednet.build(SETTINGS, *prednet.shrunk(SIZE, SETTINGS), (1.0, 0.1))


@pytest.fixture(scope="module")
def step(network):
    return Step(network, SIZE)


@pytest.fixture
def clip():
    """A square that goes 2 pixels a frame to the right over a still texture."""
    frames = np.random.default_rng(0).integers(90, 110, (1, *SIZE, 1), dtype=np.uint8).repeat(6, axis=0)
    for t, frame in enumerate(frames):
        frame[12:20, 8 + 2 * t : 16 + 2 * t] = 240
    return frames


def halved(frame):
    return np.float32(frame / 255).reshape(16, 2, 24, 2, 1).mean(axis=(1, 3))


def test_the_network_sees_block_means_and_the_maps_cover_the_whole_frame(step, clip):
    observer = Observer(step, block_size=8)
    observer.observe(clip[0])
    found = observer.observe(clip[1])
    grid = (SIZE[0] // CELL, SIZE[1] // CELL)
    assert found.prediction.shape == (16, 24, 1)
    assert found.error.shape == (16, 24)
    assert {name: values.shape for name, values in found.maps.items()} == dict.fromkeys(found.maps, grid)
    assert set(found.maps) < set(EVIDENCE)  # the others need to know the camera
    assert found.motion.shape == (*grid, 2)
    assert found.looks.shape == (grid[0] // COARSE, grid[1] // COARSE, 7)
    np.testing.assert_allclose(found.error, np.square(found.prediction - halved(clip[1]))[..., 0], atol=1e-6)
    assert found.model_mse == pytest.approx(found.error.mean())
    copied = np.square(halved(clip[1]) - halved(clip[0])).mean()
    assert found.copy_last_frame_mse == pytest.approx(copied, rel=1e-4)


def test_the_first_frame_of_a_clip_has_no_motion_and_a_still_clip_no_change(step, clip):
    observer = Observer(step, block_size=8)
    first, second = observer.observe(clip[0]), observer.observe(clip[0])
    for found in (first, second):
        assert found.copy_last_frame_mse == 0.0
        assert found.maps["frame_difference"].max() == 0.0
        assert found.maps["optical_flow"].max() < 0.01
        assert np.abs(found.motion).max() < 0.01


def test_what_moves_is_found_where_it_is_with_its_speed(step, clip):
    observer = Observer(step, block_size=8)
    found = [observer.observe(frame) for frame in clip][-1]
    for name in ("optical_flow", "frame_difference"):
        row, column = np.unravel_index(found.maps[name].argmax(), (8, 12))
        assert (2 <= row <= 5, 3 <= column <= 7) == (True, True), name  # the square stands at rows 3-4, columns 4-6
    right, down = found.motion[4, 5]
    assert right == pytest.approx(2.0, abs=0.5)
    assert down == pytest.approx(0.0, abs=0.3)
    assert found.maps["optical_flow"][4, 5] == pytest.approx(2.0, abs=0.7)


def test_two_clips_through_one_step_do_not_mix(step, clip):
    alone = [Observer(step, 8).observe(clip[0])][0]
    one, other = Observer(step, 8), Observer(step, 8)
    for frame in clip:
        other.observe(frame)
    np.testing.assert_array_equal(one.observe(clip[0]).prediction, alone.prediction)


def test_a_network_of_one_layer_says_nothing_of_higher_layers(clip):
    single = config.PredNet((1,), (2,), (), (3,), (3,), shrink=2)
    observer = Observer(Step(prednet.build(single, 16, 24, (1.0,)), SIZE), block_size=8)
    assert observer.observe(clip[0]).maps["layer_error"].max() == 0.0


def test_what_is_extrapolated_never_saw_the_frame_before(network, step, clip):
    observer, beside = Observer(Step(network, SIZE, extrapolates=True), block_size=8), Observer(step, block_size=8)
    found = [observer.observe(frame) for frame in clip]
    for seen, plain in zip(found, [beside.observe(frame) for frame in clip], strict=True):
        assert set(seen.maps) - set(plain.maps) == {"extrapolation_error"}
        for name, values in plain.maps.items():
            np.testing.assert_allclose(seen.maps[name], values, atol=1e-6, err_msg=name)
    for early in found[:2]:  # nothing was known to extrapolate from
        np.testing.assert_array_equal(early.maps["extrapolation_error"], early.maps["prediction_error"])
    window = np.stack([halved(frame) for frame in clip])[np.newaxis]
    for t, seen in enumerate(found[2:], 2):
        foreseen = np.asarray(network.rollout(window[:, : t + 1], extrap_start=t - 1).a_hat)[0, t]
        contrast = block(squared_gradient(halved(clip[t])))
        off = block(np.square(foreseen - halved(clip[t]))[..., 0])
        np.testing.assert_allclose(seen.maps["extrapolation_error"], prediction_error(off, contrast), atol=1e-4)


def test_a_clip_goes_on_extrapolating_from_what_is_remembered(network, clip):
    steps = Step(network, SIZE, extrapolates=True)
    whole, first, second = (Observer(steps, block_size=8) for _ in range(3))
    expected = [whole.observe(frame) for frame in clip][-1]
    for frame in clip[:3]:
        first.observe(frame)
    second.restore(first.remembered)
    found = [second.observe(frame) for frame in clip[3:]][-1]
    np.testing.assert_array_equal(found.maps["extrapolation_error"], expected.maps["extrapolation_error"])


def block(picture):
    return block_means(cells(picture, (SIZE[0] // CELL, SIZE[1] // CELL)), 2)
