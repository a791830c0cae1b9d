"""The count of operations, against what TensorFlow counts in the graph and against known networks."""

import pytest
import tensorflow as tf

from model import config, prednet
from model.prednet.cost import flops_per_frame

THREE = (3, 3, 3, 3)


@pytest.mark.parametrize(
    ("stack_sizes", "height", "width", "gflop"),
    [
        ((3, 48, 96, 192), 128, 160, 13.7),  # as published
        ((1, 16, 32, 64), 120, 184, 1.6),
    ],
)
def test_known_networks_cost_what_is_known(stack_sizes, height, width, gflop):
    settings = config.PredNet(stack_sizes, stack_sizes, THREE[1:], THREE, THREE)
    assert flops_per_frame(settings, height, width) / 1e9 == pytest.approx(gflop, abs=0.05)


@pytest.mark.parametrize(
    "settings",
    [
        config.PredNet(),
        config.PredNet((1, 3), (2, 4), (5,), (3, 1), (3, 5)),  # every kind of kernel has its own size
    ],
)
def test_every_convolution_of_the_graph_is_counted(settings):
    network = prednet.build(settings, 32, 48, (1.0,) * len(settings.stack_sizes))
    step = tf.function(network.cell).get_concrete_function(tf.zeros((1, 32, 48, 1)), network.zero_state(1))
    found = 0
    for operation in step.graph.get_operations():
        if operation.type == "Conv2D":
            kernel, output = operation.inputs[1].shape, operation.outputs[0].shape
            found += 2 * kernel.num_elements() * output[1] * output[2]
    assert flops_per_frame(settings, 32, 48) == found
