"""Weights from elsewhere: published ones against NumPy, grey ones for RGB, and what does not fit."""

import dataclasses
import re

import h5py
import keras
import numpy as np
import pytest
from scipy.signal import correlate

from model import config, prednet
from model.errors import BadInput
from model.transfer import adapt, base, compare, published

STACKS, R_STACKS = (3, 4), (3, 5)
GREY = config.PredNet((1, 3), (2, 4), (3,), (3, 3), (3, 5), shrink=1)


def published_arrays():
    """A small network in the published form: kernel and bias of every unit and layer."""
    generator = np.random.default_rng(0)
    r_inputs = [R_STACKS[0] + 2 * STACKS[0] + R_STACKS[1], R_STACKS[1] + 2 * STACKS[1]]
    shapes = {("a", 0): (3, 2 * STACKS[0], STACKS[1])}
    for layer in (0, 1):
        shapes |= {(gate, layer): (3, r_inputs[layer], R_STACKS[layer]) for gate in "cfio"}
        shapes["ahat", layer] = (3, R_STACKS[layer], STACKS[layer])
    return {
        key: (generator.normal(0, 0.2, (k, k, inputs, outputs)), generator.normal(0, 0.2, outputs))
        for key, (k, inputs, outputs) in shapes.items()
    }


def write_file(path, arrays, spell="layer_{unit}_{layer}/{part}:0"):
    """As Keras 2 saves weights: one group a layer of the model, which lists the names of its weights in order."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"input_1", b"prednet_1"]
        file.attrs["backend"] = b"tensorflow"
        file.create_group("input_1").attrs["weight_names"] = []
        group, names = file.create_group("prednet_1"), []
        for (unit, layer), pair in sorted(arrays.items()):
            for part, array in zip(("kernel", "bias"), pair, strict=True):
                names.append(spell.format(unit=unit, layer=layer, part=part))
                group[names[-1]] = array.astype(np.float32)
        group.attrs["weight_names"] = [name.encode() for name in names]
    return path


def convolve(x, pair):
    kernel, bias = pair
    x = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    return np.stack([correlate(x, kernel[..., n], mode="valid")[..., 0] for n in range(len(bias))], axis=-1) + bias


def numpy_predictions(arrays, frames):
    """The published network with its four separate gates, on a clip [T, H, W, 3]."""
    sizes = [(frames.shape[1] >> layer, frames.shape[2] >> layer) for layer in (0, 1)]
    r, c = ([np.zeros((*size, n)) for size, n in zip(sizes, R_STACKS, strict=True)] for _ in range(2))
    e = [np.zeros((*size, 2 * n)) for size, n in zip(sizes, STACKS, strict=True)]
    for frame in frames:
        for layer in (1, 0):
            above = [] if layer else [r[1].repeat(2, axis=0).repeat(2, axis=1)]
            x = np.concatenate([r[layer], e[layer], *above], axis=-1)
            i, f, o = (np.clip(0.2 * convolve(x, arrays[gate, layer]) + 0.5, 0, 1) for gate in "ifo")
            c[layer] = f * c[layer] + i * np.tanh(convolve(x, arrays["c", layer]))
            r[layer] = o * np.tanh(c[layer])
        a, a_hats = frame, [np.maximum(convolve(r[layer], arrays["ahat", layer]), 0) for layer in (0, 1)]
        a_hats[0] = np.minimum(a_hats[0], 1)
        for layer in (0, 1):
            e[layer] = np.concatenate([np.maximum(a_hats[layer] - a, 0), np.maximum(a - a_hats[layer], 0)], axis=-1)
            if layer == 0:
                a = np.maximum(convolve(e[0], arrays["a", 0]), 0)
                a = a.reshape(a.shape[0] // 2, 2, a.shape[1] // 2, 2, -1).max(axis=(1, 3))
        yield a_hats[0]


@pytest.mark.parametrize("spell", ["layer_{unit}_{layer}/{part}:0", "prednet_1/layer_{unit}_{layer}/{part}:0"])
def test_published_weights_predict_what_numpy_says(tmp_path, spell):
    arrays = published_arrays()
    network = published.read_published(write_file(tmp_path / "kitti.hdf5", arrays, spell))
    assert (network.cell.stack_sizes, network.cell.r_stack_sizes) == (STACKS, R_STACKS)
    architecture = config.PredNet(STACKS, R_STACKS, (3,), (3, 3), (3, 3), shrink=1)
    larger = prednet.build(architecture, 8, 12, (1.0, 0.1))
    larger.set_weights(adapt.adapt(network, architecture))
    frames = np.random.default_rng(1).random((4, 8, 12, 3), dtype=np.float32)
    predicted = larger.rollout(frames[np.newaxis]).a_hat[0]
    np.testing.assert_allclose(predicted, list(numpy_predictions(arrays, frames)), atol=1e-5)


def without(unit):
    return {key: pair for key, pair in published_arrays().items() if key != unit}


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (without(("f", 1)), "bias of layer_f_1. Received: none"),
        (without(("ahat", 0)), "bias of layer_ahat_0. Received: none"),
        ({}, "bias of layer_ahat_0. Received: none"),
        (published_arrays() | {("o", 0): (np.zeros((3, 3, 14, 2)), np.zeros(2))}, "kernels that fit each other"),
        (published_arrays() | {("a", 0): (np.zeros((3, 3, 5, 4)), np.zeros(4))}, "kernels that fit each other"),
    ],
)
def test_a_file_that_is_no_such_network_is_one_line(tmp_path, arrays, said):
    with pytest.raises(BadInput, match=re.escape(said)) as refused:
        published.read_published(write_file(tmp_path / "w.hdf5", arrays))
    assert "w.hdf5: expected" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_no_hdf5_at_all(tmp_path):
    (tmp_path / "w.hdf5").write_text("no weights")
    with pytest.raises(BadInput, match=r"w\.hdf5: expected weights in HDF5"):
        published.read_published(tmp_path / "w.hdf5")


@pytest.fixture(scope="module")
def grey():
    keras.utils.set_random_seed(1)
    network = prednet.build(GREY, 8, 12, (1.0, 0.1))
    generator = np.random.default_rng(0)
    network.set_weights([w + generator.normal(0, 0.1, w.shape) for w in network.get_weights()])
    return network


def test_grey_weights_see_a_grey_picture_in_colour_as_before(grey):
    colour = dataclasses.replace(GREY, stack_sizes=(3, 3))
    network = prednet.build(colour, 8, 12, (1.0, 0.1))
    network.set_weights(adapt.adapt(grey, colour))
    frames = np.random.default_rng(2).random((1, 4, 8, 12, 1), dtype=np.float32)
    expected = grey.rollout(frames).a_hat
    predicted = network.rollout(np.repeat(frames, 3, axis=-1)).a_hat
    for channel in range(3):
        np.testing.assert_allclose(predicted[..., channel], expected[..., 0], atol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"stack_sizes": (1, 4)},
        {"stack_sizes": (3, 4)},
        {"r_stack_sizes": (2, 8)},
        {"a_filter_sizes": (5,)},
        {"a_hat_filter_sizes": (3, 5)},
        {"r_filter_sizes": (3, 3)},
        {"pixel_max": 0.5},
    ],
)
def test_another_network_is_refused_by_name(grey, changes):
    ((name, _),) = changes.items()
    with pytest.raises(BadInput, match=rf"prednet\.{name} of .* Received: "):
        adapt.adapt(grey, dataclasses.replace(GREY, **changes))


def test_colour_weights_are_no_use_for_grey(grey):
    colour = prednet.build(dataclasses.replace(GREY, stack_sizes=(3, 3)), 8, 12, (1.0, 0.1))
    with pytest.raises(BadInput, match=r"prednet\.stack_sizes of \(1, 3\)"):
        adapt.adapt(colour, GREY)


def test_an_imported_network_is_kept_with_where_it_came_from(grey, tmp_path):
    source = tmp_path / "w.hdf5"
    source.write_bytes(b"published")
    base.save(grey, source, tmp_path / "base")
    loaded = base.load(tmp_path / "base")
    for old, new in zip(grey.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    first = base.digest(tmp_path / "base")
    source.write_bytes(b"others")
    base.save(grey, source, tmp_path / "other")
    assert base.digest(tmp_path / "other") != first
    with (tmp_path / "base" / base.NETWORK).open("ab") as file:
        file.write(b"x")
    with pytest.raises(BadInput, match="a file that was changed"):
        base.load(tmp_path / "base")


@pytest.mark.parametrize("read", [base.load, base.digest])
def test_a_directory_without_a_network_is_one_line(tmp_path, read):
    with pytest.raises(BadInput, match="expected a detector, or weights from import-weights. Received: "):
        read(tmp_path)


@pytest.mark.parametrize(
    ("transfer", "reached"),
    [([9.0, 5.0, 4.0], 2), ([5.0, 9.0, 9.0], 1), ([9.0, 8.0, 7.0], None)],
)
def test_how_much_sooner_a_base_model_is_as_good(transfer, reached):
    histories = ([{"validation_mse": error} for error in errors] for errors in (transfer, [8.0, 7.0, 5.0, 6.0]))
    found = compare.compare(*histories)
    assert found == (5.0, 3, reached)
    assert ("never" in found.sentence) == (reached is None)
