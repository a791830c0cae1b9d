"""The weights of one network for another: as they are, or from grey to RGB where that predicts the same."""

from __future__ import annotations

import dataclasses

import numpy as np

from model import config, prednet
from model.errors import BadInput

RGB = 3


def adapt(base: prednet.PredNet, architecture: config.PredNet) -> list[np.ndarray]:
    """Weights in Keras's order for a network of these settings; it may see pictures of any size.

    Raises:
        BadInput: it has other layers, channels or kernels than the base.
    """
    _check(base, architecture)
    size = 1 << (len(architecture.stack_sizes) - 1)  # weights do not know of it
    network = prednet.build(architecture, size, size, (1.0,) * len(architecture.stack_sizes))
    if base.cell.stack_sizes[0] == architecture.stack_sizes[0]:
        network.set_weights(base.get_weights())
    else:
        _colour(base.cell, network.cell)
    return [np.asarray(weight) for weight in network.get_weights()]


def _check(base: prednet.PredNet, architecture: config.PredNet) -> None:
    wanted = {key: value for key, value in dataclasses.asdict(architecture).items() if key != "shrink"}
    has = {key: getattr(base.cell, key) for key in wanted}
    if has["stack_sizes"][0] == 1 and wanted["stack_sizes"][0] == RGB:
        has["stack_sizes"] = (RGB, *has["stack_sizes"][1:])
    for key, value in wanted.items():
        if has[key] != value:
            raise BadInput(
                f"expected a base model with prednet.{key} of {value}, as the settings have it, or grey for RGB. "
                f"Received: {getattr(base.cell, key)}"
            )


def _colour(grey: prednet.PredNetCell, rgb: prednet.PredNetCell) -> None:
    """Sets all of `rgb` so that it predicts of a grey picture in three channels what `grey` predicts of it in one."""
    for name in ("gates", "a_hat", "a"):
        for old, new in list(zip(getattr(grey, name), getattr(rgb, name), strict=True))[1:]:
            new.set_weights(old.get_weights())
    r = grey.r_stack_sizes[0]
    kernel, bias = grey.gates[0].get_weights()
    rgb.gates[0].set_weights([_thirds(kernel, r, r + 2), bias])
    kernel, bias = grey.a_hat[0].get_weights()
    rgb.a_hat[0].set_weights([np.repeat(kernel, RGB, axis=-1), np.repeat(bias, RGB)])
    kernel, bias = grey.a[0].get_weights()
    rgb.a[0].set_weights([_thirds(kernel, 0, 2), bias])


def _thirds(kernel: np.ndarray, first: int, end: int) -> np.ndarray:
    """A kernel `[h, w, in, out]` whose inputs from `first` to `end`, of E_0, come three times, each with a third."""
    parts = kernel[:, :, :first], np.repeat(kernel[:, :, first:end] / RGB, RGB, axis=2), kernel[:, :, end:]
    return np.concatenate(parts, axis=2)
