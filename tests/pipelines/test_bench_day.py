"""The comparison of thresholds on days whose scores are made up: with a rhythm in them, and without."""

import numpy as np
import pytest

from model import config
from model.decision import Threshold, Usual
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
def test_adaptive_pays_where_scores_have_a_rhythm_and_nowhere_else(rise, fewer):
    fixed, adaptive = day.points(made_up(0, rise), SETTINGS)
    rows = day.compare([made_up(1, rise, 30)], [made_up(2, rise)], adaptive.usual, SETTINGS)
    assert [row.share for row in rows] == list(day.SHARES)
    assert (rows[-1].fixed >= 3 * max(6.0, rows[-1].adaptive)) is fewer
    assert (rows[-1].fixed >= 3 * max(6.0, rows[-1].hindsight)) is fewer
    assert all(row.hindsight <= row.fixed for row in rows)  # it may stay where it is
    assert rows[-1].adaptive <= rows[-1].fixed + 30
    assert (adaptive.value < fixed.value - 0.5) is fewer


def test_a_threshold_is_held_against_what_it_promises():
    fixed, _ = day.points(made_up(0, 0.0), SETTINGS)
    found = day.keep("fixed", fixed, [made_up(3, 0.0), made_up(4, 0.0)], SETTINGS)
    assert found.hours == 12_000 / 5 / 3600
    assert fixed.agrees_with(found.alarms, found.hours)
    always = day.keep("low", Threshold(0.5, 0.1, 0.2), [made_up(3, 0.0)], SETTINGS)
    assert not always.point.agrees_with(always.alarms, always.hours)


def test_the_second_table_says_what_was_promised_and_what_came():
    point = Threshold(3.0, 2.0, 8.0, usual=Usual(1.0, 0.5, 100.0, 0.25))
    head, line = day.promises([day.Promise("adaptive", point, 4, 0.5)])
    assert "promised" in head
    assert line.split() == ["adaptive,", "slope", "0.25", "2.0", "to", "8.0", "8.0", "yes"]


def test_the_table_has_a_line_for_every_share():
    head, *lines = day.lines([day.Row(0.8, 36.0, 12.0, 8.0), day.Row(0.5, 6.0, 0.0, 0.0)])
    assert "fixed" in head
    assert [line.split() for line in lines] == [["80%", "36.0", "12.0", "8.0"], ["50%", "6.0", "0.0", "0.0"]]
