"""Frames of many cameras in one batch: equal numbers, nothing mixed, nobody kept waiting without need."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from live import clip

from model import detector
from serving.batcher import Batcher, sizes
from serving.limits import Limits
from serving.metrics import Metrics


@pytest.fixture(scope="module")
def fitted(tiny_detector):
    found = detector.load(tiny_detector)
    for size in sizes(8):
        found.step.compile(size)
    return found


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def batcher(metrics):
    found = Batcher(Limits(batch=8, patience=0.05), metrics)
    yield found
    found.close()


def count(metrics, name):
    return metrics.registry.get_sample_value(f"unforeseen_{name}")


@pytest.mark.parametrize(("batch", "found"), [(1, (1,)), (8, (8, 4, 2, 1)), (11, (8, 4, 2, 1)), (16, (16, 8, 4, 2, 1))])
def test_batches_are_powers_of_two(batch, found):
    assert sizes(batch) == found


@pytest.mark.parametrize("clips", [2, 4, 8])
def test_a_step_of_many_is_that_of_each(fitted, clips):
    generator = np.random.default_rng(clips)
    frames = generator.random((clips, 32, 48, 1), np.float32)
    states = [None, *(fitted.step(frame, None).state for frame in frames[1:])]
    together = fitted.step.together(list(frames), states)
    for frame, state, found in zip(frames, states, together, strict=True):
        alone = fitted.step(frame, state)
        assert (alone.beyond, found.beyond) == (None, None)  # nothing is extrapolated
        for a, b in zip(alone[:3], found[:3], strict=True):
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=1e-5)


def test_cameras_at_once_get_the_scores_that_each_gets_alone(fitted, batcher, metrics):
    clips = [clip(24, seed) for seed in range(8)]
    ready = threading.Barrier(len(clips))

    def score(frames):
        with batcher.request(fitted.step):
            stream = fitted.stream(steps=batcher.steps(fitted.step))
            first = stream.push(frames[0]).score
        ready.wait(60)
        with batcher.request(fitted.step):
            return [first, *(stream.push(frame).score for frame in frames[1:])]

    with ThreadPoolExecutor(len(clips)) as cameras:
        found = list(cameras.map(score, clips))
    for frames, scores in zip(clips, found, strict=True):
        np.testing.assert_allclose(scores, fitted.score(frames).scores, atol=1e-5)
    assert count(metrics, "batch_frames_sum") == 8 * 24
    assert count(metrics, "batch_frames_count") < 8 * 24  # some went together


def test_a_lone_request_does_not_wait_for_company(fitted, metrics):
    frames, patience = clip(4), 30.0
    batcher = Batcher(Limits(patience=patience), metrics)
    begun = time.monotonic()
    with batcher.request(fitted.step):
        stream = fitted.stream(steps=batcher.steps(fitted.step))
        for frame in frames:
            stream.push(frame)
    batcher.close()
    assert time.monotonic() - begun < patience
    assert count(metrics, "batch_frames_count") == 4


def test_what_waits_goes_when_the_others_are_done(fitted, metrics):
    """Another request is under way, but ends without a frame: nobody waits out the patience for it."""
    batcher, patience = Batcher(Limits(patience=30.0), metrics), 30.0
    begun = time.monotonic()
    with batcher.request(fitted.step):
        with batcher.request(fitted.step):
            pending = batcher.submit(fitted.step, np.zeros((32, 48, 1), np.float32), None)
        pending.result()
    batcher.close()
    assert time.monotonic() - begun < patience


def test_a_frame_that_cannot_be_stepped_fails_alone_and_the_thread_lives(fitted, batcher):
    with batcher.request(fitted.step):
        with pytest.raises(TypeError, match="shape"):
            batcher.submit(fitted.step, np.zeros((5, 5, 1), np.float32), None).result()
        good = batcher.submit(fitted.step, np.zeros((32, 48, 1), np.float32), None).result()
    assert good.prediction.shape == (32, 48, 1)


def test_closing_makes_what_waits(fitted, metrics):
    batcher = Batcher(Limits(patience=30.0), metrics)
    with batcher.request(fitted.step), batcher.request(fitted.step):
        pending = [batcher.submit(fitted.step, np.zeros((32, 48, 1), np.float32), None) for _ in range(3)]
        batcher.close()
        assert [p.result().seen.shape for p in pending] == [(32, 48, 1)] * 3
    assert not batcher._thread.is_alive()
