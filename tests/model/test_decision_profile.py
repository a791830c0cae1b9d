"""The threshold's profile of the day: what it knows of the hours, and what it is worth."""

import dataclasses
import json

import numpy as np
import pytest

from model.config import Decision
from model.decision import HOURS, Profile, Threshold, Usual, events, fit_threshold
from model.decision.profile import fit_profile, frame_hours

FPS = 1.0
RULES = Decision(shortest_seconds=0.0, adaptive=True)
BUSY = range(8, 12)  # hours


def an_hour(generator, hour, seconds=120):
    """Scores of two minutes: by day the highest are twice those of the night, in the busy hours four times."""
    scale = 4.0 if hour in BUSY else 2.0 if 6 <= hour < 20 else 1.0
    return scale * generator.exponential(size=int(seconds * FPS))


def days(count, seed=0, hours=range(HOURS)):
    generator = np.random.default_rng(seed)
    begins = [float(hour) for _ in range(count) for hour in hours]
    return [(an_hour(generator, hour), FPS) for hour in begins], begins


def test_each_hour_stands_where_its_high_scores_are_and_their_mean_is_one():
    profile = fit_profile(*days(20))
    factors = np.array(profile.factors)
    assert factors.mean() == pytest.approx(1)
    night, noon, busy = factors[[0, 1, 2, 3]].mean(), factors[15], factors[9:11].mean()
    assert 1.8 < noon / night < 2.2
    assert 3.2 < busy / night < 4.2  # the hours around it are quieter


def test_between_the_middles_of_two_hours_it_goes_straight_and_midnight_is_no_edge():
    factors = np.linspace(0.5, 1.5, HOURS)
    profile = Profile(tuple(factors.tolist()))
    assert profile.at(3.5) == pytest.approx(factors[3])
    assert profile.at(4.0) == pytest.approx((factors[3] + factors[4]) / 2)
    assert profile.at(0.0) == profile.at(24.0) == pytest.approx((factors[0] + factors[-1]) / 2)
    np.testing.assert_allclose(profile.at(np.array([0.5, 25.5])), factors[[0, 1]])
    assert profile.at(None) == factors.max()


def test_a_flattened_profile_keeps_its_mean():
    profile = fit_profile(*days(5))
    assert np.allclose(profile.flattened(0.0).factors, 1)
    half = np.array(profile.flattened(0.5).factors)
    assert half.mean() == pytest.approx(1)
    np.testing.assert_allclose(half / half[0], np.sqrt(np.array(profile.factors) / profile.factors[0]))


def test_an_hour_that_was_hardly_seen_is_taken_for_the_busiest():
    profile = fit_profile(*days(20, hours=[*range(4, 20)]))
    assert min(profile.factors[21:] + profile.factors[:2]) > 0.9 * max(profile.factors)


def test_a_clip_that_runs_past_midnight_counts_for_both_days():
    quiet, loud = np.full(1800, 1.0), np.full(1800, 2.0)
    profile = fit_profile([(np.concatenate([quiet, loud]), FPS), (np.full(1800, 1.0), FPS)], [23.5, 12.0])
    assert frame_hours(23.5, 3600, FPS)[[0, 1800]].tolist() == [23.5, 24.0]
    assert profile.factors[0] > profile.factors[23]
    assert profile.factors[12] < profile.factors[0]


def test_where_fewer_than_two_hours_are_known_there_is_none():
    clips, begins = days(1)
    assert fit_profile(clips, [None] * len(clips)) is None
    assert fit_profile(clips[:1], begins[:1]) is None
    assert fit_profile([(scores[:20], fps) for scores, fps in clips], begins) is None  # of every hour too little
    assert fit_profile([(np.full(100, np.nan), FPS)] * 2, [1.0, 2.0]) is None
    assert fit_profile([(np.zeros(100), FPS)] * 2, [1.0, 2.0]) is None  # nothing ever moves


def test_for_the_same_budget_it_lies_lower_in_the_mean_and_keeps_it():
    clips, begins = days(10)
    fixed, level = (fit_threshold(clips, dataclasses.replace(RULES, adaptive=wanted)) for wanted in (False, True))
    found = fit_threshold(clips, RULES, begins)
    assert level.usual is not None
    assert found.usual is level.profile is fixed.profile is None
    assert found.value < 0.8 * fixed.value
    fresh, hours = days(40, seed=1)
    alarms = sum(
        len(events(scores, found.value * found.profile.at(frame_hours(hour, len(scores), fps)), fps, RULES))
        for (scores, fps), hour in zip(fresh, hours, strict=True)
    )
    seconds = sum(len(scores) / fps for scores, fps in fresh)
    assert found.agrees_with(alarms, seconds / 3600)
    assert Threshold.restore(json.loads(json.dumps(dataclasses.asdict(found)))) == found


def test_people_are_told_what_it_follows():
    profile = Profile((0.5, *[1.0] * 22, 1.5))
    daily = Threshold(4.0, profile=profile)
    assert daily.followed == "The threshold follows the hour of the day, from 2 at 0:30 to 6 at 23:30"
    assert daily.hourly == (2.0, *[4.0] * 22, 6.0)
    assert "the running level" in Threshold(4.0, usual=Usual(1.0, 0.5, 100.0)).followed
    assert (Threshold(4.0).followed, Threshold(4.0).hourly) == (None, ())


def test_where_all_hours_are_alike_it_is_as_good_as_the_fixed_one():
    generator = np.random.default_rng(2)
    clips = [(generator.exponential(size=600), FPS) for _ in range(2 * HOURS)]
    fixed = fit_threshold(clips, dataclasses.replace(RULES, adaptive=False))
    found = fit_threshold(clips, RULES, [float(hour % HOURS) for hour in range(len(clips))])
    assert found.value == pytest.approx(fixed.value, rel=0.15)
    assert max(found.profile.factors) < 1.25


def test_a_detector_that_was_saved_before_there_were_profiles_still_loads():
    data = dataclasses.asdict(Threshold(3.0))
    del data["profile"]
    assert Threshold.restore(data) == Threshold(3.0)
