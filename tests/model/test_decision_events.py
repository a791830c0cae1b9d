"""Events by their rules, one frame after the other, in batch and from a state that was kept."""

import dataclasses
import json

import numpy as np
import pytest

from model.config import Decision
from model.decision import EventTracker, TrackerState, events
from model.decision.events import event_height

FPS = 10.0
PLAIN = Decision(leave_share=1.0, shortest_seconds=0.0, join_seconds=1.0, cool_down_seconds=0.0)


def high(frames, length=100, value=4.0):
    """Scores of 1, and of `value` in some frames."""
    scores = np.ones(length)
    scores[list(frames)] = value
    return scores


def spans(found):
    return [(event.first, event.last) for event in found]


@pytest.mark.parametrize(
    ("frames", "fps", "expected"),
    [
        pytest.param([], 10.0, [], id="nothing"),
        pytest.param([7], 10.0, [(7, 7)], id="one frame"),
        pytest.param([0, 99], 10.0, [(0, 0), (99, 99)], id="both ends"),
        pytest.param([10, 20], 10.0, [(10, 20)], id="a second apart is one event"),
        pytest.param([10, 21], 10.0, [(10, 10), (21, 21)], id="more is two"),
        pytest.param([10, 21], 20.0, [(10, 21)], id="seconds, not frames"),
        pytest.param(range(100), 10.0, [(0, 99)], id="all of them"),
    ],
)
def test_what_is_within_the_joining_gap_is_one_event(frames, fps, expected):
    assert spans(events(high(frames), 2.0, fps, PLAIN)) == expected


@pytest.mark.parametrize(
    ("rules", "frames", "expected"),
    [
        pytest.param({"shortest_seconds": 0.3}, [10, 11], [], id="two frames are too short"),
        pytest.param({"shortest_seconds": 0.3}, [10, 11, 12], [(10, 12, 12)], id="three are announced at the third"),
        pytest.param({"shortest_seconds": 0.3}, [10, 15], [(10, 15, 15)], id="two that are joined have lasted"),
        pytest.param({"cool_down_seconds": 2.0}, [10, 25], [(10, 10, 10)], id="over within the cool-down"),
        pytest.param({"cool_down_seconds": 2.0}, [10, 31], [(10, 10, 10), (31, 31, 31)], id="after the cool-down"),
        pytest.param(
            {"cool_down_seconds": 2.0}, [10, *range(25, 40)], [(10, 10, 10), (25, 31, 39)], id="outlasts the cool-down"
        ),
        pytest.param(
            {"cool_down_seconds": 2.0}, [10, 25, 38], [(10, 10, 10), (38, 38, 38)], id="dropped ones cool not"
        ),
    ],
)
def test_an_event_is_announced_when_it_has_lasted_and_the_last_one_is_past(rules, frames, expected):
    found = events(high(frames), 2.0, FPS, dataclasses.replace(PLAIN, **rules))
    assert [(event.first, event.opened, event.last) for event in found] == expected


@pytest.mark.parametrize(
    ("threshold", "share", "expected"),
    [
        pytest.param(4.0, 1.0, [(1, 1), (5, 5)], id="no hysteresis"),
        pytest.param(4.0, 0.75, [(1, 3), (5, 5)], id="goes on over three quarters, and does not begin there"),
        pytest.param(4.0, 0.25, [(1, 7)], id="goes on over a quarter"),
        pytest.param(-1.0, 0.5, [(1, 7)], id="never ends above where it began"),
    ],
)
def test_hysteresis(threshold, share, expected):
    scores = np.array([-3, 4, 3, 3, 2, 4, 1, 1, np.nan])
    assert spans(events(scores, threshold, 1.0, Decision(share, share, 0.0, 0.0, 0.0))) == expected


def test_a_threshold_a_frame():
    scores, threshold = high([20, 60]), np.full(100, 2.0)
    threshold[60] = 5.0
    assert [(event.first, event.threshold) for event in events(scores, threshold, FPS, PLAIN)] == [(20, 2.0)]


