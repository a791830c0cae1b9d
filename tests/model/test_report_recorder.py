"""Clips and strips of events, read back from their files."""

import cv2
import numpy as np
import pytest

from model.config import Decision
from model.decision import EventTracker
from model.errors import BadInput
from model.report.film import still
from model.report.recorder import WIDTH, EventRecorder

FPS = 10.0
RULES = Decision(leave_share=1.0, shortest_seconds=0.3, join_seconds=0.5, cool_down_seconds=0.0)
SMALL = np.zeros((20, 30, 1), np.uint8)


def record(directory, high, frames=60, width=96):
    """Frames as bright as their number; scores of 3 in the frames `high`, else of 1."""
    tracker = EventTracker(RULES, FPS, "Test/a")
    recorder = EventRecorder(directory, FPS)
    for frame in range(frames):
        score = 3.0 if frame in high else 1.0
        closed = tracker.push(frame, score, 2.0).closed
        shown = still(frame, score, SMALL, SMALL[..., 0].astype(np.float32), (0, 0, 5, 5)) if score > 2 else None
        recorder.add(np.full((64, width, 3), 4 * frame, np.uint8), tracker, closed, shown)
    last = tracker.finish()
    if last:
        recorder.keep(last)
    recorder.drop()
    return {path.name for path in directory.iterdir()}


def read(path):
    video = cv2.VideoCapture(str(path))
    frames = []
    while (answer := video.read())[0]:
        frames.append(answer[1])
    return frames, video.get(cv2.CAP_PROP_FPS)


@pytest.mark.parametrize(
    ("why", "high", "first", "last"),
    [
        ("a second before it, and after it until it is over", range(30, 40), 20, 44),
        ("what there is before it", range(4, 20), 0, 24),
        ("what there is after it", range(50, 60), 40, 59),
        ("with its gaps", [*range(30, 33), *range(36, 40)], 20, 44),
    ],
)
def test_a_clip_shows_the_event_and_what_is_around_it(tmp_path, why, high, first, last):
    name = f"a-{min(high)}"
    assert record(tmp_path / "events", high) == {f"{name}.mp4", f"{name}.png"}
    frames, fps = read(tmp_path / "events" / f"{name}.mp4")
    assert fps == FPS
    shown = [frame.mean() / 4 for frame in frames]  # the codec is lossy
    np.testing.assert_allclose(shown, range(first, last + 1), atol=1)
    assert cv2.imread(str(tmp_path / "events" / f"{name}.png")).shape[1] > 900


def test_what_is_too_short_leaves_nothing_and_does_not_disturb_the_next(tmp_path):
    assert record(tmp_path / "events", [10, *range(30, 40)]) == {"a-30.mp4", "a-30.png"}
    assert len(read(tmp_path / "events" / "a-30.mp4")[0]) == 25


def test_an_event_that_begins_as_another_is_over_has_its_own_clip(tmp_path):
    names = record(tmp_path / "events", [*range(20, 30), *range(35, 45)])
    assert names == {"a-20.mp4", "a-20.png", "a-35.mp4", "a-35.png"}
    assert len(read(tmp_path / "events" / "a-20.mp4")[0]) == 25  # frames 10 to 34
    assert len(read(tmp_path / "events" / "a-35.mp4")[0]) == 25  # frames 25 to 49


def test_clips_of_large_frames_are_made_smaller(tmp_path):
    record(tmp_path / "events", range(30, 40), width=2 * WIDTH)
    frames, _ = read(tmp_path / "events" / "a-30.mp4")
    assert frames[0].shape == (32, WIDTH, 3)


def test_a_clip_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(BadInput, match="expected a video that can be written"):
        record(tmp_path / "events", range(30, 40), width=0)
