"""What is kept of a camera: how requests join it, what leaves, and that nothing is counted that is not there."""

import dataclasses
import threading

import numpy as np
import pytest
from live import WARM_UP, clip

from model import detector
from serving.camera import REMEMBERED, Plan, plan
from serving.errors import Refused
from serving.fleet import Loaded
from serving.limits import Limits
from serving.messages import Place, Request
from serving.metrics import Metrics
from serving.streams import Streams

FRAMES = clip(40, seed=5)


@pytest.fixture(scope="module")
def loaded(tiny_detector):
    return Loaded("gate", "1", detector.load(tiny_detector), 0)


@pytest.fixture(scope="module")
def expected(loaded):
    return loaded.detector.score(FRAMES).scores


def send(streams, loaded, name, frames, context=0, **place):
    given = Place(name, **place)
    request = Request(tuple(frames), given, context)
    with streams.use(loaded.name, name) as camera:
        return camera.score(loaded, loaded.detector.step, request, given)


def scores(scored):
    return [row.frame.score for row in scored.rows]


@pytest.mark.parametrize(
    ("index", "start", "context", "kept", "found"),
    [
        (None, False, 0, None, Plan(0, True, 0)),  # unknown: it begins here
        (70, False, 0, None, Plan(70, True, 0)),
        (70, False, 8, None, Plan(70, True, 0)),  # unknown, with context
        (None, False, 0, range(5, 10), Plan(10, False, 0)),  # no index: it follows
        (10, False, 0, range(5, 10), Plan(10, False, 0)),
        (10, True, 0, range(5, 10), Plan(10, True, 0)),  # what is there is forgotten
        (11, False, 0, range(5, 10), Plan(11, True, 0)),  # a gap
        (8, False, 0, range(5, 10), Plan(8, False, 2)),  # two of them are known
        (2, False, 8, range(0, 10), Plan(2, False, 8)),  # context that was seen
        (None, False, 8, range(0, 10), Plan(2, False, 8)),
        (7, False, 8, range(0, 10), Plan(7, False, 3)),  # context over a gap of five frames
        (12, False, 8, range(0, 10), Plan(12, True, 0)),  # context that does not reach
        (2, False, 8, range(9, 10), Plan(2, True, 0)),  # context that reaches further than a cold state
        (2, False, 8, range(9, 12), Plan(2, False, 10)),  # but the answers are known
    ],
)
def test_how_a_request_joins(index, start, context, kept, found):
    assert plan(Place("a", index, start), context, kept) == found


def test_frame_by_frame_is_as_in_one_piece(loaded, expected):
    streams = Streams(Limits(), Metrics())
    for t, frame in enumerate(FRAMES):
        scored = send(streams, loaded, "a", [frame], frame_index=t)
        assert [row.frame_index for row in scored.rows] == [t]
        np.testing.assert_allclose(scores(scored), expected[t : t + 1], atol=1e-5)
        assert scored.pushed == 1


def test_a_frame_that_comes_twice_is_answered_from_what_is_known(loaded, expected):
    streams = Streams(Limits(), Metrics())
    send(streams, loaded, "a", FRAMES[:30], frame_index=0)
    again = send(streams, loaded, "a", FRAMES[20:33], frame_index=20)
    np.testing.assert_allclose(scores(again), expected[20:33], atol=1e-5)
    assert again.pushed == len(again.fresh) == 3


@pytest.mark.parametrize("index", [0, 39 - REMEMBERED - 1])
def test_frames_out_of_order_are_refused_and_the_stream_goes_on(loaded, expected, index):
    streams = Streams(Limits(), Metrics())
    send(streams, loaded, "a", FRAMES[:39], frame_index=0)
    with pytest.raises(Refused, match=rf"frames from 39 on, or one of the last {REMEMBERED}.* Received: {index}$"):
        send(streams, loaded, "a", FRAMES[:1], frame_index=index)
    np.testing.assert_allclose(scores(send(streams, loaded, "a", FRAMES[39:])), expected[39:], atol=1e-5)


def test_after_a_gap_the_stream_is_cold_and_says_so(loaded):
    streams = Streams(Limits(), Metrics())
    send(streams, loaded, "a", FRAMES[:20], frame_index=0)
    scored = send(streams, loaded, "a", FRAMES[25:], frame_index=25)
    assert scored.restarted
    assert np.isnan(scores(scored)).tolist() == [True] * WARM_UP + [False] * (15 - WARM_UP)


def test_context_over_a_gap_is_as_if_there_were_none(loaded, expected):
    streams = Streams(Limits(), Metrics())
    send(streams, loaded, "a", FRAMES[:20], frame_index=0)
    scored = send(streams, loaded, "a", FRAMES[15:30], context=10, frame_index=15)
    assert (scored.restarted, scored.pushed, len(scored.rows)) == (False, 10, 5)
    np.testing.assert_allclose(scores(scored), expected[25:30], atol=1e-5)


@pytest.mark.parametrize(
    ("context", "near"),
    [
        (29, 1e-5),  # from the beginning of the stream: the same
        (24, 1e-3),  # the smoothing forgets soon, PredNet slowly
    ],
)
def test_context_warms_a_stream_up_that_is_not_known(loaded, expected, context, near):
    scored = send(Streams(Limits(), Metrics()), loaded, "a", FRAMES[29 - context :], context, frame_index=29 - context)
    assert [row.frame_index for row in scored.rows] == list(range(29, 40))
    np.testing.assert_allclose(scores(scored), expected[29:], atol=near)


