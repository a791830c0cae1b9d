"""The comparison of thresholds on days whose scores are made up: with a rhythm in them, and without."""

import numpy as np
import pytest

from model import config
from model.decision import Profile, Threshold, Usual
from pipelines.bench import day

SETTINGS = config.build(overrides=day.OVERRIDES)


def made_up(seed, rise, passes=0):
    """Twenty minutes of scores whose level rises and falls by `rise`; every anomaly lasts three seconds and adds 3."""
    generator = np.random.default_rng(seed)
    noise = np.convolve(generator.exponential(size=6004), np.full(5, 0.2), "valid")
    scores = (noise + rise * np.sin(np.linspace(0, 2 * np.pi, 6000))).astype(np.float32)
    seen = np.full(6000, -1)
    for number in range(passes):
        first = int((number + 0.5) * 6000 / passes)
        scores[first : first + 30] += 3
        seen[first : first + 30] = number
    return day.Day(scores, seen)


@pytest.mark.parametrize(("rise", "fewer"), [(2.0, True), (0.0, False)])
def test_both_pay_where_scores_have_a_rhythm_and_nowhere_else(rise, fewer):
    points = day.fit_points([made_up(0, rise), made_up(5, rise)], SETTINGS)
    rates = {
        name: day.compare([made_up(1, rise, 30)], [made_up(2, rise)], point, SETTINGS) for name, point in points.items()
    }
    assert {len(found) for found in rates.values()} == {len(day.SHARES)}
    for name, times in (("level", 3), ("profile", 2)):
        assert (rates["fixed"][-1] >= times * max(6.0, rates[name][-1])) is fewer
        assert rates[name][-1] <= rates["fixed"][-1] + 30
        assert (points[name].value < points["fixed"].value - 0.5) is fewer
    assert points["profile"].profile is not None
    assert points["level"].usual is not None


def test_a_profile_goes_with_the_hours_and_a_level_with_the_scores():
    factors = np.where(np.arange(24) < 12, 0.5, 1.5)
    daily = Threshold(3.0, profile=Profile(tuple(factors.tolist())))
    found = day.in_force(daily, np.zeros(2400), 2.0)
    assert (found[600], found[1800]) == (1.0, 3.0)
    level = Threshold(3.0, usual=Usual(0.0, 1.0, 10.0))
    found = day.in_force(level, np.full(100, 1.0), 2.0)
    assert found[0] == 2.0 < found[50]
    assert set(day.in_force(Threshold(3.0), np.zeros(5), 2.0)) == {2.0}


def test_a_threshold_is_held_against_what_it_promises():
    fixed = day.fit_points([made_up(0, 0.0)], SETTINGS)["fixed"]
    marked, normal = [made_up(6, 0.0, 30)], [made_up(3, 0.0), made_up(4, 0.0)]
    found = day.keep("fixed", fixed, marked, normal, SETTINGS)
    assert found.hours == 12_000 / 5 / 3600
    assert found.share > 0.5
    assert fixed.agrees_with(found.alarms, found.hours)
    always = day.keep("low", Threshold(0.5, 0.1, 0.2), marked, normal[:1], SETTINGS)
    assert always.share == 1
    assert not always.point.agrees_with(always.alarms, always.hours)


def test_the_second_table_says_what_was_promised_and_what_came():
    point = Threshold(3.0, 2.0, 8.0, usual=Usual(1.0, 0.5, 100.0, 0.25))
    head, line = day.promises([day.Kept("level", point, 0.755, 4, 0.5)])
    assert "promised" in head
    assert line.split() == ["level,", "slope", "0.25", "76%", "2.0", "to", "8.0", "8.0", "yes"]


def test_the_table_has_a_line_for_every_share():
    head, *lines = day.lines({"fixed": [6.0, 7.0, 8.0, 36.0, 50.0], "profile": [0.0, 1.0, 2.0, 12.0, 20.5]})
    assert head.split()[2:4] == ["fixed", "profile"]
    assert len(lines) == len(day.SHARES)
    assert [line.split() for line in lines[-2:]] == [["80%", "36.0", "12.0"], ["90%", "50.0", "20.5"]]
