"""Calibration of evidence, and evidence from frames."""

import json

import cv2
import keras
import numpy as np
import pytest

from model import config, prednet
from model.detector import Detector
from model.scoring import EVIDENCE, Calibration, Observer, Step, Tail, block_means, calibrate, join, largest_block_means
from model.scoring.evidence import FlowSpeed, squared_error


@pytest.fixture
def normal():
    return np.random.default_rng(0).gamma(2.0, 0.01, 2000).astype(np.float32)


def test_surprise_is_zero_at_the_smallest_normal_value_and_one_at_the_90th_percentile(normal):
    tail = Tail.fit(normal)
    marks = tail.surprise(np.array([0.0, normal.min(), np.quantile(normal, 0.5), np.quantile(normal, 0.9)]))
    np.testing.assert_allclose(marks, [-1.0, 0.0, np.log10(2), 1.0], atol=1e-4)


def test_surprise_rises_with_the_value_from_below_to_far_beyond_normal(normal):
    tail = Tail.fit(normal)
    values = np.sort(np.concatenate([normal, np.linspace(0, 100 * normal.max(), 5000, dtype=np.float32)]))
    surprise = tail.surprise(values)
    assert (np.diff(surprise) >= 0).all()
    assert (np.diff(surprise[::50]) > 0).all()
    assert np.isfinite(surprise).all()


def test_surprise_beyond_normal_is_the_tail_probability():
    generator = np.random.default_rng(0)
    tail = Tail.fit(generator.exponential(size=20_000))
    for rarity in (2, 3, 6):  # of an exponential, -log10 P(x) is x / ln 10
        assert tail.surprise(np.array(rarity * np.log(10))) == pytest.approx(rarity, rel=0.1)


def test_a_value_that_many_normal_frames_share_is_no_surprise():
    tail = Tail.fit(np.concatenate([np.zeros(500), np.linspace(0.1, 1.0, 500)]))
    assert tail.surprise(np.array(0.0)) == 0.0
    assert tail.surprise(np.array(0.5)) > np.log10(2)


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_constant_normal_values_keep_the_order(value):
    tail = Tail.fit(np.full(50, value, np.float32))
    surprise = tail.surprise(np.array([0.9 * value, value, value + 0.01, value + 1.0], np.float32))
    assert np.isfinite(surprise).all()
    assert surprise[0] <= surprise[1] == 0.0 < 1.0 < surprise[2] < surprise[3]


def test_one_value_is_enough_to_be_finite():
    assert np.isfinite(Tail.fit(np.array([0.2])).surprise(np.linspace(0, 1, 9))).all()


def test_calibration_survives_json(normal):
    tail = Tail.fit(normal)
    text = json.dumps([tail.quantiles, tail.excess], allow_nan=False)
    quantiles, excess = json.loads(text)
    assert Tail(tuple(quantiles), excess) == tail


def test_each_kind_of_evidence_is_the_mean_over_its_sizes_and_the_score_their_sum(normal):
    values = {"a": np.stack([normal, 5 * normal], axis=-1), "b": normal[:, np.newaxis]}
    calibration = calibrate(values)
    assert isinstance(calibration, Calibration)
    frame = {"a": np.array([0.03, 0.4]), "b": np.array([0.01])}
    evidence = calibration.evidence(frame)
    small, large = (calibration.tails["a"][i].surprise(frame["a"][i]) for i in (0, 1))
    assert evidence["a"] == pytest.approx((small + large) / 2)
    assert join(evidence) == pytest.approx(evidence["a"] + evidence["b"])
    batch = calibration.evidence({name: np.stack([value, value]) for name, value in frame.items()})
    np.testing.assert_array_equal(join(batch), [join(evidence)] * 2)


