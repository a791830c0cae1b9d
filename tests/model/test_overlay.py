"""The overlay video, read back from its file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from model.errors import BadInput
from model.report.overlay import STRIP_HEIGHT, OverlayWriter, blend_heat

HEIGHT, WIDTH, FPS = 121, 161, 12.5
ZOOMED = (360, 480)  # height and width: 161 pixels enlarged to 480, both sides even
GREY = np.full((HEIGHT, WIDTH, 1), 120, np.uint8)


def writer(path: Path, **changes: object) -> OverlayWriter:
    settings = {"fps": FPS, "frame_size": (HEIGHT, WIDTH), "threshold": 2.0, "error_scale": 0.1} | changes
    return OverlayWriter(path, **settings)  # type: ignore[arg-type]


def read(path: Path) -> tuple[list[np.ndarray], float]:
    video = cv2.VideoCapture(str(path))
    frames = []
    while (answer := video.read())[0]:
        frames.append(answer[1].astype(int))
    return frames, video.get(cv2.CAP_PROP_FPS)


def corner_error() -> np.ndarray:
    error = np.zeros((20, 30), np.float32)
    error[:6, 21:] = 0.1
    return error


@pytest.mark.parametrize("fps", [FPS, 1 / 3, 24000 / 1001, 200 / 3, 1000.0])  # 200 / 3: not as it is in MPEG-4
def test_frames_rate_and_size_survive(tmp_path: Path, fps: float) -> None:
    with writer(tmp_path / "o.mp4", fps=fps) as video:
        for index in range(9):
            video.add(GREY, None, float("nan") if index < 3 else 1.0, alarm=False)
    frames, found = read(tmp_path / "o.mp4")
    assert len(frames) == 9
    assert found == pytest.approx(fps, rel=1e-3)
    assert frames[0].shape == (ZOOMED[0] + STRIP_HEIGHT, ZOOMED[1], 3)
    assert list(tmp_path.iterdir()) == [tmp_path / "o.mp4"]


def test_large_frames_keep_their_size(tmp_path: Path) -> None:
    with writer(tmp_path / "o.mp4", frame_size=(300, 600)) as video:
        video.add(np.zeros((300, 600, 3), np.uint8), None, 1.0, alarm=False)
    assert read(tmp_path / "o.mp4")[0][0].shape == (300 + STRIP_HEIGHT, 600, 3)


def test_heat_stands_where_the_error_is_and_an_alarm_is_red(tmp_path: Path) -> None:
    with writer(tmp_path / "o.mp4") as video:
        video.add(GREY, np.zeros((20, 30), np.float32), 1.0, alarm=False)
        video.add(GREY, corner_error(), 3.0, alarm=True)
    quiet, loud = read(tmp_path / "o.mp4")[0]
    difference = np.abs(loud - quiet)[: ZOOMED[0]].max(axis=2)
    assert difference[30:70, 370:450].min() > 30  # upper right, where the error is
    assert difference[150:330, 30:300].max() < 12  # elsewhere; the codec is lossy
    blue, green, red = loud[ZOOMED[0] // 2, 3]
    assert red > blue + 80
    assert red > green + 80
    assert np.ptp(quiet[ZOOMED[0] // 2, 3]) < 25  # no border without an alarm


def test_a_crop_moves_the_heat(tmp_path: Path) -> None:
    with writer(tmp_path / "o.mp4", crop=(0.5, 1.0, 0.0, 0.5)) as video:
        video.add(GREY, None, 1.0, alarm=False)
        video.add(GREY, np.full((20, 30), 0.1, np.float32), 1.0, alarm=False)
    without, with_heat = read(tmp_path / "o.mp4")[0]
    difference = np.abs(with_heat - without)[: ZOOMED[0]].max(axis=2)
    assert difference[200:350, 10:220].min() > 30
    assert difference[:160].max() < 12
    assert difference[:, 260:].max() < 12


def test_the_timeline_tells_warm_up_from_normal_from_alarm(tmp_path: Path) -> None:
    with writer(tmp_path / "o.mp4", fps=1.0) as video:  # 20 seconds are 20 slots of 24 pixels, newest at the right
        for score, alarm in [(float("nan"), False), (1.0, False), (3.0, True)]:
            video.add(GREY, None, score, alarm=alarm)
    plot = read(tmp_path / "o.mp4")[0][-1][ZOOMED[0] + 24 :]
    bottom = plot[-8]
    warm_up, normal, alarm_colour, empty = (bottom[480 - 24 * slot - 12] for slot in (2, 1, 0, 9))
    assert alarm_colour[2] - alarm_colour[0] > 25  # red
    assert np.abs(normal - empty).max() < 8
    assert (empty - warm_up).min() > 6  # grey


def test_each_score_stands_beside_the_threshold_that_was_in_force(tmp_path: Path) -> None:
    drawn = []
    for name, threshold in (("own", None), ("same", 2.0), ("moved", 0.5)):
        with writer(tmp_path / f"{name}.mp4") as video:
            drawn.append(video.add(GREY, None, 1.0, alarm=False, threshold=threshold)[ZOOMED[0] :].copy())
    own, same, moved = drawn
    assert (own == same).all()
    assert (own != moved).any()


def test_quiet_frames_stay_clear() -> None:
    picture = np.full((40, 60, 3), 120, np.uint8)
    blend_heat(picture, np.full((20, 30), 0.02, np.float32), 0.1)  # under a quarter of the scale
    assert (picture == 120).all()
    blend_heat(picture, np.full((20, 30), 0.1, np.float32), 0.1)
    assert (picture != 120).any()


def test_heat_depends_on_the_scale_and_not_on_the_frame() -> None:
    weak, strong = (np.full((40, 60, 3), 120, np.uint8) for _ in range(2))
    blend_heat(weak, np.full((20, 30), 0.05, np.float32), 0.1)
    blend_heat(strong, np.full((20, 30), 0.1, np.float32), 0.1)
    assert np.abs(strong.astype(int) - 120).max() > np.abs(weak.astype(int) - 120).max() + 20


def test_an_error_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="decoder"), writer(tmp_path / "o.mp4") as video:
        video.add(GREY, None, 1.0, alarm=False)
        raise RuntimeError("the decoder stopped")
    assert list(tmp_path.iterdir()) == []


def test_an_error_keeps_the_video_of_before(tmp_path: Path) -> None:
    (tmp_path / "o.mp4").write_bytes(b"old")
    with pytest.raises(BadInput, match="Received: 0 of 0"), writer(tmp_path / "o.mp4"):
        pass  # not one frame
    assert (tmp_path / "o.mp4").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["o.avi", "missing/o.mp4"])
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match=name):
        writer(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