def test_at_the_end_of_a_sequence_its_state_goes_and_its_event_ends(loaded):
    streams = Streams(Limits(), Metrics())
    request = Request(tuple(FRAMES), Place("a", end=True), fps=10.0)
    with streams.use("gate", "a") as camera:
        scored = camera.score(loaded, loaded.detector.step, request, request.place)
    opened = [row.frame.opened for row in scored.rows if row.frame.opened]
    closed = scored.closed + [row.frame.closed for row in scored.rows if row.frame.closed]
    assert opened
    assert [event.id for event in closed] == [event.id for event in opened]
    assert len(streams) == 0


def test_events_count_from_the_index_of_the_first_frame(loaded):
    def opened(index):
        request = Request(tuple(FRAMES), Place("door", index, end=True), fps=10.0)
        with Streams(Limits(), Metrics()).use("gate", "door") as camera:
            scored = camera.score(loaded, loaded.detector.step, request, request.place)
        return [row.frame.opened for row in scored.rows if row.frame.opened]

    near, far = opened(0), opened(1000)
    assert [event.first + 1000 for event in near] == [event.first for event in far]
    assert far[0].id == f"door-{far[0].first}"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"frames": (np.zeros((24, 24, 3), np.uint8),)}, "frames.*before in this stream.*Received: .24, 24, 3.$"),
        ({"fps": 25.0}, "fps 10.0 as before in this stream. Received: 25.0$"),
    ],
)
def test_what_changes_within_a_stream_is_refused(loaded, change, words):
    streams, place = Streams(Limits(), Metrics()), Place("a")
    for request in (Request((FRAMES[0],), place, fps=10.0), Request((FRAMES[1],), place)):  # the rate is known by then
        with streams.use("gate", "a") as camera:
            camera.score(loaded, loaded.detector.step, request, place)
    with pytest.raises(Refused, match=words), streams.use("gate", "a") as camera:
        camera.score(loaded, loaded.detector.step, dataclasses.replace(request, **change), place)


def test_a_new_version_begins_anew_and_goes_on_counting(loaded):
    streams = Streams(Limits(), Metrics())
    send(streams, loaded, "a", FRAMES[:20])
    newer = loaded._replace(version="2")
    scored = send(streams, newer, "a", FRAMES[20:22])
    assert scored.restarted
    assert [row.frame_index for row in scored.rows] == [20, 21]
    assert np.isnan(scores(scored)).all()


def test_the_least_recently_used_state_leaves_when_memory_is_short(loaded):
    metrics = Metrics()
    with Streams(Limits(), Metrics()).use("gate", "a") as camera:
        request = Request(tuple(FRAMES[:1]), Place("a"))
        camera.score(loaded, loaded.detector.step, request, request.place)
        one = camera.bytes
    streams = Streams(Limits(stream_bytes=int(2.5 * one)), metrics)
    for name in ("a", "b", "a", "c"):
        send(streams, loaded, name, FRAMES[:1], start=True)
    assert len(streams) == 2
    assert metrics.registry.get_sample_value("unforeseen_stream_bytes") == 2 * one
    assert metrics.registry.get_sample_value("unforeseen_streams_evicted_total", {"reason": "memory"}) == 1
    assert send(streams, loaded, "a", FRAMES[:1], frame_index=0).pushed == 0  # it is known still
    assert send(streams, loaded, "b", FRAMES[:1], frame_index=0).pushed == 1


def test_a_stream_that_is_not_heard_of_is_forgotten(loaded):
    now = [0.0]
    streams = Streams(Limits(idle_seconds=60), Metrics(), now=lambda: now[0])
    send(streams, loaded, "a", FRAMES[:1])
    now[0] = 61.0
    send(streams, loaded, "b", FRAMES[:1])
    assert len(streams) == 1


def test_a_state_is_counted_as_it_is(loaded):
    with Streams(Limits(), Metrics()).use("gate", "a") as camera:
        request = Request(tuple(FRAMES[:2]), Place("a"))
        camera.score(loaded, loaded.detector.step, request, request.place)
        network = sum(np.asarray(part).nbytes for part in camera._stream.observation.state.r) * 2
        assert camera.bytes > network
        assert camera.bytes < 40 * network


def test_requests_of_one_stream_wait_for_each_other_and_others_do_not(loaded):
    streams, order = Streams(Limits(), Metrics()), []

    def second():
        with streams.use("gate", "a"):
            order.append("second of a")

    with streams.use("gate", "a"):
        waiting = threading.Thread(target=second)
        waiting.start()
        send(streams, loaded, "b", FRAMES[:1])
        order.append("b")
        order.append("first of a")
    waiting.join()
    assert order == ["b", "first of a", "second of a"]


def test_what_fails_half_way_leaves_no_state(loaded):
    streams = Streams(Limits(), Metrics())
    send(streams, loaded, "a", FRAMES[:3])
    with pytest.raises(ZeroDivisionError), streams.use("gate", "a"):
        raise ZeroDivisionError
    assert len(streams) == 0