@pytest.mark.parametrize("size", [1, 3, 4, 8])
@pytest.mark.parametrize("shape", [(16, 24), (8, 12)])
def test_block_means_equal_a_loop(size, shape):
    picture = np.random.default_rng(0).random(shape, dtype=np.float32)
    means = block_means(picture, size)
    before = size // 2
    for row in range(before, shape[0] - size + before + 1):
        for column in range(before, shape[1] - size + before + 1):
            block = picture[row - before :, column - before :][:size, :size]
            assert means[row, column] == pytest.approx(block.mean(), rel=1e-4)


def test_a_block_larger_than_the_picture_is_the_picture():
    picture = np.random.default_rng(0).random((8, 12), dtype=np.float32)
    assert block_means(picture, 99)[4, 6] == pytest.approx(picture.mean(), rel=1e-4)


def test_the_largest_block_mean_finds_the_block():
    picture = np.zeros((16, 24), np.float32)
    picture[4:8, 10:14] = 1.0
    np.testing.assert_allclose(largest_block_means(picture, (2, 4, 8)), [1.0, 1.0, 0.25], rtol=1e-5)


def test_squared_error_is_the_mean_over_channels():
    error = squared_error(np.zeros((2, 3, 3), np.float32), np.full((2, 3, 3), [1.0, 2.0, 3.0], np.float32))
    np.testing.assert_allclose(error, np.full((2, 3), 14 / 3), rtol=1e-6)


def texture(height, width, channels=1):
    noise = np.random.default_rng(0).normal(size=(height, width, channels)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2).reshape(noise.shape)
    return ((soft - soft.min()) / (soft.max() - soft.min()) * 255).astype(np.uint8)


@pytest.mark.parametrize(("size", "speed"), [((8, 12), 1), ((16, 16), 1), ((16, 24), 1), ((32, 48), 2), ((80, 120), 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_flow_has_the_speed_of_a_moving_texture(size, speed, channels):
    height, width = size
    whole = texture(height, width + 3, channels)
    flow = FlowSpeed()(whole[:, speed : speed + width], whole[:, :width])
    assert flow.shape == size
    assert np.median(flow) == pytest.approx(speed, rel=0.15)


def test_flow_of_a_still_picture_is_zero_and_the_same_on_any_number_of_threads():
    picture = texture(32, 48)
    assert FlowSpeed()(picture, picture).max() < 0.01
    shifted = np.roll(picture, 2, axis=1)
    threads = cv2.getNumThreads()
    found = []
    for number in (1, 4):
        cv2.setNumThreads(number)
        found.append(FlowSpeed()(picture, shifted))
    cv2.setNumThreads(threads)
    np.testing.assert_array_equal(*found)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return prednet.build(config.PredNet((1, 4), (1, 4), (3,), (3, 3), (3, 3), shrink=1), 16, 24, (1.0, 0.1))


def test_the_first_frame_of_a_clip_says_nothing_and_a_still_clip_no_change(network):
    observer = Observer(Step(network))
    frame = texture(16, 24)
    first, second = observer.observe(frame), observer.observe(frame)
    assert first.prediction.shape == (16, 24, 1)
    assert first.copy_last_frame_mse == second.copy_last_frame_mse == 0.0
    assert first.maps["optical_flow"].max() == 0.0
    assert second.model_mse == pytest.approx(np.square(second.prediction - np.float32(frame / 255)).mean(), rel=1e-4)


def test_smoothing_is_causal_and_begins_after_warm_up(network):
    settings = config.Scoring(warm_up_frames=3, block_size=8, smoothing_frames=4.0)
    stream = Detector("door", network, config.Preprocessing(height=16, width=24), settings).stream()
    clip = np.random.default_rng(0).integers(0, 255, (12, 16, 24, 1), dtype=np.uint8)
    expected = None
    for t, frame in enumerate(clip):
        stream.push_input(frame)
        if t < 3:
            continue
        now = {name: largest_block_means(stream.observation.maps[name], (4, 8)) for name in EVIDENCE}
        expected = {name: now[name] if expected is None else 0.75 * expected[name] + 0.25 * now[name] for name in now}
        for name in EVIDENCE:
            np.testing.assert_allclose(stream.values[name], expected[name], rtol=1e-5)
