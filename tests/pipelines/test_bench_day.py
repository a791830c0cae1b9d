"""The comparison of thresholds on days whose scores are made up: with a rhythm in them, and without."""

import numpy as np
import pytest

from model import config
from model.decision import fit_usual
from pipelines.bench import day

SETTINGS = config.build(overrides=day.OVERRIDES)


def made_up(seed, rise, passes=0):
    """Ten minutes of scores whose level rises and falls by `rise`; every anomaly lasts three seconds and adds 3."""
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
    usual = fit_usual([(made_up(0, rise).scores, 10.0)], 20.0)
    rows = day.compare([made_up(1, rise, 30)], [made_up(2, rise)], usual, SETTINGS)
    assert [row.share for row in rows] == list(day.SHARES)
    assert (rows[-1].fixed >= 3 * max(6.0, rows[-1].adaptive)) is fewer
    assert rows[-1].adaptive <= rows[-1].fixed + 30


def test_the_table_has_a_line_for_every_share():
    head, *lines = day.lines([day.Row(0.8, 36.0, 12.0), day.Row(0.5, 6.0, 0.0)])
    assert "fixed" in head
    assert [line.split() for line in lines] == [["80%", "36.0", "12.0", "3.0"], ["50%", "6.0", "0.0", "-"]]
