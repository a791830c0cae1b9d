"""A stream's state in a client's hands: brought back it goes on exactly, and whatever else is brought harms nobody."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live import NAME, clip

from model.decision import HOURS, Profile
from serving import encode
from serving.answers import answer
from serving.camera import Camera
from serving.errors import Refused
from serving.fleet import prepare
from serving.messages import EVIDENCE, HEAT_MAP, STATE, Place, Request
from serving.parameters import HEAT_MAP_PNG
from serving.sources import Resolved
from serving.state import CHECKSUM

FRAMES = clip(40, seed=5)
TAKEN = 25  # frames before the state


@pytest.fixture(scope="module")
def loaded(tiny_detector):
    return prepare(NAME, Resolved("1", tiny_detector), batch=1)


@pytest.fixture(scope="module")
def expected(loaded):
    return loaded.detector.score(FRAMES).scores


def send(loaded, frames, place=None, **changes):
    """To a server that knows no stream."""
    request = Request(tuple(frames), place or Place("a", 0), **{"fps": 10.0, **changes})
    return Camera("a").score(loaded, loaded.detector.step, request, request.place)


def scores(scored):
    return [row.frame.score for row in scored.rows]


@pytest.fixture(scope="module")
def state(loaded):
    return send(loaded, FRAMES[:TAKEN], extras=frozenset({STATE})).state


@pytest.mark.parametrize("first", [TAKEN, 20, 0, None])
@pytest.mark.parametrize("start", [True, False])
def test_it_goes_on_where_the_state_was_taken(loaded, expected, state, first, start):
    """Whatever frames before it are sent as context, they are not looked at."""
    frames = FRAMES[TAKEN - 3 if first is None else first : 30]
    scored = send(loaded, frames, Place("a", first, start), context=len(frames) - 5, state=state)
    np.testing.assert_allclose(scores(scored), expected[TAKEN:30], rtol=0, atol=1e-5)
    assert [row.frame_index for row in scored.rows] == list(range(TAKEN, 30))
    assert scored.pushed == 5


@pytest.mark.parametrize("why", ["another detector", "a gap"])
def test_a_state_that_does_not_fit_is_none(loaded, state, why):
    newer, first = (loaded._replace(version="2"), TAKEN) if why == "another detector" else (loaded, TAKEN + 1)
    scored = send(newer, FRAMES[first:30], Place("a", first), state=state)
    assert np.isnan(scores(scored)).all()
    assert scored.rows[0].frame_index == first


def test_a_server_that_knows_the_stream_goes_by_what_it_knows(loaded, expected, state):
    camera = Camera("a")
    for first, last, brought in ((0, 30, b""), (30, 35, state)):
        request = Request(tuple(FRAMES[first:last]), Place("a", first), fps=10.0, state=brought)
        scored = camera.score(loaded, loaded.detector.step, request, request.place)
    np.testing.assert_allclose(scores(scored), expected[30:35], rtol=0, atol=1e-5)


def test_a_threshold_with_a_profile_goes_with_the_hour_that_requests_say(loaded):
    """And goes on from it where they say none, also in a state that comes back."""
    profile = Profile(tuple(np.linspace(0.5, 1.5, HOURS).tolist()))
    point = dataclasses.replace(loaded.detector.operating_point, profile=profile)
    daily = loaded._replace(detector=dataclasses.replace(loaded.detector, operating_point=point))

    def thresholds(camera, frames, index, **changes):
        request = Request(tuple(frames), Place("a", index), fps=1 / 1800, **changes)  # two frames an hour
        scored = camera.score(daily, daily.detector.step, request, request.place)
        return scored, [row.frame.threshold / point.value for row in scored.rows]

    camera = Camera("a")
    assert thresholds(camera, FRAMES[:2], 0)[1] == [1.5, 1.5]  # of the busiest hour, as long as nobody says one
    _, found = thresholds(camera, FRAMES[2:5], 2, hour=22.5)
    np.testing.assert_allclose(found, profile.at(np.array([22.5, 23.0, 23.5])))
    scored, found = thresholds(camera, FRAMES[4:7], 4, hour=3.5, extras=frozenset({STATE}))  # its first frame is known
    np.testing.assert_allclose(found, profile.at(np.array([23.5, 4.0, 4.5])))
    _, found = thresholds(camera, FRAMES[7:8], 7)
    np.testing.assert_allclose(found, profile.at(np.array([5.0])))
    _, found = thresholds(Camera("a"), FRAMES[7:8], 7, state=scored.state)
    np.testing.assert_allclose(found, profile.at(np.array([5.0])))


def signed(content: bytes) -> bytes:
    return hashlib.sha256(content).digest() + content


def changed(state: bytes, **values) -> bytes:
    head, _, arrays = state[CHECKSUM:].partition(b"\n")
    return signed(json.dumps({**json.loads(head), **values}).encode() + b"\n" + arrays)


def with_numbers(state: bytes, **values) -> bytes:
    head = json.loads(state[CHECKSUM:].partition(b"\n")[0])
    return changed(state, numbers={**head["numbers"], **values})


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda state: b"", None),  # none at all: it begins anew
        (lambda state: b"x", "that were changed"),
        (lambda state: state[:-1], "that were changed"),
        (lambda state: state[:100] + b"\0" + state[101:], "that were changed"),
        (lambda state: signed(b""), "another"),
        (lambda state: signed(b"[]\n"), "another"),
        (lambda state: signed(state[CHECKSUM:-1]), "arrays of other shapes"),
        (lambda state: signed(state[CHECKSUM:] + b"0"), "1 bytes more"),
        (lambda state: signed(state[CHECKSUM:-4] + b"\0\0\xc0\x7f"), "values that no stream has"),  # no number
        (lambda state: signed(state[CHECKSUM:-4] + b"\xff\xff\x7f\x7f"), "values that no stream has"),  # the largest
        (lambda state: changed(state, arrays=["state", "state"]), "arrays of other shapes"),
        (lambda state: changed(state, arrays=["moon"]), "another, 'moon'"),
        (lambda state: changed(state, fps=-1), "another, expected fps"),
        (lambda state: changed(state, shape=[24, 24, 3]), r"frames \[24, 24, 3\] as before"),
        (lambda state: changed(state, fps=25), "fps 25.0 as before"),
        (lambda state: with_numbers(state, seen=0), "numbers that no stream has"),
        (lambda state: with_numbers(state, hour=24), "hour of at least 0 and below 24"),
        (lambda state: with_numbers(state, seen=1e300), "numbers that no stream has"),
        (lambda state: with_numbers(state, first=2**53), "numbers that no stream has"),
        (lambda state: with_numbers(state, votes=[1.0]), "numbers that no stream has"),
        (lambda state: with_numbers(state, mood=1), "another, expected settings of Numbers"),
    ],
)
def test_what_no_server_gave_is_refused_in_one_sentence(loaded, state, harm, words):
    if words is None:
        assert np.isnan(scores(send(loaded, FRAMES[TAKEN:30], Place("a", TAKEN), state=harm(state)))).all()
        return
    with pytest.raises(Refused, match=words) as refused:
        send(loaded, FRAMES[TAKEN:30], Place("a", TAKEN), state=harm(state))
    assert "Received: " in str(refused.value)


def test_frames_that_the_state_has_seen_have_no_scores_any_more(loaded, state):
    with pytest.raises(Refused, match="before 25, which this state has seen, as context at most. Received: 22$"):
        send(loaded, FRAMES[20:30], Place("a", 20), context=2, state=state)


JSON = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3)


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_whatever_it_holds_the_answer_is_one(loaded, state, data):
    """Signed as it should be; values and numbers of any kind, as far as they are not refused."""
    head, _, arrays = state[CHECKSUM:].partition(b"\n")
    said = json.loads(head)
    places = [(said, key) for key in ("shape", "fps", "arrays")] + [
        (part, key)
        for part in (said["numbers"], said["numbers"]["level"], said["numbers"]["event"], said["numbers"]["baselines"])
        for key in part
    ]
    for part, key in data.draw(st.lists(st.sampled_from(places), max_size=4)):
        part[key] = data.draw(JSON | st.lists(JSON, max_size=4))
    noise = data.draw(st.sampled_from([0.0, 1.0, 1e4, 9e8]))
    values = np.frombuffer(arrays[: len(arrays) // 4 * 4], "<f4") * np.float32(1 + noise)
    brought = signed(json.dumps(said).encode() + b"\n" + values.tobytes() + arrays[len(values) * 4 :])
    extras = frozenset({EVIDENCE, HEAT_MAP, STATE})
    request = Request(tuple(FRAMES[TAKEN:]), Place("a", TAKEN), fps=10.0, extras=extras, state=brought)
    try:
        scored = Camera("a").score(loaded, loaded.detector.step, request, request.place)
    except Refused:
        return
    found = answer(loaded, request, scored)
    for output in encode.outputs(found, [*encode.DEFAULT, EVIDENCE, HEAT_MAP, HEAT_MAP_PNG, STATE]):
        json.dumps(output.items(), allow_nan=False)
