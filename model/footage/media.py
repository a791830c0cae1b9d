"""Which clips a folder holds: video files, pictures of one clip, or one folder of pictures a clip."""

from __future__ import annotations

import re
from pathlib import Path

import cv2

from model.clips import SourceClip
from model.errors import BadInput
from model.footage.decode import open_video, read_picture
from model.footage.recorded import recorded_hour

VIDEOS = (".mp4", ".avi", ".mkv", ".mov")
PICTURES = (
    *(".avif", ".bmp", ".dib", ".gif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm"),
    *(".ras", ".sr", ".tif", ".tiff", ".webp"),
)


def natural(path: Path) -> list[tuple[int, str]]:
    """Sort key of a name in which 2 stands before 10."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts] + [(-2, path.name)]


def entries(folder: Path) -> list[Path]:
    """Everything visible in a folder, in natural order."""
    return sorted((p for p in folder.iterdir() if not p.name.startswith((".", "__MACOSX"))), key=natural)


def files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The visible files with one of the suffixes, in natural order."""
    return [path for path in entries(folder) if path.suffix.lower() in suffixes and path.is_file()]


def folders(folder: Path) -> list[Path]:
    """The visible folders, in natural order, without those of pixel masks."""
    return [path for path in entries(folder) if path.is_dir() and not path.name.endswith("_gt")]


def clips_in(folder: Path, picture_fps: float) -> list[SourceClip]:
    """Every clip of a folder as training footage, in natural order.

    Raises:
        BadInput: nothing there, several kinds side by side, or a first frame that cannot be decoded.
    """
    videos, pictures, below = files(folder, VIDEOS), files(folder, PICTURES), folders(folder)
    if sum(map(bool, (videos, pictures, below))) != 1:
        found = f"{len(videos)} videos, {len(pictures)} pictures, {len(below)} folders"
        raise BadInput(f"{folder}: expected either videos, or pictures, or folders of pictures. Received: {found}")
    if videos:
        return [video_clip(path) for path in videos]
    if pictures:
        return [picture_clip(folder, picture_fps)]
    return [picture_clip(path, picture_fps) for path in below]


def picture_clip(folder: Path, fps: float) -> SourceClip:
    """A folder of pictures as one clip, its first picture tried.

    Raises:
        BadInput: no pictures, or a first one that cannot be decoded.
    """
    pictures = files(folder, PICTURES)
    if not pictures:
        raise BadInput(f"{folder}: expected the pictures of one clip. Received: none")
    read_picture(pictures[0])
    hour = recorded_hour(folder.name)
    return SourceClip(folder.name, "train", fps, len(pictures), pictures=tuple(pictures), hour=hour)


def video_clip(path: Path) -> SourceClip:
    """A video file as one clip.

    Its frames are counted by decoding: containers estimate, and edit lists hide frames that the container counts.

    Raises:
        BadInput: not a video, truncated, or without a usable frame rate.
    """
    capture = open_video(path)
    fps, promised = float(capture.get(cv2.CAP_PROP_FPS)), int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    count = _count(capture)
    packets = _count(cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1]))  # -1: without decoding
    if count == 0 or promised - packets > max(1, 0.02 * promised):  # durations in containers are rounded
        raise BadInput(f"{path}: expected a whole video of {promised} frames. Received: {min(count, packets)} frames")
    if not 0 < fps <= 1000:
        raise BadInput(f"{path}: expected a video with a frame rate of up to 1000 frames/s. Received: {fps}")
    return SourceClip(path.stem, "train", fps, count, video=path, hour=recorded_hour(path.stem))


def _count(capture: cv2.VideoCapture) -> int:
    count = sum(1 for _ in iter(capture.grab, False))
    capture.release()
    return count
