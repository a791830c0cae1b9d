"""The walkway as files: the UCSD layout, whole or not at all."""

import csv
from dataclasses import replace

import cv2
import numpy as np
import pytest

from model.config import Walkway
from model.errors import BadInput
from model.walkway import render_clip, write

SMALL = Walkway(height=48, width=72, clip_frames=40, train_clips=2, test_clips=5)


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    directory = tmp_path_factory.mktemp("footage") / "new" / "walkway"
    lines = []
    write(SMALL, directory, lines.append)
    assert len(lines) == 7 and "7 of 7" in lines[-1]
    return directory


def test_walkway_files_are_the_rendered_clips(footage):
    for split, index in (("train", 1), ("test", 4)):
        clip = render_clip(SMALL, split, index)
        pictures = sorted((footage / split.title() / clip.name).iterdir())
        assert [picture.name for picture in pictures] == [f"{number:03}.png" for number in range(40)]
        read = np.stack([cv2.imread(str(picture))[..., ::-1] for picture in pictures])
        assert np.array_equal(read, clip.frames)  # RGB, nothing lost


def test_walkway_files_masks_are_black_and_white(footage):
    clip = render_clip(SMALL, "test", 2)
    pictures = sorted((footage / "Test" / f"{clip.name}_gt").iterdir())
    read = np.stack([cv2.imread(str(picture), cv2.IMREAD_UNCHANGED) for picture in pictures])
    assert np.array_equal(read, clip.masks * 255)


def test_walkway_files_labels(footage):
    with (footage / "Test" / "labels.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["clip", "first", "last", "category"]
    clips = [render_clip(SMALL, "test", index) for index in range(5)]
    assert rows[1:] == [[clip.name, str(first), str(last), kind] for clip in clips for first, last, kind in clip.labels]


def test_walkway_files_nothing_else_is_there(footage):
    assert sorted(path.name for path in footage.parent.iterdir()) == ["walkway"]
    assert sorted(path.name for path in footage.iterdir()) == ["Test", "Train"]


def test_walkway_files_only_training_clips(tmp_path):
    write(replace(SMALL, train_clips=1, test_clips=0), tmp_path / "walkway", None)
    assert [path.name for path in (tmp_path / "walkway").iterdir()] == ["Train"]


def test_walkway_files_an_interruption_leaves_nothing(tmp_path):
    def stop(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(SMALL, tmp_path / "walkway", stop)
    assert list(tmp_path.iterdir()) == []


def test_walkway_files_keep_what_is_there(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BadInput, match="an empty directory.*Received: "):
        write(SMALL, tmp_path, None)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
