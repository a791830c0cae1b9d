"""A day of the walkway as one stream: its rhythm, its anomalies, its seed."""

import itertools

import numpy as np

from model import walkway
from model.config import Walkway

SMALL = Walkway(height=32, width=48, fps=1.0)


def moments(seconds=120.0, passes=0, seed=0):
    return list(walkway.render_day(SMALL, seconds, passes, seed))


def test_a_day_runs_from_midnight_to_midnight_as_frames_of_one_camera():
    day = moments()
    hours = [moment.hour for moment in day]
    assert len(day) == 120
    assert hours == sorted(hours)
    assert (hours[0], round(hours[-1])) == (0, 24)
    assert {(moment.frame.shape, moment.frame.dtype.name) for moment in day} == {((32, 48, 3), "uint8")}
    assert {moment.anomaly for moment in day} == {-1}


def test_more_moves_when_lectures_begin_at_noon_and_when_they_end_and_hardly_anything_at_night():
    changes = {"busy": [], "day": [], "night": []}
    for before, after in itertools.pairwise(moments(500.0)):
        busy = min(abs(after.hour - peak) for peak in (8.9, 12.4, 16.6)) < 0.4
        time = "night" if after.hour < 5 else "busy" if busy else "day"
        changes[time].append(np.abs(after.frame.astype(int) - before.frame).mean())
    assert np.mean(changes["busy"]) > 1.2 * np.mean(changes["day"]) > 1.2 * np.mean(changes["night"])


def test_every_anomaly_is_in_view_for_a_while_and_normal_frames_lie_between():
    seen = [moment.anomaly for moment in moments(160.0, passes=8)]
    assert set(seen) == {-1, *range(8)}
    assert min(seen.count(number) for number in range(8)) >= 2
    assert seen.count(-1) > 0.3 * len(seen)
    firsts = [seen.index(number) for number in range(8)]
    assert firsts == sorted(firsts)


def test_where_light_falls_the_sensor_is_noisier():
    def noise(dusk):
        day = [moment.frame[:4].astype(float) for moment in walkway.render_day(SMALL, 40.0, 0, 0, dusk)]
        return [np.std(after - before) for before, after in (day[:2], day[20:22])]  # at the top nobody walks

    (midnight, noon), (plain, _) = noise(3.0), noise(1.0)
    assert midnight > 2 * plain
    assert noon < 1.3 * plain


def test_a_day_depends_on_its_seed_and_on_nothing_else():
    one, same, other = ([moment.frame for moment in moments(10.0, 1, seed)] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
