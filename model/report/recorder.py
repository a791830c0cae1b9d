"""What a guard wants to see of an event: a short clip and a strip of pictures, written while the frames go by."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import cv2
import numpy as np

from model.decision import Event, EventTracker
from model.report.content import Still
from model.report.film import Film, film_image
from model.report.pictures import png
from model.report.video import VideoFile

LEAD_SECONDS = 1.0  # of a clip before the event; after it, until it is known to be over
WIDTH = 960  # pixels; clips of larger frames are made smaller, so that the lead fits into memory


class EventRecorder:
    """Writes `ID.mp4` and `ID.png` an event; an event that was too short leaves nothing.

    Holds no more than `LEAD_SECONDS` of video and a few small pictures.
    """

    def __init__(self, directory: Path, fps: float) -> None:
        """Makes the directory.

        Args:
            fps: frames/s.
        """
        directory.mkdir()
        self._directory, self._fps = directory, fps
        self._lead: deque[np.ndarray] = deque(maxlen=max(1, round(LEAD_SECONDS * fps)))
        self._first = -1  # of the event that is being recorded
        self._video: VideoFile | None = None
        self._film = Film()

    def add(self, picture: np.ndarray, tracker: EventTracker, closed: Event | None, still: Still | None) -> None:
        """Takes the next frame.

        Args:
            picture: as the clip should show it, uint8 [H, W, 3], BGR, both sides even.
            tracker: has taken the frame already.
            closed: the event that this ended.
            still: for the strip, where the frame belongs to an event.
        """
        picture = _smaller(picture)
        if closed:
            self.keep(closed)
        if tracker.state.first != self._first:
            self.drop()
            self._first = tracker.state.first
            if self._first >= 0:
                self._begin(tracker.id_at(self._first), picture)
        if self._video:
            self._video.write(picture)
        if still:
            self._film.add(still)
        self._lead.append(picture)

    def keep(self, event: Event) -> None:
        """Finishes both files of an event that is over."""
        assert self._video
        self._video.publish()
        self._video = None
        image = film_image(self._film.stills(), event.peak, self._fps)
        (self._directory / f"{event.id}.png").write_bytes(png(image))

    def drop(self) -> None:
        """Forgets what is being recorded."""
        if self._video:
            self._video.discard()
        self._video, self._film = None, Film()

    def _begin(self, name: str, picture: np.ndarray) -> None:
        size = (picture.shape[1], picture.shape[0])
        self._video = VideoFile(self._directory / f"{name}.mp4", self._fps, size)
        for before in self._lead:
            self._video.write(before)


def _smaller(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    if width <= WIDTH:
        return picture
    return np.asarray(cv2.resize(picture, (WIDTH, 2 * round(height * WIDTH / width / 2)), interpolation=cv2.INTER_AREA))
