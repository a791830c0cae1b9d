"""What PredNet costs in floating-point operations, counted from its architecture."""

from __future__ import annotations

from model import config

TRAINING = 3  # times the forward pass: the gradients by weights and by inputs cost as much as it does each


def flops_per_frame(settings: config.PredNet, height: int, width: int) -> int:
    """Of one forward step: two for every multiply-add of its convolutions, which are all but all there is."""
    a, r = settings.stack_sizes, settings.r_stack_sizes
    total = 0
    for layer in range(len(a)):
        above = r[layer + 1] if layer + 1 < len(a) else 0
        per_pixel = settings.r_filter_sizes[layer] ** 2 * (r[layer] + 2 * a[layer] + above) * 4 * r[layer]
        per_pixel += settings.a_hat_filter_sizes[layer] ** 2 * r[layer] * a[layer]
        if above:
            per_pixel += settings.a_filter_sizes[layer] ** 2 * 2 * a[layer] * a[layer + 1]
        total += 2 * per_pixel * (height >> layer) * (width >> layer)
    return total
