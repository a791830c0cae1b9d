"""Measures against tables worked out by hand, and the pixel AUROC against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from model import metrics

# Scores 1 to 6; by hand: right pairs / all pairs, and the mean of precision at every anomalous frame from the top.
TABLE = [
    ("perfect order", [0, 0, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6], 9 / 9, 1.0, 0.0),
    ("wrong order", [1, 1, 1, 0, 0, 0], [1, 2, 3, 4, 5, 6], 0 / 9, (1 / 4 + 2 / 5 + 3 / 6) / 3, 1.0),
    ("one pair swapped", [0, 0, 1, 0, 1, 1], [1, 2, 3, 4, 5, 6], 8 / 9, (1 + 1 + 3 / 4) / 3, 1 / 3),
    ("all tied", [0, 1, 0, 1], [2, 2, 2, 2], 0.5, 0.5, 0.5),  # a tie is half a pair
    ("one normal on top", [0, 0, 1, 1, 0], [1, 2, 3, 4, 5], 4 / 6, (1 / 2 + 2 / 3) / 2, 1 / 3),
]


@pytest.mark.parametrize(("why", "labels", "scores", "auroc", "precision", "eer"), TABLE, ids=[row[0] for row in TABLE])
def test_measures_of_a_few_frames(why, labels, scores, auroc, precision, eer):
    labels, scores = np.array(labels, bool), np.array(scores, float)
    assert metrics.frame_auroc(labels, scores) == pytest.approx(auroc)
    assert metrics.average_precision(labels, scores) == pytest.approx(precision)
    assert metrics.equal_error_rate(labels, scores) == pytest.approx(eer)


@pytest.mark.parametrize("measure", [metrics.frame_auroc, metrics.average_precision, metrics.equal_error_rate])
@pytest.mark.parametrize("labels", [[], [0, 0], [1, 1]])
def test_one_kind_of_frames_has_no_measure(measure, labels):
    assert measure(np.array(labels, bool), np.arange(len(labels), dtype=float)) is None


def test_macro_is_the_mean_over_the_clips_with_both_kinds():
    labels = [np.array([0, 1], bool), np.array([0, 1, 1], bool), np.array([0, 0], bool), np.array([], bool)]
    scores = [np.array([1.0, 2.0]), np.array([2.0, 1.0, 3.0]), np.array([8.0, 9.0]), np.array([])]
    assert metrics.macro_auroc(labels, scores) == pytest.approx((1.0 + 0.5) / 2)
    assert metrics.macro_auroc(labels[2:], scores[2:]) is None


@pytest.mark.parametrize(
    ("why", "low", "scale"),
    [
        ("mostly as in normal frames", 0.0, 1.0),
        ("perfectly predicted and still", -2.0, 1.0),  # two kinds of evidence, each -1
        ("far in the tail", 5.0, 200.0),
    ],
)
def test_pixel_auroc_is_that_of_all_pixels_at_once(why, low, scale):
    generator = np.random.default_rng(0)
    masks = generator.random((20, 24, 36)) < 0.1
    scores = (low + scale * generator.gamma(1.0, 1.0, masks.shape) + 0.5 * scale * masks).astype(np.float32)
    pixels = metrics.PixelAuroc()
    for mask, score in zip(masks, scores, strict=True):
        pixels.add(mask.astype(np.uint8), score)
    assert pixels.value == pytest.approx(roc_auc_score(masks.ravel(), scores.ravel()), abs=1e-3)
    assert pixels.value > 0.6


def test_pixels_beyond_all_bins_still_count():
    pixels = metrics.PixelAuroc()
    pixels.add(np.array([[1, 0, 0]], np.uint8), np.array([[1e9, 1e8, -50.0]], np.float32))
    assert pixels.value == pytest.approx(0.75)  # the two largest are tied


@pytest.mark.parametrize("mask", [0, 1])
def test_one_kind_of_pixels_has_no_measure(mask):
    pixels = metrics.PixelAuroc()
    assert pixels.value is None
    pixels.add(np.full((2, 3), mask, np.uint8), np.zeros((2, 3), np.float32))
    assert pixels.value is None
