"""What one frame and the last say: errors in the size of edges, motion, and means over blocks."""

import cv2
import numpy as np
import pytest

from model.scoring.evidence import (
    CELL,
    Flow,
    block_means,
    cells,
    layer_error,
    prediction_error,
    squared_difference,
    squared_gradient,
)


def waves(contrast, shift=0.0, channels=1):
    """Soft edges, one every 8 pixels, `float32 [32, 64, C]`."""
    row = 0.5 + contrast / 2 * np.sin(2 * np.pi / 16 * (np.arange(64) - shift))
    return np.broadcast_to(row[:, np.newaxis], (32, 64, channels)).astype(np.float32)


def off_by(contrast, shift, channels=1):
    frame = waves(contrast, 0.0, channels)
    error = squared_difference(waves(contrast, shift, channels), frame)
    grid = (8, 16)
    means = [block_means(cells(x, grid), 4) for x in (error, squared_gradient(frame))]
    return np.median(prediction_error(*means))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("contrast", [0.5, 0.7, 1.0])
@pytest.mark.parametrize("shift", [0.25, 0.5, 1.0])
def test_an_edge_beside_its_place_counts_its_distance_whatever_its_contrast(shift, contrast, channels):
    assert off_by(contrast, shift, channels) == pytest.approx(shift, rel=0.2)


def test_what_is_fainter_than_the_sensors_noise_counts_little():
    assert off_by(0.02, 1.0) < 0.15


def test_a_prediction_that_is_right_is_no_error():
    assert off_by(1.0, 0.0) == 0.0


@pytest.mark.parametrize("turn", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_gradient_of_a_slope_is_its_rise_a_pixel(channels, turn):
    slope = 0.01 * np.arange(20, dtype=np.float32)
    frame = np.broadcast_to(slope[:, np.newaxis], (12, 20, channels))
    found = squared_gradient(np.ascontiguousarray(frame.transpose(1, 0, 2) if turn else frame))
    assert found.shape == ((20, 12) if turn else (12, 20))
    np.testing.assert_allclose(found[1:-1, 1:-1], 1e-4, rtol=1e-3)


def test_squared_difference_is_the_mean_over_channels():
    error = squared_difference(np.zeros((2, 3, 3), np.float32), np.full((2, 3, 3), [1.0, 2.0, 3.0], np.float32))
    np.testing.assert_allclose(error, np.full((2, 3), 14 / 3), rtol=1e-6)


def test_layer_error_is_the_mean_over_layers():
    np.testing.assert_array_equal(
        layer_error([np.full((2, 3), value) for value in (1.0, 2.0, 6.0)]), np.full((2, 3), 3)
    )


def texture(height, width, channels=1):
    noise = np.random.default_rng(0).normal(size=(height, width, channels)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2).reshape(noise.shape)
    return ((soft - soft.min()) / (soft.max() - soft.min()) * 255).astype(np.uint8)


@pytest.mark.parametrize(("size", "speed"), [((16, 16), 1), ((16, 24), 1), ((32, 48), 2), ((80, 120), 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_flow_is_the_motion_of_a_moving_texture(size, speed, channels):
    height, width = size
    whole = texture(height, width + 3, channels)
    flow = Flow()(whole[:, speed : speed + width], whole[:, :width])
    assert flow.shape == (*size, 2)
    right, down = np.median(flow, axis=(0, 1))
    assert right == pytest.approx(speed, rel=0.15)
    assert down == pytest.approx(0.0, abs=0.1)


def test_flow_down_is_positive():
    whole = texture(34, 48)
    assert np.median(Flow()(whole[2:], whole[:-2])[..., 1]) == pytest.approx(2, rel=0.15)


def test_flow_of_a_still_picture_is_zero_and_the_same_on_any_number_of_threads():
    picture = texture(32, 48)
    assert np.abs(Flow()(picture, picture)).max() < 0.01
    shifted = np.roll(picture, 2, axis=1)
    threads = cv2.getNumThreads()
    found = []
    try:
        for number in (1, 4):
            cv2.setNumThreads(number)
            found.append(Flow()(picture, shifted))
    finally:
        cv2.setNumThreads(threads)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("channels", [(), (2,)])
def test_cells_are_means_of_their_pixels(channels):
    picture = np.random.default_rng(0).random((16, 24, *channels), dtype=np.float32)
    expected = picture.reshape(4, CELL, 6, CELL, *channels).mean(axis=(1, 3))
    np.testing.assert_allclose(cells(picture, (4, 6)), expected, rtol=1e-5)


def test_a_picture_of_fewer_pixels_than_cells_is_repeated():
    picture = np.random.default_rng(0).random((4, 6), dtype=np.float32)
    np.testing.assert_array_equal(cells(picture, (8, 12)), picture.repeat(2, axis=0).repeat(2, axis=1))


@pytest.mark.parametrize("size", [1, 3, 4])
@pytest.mark.parametrize("shape", [(8, 12), (8, 12, 3)])
def test_block_means_equal_a_loop(size, shape):
    picture = np.random.default_rng(0).random(shape, dtype=np.float32)
    means = block_means(picture, size)
    before = size // 2
    for row in range(before, shape[0] - size + before + 1):
        for column in range(before, shape[1] - size + before + 1):
            block = picture[row - before :, column - before :][:size, :size]
            np.testing.assert_allclose(means[row, column], block.mean(axis=(0, 1)), rtol=1e-4)


def test_a_block_larger_than_the_picture_is_the_picture():
    picture = np.random.default_rng(0).random((8, 12), dtype=np.float32)
    assert block_means(picture, 99)[4, 6] == pytest.approx(picture.mean(), rel=1e-4)
