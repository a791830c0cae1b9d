"""A source followed to its end, or a camera for ever: every frame to the server, every event to whoever wants it."""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from model.decision import Event
from model.errors import RunFailed
from serving.client.camera import Camera, Taken, clips, is_live, recorded
from serving.client.client import Client, Stream
from serving.messages import BOX, Answer

Say = Callable[[str], None]
Tell = Callable[[dict[str, Any]], None]
Draw = Callable[[np.ndarray, Answer], None]
PROGRESS_SECONDS = 10.0


@dataclasses.dataclass
class Tally:
    """What became of the frames."""

    frames: int = 0  # scored
    dropped: int = 0  # of a live source, because the server was slower
    lost: int = 0  # sent while the server was away
    alarms: int = 0
    events: int = 0  # that were announced
    resumed: int = 0  # times that the server had lost the stream
    seconds: float = 0.0


def watch(
    client: Client,
    source: str,
    fps: float | None,
    tell: Tell,
    say: Say,
    tally: Tally,
    stop: threading.Event,
    overlay: Path | None = None,
) -> None:
    """Follows a source.

    Args:
        client: of the server.
        source: a video, a folder of pictures, a folder of either, or the address of a camera's stream.
        fps: frames/s of a camera, which often does not say; files say it themselves.
        tell: takes each event as it is opened and closed.
        say: takes progress lines.
        tally: is kept up, however this ends.
        stop: set, it ends after the frame that is under way.
        overlay: an .mp4 to write.

    Raises:
        BadInput: no such source, or the server refuses the frames.
        RunFailed: the server is away for longer than the client is patient; with a camera it is waited for.
    """
    begun = time.monotonic()
    with ExitStack() as stack:
        if is_live(source):
            camera = stack.enter_context(Camera(source, say))
            draw = stack.enter_context(_Overlay(overlay, fps or 25.0)) if overlay else None
            stream = client.stream(_name_of(source), fps, BOX if overlay else "")
            stack.callback(lambda: _finish(tally, begun, stream, camera.dropped))
            _follow(stream, camera.frames(stop), tally, _Reporter(tell, say, draw), forgiving=True)
            return
        found = clips(source)
        draw = stack.enter_context(_Overlay(overlay, found[0].fps)) if overlay else None
        for clip in found:
            stream = client.stream(clip.name, fps or clip.fps, BOX if overlay else "")
            _follow(stream, recorded(clip, stop), tally, _Reporter(tell, say, draw), forgiving=False)
            _finish(tally, begun, stream, 0)


class _Reporter:
    """Where the answers go."""

    def __init__(self, tell: Tell, say: Say, draw: Draw | None) -> None:
        self._tell, self.say, self._draw, self._said = tell, say, draw, time.monotonic()

    def take(self, taken: Taken, answer: Answer, tally: Tally) -> None:
        for state, events in (("opened", answer.opened), ("closed", answer.closed)):
            for event in events:
                self._tell(as_json(event, state, taken.number))
        if self._draw:
            self._draw(taken.frame, answer)
        if time.monotonic() - self._said > PROGRESS_SECONDS:
            self._said = time.monotonic()
            self.say(f"{tally.frames} frames, {tally.alarms} alarms, {tally.events} events")


def _follow(stream: Stream, frames: Iterable[Taken], tally: Tally, reporter: _Reporter, *, forgiving: bool) -> None:
    cut = False  # a camera's first frame may get lost; the next one is then no less new
    for taken in frames:
        try:
            answer = stream.push(taken.frame, start=taken.first or cut, end=taken.last)
        except RunFailed as e:
            if not forgiving:
                raise
            tally.lost, cut = tally.lost + 1, cut or taken.first
            reporter.say(f"the server is away: {e}")
            continue
        tally.frames, cut = tally.frames + 1, False
        tally.alarms += int(answer.alarms.sum())
        tally.events += len(answer.opened)
        reporter.take(taken, answer, tally)


def _finish(tally: Tally, begun: float, stream: Stream, dropped: int) -> None:
    tally.resumed += stream.resumed
    tally.dropped, tally.seconds = dropped, round(time.monotonic() - begun, 3)


def as_json(event: Event, state: str, number: int) -> dict[str, Any]:
    """An event for people and machines; `frame` is the source's, the other indices are the stream's."""
    evidence = {name: value if math.isfinite(value) else None for name, value in event.evidence.items()}
    return {**dataclasses.asdict(event), "evidence": evidence, "cause": event.cause, "state": state, "frame": number}


def _name_of(source: str) -> str:
    """A camera's address without what may be secret in it, as the name of its stream."""
    return source.partition("://")[2].rpartition("@")[2].partition("?")[0]


class _Overlay:
    """The video of `unforeseen score`, but for the heat, which would cost more to send than the frames."""

    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._fps, self._stack = path, fps, ExitStack()
        self._add: Callable[..., Any] | None = None

    def __enter__(self) -> Draw:
        return self._draw

    def __exit__(self, *exception: Any) -> None:
        self._stack.__exit__(*exception)

    def _draw(self, frame: np.ndarray, answer: Answer) -> None:
        from model.report.overlay import OverlayWriter

        threshold, alarm = float(answer.thresholds[-1]), bool(answer.alarms[-1])
        if self._add is None:
            size = (frame.shape[0], frame.shape[1])
            writer = OverlayWriter(self._path, fps=self._fps, frame_size=size, threshold=threshold, error_scale=1.0)
            self._add = self._stack.enter_context(writer).add
        box = answer.boxes[-1] if answer.boxes and alarm else None
        self._add(frame, None, float(answer.scores[-1]), alarm=alarm, threshold=threshold, box=box)
