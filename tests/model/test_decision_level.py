"""The adaptive threshold: it follows the traffic of the day, and no anomaly drags it along."""

import dataclasses
import json
import math

import numpy as np
import pytest

from model.config import Decision
from model.decision import Threshold, events, fit_threshold
from model.decision.level import Level, LevelState, Usual, fit_usual, lifts

FPS = 0.5
DAY = int(24 * 3600 * FPS)  # frames
LONG = 10  # frames of an anomaly
RULES = Decision(shortest_seconds=0.0)


def rhythm(frames=DAY):
    """Quiet nights, a peak in the morning and one in the evening."""
    hour = np.linspace(0, 24, frames)
    return 1.5 * np.exp(-(((hour - 8.5) / 1.2) ** 2)) + 2.0 * np.exp(-(((hour - 17.5) / 1.5) ** 2))


def a_day(seed, anomalies=0):
    """Scores `float [T]`, exponential surprises over a level that follows the day, and the anomalies' first frames."""
    generator = np.random.default_rng(seed)
    smooth = np.convolve(generator.exponential(size=DAY + 3), np.full(4, 1 / 4), "valid")
    scores = rhythm() + smooth
    begins = np.linspace(0.02 * DAY, 0.98 * DAY, anomalies).astype(int)
    for begin in begins:
        scores[begin : begin + LONG] += 3.0
    return scores, begins


def thresholds(scores, usual, height):
    level = Level(usual, height)
    return np.array([level.push(score) for score in scores.tolist()])


def found(scores, begins, in_force):
    return np.mean([(scores[b : b + LONG] >= in_force[b : b + LONG]).any() for b in begins])


def false_alarms(scores, in_force):
    return len(events(scores, in_force, FPS, RULES))


def height_that_finds(scores, begins, usual, share):
    """The largest height, in steps of 0.05, with which this share of the anomalies is found."""
    heights = np.arange(1.5, 8.0, 0.05)
    low, high = 0, len(heights) - 1
    while low < high:
        middle = (low + high + 1) // 2
        in_force = thresholds(scores, usual, heights[middle]) if usual else np.full(len(scores), heights[middle])
        low, high = (middle, high) if found(scores, begins, in_force) >= share else (low, middle - 1)
    return heights[low]


def test_at_equal_detection_a_day_has_at_least_three_times_fewer_false_alarms():
    usual = fit_usual([(a_day(0)[0], FPS)], seconds=600.0)
    marked, begins = a_day(1, anomalies=100)
    normal = a_day(2)[0]
    fixed = height_that_finds(marked, begins, None, 0.9)
    adaptive = height_that_finds(marked, begins, usual, 0.9)
    alarms = false_alarms(normal, np.full(DAY, fixed)), false_alarms(normal, thresholds(normal, usual, adaptive))
    assert alarms[0] >= 3 * max(1, alarms[1])


USUAL = Usual(level=1.0, spread=0.5, frames=100.0)


def pushed(scores, usual=USUAL, threshold=3.0):
    level = Level(usual, threshold)
    for score in scores:
        level.push(score)
    return level.state


def test_an_anomaly_does_not_pull_at_all():
    generator = np.random.default_rng(0)
    before = generator.normal(1.0, 0.3, 500)
    assert pushed([*before, *np.full(90, 50.0)]).lift == pushed(before).lift


@pytest.mark.parametrize("height", [1.5, 2.9])
def test_what_stays_under_the_threshold_pulls_by_its_side_and_not_by_its_height(height):
    assert pushed(np.full(40, height)).lift == pytest.approx(40 * 0.5 / 100)


def test_an_alarm_that_outlasts_the_time_constant_is_a_change_of_the_scene():
    assert pushed(np.full(100, 50.0)).lift == 0
    assert pushed(np.full(2000, 50.0)).lift > 1


def test_a_level_that_rises_slowly_is_followed_and_so_is_one_that_falls():
    generator = np.random.default_rng(1)
    slope = np.concatenate([np.linspace(0, 2, 20_000), np.linspace(2, -0.5, 20_000)])
    scores = 0.6 + slope + generator.exponential(0.3, size=40_000)
    in_force = thresholds(scores, fit_usual([(scores[:1000], FPS)], seconds=200 / FPS), 4.0)
    assert in_force[20_000] - in_force[1000] == pytest.approx(2, abs=0.5)
    assert in_force[-1] - in_force[20_000] == pytest.approx(-2.5, abs=0.5)


