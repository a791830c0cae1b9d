"""The detector on a small network: batch and stream agree, warm-up is NaN, the directory is distrusted."""

import dataclasses
import itertools
import json
import threading
import time

import keras
import numpy as np
import pytest

from model import config, detector, prednet
from model.classifier import Classifier, FrameFeatures
from model.classifier.heads import Dense
from model.clips import Clip
from model.decision import HOURS, Profile, Usual, events
from model.errors import BadInput, RunFailed

SETTINGS = config.Config(
    preprocessing=config.Preprocessing(height=32, width=48),
    prednet=config.PredNet((1, 4), (1, 4), (3,), (3, 3), (3, 3), shrink=1),
    scoring=config.Scoring(warm_up_frames=5, block_size=8),
)


def walk(frames, seed, square=None):
    """A block of 4 pixels that walks over noise, and from frame `square` on a large bright one that runs."""
    generator = np.random.default_rng(seed)
    clip = generator.normal(100, 6, (frames, 32, 48, 1))
    for t in range(frames):
        clip[t, 10:18, (t // 2) % 44 : (t // 2) % 44 + 4] = 160
        if square is not None and t >= square:
            clip[t, 20:30, (4 * t) % 40 : (4 * t) % 40 + 8] = 250
    return clip.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def fitted():
    keras.utils.set_random_seed(3)
    network = prednet.build(SETTINGS.prednet, 32, 48, (1.0, 0.1))
    # A leak in the copying start averages the noise away, which is better than copying the last frame.
    kernel, bias = (w.numpy() for w in network.cell.gates[0].weights)
    kernel[..., -1] *= 0.5
    network.cell.gates[0].set_weights([kernel, bias])
    clips = [Clip(f"n{i}", "validation", 10.0, walk(60, i), None, None, "") for i in range(3)]
    return detector.fit_detector(network, clips, clips, SETTINGS, "door", {"data_digest": "abc"})


@pytest.fixture(scope="module")
def calibrated(fitted):
    """On twice the footage: a threshold from three clips promises anything up to hundreds of false alarms an hour."""
    clips = [Clip(f"n{i}", "validation", 10.0, walk(60, i), None, None, "") for i in range(6)]
    return detector.fit_detector(fitted.network, clips, clips, SETTINGS, "door", {"data_digest": "abc"})


def test_what_a_person_marked_teaches_the_scene_and_calibrates_nothing(fitted):
    normal = [Clip(f"n{i}", "train", 10.0, walk(60, i), None, None, "") for i in range(3)]
    frames = walk(60, 9, square=0)

    def fit(name):
        marked = Clip(name, "train", 10.0, frames, None, None, "")
        return detector.fit_detector(fitted.network, [*normal, marked], normal, SETTINGS, "door", {})

    def usually(told):
        stream, found = told.stream(), []
        for frame in frames:
            stream.push_input(frame)
            found.append(stream.maps["motion_distance"].max() if stream.maps else 0.0)
        return np.median(found)

    said, taken = fit("feedback/000-n"), fit("n4")
    assert len(said.scene.motions.entries) > len(fitted.scene.motions.entries)
    assert usually(said) < 0.5 * usually(fitted)
    for name in ("prediction_error", "layer_error", "optical_flow", "frame_difference"):  # nothing is measured on it
        np.testing.assert_array_equal(said.scene.scales[name], fitted.scene.scales[name])
        assert (taken.scene.scales[name] != fitted.scene.scales[name]).any()
    assert (
        said.calibration.tails["motion_distance"].quantiles[-1]
        < taken.calibration.tails["motion_distance"].quantiles[-1]
    )
    assert said.threshold < taken.threshold


def test_what_is_extrapolated_is_shown_where_it_is_asked_for_and_changes_no_score(fitted):
    clip = walk(40, 4, square=20)
    plain, shown = fitted.score(clip), fitted.score_inputs(clip, fitted.extrapolating)
    assert set(shown.evidence) - set(plain.evidence) == {"extrapolation_error"}
    np.testing.assert_allclose(shown.scores, plain.scores, atol=1e-4)
    assert shown.evidence["extrapolation_error"][25:].min() > np.nanmax(shown.evidence["extrapolation_error"][:20])
    asked = dataclasses.replace(fitted.settings, fused=("extrapolation_error",))
    calibration = dataclasses.replace(fitted.calibration, fused=asked.fused)
    alone = dataclasses.replace(fitted, settings=asked, calibration=calibration).score(clip)
    np.testing.assert_allclose(alone.scores, shown.evidence["extrapolation_error"], atol=1e-4)


def test_an_intruder_scores_over_the_threshold_and_normal_frames_make_no_event(calibrated):
    result = calibrated.score_inputs(walk(60, 9, square=30))
    assert not events(result.scores[:30], calibrated.threshold, calibrated.fps, calibrated.decision)
    assert result.alarms[34:].all()


def test_before_there_is_a_score_the_anomaly_map_is_empty(fitted):
    stream = fitted.stream()
    stream.push_input(walk(1, 9)[0])
    np.testing.assert_array_equal(stream.anomaly_map(), np.zeros((32, 48)))


def test_the_first_frames_have_no_score(fitted):
    result = fitted.score_inputs(walk(12, 9))
    for values in (result.scores, *result.evidence.values(), *result.baselines.values(), result.model_mse):
        np.testing.assert_array_equal(np.isnan(values), np.arange(12) < 5)
    assert not result.alarms[:5].any()


def test_batch_and_stream_give_equal_numbers(fitted):
    clip = walk(40, 4, square=20)
    batch = fitted.score(clip)
    stream = fitted.stream()
    for t, frame in enumerate(clip):
        pushed = stream.push(frame)
        np.testing.assert_array_equal(np.float32(pushed.score), batch.scores[t])
        assert pushed.alarm == batch.alarms[t]


def test_a_stream_tells_an_event_when_it_opens_and_when_it_is_over(calibrated):
    big = walk(60, 9, square=30).repeat(3, axis=1).repeat(3, axis=2)
    stream = calibrated.stream(10.0, "Test/a")
    results = [stream.push(frame) for frame in big]
    (opened,) = [result.opened for result in results if result.opened]
    assert results[opened.opened].opened is opened
    assert not any(result.closed for result in results)
    closed = stream.finish()
    assert (
        (closed.id, closed.first, closed.last)
        == (opened.id, opened.first, 59)
        == (f"a-{opened.first}", opened.first, 59)
    )
    assert 30 <= closed.first < closed.opened <= 35
    peak = results[closed.peak]
    assert (closed.score, closed.threshold, closed.evidence) == (peak.score, calibrated.threshold, peak.evidence)
    left, top, right, bottom = closed.box
    x = 3 * (4 * closed.peak % 40)
    assert left < x + 24  # in pixels of the camera frame, around the square
    assert x < right
    assert 30 < top <= 60 < 84 < bottom <= 96  # the square stands at 60 to 90; cells and blocks blur its edges
    assert top + bottom > 2 * 54  # the walker beside it ends at 54
    assert stream.finish() is None


def test_all_frames_pushed_ahead_make_the_same_events_and_maps(calibrated):
    big = walk(60, 9, square=30).repeat(3, axis=1).repeat(3, axis=2)
    one, ahead = (calibrated.stream(10.0, "Test/a") for _ in range(2))
    for (frame, result), expected in zip(ahead.push_all(big), big, strict=True):
        np.testing.assert_array_equal(frame, expected)
        assert repr(result) == repr(one.push(expected))  # NaN is not equal to itself
        np.testing.assert_array_equal(ahead.strange, one.strange)
        np.testing.assert_array_equal(ahead.observation.prediction, one.observation.prediction)
    assert ahead.finish() == one.finish() is not None


def test_a_frame_that_fails_fails_in_its_place(fitted):
    results = fitted.stream().push_all([*walk(7, 5), np.zeros((32, 48, 2), np.uint8)])
    assert [frame.shape for frame, _ in itertools.islice(results, 7)] == [(32, 48, 1)] * 7
    with pytest.raises(BadInput, match="uint8"):
        next(results)


def test_without_a_frame_rate_there_are_alarms_and_no_events(fitted):
    stream = fitted.stream()
    results = [stream.push_input(frame) for frame in walk(60, 9, square=30)]
    assert results[-1].alarm
    assert not any(result.opened for result in results)
    assert stream.finish() is None


def test_an_adaptive_threshold_moves_alike_in_batch_in_a_stream_and_after_loading(fitted, tmp_path):
    point = dataclasses.replace(fitted.operating_point, usual=Usual(level=0.0, spread=1.0, frames=10.0))
    adaptive = dataclasses.replace(fitted, operating_point=point)
    clip = walk(40, 4, square=20)
    stream = adaptive.stream()
    frames = [stream.push_input(frame) for frame in clip]
    in_force = [frame.threshold for frame in frames]
    assert in_force[0] == fitted.threshold
    assert len(set(in_force)) > 10
    alarms = [frame.alarm for frame in frames]
    assert alarms == [frame.score >= frame.threshold for frame in frames]
    detector.save(adaptive, tmp_path / "d")
    loaded = detector.load(tmp_path / "d")
    assert loaded.operating_point == point
    np.testing.assert_array_equal(loaded.score_inputs(clip).alarms, alarms)


def test_a_threshold_with_a_profile_knows_the_hour_in_batch_in_a_stream_and_after_loading(fitted, tmp_path):
    factors = np.linspace(0.5, 1.5, HOURS)
    point = dataclasses.replace(fitted.operating_point, profile=Profile(tuple(factors.tolist())))
    daily = dataclasses.replace(fitted, operating_point=point)
    detector.save(daily, tmp_path / "d")
    loaded = detector.load(tmp_path / "d")
    assert loaded.operating_point == point
    slow, clip = 1 / 1800, walk(12, 4)  # two frames an hour
    stream = loaded.stream(slow, hour=22.5)
    in_force = [stream.push(frame).threshold for frame in clip]
    expected = [point.profile.at(22.5 + t / 2) for t in range(12)]
    np.testing.assert_allclose(in_force, fitted.threshold * np.array(expected))
    assert stream.hour == pytest.approx(4.5)
    other = loaded.stream(slow)
    other.restore(stream.remembered)
    assert other.push(clip[0]).threshold == pytest.approx(fitted.threshold * point.profile.at(4.5))
    unknown = [frame.threshold for _, frame in loaded.stream(slow).push_all(clip)]
    assert unknown == [fitted.threshold * 1.5] * 12  # of the busiest hour


@pytest.mark.parametrize("told", [True, False])
def test_clips_that_know_their_hour_give_an_adaptive_threshold_a_profile(fitted, told):
    clips = [
        Clip(f"n{i}", "validation", 1.0, walk(60, i), None, None, "", 6.0 * (i % 4) if told else None) for i in range(8)
    ]
    rules = dataclasses.replace(SETTINGS.decision, adaptive=True)
    settings = dataclasses.replace(SETTINGS, decision=rules)
    point = detector.fit_detector(fitted.network, clips[:4], clips[4:], settings, "door", {}).operating_point
    assert (point.profile is not None) == (point.usual is None) == told
    assert ("the hour of the day, from" in point.followed) == told


def test_streams_do_not_mix(fitted):
    one, other = fitted.stream(), fitted.stream()
    alone = fitted.score_inputs(walk(20, 5)).scores
    together = [
        (one.push_input(a).score, other.push_input(b))[0] for a, b in zip(walk(20, 5), walk(20, 6), strict=True)
    ]
    np.testing.assert_array_equal(alone, np.float32(together))


def test_a_stream_that_is_gone_leaves_no_thread(fitted):
    fitted.score_inputs(walk(6, 5))
    before = threading.active_count()
    for _ in range(8):
        fitted.score_inputs(walk(6, 5))
        next(fitted.stream().push_all_inputs(walk(6, 5)))  # and nobody takes the rest
    patience = time.monotonic() + 30
    while threading.active_count() > before and time.monotonic() < patience:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_a_score_does_not_know_the_future(fitted):
    clip = walk(40, 4, square=20)
    np.testing.assert_array_equal(fitted.score_inputs(clip[:25]).scores, fitted.score_inputs(clip).scores[:25])


def test_raw_frames_of_any_size_take_the_same_road(fitted):
    big = walk(20, 4).repeat(3, axis=1).repeat(3, axis=2)
    np.testing.assert_allclose(fitted.score(big).scores, fitted.score_inputs(walk(20, 4)).scores, rtol=1e-5)


def test_the_anomaly_map_points_at_the_intruder(fitted):
    stream = fitted.stream()
    clip = walk(36, 4, square=30)
    for frame in clip:
        stream.push_input(frame)
    where = stream.anomaly_map()
    assert where.shape == (32, 48)
    row, column = np.unravel_index(where.argmax(), where.shape)
    assert 18 <= row <= 32
    assert (4 * 34) % 40 - 6 <= column <= (4 * 35) % 40 + 14


def test_a_network_no_better_than_copying_fails_the_run():
    network = prednet.build(SETTINGS.prednet, 32, 48, (1.0, 0.1))
    for weight in network.weights:
        weight.assign(np.zeros(weight.shape))
    clips = [Clip("n", "validation", 10.0, walk(30, 0), None, None, "")]
    with pytest.raises(RunFailed, match="no better than copying the last frame"):
        detector.fit_detector(network, clips, clips, SETTINGS, "door", {})


def test_saved_and_loaded_detector_is_the_same(fitted, tmp_path):
    detector.save(fitted, tmp_path / "d")
    loaded = detector.load(tmp_path / "d")
    clip = walk(30, 4, square=20)
    np.testing.assert_array_equal(loaded.score_inputs(clip).scores, fitted.score_inputs(clip).scores)
    assert (loaded.operating_point, loaded.facts, loaded.camera) == (fitted.operating_point, fitted.facts, "door")
    assert loaded.decision == fitted.decision


def weigh_rows_otherwise(directory):
    with np.load(directory / "scene.npz") as arrays:
        changed = {name: arrays[name] * 1.01 for name in arrays.files}
    np.savez(directory / "scene.npz", **changed)


def change(directory, **values):
    path = directory / "detector.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: (d / "network.keras").unlink(), "expected network.keras"),
        (lambda d: (d / "detector.json").unlink(), "expected a detector directory with detector.json"),
        (lambda d: (d / "detector.json").write_text("{"), "expected a detector's description"),
        (lambda d: (d / "network.keras").write_bytes(b"PK"), "network.keras: expected the checksum"),
        (lambda d: (d / "scene.npz").unlink(), "expected scene.npz"),
        (weigh_rows_otherwise, "scene.npz: expected the checksum"),
        (lambda d: change(d, camera="gate"), "detector.json: expected the checksum"),
        (lambda d: change(d, format=99), "expected format [0-9]+; a newer one"),
    ],
)
def test_a_spoilt_directory_is_refused_in_one_line(fitted, tmp_path, spoil, message):
    detector.save(fitted, tmp_path / "d")
    spoil(tmp_path / "d")
    with pytest.raises(BadInput, match=message) as e:
        detector.load(tmp_path / "d")
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("frame", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3)), np.zeros((8, 8, 4), np.uint8), "x"])
def test_what_is_no_frame_is_refused(fitted, frame):
    with pytest.raises(BadInput, match="expected a frame as uint8"):
        fitted.stream().push(frame)


