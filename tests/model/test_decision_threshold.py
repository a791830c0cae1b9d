"""The threshold for a false-alarm budget: what it promises holds on fresh footage."""

import dataclasses
import math

import numpy as np
import pytest

from model.config import Decision
from model.decision import Threshold, events, fit_threshold
from model.decision.tail import fit_tail

FPS = 10.0
HOUR = 36_000  # frames
# Every run of frames over the threshold is an event, as the fast count below has it.
CLUSTERS = Decision(leave_share=1.0, shortest_seconds=0.0, join_seconds=1.0, cool_down_seconds=0.0)
KERNEL = 0.85 ** np.arange(40)
KERNEL /= np.linalg.norm(KERNEL)
TAILS = {
    "light": lambda x: x,  # Gaussian
    "exponential": lambda x: x * np.abs(x),  # chi squared
    "heavy": np.exp,  # log-normal
}


def budget(rate):
    return dataclasses.replace(CLUSTERS, false_alarms_per_hour=rate)


def normal(generator, clips, frames, tail="exponential", offset=0.0):
    """Scores `[clips, frames]`: neighbouring frames are alike, and clips differ as a whole."""
    white = generator.normal(size=clips * (frames + 39))
    smooth = np.convolve(white, KERNEL)[: len(white)].reshape(clips, -1)[:, 39:]
    return TAILS[tail]((smooth + offset * generator.normal(size=(clips, 1))) / math.hypot(1, offset))


def listed(scores):
    return [(clip, FPS) for clip in scores]


def rate(scores, height):
    """Events an hour: frames over the height with none such in the second before."""
    over = np.pad(scores >= height, ((0, 0), (11, 0)))
    seen = over.cumsum(axis=1)
    before = np.concatenate([np.zeros((len(seen), 1), int), seen[:, :-1]], axis=1)[:, 11:] - seen[:, :-11]
    return float((over[:, 11:] & (before == 0)).sum() / (scores.size / HOUR))


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize(
    ("clips", "frames", "budgeted", "method"),
    [
        pytest.param(3, 160, 20.0, "extrapolated", id="three short clips"),
        pytest.param(12, 200, 5.0, "extrapolated", id="four minutes"),
        pytest.param(40, 200, 30.0, "counted", id="a quarter of an hour, a budget that they can count"),
    ],
)
def test_the_true_rate_lies_in_the_stated_interval_about_nine_times_in_ten(tail, clips, frames, budgeted, method):
    generator = np.random.default_rng(7)
    fresh = normal(generator, 3600, 200, tail, 0.4)  # 20 hours
    fits = [fit_threshold(listed(normal(generator, clips, frames, tail, 0.4)), budget(budgeted)) for _ in range(30)]
    rates = [rate(fresh, fit.value) for fit in fits]
    inside = np.mean([fit.low <= true <= fit.high for fit, true in zip(fits, rates, strict=True)])
    assert inside >= 0.76  # of 30 that are right 9 times in 10, fewer are once in a hundred
    assert {fit.method for fit in fits} == {method}
    assert budgeted / 3 < np.median(rates) < 3 * budgeted


def test_more_footage_says_it_more_exactly():
    generator = np.random.default_rng(1)
    fits = [fit_threshold(listed(normal(generator, clips, 200)), budget(30.0)) for clips in (6, 36, 216)]
    widths = [math.log(fit.high / max(fit.low, 1e-9)) for fit in fits]
    assert widths[0] > 1.5 * widths[1] > 1.5**2 * widths[2]


def test_events_in_few_clips_tell_less_than_as_many_in_all():
    scores = np.zeros((40, 200))
    spread, crowded = scores.copy(), scores.copy()
    spread[::2, 100] = np.arange(1, 21)
    crowded[:2, 5:200:20] = np.arange(1, 21).reshape(2, 10)
    widths = [np.diff(dataclasses.astuple(fit_threshold(listed(s), budget(90.0)))[1:3]) for s in (spread, crowded)]
    assert widths[1] > 2 * widths[0]


def test_a_smaller_budget_never_has_a_lower_threshold():
    scores = listed(normal(np.random.default_rng(1), 30, 200, offset=0.3))
    rates = np.geomspace(1e-3, 1e4, 40)
    values = [fit_threshold(scores, budget(wanted)).value for wanted in rates]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) > 20
    methods = {fit_threshold(scores, budget(wanted)).method for wanted in (1.0, 100.0)}
    assert methods == {"counted", "extrapolated"}


def test_the_counted_threshold_is_reached_as_often_as_the_budget_allows():
    scores = np.zeros((180, 200))  # an hour
    scores[::9, 100] = np.arange(1, 21)  # 20 events
    fit = fit_threshold(listed(scores), budget(5.5))
    assert (fit.value, fit.method, fit.hours, fit.clips, fit.note) == (16.0, "counted", pytest.approx(1.0), 180, None)
    assert fit.low < 5 < fit.high