def test_the_threshold_in_force_is_that_before_the_frame():
    level = Level(USUAL, 3.0)
    assert level.push(2.0) == 3.0
    assert level.push(2.0) > 3.0


def test_warm_up_changes_nothing():
    assert pushed([math.nan] * 50) == LevelState()


def test_without_a_calibration_the_threshold_stands_still():
    assert set(thresholds(a_day(0)[0][:200], None, 2.5)) == {2.5}


def test_a_level_goes_on_where_it_was_saved():
    scores = a_day(0)[0][:400]
    whole, first = thresholds(scores, USUAL, 3.0), Level(USUAL, 3.0)
    for score in scores[:200]:
        first.push(score)
    kept = LevelState(**json.loads(json.dumps(dataclasses.asdict(first.state))))
    second = Level(USUAL, 3.0, kept)
    assert [second.push(score) for score in scores[200:].tolist()] == whole[200:].tolist()


@pytest.mark.parametrize("slope", [0.5, 1.0])
def test_adapted_scores_are_those_without_what_the_threshold_moves(slope):
    scores, usual = a_day(0)[0][:3000], dataclasses.replace(USUAL, slope=slope)
    level = Level(usual, 1e9)
    moved = np.array([level.push(score) for score in scores.tolist()]) - 1e9
    (lifted,) = lifts([scores], usual)
    np.testing.assert_allclose(slope * lifted, moved, atol=1e-6)


def test_a_recording_that_was_cut_has_the_level_of_the_whole():
    scores = a_day(0)[0][:3000]
    (whole,) = lifts([scores], USUAL)
    np.testing.assert_array_equal(np.concatenate(lifts(np.array_split(scores, 40), USUAL)), whole)


@pytest.mark.parametrize("seed", range(3))
def test_a_level_that_lags_behind_the_traffic_keeps_what_was_promised(seed):
    """Fitted on clips much shorter than its time constant: bursts that it cannot follow count as what they are."""
    generator, rules = np.random.default_rng(seed), dataclasses.replace(RULES, adaptive=True, level_seconds=400.0)

    def hours(count):
        parts = [generator.exponential(0.3, 60) + generator.choice([0.5, 3.0]) for _ in range(count)]
        return np.concatenate(parts)

    clips = [(part, FPS) for part in np.array_split(hours(500), 1000)]
    point = fit_threshold(clips, dataclasses.replace(rules, false_alarms_per_hour=2.0))
    fresh = hours(500)
    alarms = len(events(fresh, thresholds(fresh, point.usual, point.value), FPS, RULES))
    assert point.agrees_with(alarms, len(fresh) / FPS / 3600)


@pytest.mark.parametrize("moves", [True, False])
def test_the_threshold_follows_the_level_where_the_highest_scores_do_and_else_stands_still(moves):
    generator, rise = np.random.default_rng(3), 2 * np.sin(np.linspace(0, 4 * np.pi, 20_000))
    high = 5.0 + moves * rise + generator.exponential(0.3, len(rise))
    scores = np.where(generator.random(len(rise)) < 0.004, high, 2 + rise + generator.uniform(0, 0.5, len(rise)))
    clips = [(part, FPS) for part in np.array_split(scores, 100)]  # cut as footage is
    fixed, adaptive = (fit_threshold(clips, dataclasses.replace(RULES, adaptive=wanted)) for wanted in (False, True))
    assert adaptive.usual.slope == (1 if moves else 0)
    assert (adaptive.value < fixed.value - 1) is moves


def test_an_adaptive_threshold_is_fitted_on_what_is_left_of_the_scores():
    day = [(a_day(0)[0], FPS)]
    fixed, adaptive = (
        fit_threshold(day, dataclasses.replace(RULES, adaptive=wanted, false_alarms_per_hour=0.5))
        for wanted in (False, True)
    )
    assert fixed.usual is None
    assert adaptive.usual == fit_usual(day, RULES.level_seconds)
    assert adaptive.value < fixed.value - 0.5
    fresh = a_day(5)[0]
    alarms = false_alarms(fresh, thresholds(fresh, adaptive.usual, adaptive.value))
    assert adaptive.low / 2 < alarms / 24 < 2 * adaptive.high
    assert Threshold.restore(json.loads(json.dumps(dataclasses.asdict(adaptive)))) == adaptive
