"""The weights that PredNet was published with (coxlab/prednet, Keras 2, HDF5), as a network of ours.

A file holds one layer with a convolution for every unit and layer of the network: `layer_a_0/kernel:0` and so on, the
units a, ahat, c, f, i and o; kernels are `[h, w, in, out]`. The gates f, i, o and the candidate c read R_l, E_l and the
upsampled R_{l+1} in this order, as ours do.
"""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np

from model import config, prednet
from model.errors import BadInput

UNIT = re.compile(r"layer_(ahat|a|c|f|i|o)_(\d+)(?:/|_)(kernel|bias|W|b)(?::0)?$")
GATES = ("i", "f", "o", "c")  # in our order of the channels
LARGEST = 1 << 30  # bytes of one array

Weights = dict[tuple[str, int], dict[str, np.ndarray]]  # unit and layer: kernel and bias


def read_published(path: Path) -> prednet.PredNet:
    """The network of a weights file; its pictures have the smallest size that its layers allow.

    Raises:
        BadInput: no HDF5 file, a unit is missing, or shapes do not fit each other.
    """
    weights = _read(path)
    layers = 1 + max((layer for _, layer in weights), default=-1)
    kernels = {key: unit["kernel"].shape for key, unit in weights.items() if set(unit) == {"kernel", "bias"}}
    wanted = {(unit, layer) for unit in ("ahat", *GATES) for layer in range(layers)}
    wanted |= {("a", layer) for layer in range(layers - 1)}
    for unit, layer in sorted(wanted) or [("ahat", 0)]:
        if len(kernels.get((unit, layer), ())) != 4:
            raise BadInput(f"{path}: expected kernel [h, w, in, out] and bias of layer_{unit}_{layer}. Received: none")
    architecture = config.PredNet(
        stack_sizes=tuple(kernels["ahat", layer][3] for layer in range(layers)),
        r_stack_sizes=tuple(kernels["i", layer][3] for layer in range(layers)),
        a_filter_sizes=tuple(kernels["a", layer][0] for layer in range(layers - 1)),
        a_hat_filter_sizes=tuple(kernels["ahat", layer][0] for layer in range(layers)),
        r_filter_sizes=tuple(kernels["i", layer][0] for layer in range(layers)),
        shrink=1,
    )
    size = 1 << (layers - 1)
    network = prednet.build(architecture, size, size, (1.0, *(0.0,) * (layers - 1)))
    try:
        _set(network.cell, weights)
    except ValueError as e:  # numpy and Keras name the shapes
        raise BadInput(f"{path}: expected kernels that fit each other. Received: {' '.join(str(e).split())}") from e
    return network


def _set(cell: prednet.PredNetCell, weights: Weights) -> None:
    for layer in range(cell.layers_count):
        gates = [weights[gate, layer] for gate in GATES]
        cell.gates[layer].set_weights(
            [np.concatenate([gate[part] for gate in gates], axis=-1) for part in ("kernel", "bias")]
        )
        cell.a_hat[layer].set_weights([weights["ahat", layer][part] for part in ("kernel", "bias")])
        if layer < cell.layers_count - 1:
            cell.a[layer].set_weights([weights["a", layer][part] for part in ("kernel", "bias")])


def _read(path: Path) -> Weights:
    """Every array whose name is a unit's; what a link to another file holds is not looked at."""
    found: Weights = {}

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        match = UNIT.search(name)
        if not match or not isinstance(item, h5py.Dataset) or item.nbytes > LARGEST or item.external:
            return
        unit, layer, part = match.groups()
        part = {"W": "kernel", "b": "bias"}.get(part, part)
        found.setdefault((unit, int(layer)), {})[part] = np.asarray(item[()], np.float32)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
    except (OSError, ValueError, TypeError) as e:
        raise BadInput(f"{path}: expected weights in HDF5. Received: {' '.join(str(e).split())}") from e
    return found
