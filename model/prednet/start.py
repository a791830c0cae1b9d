"""First weights: layer 0 begins by copying the last frame, so that training starts from that baseline.

With the usual random weights the prediction starts near zero, the loss stays at the mean brightness for a hundred
steps and sometimes for good, and a thousand steps pass before the network does better than copying. Everything is
there for copying at once: E_0 holds the signed error of the last prediction in its two halves, the LSTM's cell can add
it up, and A-hat_0 reads the sum. With all gates of layer 0 open,

    c(t) = c(t-1) + tanh(GAIN (A - A-hat)(t-1)),    R_0(t) = tanh(c(t)),    A-hat_0(t) = ReLU(SLOPE R_0(t)),

and SLOPE GAIN near 1 the prediction follows the frame with one step of delay. The weights of the layers above, and
their way down into layer 0, keep their random start (the latter made small).
"""

from __future__ import annotations

import numpy as np

from model.prednet.cell import PredNetCell

SLOPE = 2.0  # of R_0, below 1/2 for pixels in [0, 1], where tanh is nearly straight
GAIN = 0.55  # SLOPE GAIN (1 - R_0^2) lies between 1.1 for black and 0.8 for white
OPEN = 2.5  # the bias at which the hard sigmoid is 1
NOISE = 0.03  # what is left of layer 0's random weights


def start_by_copying(cell: PredNetCell) -> None:
    """Sets the weights of layer 0; where R_0 has fewer channels than the frame they stay as they are."""
    channels, r = cell.stack_sizes[0], cell.r_stack_sizes[0]
    if r < channels:
        return
    kernel, bias = (w.numpy() for w in cell.gates[0].weights)
    middle = (kernel.shape[0] - 1) // 2  # where an even kernel has its own pixel under "same" padding
    kernel *= NOISE
    candidate = kernel[middle, middle, :, 3 * r :]  # [R_0, E_0, R_1 upsampled; r]
    for n in range(channels):
        candidate[r + n, n] -= GAIN  # ReLU(A-hat - A)
        candidate[r + channels + n, n] += GAIN  # ReLU(A - A-hat)
    bias[: 3 * r] = OPEN
    cell.gates[0].set_weights([kernel, bias])
    kernel, bias = (w.numpy() for w in cell.a_hat[0].weights)
    middle = (kernel.shape[0] - 1) // 2
    kernel *= NOISE
    kernel[middle, middle, :channels, :channels] += SLOPE * np.eye(channels, dtype=kernel.dtype)
    cell.a_hat[0].set_weights([kernel, bias])
