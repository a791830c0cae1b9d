"""First weights: before any training the network copies the last frame."""

import dataclasses

import cv2
import keras
import numpy as np
import pytest

from model import config, prednet
from model.prednet.start import start_by_copying

HEIGHT, WIDTH, FRAMES = 32, 48, 12


def architecture(channels, r_channels, filter_size=3):
    sizes = (filter_size, 3)
    return config.PredNet((channels, 4), (r_channels, 4), (3,), sizes, sizes)


def random_network(settings, seed=0):
    keras.utils.set_random_seed(seed)
    sizes = {key: value for key, value in dataclasses.asdict(settings).items() if key != "shrink"}
    network = prednet.PredNet(prednet.PredNetCell(**sizes), HEIGHT, WIDTH, (1.0, 0.1))
    network.build()
    return network


def drifting_clip(channels):
    """A soft texture that moves a pixel a frame, `float32 [1, T, H, W, C]` in [0, 1]."""
    noise = np.random.default_rng(0).normal(size=(HEIGHT, WIDTH + FRAMES, channels)).astype(np.float32)
    texture = cv2.GaussianBlur(noise, (0, 0), 3).reshape(noise.shape)
    texture = (texture - texture.min()) / (texture.max() - texture.min())
    return np.stack([texture[:, t : t + WIDTH] for t in range(FRAMES)])[np.newaxis]


def times_worse_than_copying(network, clip):
    predictions = np.asarray(network.rollout(clip).a_hat)[:, 5:]
    return np.square(predictions - clip[:, 5:]).mean() / np.square(clip[:, 4:-1] - clip[:, 5:]).mean()


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(architecture(1, 1), id="grey"),
        pytest.param(architecture(1, 4), id="spare channels"),
        pytest.param(architecture(3, 3), id="RGB"),
        pytest.param(architecture(1, 2, filter_size=4), id="even filters, whose middle is off centre"),
        pytest.param(architecture(1, 2, filter_size=1), id="filters of one pixel"),
    ],
)
def test_an_untrained_network_copies_the_last_frame(settings):
    clip = drifting_clip(settings.stack_sizes[0])
    network = random_network(settings)
    assert times_worse_than_copying(network, clip) > 20
    start_by_copying(network.cell)
    assert times_worse_than_copying(network, clip) < 2
    assert times_worse_than_copying(prednet.build(settings, HEIGHT, WIDTH, (1.0, 0.1)), clip) < 2


def test_a_still_picture_of_any_brightness_is_predicted():
    network = prednet.build(architecture(1, 1), HEIGHT, WIDTH, (1.0, 0.1))
    for brightness in (0.0, 0.3, 0.7, 1.0):
        clip = np.full((1, 20, HEIGHT, WIDTH, 1), brightness, np.float32)
        assert np.abs(np.asarray(network.rollout(clip).a_hat)[:, -1] - brightness).max() < 0.15


def test_no_room_to_copy_leaves_the_weights_as_they_are():
    network = random_network(architecture(3, 2))
    before = network.get_weights()
    start_by_copying(network.cell)
    for one, other in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_layers_above_keep_their_random_weights():
    network = random_network(architecture(1, 4))
    cell = network.cell
    above = [cell.gates[1], cell.a_hat[1], cell.a[0]]
    before = [layer.get_weights() for layer in above]
    start_by_copying(cell)
    for layer, weights in zip(above, before, strict=True):
        for one, other in zip(weights, layer.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_starts_differ_by_seed():
    networks = []
    for seed in (0, 1):
        keras.utils.set_random_seed(seed)
        networks.append(prednet.build(architecture(1, 4), HEIGHT, WIDTH, (1.0, 0.1)))
    kernels = [network.cell.gates[0].get_weights()[0] for network in networks]
    assert not np.array_equal(*kernels)