def test_the_rules_of_events_are_those_that_count():
    scores = normal(np.random.default_rng(2), 180, 200)
    short, long = (dataclasses.replace(budget(20.0), shortest_seconds=seconds) for seconds in (0.0, 1.0))
    assert fit_threshold(listed(scores), long).value < fit_threshold(listed(scores), short).value
    value = fit_threshold(listed(scores), long).value
    assert sum(len(events(clip, value, FPS, long)) for clip in scores) == 20


def test_a_score_that_does_not_last_raises_no_extrapolated_threshold():
    scores = normal(np.random.default_rng(2), 9, 200)
    flickers = scores.copy()
    flickers[:, 100] += 20.0
    rules = dataclasses.replace(budget(1.0), shortest_seconds=0.3, join_seconds=0.0)
    assert fit_threshold(listed(flickers), rules).value < fit_threshold(listed(scores), rules).value * 1.1
    assert fit_threshold(listed(flickers), budget(1.0)).value > 20.0


def test_the_interval_holds_for_events_that_must_last():
    generator = np.random.default_rng(5)
    rules = dataclasses.replace(Decision(), false_alarms_per_hour=5.0)
    fresh = normal(generator, 1800, 200, offset=0.4)  # 10 hours
    fits = [fit_threshold(listed(normal(generator, 12, 200, offset=0.4)), rules) for _ in range(12)]
    rates = [sum(len(events(clip, fit.value, FPS, rules)) for clip in fresh) / 10 for fit in fits]
    assert sum(fit.low <= true <= fit.high for fit, true in zip(fits, rates, strict=True)) >= 9
    assert 5 / 3 < np.median(rates) < 15


def test_footage_that_is_too_short_says_so_in_one_sentence():
    fit = fit_threshold(listed(normal(np.random.default_rng(1), 3, 160)), budget(1.0))
    assert fit.note == (
        "0.8 minutes of normal footage in 3 clips are too short for 1 false alarm an hour: the threshold is"
        f" extrapolated and brings {fit.low:.2g} to {fit.high:,.0f} an hour at 90% confidence; with 3.0 hours it would"
        " be counted"
    )


def test_a_minute_of_footage_extrapolates_to_an_alarm_a_month():
    scores = normal(np.random.default_rng(1), 1, 600)
    fit = fit_threshold(listed(scores), budget(1 / 720))
    assert scores.max() < fit.value < 10 * scores.max()
    assert fit.low < 1 / 720 < fit.high


@pytest.mark.parametrize("frames", [1, 2, 10, 60])
def test_the_shortest_footage_has_a_finite_threshold(frames):
    scores = normal(np.random.default_rng(1), 1, frames)
    fit = fit_threshold(listed(scores), budget(1.0))
    assert scores.max() < fit.value < math.inf
    assert 0 <= fit.low < fit.high < math.inf


def test_warm_up_counts_neither_as_scores_nor_as_time():
    scores = normal(np.random.default_rng(1), 1, 3000)[0]
    warm_up = np.full(500, np.nan)
    fit = fit_threshold([(scores, FPS)], budget(1.0))
    assert fit_threshold([(np.concatenate([warm_up, scores]), FPS)], budget(1.0)) == fit
    assert fit_threshold([(warm_up, FPS), (scores, FPS)], budget(1.0)) == fit


@pytest.mark.parametrize("wanted", [1.0, 1e6])
def test_constant_scores_alarm_only_above_themselves(wanted):
    scores = np.full((5, 100), 0.1, np.float32)
    value = fit_threshold(listed(scores), budget(wanted)).value
    if wanted == 1.0:
        assert not (scores >= value).any()
    assert np.float32(0.1001) >= value


@pytest.mark.parametrize(
    ("seen", "hours", "agrees"),
    [
        pytest.param(2, 1.0, True, id="between low and high"),
        pytest.param(0, 0.02, True, id="a minute without alarm says nothing against it"),
        pytest.param(1, 0.02, True, id="nor does one alarm"),
        pytest.param(3, 0.02, False, id="three do"),
        pytest.param(0, 100.0, False, id="too quiet to be true"),
    ],
)
def test_what_was_measured_agrees_or_not(seen, hours, agrees):
    assert Threshold(1.0, low=0.5, high=20.0).agrees_with(seen, hours) is agrees


def test_the_tail_of_few_blocks_is_wider_where_clips_differ():
    generator = np.random.default_rng(3)
    alike, differing = normal(generator, 6, 600), normal(generator, 6, 600, offset=2.0)
    widths = []
    for scores in (alike, differing):
        tail = fit_tail(listed(scores), CLUSTERS)
        low, high = tail.interval(tail.height(10.0))
        assert low < 10 < high
        widths.append(math.log(high / low))
    assert widths[1] > 1.2 * widths[0]