def test_a_lower_budget_gives_a_higher_threshold(fitted):
    clips = [Clip(f"n{i}", "validation", 10.0, walk(60, i), None, None, "") for i in range(3)]
    rare = dataclasses.replace(SETTINGS, decision=config.Decision(false_alarms_per_hour=0.01))
    assert detector.fit_detector(fitted.network, clips, clips, rare, "door", {}).threshold > fitted.threshold


@pytest.fixture(scope="module")
def complete(fitted):
    """With all that a stream can have to remember: a level, and a classifier whose votes are counted."""
    point = dataclasses.replace(fitted.operating_point, usual=Usual(level=0.5, spread=1.0, frames=10.0))
    stream = fitted.stream()
    features = FrameFeatures(4.0)
    for frame in walk(6, 9):
        stream.push(frame)
    count = len(features.push(fitted.scene, stream.maps, stream.observation.motion, stream.strange))
    weights = np.random.default_rng(0).normal(0, 0.3, (count, 3))
    kinds = Classifier(
        ("normal", "cart", "bicycle"), Dense((weights,), (np.zeros(3),)), np.zeros(count), np.ones(count)
    )
    return dataclasses.replace(fitted, operating_point=point, classifier=kinds)


@pytest.mark.parametrize("at", [0, 1, 2, 5, 20, 33, 45])
def test_what_a_stream_remembers_is_all_that_another_one_needs(complete, at):
    """Before the first frame, in warm-up, at rest, and while an event is under way; numbers go through JSON."""
    clip = walk(60, 9, square=30)
    stream, other = complete.stream(10.0, "a"), complete.stream(10.0, "a")
    for frame in clip[:at]:
        stream.push(frame)
    numbers, arrays = stream.remembered
    text = json.dumps(dataclasses.asdict(numbers), allow_nan=False)
    other.restore(detector.Remembered(config.parse(detector.Numbers, json.loads(text)), arrays))
    for frame in clip[at:]:
        one, two = stream.push(frame), other.push(frame)
        np.testing.assert_array_equal(one.probabilities, two.probabilities)
        assert repr(one) == repr(two)  # which tells equal NaN from others
    assert stream.finish() == other.finish() is not None
