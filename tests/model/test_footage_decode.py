"""Frames of pictures and videos: order, colours, cuts, and damage that is found."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from model import config, footage
from model.clips import SourceClip
from model.errors import BadInput
from model.footage.decode import frames_of_pieces, read_picture

SIZE = (48, 64)


def numbered_video(path, count=50, code="mp4v"):
    """Frame k is grey 5 k."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), 10, SIZE[::-1])
    for index in range(count):
        writer.write(np.full((*SIZE, 3), 5 * index, np.uint8))
    writer.release()
    (clip,) = footage.read_clips(path, None, config.Footage())
    return clip


def picture_clip(folder, pictures, suffix="png"):
    paths = tuple(folder / f"{index}.{suffix}" for index in range(len(pictures)))
    for path, picture in zip(paths, pictures, strict=True):
        assert cv2.imwrite(str(path), picture)
    return SourceClip("c", "train", 10.0, len(paths), pictures=paths)


def numbers(stream):
    return [round(float(frame.mean()) / 5 + 0.25) for frame in stream]  # codecs make it up to half a step darker


@pytest.mark.parametrize(("suffix", "code"), [("mp4", "mp4v"), ("avi", "MJPG"), ("mkv", "mp4v"), ("mov", "mp4v")])
def test_pieces_of_a_video_are_exact(tmp_path, suffix, code):
    clip = numbered_video(tmp_path / f"v.{suffix}", code=code)
    assert numbers(footage.frames(replace(clip, first=17, frames=9))) == list(range(17, 26))
    pieces = [replace(clip, first=3, frames=7), replace(clip, first=10, frames=5), replace(clip, first=40, frames=10)]
    found = [numbers(stream) for _, stream in frames_of_pieces(pieces, 1)]
    assert found == [list(range(3, 10)), list(range(10, 15)), list(range(40, 50))]


def test_colours_are_rgb(tmp_path):
    blue = np.zeros((*SIZE, 3), np.uint8)
    blue[..., 0] = 250  # OpenCV writes BGR
    (frame,) = footage.frames(picture_clip(tmp_path, [blue]))
    assert frame.dtype == np.uint8 and frame.shape == (*SIZE, 3) and frame[0, 0].tolist() == [0, 0, 250]
    writer = cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, SIZE[::-1])
    writer.write(blue)
    writer.release()
    (frame,) = footage.frames(SourceClip("v", "train", 10.0, 1, video=tmp_path / "v.avi"))
    assert frame[..., 2].mean() > 230 and frame[..., 0].mean() < 20


def test_grey_pictures_for_either_network(tmp_path):
    clip = picture_clip(tmp_path, [np.arange(256, dtype=np.uint8).reshape(16, 16)])
    (grey,), (colour,) = footage.frames(clip, channels=1), footage.frames(clip, channels=3)
    assert grey.shape == (16, 16, 1) and np.array_equal(colour, np.repeat(grey, 3, axis=2))


def test_deep_and_transparent_pictures_become_8_bit_rgb(tmp_path):
    deep = np.full(SIZE, 40 * 256, np.uint16)
    transparent = np.full((*SIZE, 4), 40, np.uint8)
    found = [frame for frame in footage.frames(picture_clip(tmp_path, [deep, transparent]))]
    assert [frame.shape for frame in found] == [(*SIZE, 3)] * 2 and {int(frame.max()) for frame in found} == {40}


@pytest.mark.parametrize(
    ("suffix", "cut"),
    # A TIFF may end in four bytes that no decoder needs; every other byte counts.
    [(suffix, cut) for suffix in ("jpg", "png", "bmp") for cut in (1, 12, 0.3, 0.9)]
    + [("tif", cut) for cut in (12, 0.3, 0.9)],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_truncated_picture(tmp_path, suffix, cut, channels):
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, channels), np.uint8)
    clip = picture_clip(tmp_path, [noise] * 3, suffix)
    data = clip.pictures[1].read_bytes()
    clip.pictures[1].write_bytes(data[: -cut if cut >= 1 else -int(cut * len(data))])
    stream = footage.frames(clip)
    next(stream)
    with pytest.raises(BadInput, match=f"1.{suffix}: expected a whole picture"):
        next(stream)


@pytest.mark.parametrize("content", [b"", b"text, not a picture"])
def test_not_a_picture(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(BadInput, match="a.png: expected a whole picture"):
        read_picture(tmp_path / "a.png")


def test_picture_that_went_away(tmp_path):
    with pytest.raises(BadInput, match="gone.png: .*no such file"):
        read_picture(tmp_path / "gone.png")


def test_mixed_sizes_in_a_clip(tmp_path):
    clip = picture_clip(tmp_path, [np.zeros((20, 30), np.uint8), np.zeros((20, 31), np.uint8)])
    with pytest.raises(BadInput, match=r"1.png: expected frames of 30 x 20 pixels.*Received: 31 x 20"):
        list(footage.frames(clip))


def test_video_cut_short_after_it_was_found(tmp_path):
    clip = numbered_video(tmp_path / "v.avi", code="MJPG")
    data = clip.video.read_bytes()
    clip.video.write_bytes(data[: len(data) // 2])
    with pytest.raises(BadInput, match="v.avi: expected 50 frames"):
        list(footage.frames(clip))
