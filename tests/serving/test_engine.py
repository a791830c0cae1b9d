"""The engine as the protocols meet it: answers, refusals, room for so many requests, and an end."""

import dataclasses
import json
import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from live import NAME, WARM_UP, clip

from model import detector
from model.classifier import Classifier, FrameFeatures
from model.classifier.heads import Dense
from serving.answers import answer
from serving.camera import Camera
from serving.engine import Engine
from serving.errors import NotFound, Refused, TooLarge
from serving.fleet import Fleet, Loaded
from serving.limits import Limits
from serving.logs import JsonFormatter
from serving.messages import CATEGORY, EXTRAS, STATE, Place, Request
from serving.sources import Directory

FRAMES = clip(30, seed=7)
EQUAL = {"rtol": 0, "atol": 1e-5, "equal_nan": True}


@pytest.fixture(scope="module")
def fitted(tiny_detector):
    return detector.load(tiny_detector)


@pytest.fixture(scope="module")
def engine(tiny_detector):
    found = Engine(Fleet(Directory(tiny_detector), Limits(batch=4)))
    found.describe(NAME)
    yield found
    found.close()


def test_a_description_is_the_detectors(engine, fitted):
    found = engine.describe(NAME)
    assert (found.camera, found.height, found.width, found.channels) == (NAME, 32, 48, 1)
    assert (found.warm_up_frames, found.threshold) == (WARM_UP, fitted.threshold)
    assert found.evidence == fitted.kinds
    assert engine.models() == (NAME,)
    assert engine.ready(NAME)


def test_a_clip_has_the_detectors_numbers(engine, fitted):
    found, expected = engine.score(NAME, Request(tuple(FRAMES))), fitted.score(FRAMES)
    np.testing.assert_allclose(found.scores, expected.scores, **EQUAL)
    np.testing.assert_array_equal(found.alarms, expected.alarms)
    assert found.warm.tolist() == [False] * WARM_UP + [True] * (30 - WARM_UP)
    assert found.frame_index.tolist() == list(range(30))
    assert (found.evidence, found.heat_maps, found.boxes, found.categories) == ({}, None, None, ())
    assert set(found.thresholds.tolist()) == {np.float32(fitted.threshold)}


def test_extras_are_the_streams_own(engine, fitted):
    found = engine.score(NAME, Request(tuple(FRAMES), extras=EXTRAS - {STATE}))
    stream = fitted.stream()
    for t, frame in enumerate(FRAMES):
        result = stream.push(frame)
        for kind, values in found.evidence.items():
            np.testing.assert_allclose(values[t], result.evidence[kind], **EQUAL)
        np.testing.assert_allclose(found.heat_maps[t], stream.anomaly_map() / fitted.threshold, **EQUAL)
        assert found.boxes[t] == stream.box()
    assert found.heat_maps[-1].max() >= 0.9 * found.scores[-1] / fitted.threshold  # 1 is an alarm
    assert found.categories == ()  # no classifier


def test_a_category_is_the_likeliest_class_and_none_in_warm_up(fitted):
    stream = fitted.stream()
    for frame in FRAMES[: WARM_UP + 1]:
        stream.push(frame)
    count = len(FrameFeatures(4.0).push(fitted.scene, stream.maps, stream.observation.motion, stream.strange))
    head = Dense((np.zeros((count, 3)),), (np.array([0.0, 2.0, 1.0]),))
    kinds = Classifier(("normal", "bicycle", "cart"), head, np.zeros(count), np.ones(count))
    named = Loaded(NAME, "1", dataclasses.replace(fitted, classifier=kinds), 0)
    place = Place("clip", start=True, end=True)
    request = Request(tuple(FRAMES), fps=10.0, extras=frozenset({CATEGORY}))
    scored = Camera("clip").score(named, named.detector.step, request, place)
    answered = answer(named, request, scored)
    assert answered.categories == ("",) * WARM_UP + ("bicycle",) * (30 - WARM_UP)
    assert {event.category for event in answered.closed} == {"bicycle"}


def test_events_of_a_clip_need_its_rate(engine, fitted):
    assert engine.score(NAME, Request(tuple(FRAMES))).opened == ()
    found = engine.score(NAME, Request(tuple(FRAMES), fps=10.0))
    assert found.opened
    assert {event.id for event in found.opened} == {event.id for event in found.closed}


