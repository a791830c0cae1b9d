"""How clips are cut and which split each gets."""

from pathlib import Path

import pytest

from model import config, footage
from model.clips import LabelRange, SourceClip
from model.errors import BadInput

SETTINGS = config.Footage(clip_seconds=20)


def video(name, frames, split="train", fps=10.0):
    return SourceClip(name, split, fps, frames, video=Path(f"{name}.mp4"))


def pictures(name, frames):
    return SourceClip(name, "train", 10.0, frames, pictures=tuple(Path(f"{name}/{k}.png") for k in range(frames)))


def assigned(clips, settings=SETTINGS):
    return footage.assign_splits(clips, settings, window_frames=10)


def splits(clips):
    return [clip.split for clip in clips]


@pytest.mark.parametrize(
    ("frames", "lengths"),
    [(200, [200] * 1), (201, [100, 101]), (400, [200, 200]), (999, [199, 200, 200, 200, 200])],
)
def test_long_clips_are_cut_into_equal_pieces_that_cover_them(frames, lengths):
    cut = [clip for clip in assigned([video("a", frames), video("z", 50), video("y", 50)]) if clip.name[0] == "a"]
    assert [clip.frames for clip in cut] == lengths
    assert [clip.first for clip in cut] == [sum(lengths[:k]) for k in range(len(lengths))]


def test_pieces_of_pictures_hold_their_own_files():
    cut = assigned([pictures("a", 450)])
    assert [clip.name for clip in cut] == ["a@000", "a@001", "a@002"]
    assert sum((clip.pictures for clip in cut), ()) == pictures("a", 450).pictures
    assert all(clip.first == 0 and len(clip.pictures) == clip.frames for clip in cut)


def test_one_short_clip_gives_all_three_splits():
    assert sorted(splits(assigned([video("a", 90)]))) == ["holdout", "train", "validation"]


def test_two_short_clips_give_all_three_splits():
    assert sorted(splits(assigned([video("a", 90), video("b", 20)]))) == ["holdout", "train", "train", "validation"]


def test_as_many_pieces_as_windows_fit():
    assert sorted(splits(assigned([video("a", 25)]))) == ["train", "validation"]
    assert sorted(splits(assigned([video("a", 19), video("b", 15)]))) == ["train", "validation"]


@pytest.mark.parametrize(
    ("count", "validation", "holdout"),
    [(2, 1, 1), (3, 1, 1), (4, 1, 1), (16, 3, 2), (20, 4, 2), (100, 20, 10)],
)
def test_share_of_each_split(count, validation, holdout):
    found = splits(assigned([video(f"{k}", 100) for k in range(count)]))
    assert (found.count("validation"), found.count("holdout")) == (validation, holdout)


def test_kept_out_clips_lie_evenly_over_the_footage():
    found = splits(assigned([video(f"{k}", 100) for k in range(100)]))
    for start in range(0, 100, 10):
        assert set(found[start : start + 10]) == {"train", "validation", "holdout"}


def test_test_clips_stay_whole_and_take_no_part():
    test = SourceClip("t", "test", 10.0, 900, video=Path("t.mp4"), labels=(LabelRange(0, 5, ""),))
    assert assigned([test, video("a", 90)])[-1] == test


def test_clips_shorter_than_a_window_only_train():
    found = assigned([video("a", 100), video("b", 5), video("c", 5), video("d", 5), video("e", 100)])
    assert [clip.name for clip in found if clip.split == "validation"] in (["a"], ["e"])


@pytest.mark.parametrize(
    ("clips", "settings", "message"),
    [
        pytest.param([video("a", 19)], SETTINGS, "at least 10 frames.*Received: 1 clips, 19 frames", id="too short"),
        pytest.param([video("a", 90, "test")], SETTINGS, "Received: 0 clips", id="nothing normal"),
        pytest.param(
            [video("a", 90)], config.Footage(validation_share=0.9), "below 1 in all", id="nothing to train on"
        ),
        pytest.param([video("a", 90)], config.Footage(holdout_share=-0.1), "at least 0", id="negative share"),
        pytest.param([video("a", 90)], config.Footage(clip_seconds=0), "clip_seconds > 0", id="no length"),
    ],
)
def test_refused(clips, settings, message):
    with pytest.raises(BadInput, match=message):
        assigned(clips, settings)


def test_advice_says_what_a_third_clip_would_bring():
    (line,) = footage.advice(assigned([video("a", 19), video("b", 15)]))
    assert "third clip" in line
    assert footage.advice(assigned([video("a", 1260)])) == []
