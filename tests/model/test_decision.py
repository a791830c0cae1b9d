"""The threshold for a false-alarm budget."""

import math

import numpy as np
import pytest
from scipy.signal import lfilter

from model.decision import events, fit_threshold
from model.decision.threshold import CLUSTERS

FPS = 10.0
HOUR = 36_000  # frames


def smoothed(generator, frames):
    """Exponential surprises under the detector's causal smoothing."""
    return lfilter([0.25], [1.0, -0.75], generator.exponential(size=frames + 100))[100:]


def independent(generator, frames):
    return generator.exponential(size=frames)


def two_kinds(generator, frames):
    """The sum of two kinds of evidence, each exponential and smoothed."""
    return smoothed(generator, frames) + smoothed(generator, frames)


def wandering(generator, frames):
    """A Gaussian AR(1) of two seconds' memory, mapped to exponential surprises."""
    walk = lfilter([math.sqrt(1 - 0.95**2)], [1.0, -0.95], generator.normal(size=frames + 500))[500:]
    return np.array([-math.log(0.5 * math.erfc(x / math.sqrt(2))) for x in walk])


@pytest.mark.parametrize("normal", [independent, smoothed, two_kinds, wandering])
@pytest.mark.parametrize("budget", [2.0, 20.0])
def test_fresh_footage_keeps_to_the_budget(normal, budget):
    generator = np.random.default_rng(0)
    fresh = normal(generator, 40 * HOUR)
    rates = []
    for _ in range(9):  # of an hour each, in clips of 20 seconds
        clips = [(normal(generator, 200), FPS) for _ in range(180)]
        rates.append(len(events(fresh, fit_threshold(clips, budget), FPS, CLUSTERS)) / 40)
    assert budget / 3 < np.median(rates) < 3 * budget


def test_a_minute_of_footage_extrapolates_to_an_alarm_a_month():
    clips = [(smoothed(np.random.default_rng(1), 600), FPS)]
    threshold = fit_threshold(clips, 1 / 720)
    assert clips[0][0].max() < threshold < 10 * clips[0][0].max()


@pytest.mark.parametrize("frames", [1, 2, 10, 60])
def test_the_shortest_footage_has_a_finite_threshold(frames):
    scores = smoothed(np.random.default_rng(1), frames)
    assert scores.max() * 0.9 < fit_threshold([(scores, FPS)], 1.0) < math.inf


def test_a_larger_budget_has_a_lower_threshold():
    clips = [(smoothed(np.random.default_rng(1), 3000), FPS)]
    thresholds = [fit_threshold(clips, budget) for budget in (0.01, 0.1, 1.0, 10.0, 1e9)]
    assert thresholds[:4] == sorted(thresholds[:4], reverse=True)
    assert len(set(thresholds)) == 5
    assert thresholds[4] == pytest.approx(np.quantile(clips[0][0], 29 / 30))  # nothing below it was looked at


def test_warm_up_counts_neither_as_scores_nor_as_time():
    scores = smoothed(np.random.default_rng(1), 3000)
    warm_up = np.full(500, np.nan)
    threshold = fit_threshold([(scores, FPS)], 1.0)
    assert fit_threshold([(np.concatenate([warm_up, scores]), FPS)], 1.0) == threshold
    assert fit_threshold([(warm_up, FPS), (scores, FPS)], 1.0) == threshold


def test_constant_scores_alarm_only_above_themselves():
    scores = np.full(100, 0.1, np.float32)
    threshold = fit_threshold([(scores, FPS)], 1.0)
    assert not (scores >= threshold).any()
    assert np.float32(0.1001) >= threshold
