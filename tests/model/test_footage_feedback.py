"""Events marked as normal: the file they are kept in, and the clips they become."""

import dataclasses
import hashlib
import json
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from model import config, footage
from model.errors import BadInput
from model.footage import feedback

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


@pytest.fixture
def scored(tmp_path):
    """A folder of 300 pictures, and what `score` would say of it."""
    folder = tmp_path / "monday"
    folder.mkdir()
    for t in range(300):
        cv2.imwrite(str(folder / f"{t:03d}.png"), np.full((4, 6), t % 256, np.uint8))
    rows = [
        {"id": f"monday-{first}", "source": str(folder), "source_frames": [first, last], "fps": 10.0, "score": 3.0}
        for first, last in ((10, 15), (60, 64), (70, 75), (130, 180), (230, 235), (290, 295))
    ]
    file = tmp_path / "events.json"
    file.write_text(json.dumps(rows))
    return file


def mark(scored, *ids, by="ana", at=NOW):
    return feedback.mark_normal(scored, [f"monday-{name}" for name in ids], by, at)


def test_a_mark_says_which_frames_of_which_video_and_who_said_so(scored):
    (found,) = mark(scored, 230)
    assert (found.id, found.source, found.fps) == ("monday-230", str(scored.parent / "monday"), 10.0)
    assert (found.event, found.frames) == ((230, 235), (210, 255))
    assert (found.by, found.at, found.events_file) == ("ana", "2026-05-04T03:02:01+00:00", str(scored))
    assert found.events_sha256 == hashlib.sha256(scored.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        (10, (0, 35)),  # the source begins there
        (290, (270, 299)),  # and ends here
        (60, (40, 69)),  # nobody said that the event at 70 is normal
        (70, (65, 95)),
    ],
)
def test_the_margin_ends_with_the_source_and_where_another_event_begins(scored, name, frames):
    (found,) = mark(scored, name)
    assert found.frames == frames


def test_a_file_is_added_to_and_the_newest_mark_of_an_event_stays(scored, tmp_path):
    file = tmp_path / "new" / "feedback.json"
    feedback.add(file, mark(scored, 10, 230))
    feedback.add(file, mark(scored, 290, 10, by="ben"))
    found = feedback.read(file)
    assert {one.id: one.by for one in found} == {"monday-10": "ben", "monday-230": "ana", "monday-290": "ben"}
    assert feedback.parse(feedback.to_json(found)) == found
    assert [path.name for path in file.parent.iterdir()] == ["feedback.json"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda file: file.unlink(), "expected the events.json of a scored video. Received: no such file"),
        (lambda file: file.write_text("{"), "expected the events.json of a scored video"),
        (lambda file: file.write_text('[{"id": "monday-10"}]'), "Received: KeyError"),
        (lambda file: file.write_text("[]"), "one of its 0 events. Received: monday-10"),
        (
            lambda file: file.write_text(file.read_text().replace("monday-10", "x")),
            "6 events, such as x. Received: mon",
        ),
        (lambda file: file.write_text(file.read_text().replace("[10, 15]", "[10, 999]")), "Received: 300 frames"),
        (lambda file: (file.parent / "monday").rename(file.parent / "away"), "monday: expected the footage"),
        (lambda file: (file.parent / "monday" / "000.png").write_bytes(b"x"), "000.png: expected a whole picture"),
    ],
)
def test_what_cannot_be_marked_costs_one_line(scored, spoil, message):
    spoil(scored)
    with pytest.raises(BadInput) as e:
        mark(scored, 10)
    assert message in str(e.value)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 9, "normal": []}', '{"format": 1, "normal": [{"id": "a"}]}'])
def test_what_is_no_feedback_file_is_refused(text, tmp_path):
    (tmp_path / "f.json").write_text(text)
    with pytest.raises(BadInput, match=r"f.json: expected a feedback file of format 1. Received: "):
        feedback.read(tmp_path / "f.json")


def test_marks_become_clips_to_train_on_and_say_that_they_are_marks(scored, tmp_path):
    found = feedback.add_clips([], mark(scored, 10, 60, 70, 130, 230))
    assert {clip.split for clip in found} == {"train"}
    assert [(clip.name, clip.frames) for clip in found] == [
        ("feedback/000-monday-10", 36),
        ("feedback/001-monday-60", 56),  # 60 and 70 are one: their margins meet
        ("feedback/002-monday-130", 91),
        ("feedback/003-monday-230", 46),
    ]
    pictures = [path for clip in found for path in clip.pictures]
    assert len(pictures) == len(set(pictures))
    assert [int(clip.pictures[0].stem) for clip in found] == [0, 40, 110, 210]
    footage.write_index(found, tmp_path / "footage.json", mark(scored, 10))
    assert footage.read_index(tmp_path / "footage.json") == found
    assert json.loads((tmp_path / "footage.json").read_text())["feedback"][0]["by"] == "ana"


def test_a_stretch_of_a_video_is_those_frames(tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "a.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 10.0, (64, 48))
    for t in range(80):
        writer.write(np.full((48, 64, 3), 3 * t, np.uint8))
    writer.release()
    file = tmp_path / "events.json"
    file.write_text(
        json.dumps([{"id": "a-30", "source": str(tmp_path / "a.mp4"), "source_frames": [30, 35], "fps": 10}])
    )
    (clip,) = feedback.add_clips([], feedback.mark_normal(file, ["a-30"], "ana", NOW))
    assert (clip.first, clip.frames, clip.video) == (10, 46, tmp_path / "a.mp4")
    (whole,) = footage.read_clips(tmp_path / "a.mp4", None, config.Footage())
    np.testing.assert_array_equal(list(footage.frames(clip)), list(footage.frames(whole))[10:56])


def test_footage_that_the_run_holds_anyway_is_not_taken_twice_nor_from_its_tests(scored):
    (whole,) = footage.read_clips(scored.parent / "monday", None, config.Footage())
    assert feedback.add_clips([whole], mark(scored, 10)) == [whole]
    with pytest.raises(BadInput, match="monday: expected feedback on no clip that the run is tested on"):
        feedback.add_clips([dataclasses.replace(whole, split="test")], mark(scored, 10))
