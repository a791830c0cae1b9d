"""The hour of the day in a clip's name, on its way to the clips that the network sees."""

import cv2
import numpy as np
import pytest

from model import config, footage, preprocessing
from model.footage.recorded import recorded_hour


@pytest.mark.parametrize(
    "name",
    [
        *("20260412083000", "20260412_083000", "2026-04-12T08-30-00", "2026-04-12T08:30", "lobby_20260412_0830"),
        *("2026.04.12 08.30.00", "cam1-2026_04_12-083000-main", "NVR_ch1_20260412083000_20260412090000"),
    ],
)
def test_names_of_recorders_tell_the_hour(name):
    assert recorded_hour(name) == 8.5


def test_seconds_count():
    assert recorded_hour("20260412_235930") == pytest.approx(24 - 30 / 3600)


@pytest.mark.parametrize(
    "name",
    [
        *("monday", "Train001", "1234567890123456", "20261312083000", "20260412", "20260412_243000", "20260412_0860"),
        *("99991231083000", "120260412083000"),
    ],
)
def test_other_names_tell_nothing(name):
    assert recorded_hour(name) is None


def test_pieces_of_a_long_clip_know_their_own_hour(tmp_path):
    for name, frames in (("20260412_233000", 40), ("unnamed", 8)):
        (tmp_path / "day" / name).mkdir(parents=True)
        for number in range(frames):
            cv2.imwrite(str(tmp_path / "day" / name / f"{number:03d}.png"), np.full((8, 8), number, np.uint8))
    settings = config.Footage(picture_fps=1 / 180, clip_seconds=3600.0)  # a picture in three minutes
    clips = footage.find_clips(tmp_path / "day", None, settings, window_frames=2)
    assert [clip.hour for clip in clips] == [23.5, 24.5, None]
    index = tmp_path / "footage.json"
    footage.write_index(clips, index)
    assert footage.read_index(index) == clips
    shape = config.Preprocessing(height=8, width=8)
    dataset = preprocessing.write_dataset(clips, tmp_path / "data", shape, camera="lobby")
    found = {clip.name: clip.hour for split in ("train", "validation", "holdout") for clip in dataset.clips(split)}
    assert found == {clip.name: clip.hour for clip in clips}
    assert [entry.get("hour", "none") for entry in dataset.index["clips"]] == [23.5, 24.5, "none"]
    assert np.load(dataset.directory / "0000.npy").shape == (20, 8, 8, 1)
