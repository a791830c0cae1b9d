"""RBDC and TBDC against cases worked out by hand."""

import numpy as np
import pytest

from model.metrics import RegionCriteria
from model.metrics.regions import area_to_one, boxes, intersection_over_union

HEIGHT, WIDTH = 24, 36


@pytest.mark.parametrize(
    ("why", "false_positives", "rates", "area"),
    [
        ("perfect", [0.0, 0.0], [1.0, 1.0], 1.0),
        ("nothing is found", [0.0, 3.0], [0.0, 0.0], 0.0),
        ("no level makes one a frame: on as at the last", [0.0, 0.5], [0.5, 1.0], 0.5 * 0.75 + 0.5),
        ("cut at one a frame, half way up", [0.0, 2.0], [0.5, 1.0], (0.5 + 0.75) / 2),
        ("levels in any order", [0.5, 0.0, 0.2], [0.6, 0.2, 0.4], 0.2 * 0.3 + 0.3 * 0.5 + 0.5 * 0.6),
        ("the cores of things, then things: the better level counts", [0.4, 0.0], [0.1, 0.9], 0.9),
        ("the strictest level already makes two", [2.0, 3.0], [0.5, 1.0], 0.25 / 2),
    ],
)
def test_area_up_to_one_false_positive_a_frame(why, false_positives, rates, area):
    assert area_to_one(np.array(false_positives), np.array(rates)) == pytest.approx(area)


def test_boxes_and_their_overlap():
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[2:6, 1:4] = 255
    mask[10:12, 20:25] = 1
    found = boxes(mask)
    assert found.tolist() == [[1, 2, 4, 6], [20, 10, 25, 12]]
    other = np.array([[1.0, 2, 4, 4], [3, 5, 5, 7]])  # half of the first; one pixel of twelve and of four
    np.testing.assert_allclose(intersection_over_union(found, other), [[0.5, 1 / 15], [0, 0]])
    assert intersection_over_union(found, np.zeros((0, 4))).shape == (2, 0)


def picture(*places):
    """Zeros, and (top, left, height, width, value) in places."""
    array = np.zeros((HEIGHT, WIDTH), np.float32)
    for top, left, height, width, value in places:
        array[top : top + height, left : left + width] = value
    return array


def measured(frames):
    criteria = RegionCriteria()
    for frame in frames:
        if frame is None:
            criteria.end_clip()
        else:
            criteria.add(*(picture(*places) for places in frame))
    return criteria.rbdc, criteria.tbdc


def thing(left, value=1.0):
    return (4, left, 10, 10, value)


SEEN, UNSEEN = ([thing(4)], [thing(4, 50.0)]), ([thing(4)], [])
GHOST = ([], [(0, 20, 3, 3, 50.0)])
MOVES = [([thing(4)], []), ([thing(10)], []), ([thing(16)], [thing(16, 9.0)])]
FAR = (4, 22, 10, 10, 1.0)


@pytest.mark.parametrize(
    ("why", "frames", "rbdc", "tbdc"),
    [
        ("seen wherever it is", [SEEN] * 4, 1.0, 1.0),
        ("half of its regions, which is enough for a track", [SEEN, SEEN, UNSEEN, UNSEEN], 0.5, 1.0),
        ("one of eleven is too little for a track", [SEEN] + [UNSEEN] * 10, 1 / 11, 0.0),
        ("one of ten is not", [SEEN] + [UNSEEN] * 9, 1 / 10, 1.0),
        ("a clip's end ends a track", [SEEN, None, UNSEEN], 0.5, 0.5),
        ("a frame without it too", [SEEN, ([], []), UNSEEN], 0.5, 0.5),
        ("a track moves as its regions overlap", MOVES, 1 / 3, 1.0),
        ("two things, one unseen", [([thing(4), FAR], [thing(4, 50.0)])] * 3, 0.5, 0.5),
        ("one region over two things finds both", [([thing(4), FAR], [(4, 4, 10, 28, 50.0)])], 1.0, 1.0),
        ("a tenth of it, as a row", [([thing(4)], [(4, 4, 1, 10, 50.0)])], 1.0, 1.0),
        ("less, and so a false positive beside a miss", [([thing(4)], [(4, 4, 1, 9, 50.0)])], 0.0, 0.0),
        ("a ghost as strange as the thing in every other frame: (0, 0) to (0.5, 1), level", [SEEN, GHOST], 0.75, 0.75),
        ("two ghosts a frame: half of the line from (0, 0) to (2, 1)", [
            ([thing(4)], [thing(4, 50.0), (0, 20, 3, 3, 50.0), (18, 20, 3, 3, 50.0)])], 0.25, 0.25),
        ("a ghost much stranger than the thing", [([thing(4)], [thing(4, 5.0), (0, 20, 3, 3, 500.0)])], 0.0, 0.0),
        ("a ghost much less strange", [([thing(4)], [thing(4, 50.0), (0, 20, 3, 3, 1.0)])], 1.0, 1.0),
        ("nothing marked", [GHOST], None, None),
    ],
)  # fmt: skip
def test_criteria(why, frames, rbdc, tbdc):
    assert measured(frames) == (pytest.approx(rbdc), pytest.approx(tbdc))
