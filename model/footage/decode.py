"""From files to frames, one at a time: uint8 [H, W, C], RGB order, C is 1 or 3."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from model.clips import SourceClip
from model.errors import BadInput


def frames(clip: SourceClip, channels: int = 3) -> Iterator[np.ndarray]:
    """The clip's frames in order, [H, W, channels] each.

    Grey is the same number by number whether it is decoded here or made later from the RGB frame.

    Raises:
        BadInput: a file that cannot be decoded to its end, fewer frames than promised, or frames of several sizes.
    """
    for _, stream in frames_of_pieces([clip], channels):
        yield from stream


def frames_of_pieces(pieces: Sequence[SourceClip], channels: int) -> Iterator[tuple[SourceClip, Iterator[np.ndarray]]]:
    """The pieces of one video in order of time, or one clip of pictures, decoded in a single pass.

    Each stream has to be used up before the next is asked for. Nothing seeks: seeking is not exact in every container.
    """
    position = pieces[0].first
    video = pieces[0].video
    stream = _picture_frames(pieces[0].pictures, channels) if video is None else video_frames(video, channels, position)
    for clip in pieces:
        skip = clip.first - position
        yield clip, _checked(islice(stream, skip, skip + clip.frames), clip)
        position = clip.first + clip.frames


def _checked(stream: Iterable[np.ndarray], clip: SourceClip) -> Iterator[np.ndarray]:
    count, shape = 0, None
    for count, frame in enumerate(stream, start=1):
        shape = shape or frame.shape
        if frame.shape != shape:
            where, expected = clip.video or clip.pictures[count - 1], f"{shape[1]} x {shape[0]}"
            received = f"{frame.shape[1]} x {frame.shape[0]}"
            raise BadInput(f"{where}: expected frames of {expected} pixels, as before it. Received: {received}")
        yield frame
    if count < clip.frames:
        raise BadInput(
            f"{clip.video}: expected {clip.frames} frames from {clip.first} on. Received: {count}, then damage"
        )


def _picture_frames(pictures: Sequence[Path], channels: int) -> Iterator[np.ndarray]:
    for path in pictures:
        yield _to_channels(read_picture(path), channels)


def read_picture(path: Path) -> np.ndarray:
    """One picture as OpenCV decodes it: uint8 [H, W] or, in BGR order, [H, W, 3].

    Decodes from memory on purpose: there OpenCV refuses data that ends too early, while `cv2.imread` fills the rest of
    a truncated JPEG with grey and says nothing.

    Raises:
        BadInput: not a picture, or not all of one.
    """
    quiet()
    try:
        with path.open("rb", buffering=0) as file:
            data = np.frombuffer(file.read(), np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_ANYCOLOR) if len(data) else None
    except FileNotFoundError as error:
        raise BadInput(f"{path}: expected a picture. Received: no such file") from error
    except cv2.error as error:
        raise BadInput(f"{path}: expected a picture that OpenCV decodes. Received: {error.err}") from error
    if picture is None:
        raise BadInput(f"{path}: expected a whole picture. Received: {len(data)} bytes, truncated or of another kind")
    return np.asarray(picture)


def open_video(path: Path) -> cv2.VideoCapture:
    """A video at its first frame.

    Raises:
        BadInput: not a video, or one whose index is missing because it was truncated.
    """
    quiet()
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise BadInput(f"{path}: expected a whole video. Received: a file that cannot be opened as one")
    return capture


def video_frames(path: Path, channels: int, first: int = 0) -> Iterator[np.ndarray]:
    """The frames of a video from frame `first` on, as far as they go."""
    capture = open_video(path)
    try:
        for _ in range(first):
            capture.grab()
        while True:
            there, frame = capture.read()
            if not there:
                return
            yield _to_channels(frame, channels)
    finally:
        capture.release()


def _to_channels(frame: np.ndarray, channels: int) -> np.ndarray:
    if frame.ndim == 2:
        return frame[..., None] if channels == 1 else cv2.cvtColor(frame, cv2.COLOR_GRAY2RGB)
    if channels == 1:
        return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)[..., None])
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))


def quiet() -> None:
    """Keeps OpenCV's own lines off the terminal: what is wrong is said once, by us, with the file's name."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
