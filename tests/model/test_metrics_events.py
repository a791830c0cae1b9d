"""Event precision, recall and delay of a few events and ranges."""

import pytest

from model.clips import LabelRange
from model.decision import Event
from model.metrics import count_events, delays


def event(first, last, opened=None):
    return Event(f"a-{first}", first, first if opened is None else opened, last, first, 3.0, 2.0)


@pytest.mark.parametrize(
    ("why", "events", "marked", "counts", "waited"),
    [
        ("announced two frames late", [event(11, 20, 12)], [(10, 20)], (1, 1, 1, 1), [2]),
        ("a frame in common is enough", [event(5, 10)], [(10, 20)], (1, 1, 1, 1), [0]),
        ("a neighbour is not", [event(5, 9)], [(10, 20)], (1, 0, 1, 0), []),
        ("announced after the range", [event(19, 30, 22)], [(10, 20)], (1, 1, 1, 1), [12]),
        ("one event over two ranges", [event(5, 40)], [(10, 20), (30, 35)], (1, 1, 2, 2), [0, 0]),
        ("two events in one range", [event(14, 15), event(18, 19)], [(10, 20)], (2, 2, 1, 1), [4]),
        ("a false alarm and a miss", [event(1, 2)], [(10, 20)], (1, 0, 1, 0), []),
        ("nothing", [], [], (0, 0, 0, 0), []),
    ],
)
def test_events_against_ranges(why, events, marked, counts, waited):
    ranges = [LabelRange(first, last, "cart") for first, last in marked]
    assert count_events(events, ranges) == counts
    assert delays(events, ranges) == waited


def test_shares_need_something_to_be_a_share_of():
    assert count_events([event(1, 2)], []).recall is None
    assert count_events([], [LabelRange(1, 2, "")]).precision is None
    counts = count_events([event(1, 2), event(5, 5), event(8, 9)], [LabelRange(1, 2, ""), LabelRange(6, 7, "")])
    assert (counts.precision, counts.recall) == (1 / 3, 1 / 2)
