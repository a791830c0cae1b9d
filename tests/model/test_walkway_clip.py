"""The walkway as arrays: what a clip promises to those who train and judge on it."""

from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from model.clips import frame_labels
from model.config import Walkway
from model.errors import BadInput
from model.walkway import render_clip
from model.walkway.clip import hour_of
from model.walkway.traffic import CATEGORIES, QUIET, density

SMALL = Walkway(height=48, width=72, clip_frames=40, train_clips=4, test_clips=5)


@pytest.fixture(scope="module")
def test_clips():
    return [render_clip(Walkway(clip_frames=200), "test", index) for index in range(10)]  # long enough for two passes


def test_walkway_same_arguments_same_bytes():
    first, again = render_clip(SMALL, "test", 1), render_clip(SMALL, "test", 1)
    assert first.frames.tobytes() == again.frames.tobytes()
    assert first.masks.tobytes() == again.masks.tobytes()
    assert first.labels == again.labels


@pytest.mark.parametrize(
    ("settings", "split", "index"),
    [
        (SMALL, "test", 2),
        (SMALL, "train", 1),
        (replace(SMALL, seed=1), "test", 1),
    ],
    ids=["another index", "another split", "another seed"],
)
def test_walkway_other_arguments_other_footage(settings, split, index):
    here, there = render_clip(SMALL, "test", 1), render_clip(settings, split, index)
    assert not np.array_equal(here.frames, there.frames)


def test_walkway_shapes_and_names():
    clip = render_clip(SMALL, "train", 3)
    assert clip.name == "Train004"
    assert clip.frames.shape == (40, 48, 72, 3) and clip.frames.dtype == np.uint8
    assert clip.masks.shape == (40, 48, 72) and clip.masks.dtype == np.uint8


def test_walkway_training_clips_are_normal():
    for index in range(6):
        clip = render_clip(SMALL, "train", index)
        assert clip.labels == () and not clip.masks.any()


def test_walkway_every_category_in_two_of_ten_clips(test_clips):
    found = [{label.category for label in clip.labels} for clip in test_clips]
    assert found == [{category} for category in CATEGORIES * 2]


def test_walkway_some_clips_have_a_second_pass(test_clips):
    passes = [len([first for first in clip.labels if first.last - first.first > 5]) for clip in test_clips]
    assert 1 in passes and 2 in passes


def test_walkway_labels_are_the_frames_with_a_visible_anomaly(test_clips):
    for clip in test_clips:
        labels, pixels = frame_labels(clip.labels, len(clip.frames)), clip.masks.sum((1, 2))
        assert not labels[:QUIET].any(), clip.name
        assert 0.25 <= labels.mean() <= 0.45, clip.name
        assert (pixels[labels] >= 12).all() and (pixels[~labels] == 0).all(), clip.name
        runs = [anomalous for anomalous, _ in groupby(labels)]
        assert len(clip.labels) == sum(runs), clip.name  # adjoining ranges are one
        assert set(np.unique(clip.masks)) == {0, 1}


@pytest.mark.parametrize("index", range(5), ids=CATEGORIES)
def test_walkway_masks_lie_on_what_moves(test_clips, index):
    frames, masks = test_clips[index].frames[::5], test_clips[index].masks[::5].astype(bool)
    differs = np.abs(frames.astype(np.int16) - np.median(frames, axis=0).astype(np.int16)).max(-1) > 20
    assert differs[masks].mean() > 0.6  # clothes may match the ground
    assert differs[masks].mean() > 5 * differs[~masks].mean()


def test_walkway_frame_difference_does_not_solve_it(test_clips):
    labels = np.concatenate([frame_labels(clip.labels, len(clip.frames))[1:] for clip in test_clips])
    grey = [clip.frames[..., 1].astype(np.float32) for clip in test_clips]
    changes = np.concatenate([((clip[1:] - clip[:-1]) ** 2).mean((1, 2)) for clip in grey])
    assert 0.5 < roc_auc_score(labels, changes) < 0.8


def test_walkway_small_clips_have_anomalies_too():
    for index, category in enumerate(CATEGORIES):
        clip = render_clip(SMALL, "test", index)
        labels = frame_labels(clip.labels, 40)
        assert {label.category for label in clip.labels} == {category}
        assert 0.15 <= labels.mean() <= 0.55 and not labels[:QUIET].any(), category


def test_walkway_noise_has_the_configured_deviation():
    noise = [render_clip(replace(SMALL, noise=level), "train", 0).frames.astype(float) for level in (0.0, 3.0)]
    assert np.std(noise[1] - noise[0]) == pytest.approx(3.0, rel=0.1)


def test_walkway_day_rhythm_is_visible():
    hours = np.array([hour_of("train", index) for index in range(12)])
    quiet, busy = hours[np.argmin([density(h) for h in hours])], hours[np.argmax([density(h) for h in hours])]
    moving = []
    for hour in (quiet, busy):
        clip = render_clip(replace(Walkway(), clip_frames=60), "train", int(np.flatnonzero(hours == hour)[0]))
        assert clip.hour == hour
        frames = clip.frames[::3, ..., 1].astype(np.int16)
        moving.append((np.abs(frames - np.median(frames, axis=0)) > 20).mean())
    assert moving[1] > 2 * moving[0]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"height": 20}, "height, width, clip_frames"),
        ({"clip_frames": 10}, "height, width, clip_frames"),
        ({"fps": 0.0}, "at least 3.0 s"),
        ({"fps": 60.0}, "at least 3.0 s"),
        ({"seed": -1}, "walkway.seed"),
        ({"noise": -1.0}, "walkway.noise"),
    ],
    ids=["too low", "too few frames", "no rate", "over before anything appears", "negative seed", "negative noise"],
)
def test_walkway_refuses_settings(changes, named):
    with pytest.raises(BadInput, match=f"{named}.*Received: "):
        render_clip(replace(SMALL, **changes), "train", 0)