def test_a_server_that_died_loses_nothing_that_context_brings_back(tiny_detector, engine, fitted):
    expected = fitted.score(FRAMES).scores
    for t in range(15):
        engine.score(NAME, Request((FRAMES[t],), Place("died", t)))
    other = Engine(Fleet(Directory(tiny_detector), Limits(batch=1)))
    cold = other.score(NAME, Request((FRAMES[15],), Place("cold", 15)))
    found = other.score(NAME, Request(tuple(FRAMES[:20]), Place("died", 0), context=15))
    other.close()
    assert not cold.warm.any()
    assert found.frame_index.tolist() == list(range(15, 20))
    np.testing.assert_allclose(found.scores, expected[15:20], **EQUAL)


def test_streams_at_once_are_not_mixed(engine, fitted):
    def score(seed):
        frames = clip(14, seed)
        return np.concatenate(
            [engine.score(NAME, Request((f,), Place(f"camera-{seed}", t))).scores for t, f in enumerate(frames)]
        )

    with ThreadPoolExecutor(6) as cameras:
        for seed, found in enumerate(cameras.map(score, range(6))):
            np.testing.assert_allclose(found, fitted.score(clip(14, seed)).scores, **EQUAL)


@pytest.mark.parametrize(
    ("request_", "error", "words"),
    [
        (Request(()), Refused, "expected a frame"),
        (Request((FRAMES[0],), context=1), Refused, "fewer of context than frames"),
        (Request((FRAMES[0],), context=-1), Refused, "context"),
        (Request((FRAMES[0], FRAMES[0][:8])), Refused, "one size"),
        (Request((FRAMES[0].astype(np.float32),)), Refused, "uint8"),
        (Request((FRAMES[0][..., :2],)), Refused, "uint8"),
        (Request((np.zeros((0, 48, 3), np.uint8),)), Refused, "crop"),
        (Request((FRAMES[0],), fps=0.0), Refused, "fps over 0"),
        (Request((FRAMES[0],), fps=float("nan")), Refused, "fps over 0"),
        (Request((FRAMES[0],), extras=frozenset({"secrets"})), Refused, "extras"),
        (Request((FRAMES[0],), Place("a", -1)), Refused, "at least 0"),
        (Request((FRAMES[0],), extras=frozenset({STATE})), Refused, "a stream that goes on"),
        (Request((FRAMES[0],), Place("a", end=True), extras=frozenset({STATE})), Refused, "a stream that goes on"),
        (Request((FRAMES[0],) * 601), TooLarge, "at most 600 frames"),
        (Request((np.broadcast_to(np.uint8(0), (9000, 9000, 3)),)), TooLarge, "pixels"),
        (Request((np.broadcast_to(np.uint8(0), (1000, 1000, 3)),) * 100), TooLarge, "bytes"),
    ],
)
def test_what_a_caller_gets_wrong_is_refused_in_one_sentence(engine, request_, error, words):
    with pytest.raises(error, match=words) as refused:
        engine.score(NAME, request_)
    assert "Received: " in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_unknown_model_is_not_found(engine):
    with pytest.raises(NotFound, match="Received: 'attic'"):
        engine.score("attic", Request((FRAMES[0],)))


def test_what_happened_is_counted(tiny_detector):
    counted = Engine(Fleet(Directory(tiny_detector), Limits(batch=1)))
    found = counted.score(NAME, Request(tuple(FRAMES), Place("a", 0), context=10, fps=10.0))
    counted.score(NAME, Request(tuple(FRAMES[-2:]), Place("a", 28)))  # both known
    counted.close()

    def value(name):
        return counted.metrics.registry.get_sample_value(f"unforeseen_{name}", {"model": NAME})

    assert value("frames_total") == 30
    assert value("requests_total") == 2
    assert value("score_count") == 20
    assert value("alarms_total") == found.alarms.sum()
    assert value("events_total") == len(found.opened)


def test_logs_are_lines_of_json_with_ids_and_without_pictures(engine, caplog):
    with caplog.at_level(logging.INFO, "serving"), pytest.raises(Refused):
        engine.score(NAME, Request((FRAMES[0], FRAMES[0][:9]), Place("door/1")), request_id="r-1")
    (record,) = caplog.records
    line = json.loads(JsonFormatter().format(record))
    assert (line["request_id"], line["sequence_id"], line["model"], line["level"]) == ("r-1", "door/1", NAME, "info")
    assert len(str(line)) < 500