def test_an_event_knows_its_peak_and_what_caused_it():
    tracker = EventTracker(PLAIN, FPS, "Test/Test003")
    for frame, (score, evidence) in enumerate([(3.0, {"a": 2.0, "b": 1.0}), (5.0, {"a": 1.0, "b": 4.0}), (4.0, {})]):
        tracker.push(frame + 20, score, 2.0, evidence, lambda at=frame: (at, 0, 9, 9))
    event = tracker.finish()
    assert (event.id, event.first, event.last) == ("Test003-20", 20, 22)
    assert (event.peak, event.score, event.threshold) == (21, 5.0, 2.0)
    assert (event.evidence, event.cause, event.box) == ({"a": 1.0, "b": 4.0}, "b", (1, 0, 9, 9))
    assert event.category is None
    assert tracker.finish() is None


def test_what_opens_and_closes_is_told_once_and_in_time():
    tracker = EventTracker(dataclasses.replace(PLAIN, shortest_seconds=0.2), FPS)
    told = {}
    for frame, score in enumerate(high([30, 31, 32])):
        told |= {
            (kind, frame): event for kind, event in zip("oc", tracker.push(frame, score, 2.0), strict=True) if event
        }
    assert {key: (event.first, event.last) for key, event in told.items()} == {("o", 31): (30, 31), ("c", 43): (30, 32)}


@pytest.mark.parametrize("rules", [Decision(), PLAIN, Decision(1.0, 0.4, 0.5, 0.3, 5.0)])
def test_frame_by_frame_in_batch_and_after_a_restart_are_the_same(rules):
    generator = np.random.default_rng(0)
    scores = np.convolve(generator.exponential(size=3000), np.ones(5) / 5, "same")
    scores[:8] = np.nan
    box = lambda: (1, 2, 3, 4)  # noqa: E731
    found, tracker = [], EventTracker(rules, FPS, "a")
    for frame, score in enumerate(scores):
        found.append(tracker.push(frame, score, 1.6, {"flow": score}, box).closed)
        kept = json.loads(json.dumps(dataclasses.asdict(tracker.state)))
        tracker = EventTracker(rules, FPS, "a", TrackerState.restore(kept))
    found = [event for event in [*found, tracker.finish()] if event]
    assert len(found) > 10
    assert {event.box for event in found} == {(1, 2, 3, 4)}
    bare = [dataclasses.replace(event, evidence={}, box=None) for event in found]
    assert bare == events(scores, 1.6, FPS, rules, "a")


@pytest.mark.parametrize(
    ("rules", "scores", "expected"),
    [
        pytest.param({}, [1, 5, 3, 2], 5.0, id="without a shortest duration it is the maximum"),
        pytest.param({"shortest_seconds": 0.3}, [1, 9, 5, 3, 1], 3.0, id="what all of three frames reach"),
        pytest.param({"shortest_seconds": 0.3, "leave_share": 0.5}, [1, 9, 5, 3, 1], 6.0, id="or go on at"),
        pytest.param({"shortest_seconds": 0.3}, [1, 9, 0, 8, 1], 8.0, id="or come back to"),
        pytest.param({"shortest_seconds": 0.3, "leave_share": 0.5}, [-3, -1, -2, -4], -3.0, id="under zero"),
        pytest.param({"shortest_seconds": 0.3}, [2, 3], 3.0, id="too short for any event"),
    ],
)
def test_the_largest_threshold_that_has_an_event(rules, scores, expected):
    assert event_height(np.array(scores, float), FPS, dataclasses.replace(PLAIN, **rules)) == expected


def test_over_that_threshold_there_is_no_event_and_under_it_there_always_is_one():
    generator = np.random.default_rng(0)
    rules = Decision()
    for _ in range(20):
        scores = np.convolve(generator.normal(size=60), [0.5, 0.3, 0.2], "valid")
        height = event_height(scores, FPS, rules)
        assert not events(scores, np.nextafter(height, np.inf), FPS, rules)
        assert all(events(scores, under, FPS, rules) for under in np.linspace(scores.min(), height, 30))
