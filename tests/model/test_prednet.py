"""PredNet against an independent NumPy evaluation of the paper's equations."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.signal import correlate

from model import config, prednet
from model.errors import BadInput

TINY = config.PredNet(
    stack_sizes=(1, 3), r_stack_sizes=(2, 4), a_filter_sizes=(3,), a_hat_filter_sizes=(3, 3), r_filter_sizes=(3, 5)
)


@pytest.fixture
def network():
    keras.utils.set_random_seed(1)
    network = prednet.build(TINY, 8, 12, (1.0, 0.1))
    generator = np.random.default_rng(0)
    for weight in network.weights:  # biases start at zero, which would hide a missing one
        weight.assign(weight.numpy() + generator.normal(0, 0.1, weight.shape))
    return network


@pytest.fixture
def frames():
    return np.random.default_rng(2).random((2, 3, 8, 12, 1), dtype=np.float32)


def convolve(x, layer):
    kernel, bias = (w.numpy() for w in layer.weights)
    pad = kernel.shape[0] // 2
    x = np.pad(x, ((pad, pad), (pad, pad), (0, 0)))
    return (
        np.stack([correlate(x, kernel[..., n], mode="valid")[..., 0] for n in range(kernel.shape[-1])], axis=-1) + bias
    )


def numpy_steps(cell, frames, extrap_start=None):
    """Equations (1) to (4) for one clip [T, H, W, C]; yields a_hat_0, e, r of every step."""
    h, w = frames.shape[1:3]
    shapes = [(h >> i, w >> i) for i in range(2)]
    r = [np.zeros((*s, n)) for s, n in zip(shapes, cell.r_stack_sizes, strict=True)]
    c = [np.zeros_like(x) for x in r]
    e = [np.zeros((*s, 2 * n)) for s, n in zip(shapes, cell.stack_sizes, strict=True)]
    for t, frame in enumerate(frames):
        for layer in (1, 0):
            inputs = [r[layer], e[layer]]
            if layer == 0:
                inputs.append(r[1].repeat(2, axis=0).repeat(2, axis=1))
            i, f, o, g = np.split(convolve(np.concatenate(inputs, -1), cell.gates[layer]), 4, axis=-1)
            i, f, o = (np.clip(0.2 * x + 0.5, 0, 1) for x in (i, f, o))
            c[layer] = f * c[layer] + i * np.tanh(g)
            r[layer] = o * np.tanh(c[layer])
        a_hat_0 = np.minimum(np.maximum(convolve(r[0], cell.a_hat[0]), 0), cell.pixel_max)
        a = frame if extrap_start is None or t < extrap_start else a_hat_0
        for layer in (0, 1):
            a_hat = a_hat_0 if layer == 0 else np.maximum(convolve(r[1], cell.a_hat[1]), 0)
            e[layer] = np.concatenate([np.maximum(a_hat - a, 0), np.maximum(a - a_hat, 0)], -1)
            if layer == 0:
                a = np.maximum(convolve(e[0], cell.a[0]), 0)
                a = a.reshape(a.shape[0] // 2, 2, a.shape[1] // 2, 2, -1).max(axis=(1, 3))
        yield a_hat_0, list(e), list(r)


@pytest.mark.parametrize("extrap_start", [None, 2])
def test_three_steps_equal_the_papers_equations(network, frames, extrap_start):
    rollout = network.rollout(frames, extrap_start)
    for b in range(2):
        for t, (a_hat, e, r) in enumerate(numpy_steps(network.cell, frames[b], extrap_start)):
            np.testing.assert_allclose(rollout.a_hat[b, t], a_hat, atol=1e-5)
            for layer in (0, 1):
                np.testing.assert_allclose(rollout.e[layer][b, t], e[layer], atol=1e-5)
                np.testing.assert_allclose(rollout.r[layer][b, t], r[layer], atol=1e-5)


def test_the_loss_weighs_layers_and_leaves_out_the_first_frame(network, frames):
    errors = [list(numpy_steps(network.cell, clip)) for clip in frames]
    expected = np.mean([[e[0].mean() + 0.1 * e[1].mean() for _, e, _ in clip[1:]] for clip in errors])
    measures = network(frames)
    fresh = np.array([True, True])
    np.testing.assert_allclose(network.weighted_loss(measures, fresh), expected, rtol=1e-5)
    squared = np.mean([[(a_hat - frame) ** 2 for (a_hat, _, _), frame in zip(c, f, strict=True)]
                       for c, f in zip(errors, frames, strict=True)])  # fmt: skip
    np.testing.assert_allclose(measures[..., -1].numpy().mean(), squared, rtol=1e-5)


def test_a_window_taken_up_where_the_last_one_ended_is_one_long_window(network, frames):
    whole = network(frames)
    head, state = network.measure(frames[:, :2], network.zero_state(2))
    tail, _ = network.measure(frames[:, 2:], state)
    np.testing.assert_allclose(np.concatenate([head, tail], axis=1), whole, rtol=1e-6)
    carried = np.array([False, False])
    expected = np.mean(tail[..., 0] + 0.1 * tail[..., 1])
    np.testing.assert_allclose(network.weighted_loss(tail, carried), expected, rtol=1e-5)


def test_an_unseen_frame_changes_nothing(network, frames):
    changed = frames.copy()
    changed[:, 2] = 0
    np.testing.assert_array_equal(network.rollout(frames, 2).a_hat, network.rollout(changed, 2).a_hat)
    assert not np.allclose(network.rollout(frames).e[0][:, 2], network.rollout(changed).e[0][:, 2])


@pytest.mark.parametrize(
    ("settings", "weights", "why"),
    [
        (config.PredNet(), 194357, "the small preset"),
        (config.PredNet(stack_sizes=(3, 48, 96, 192), r_stack_sizes=(3, 48, 96, 192)), 6915948, "the paper's network"),
    ],
)
def test_weight_count(settings, weights, why):
    assert prednet.build(settings, 16, 16, (1.0, 0.1, 0.1, 0.1)).count_params() == weights, why


def test_saved_and_loaded_network_is_the_same(network, frames, tmp_path):
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras", compile=False, safe_mode=True)
    np.testing.assert_array_equal(loaded(frames), network(frames))
    assert loaded.cell.get_config() == network.cell.get_config()
    assert (loaded.height, loaded.width, loaded.layer_loss_weights) == (8, 12, (1.0, 0.1))


@pytest.mark.parametrize(
    ("height", "width", "choices"),
    [(90, 120, "88 x 120 or 96 x 120"), (80, 121, "80 x 120 or 80 x 128"), (90, 121, "88 x 120 or 96 x 128")],
)
def test_a_size_that_pooling_does_not_divide_is_refused_with_those_that_fit(height, width, choices):
    with pytest.raises(BadInput, match=f"{choices}. Received: {height} x {width}"):
        prednet.build(config.PredNet(), height, width, (1.0, 0.1, 0.1, 0.1))


@pytest.mark.parametrize("field", ["r_stack_sizes", "a_filter_sizes", "a_hat_filter_sizes", "r_filter_sizes"])
def test_settings_of_unequal_length_are_refused_by_name(field):
    with pytest.raises(BadInput, match=f"expected . {field}"):
        prednet.build(dataclasses.replace(TINY, **{field: (3, 3, 3)}), 8, 12, (1.0, 0.1))


@pytest.mark.parametrize("leading", [(), (2,), (2, 3)])
@pytest.mark.parametrize(("factor", "channels"), [(1, 1), (2, 1), (2, 3), (4, 1)])
def test_a_shrunk_frame_is_the_means_of_its_blocks(network, leading, factor, channels):
    frames = np.random.default_rng(3).random((*leading, 8 * factor, 12 * factor, channels), dtype=np.float32)
    expected = frames.reshape(*leading, 8, factor, 12, factor, channels).mean(axis=(-4, -2))
    small = np.asarray(network.shrink(tf.constant(frames)))
    assert small.shape == (*leading, 8, 12, channels)
    np.testing.assert_allclose(small, expected, rtol=1e-5)


def test_the_network_is_smaller_than_the_frame_by_the_factor():
    assert prednet.shrunk((32, 48), dataclasses.replace(TINY, shrink=4)) == (8, 12)
    assert prednet.shrunk((33, 49), dataclasses.replace(TINY, shrink=1)) == (33, 49)


@pytest.mark.parametrize("size", [(33, 48), (32, 49)])
def test_a_size_that_shrinking_does_not_divide_is_refused(size):
    with pytest.raises(BadInput, match=rf"prednet\.shrink, 2, divides\. Received: {size[0]} x {size[1]}$"):
        prednet.shrunk(size, dataclasses.replace(TINY, shrink=2))
