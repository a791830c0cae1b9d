"""A source followed to its end, or a camera for ever: every frame to the server, every event to whoever wants it."""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from model.decision import Event
from model.errors import RunFailed
from serving.client.camera import Camera, Taken, clips, is_live, recorded
from serving.client.client import Client, Stream
from serving.client.folder import followed
from serving.messages import BOX, Answer
from serving.parameters import HEAT_MAP_PNG

Say = Callable[[str], None]
Tell = Callable[[dict[str, Any]], None]
Draw = Callable[[np.ndarray, Answer], None]
PROGRESS_SECONDS = 10.0
DRAWN = f"{BOX},{HEAT_MAP_PNG}"  # a heat map as a picture is a few kilobytes
FULL_HEAT = 1.5  # thresholds


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
    *,
    follow: bool = False,
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
        follow: a folder is not read to its end, but waited for what comes into it.

    Raises:
        BadInput: no such source, or the server refuses the frames.
        RunFailed: the server is away for longer than the client is patient; with a camera, and a folder that is
            followed, it is waited for.
    """
    begun = time.monotonic()
    with ExitStack() as stack:
        if is_live(source) and not follow:
            camera = stack.enter_context(Camera(source, say))
            draw = stack.enter_context(_Overlay(overlay, fps or 25.0)) if overlay else None
            stream = client.stream(_name_of(source), fps, DRAWN if overlay else "")
            stack.callback(lambda: _finish(tally, begun, stream, camera.dropped))
            _follow(stream, camera.frames(stop), tally, _Reporter(tell, say, draw), forgiving=True)
            return
        draw = None
        for name, rate, frames in followed(Path(source), say, stop) if follow else _recordings(source, stop):
            if overlay and draw is None:
                draw = stack.enter_context(_Overlay(overlay, rate))
            stream = client.stream(name, fps or rate, DRAWN if overlay else "")
            _follow(stream, frames, tally, _Reporter(tell, say, draw), forgiving=follow)
            _finish(tally, begun, stream, 0)


def _recordings(source: str, stop: threading.Event) -> Iterator[tuple[str, float, Iterator[Taken]]]:
    return ((clip.name, clip.fps, recorded(clip, stop)) for clip in clips(source))


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
            answer = stream.push(taken.frame, start=taken.first or cut, end=taken.last, hour=taken.hour)
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
    """The video of `unforeseen score`, from what the server says."""

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
            writer = OverlayWriter(
                self._path,
                fps=self._fps,
                frame_size=size,
                threshold=threshold,
                error_scale=FULL_HEAT,
                crop=answer.crop,
            )
            self._add = self._stack.enter_context(writer).add
        box = answer.boxes[-1] if answer.boxes and alarm else None
        heat = answer.heat_maps[-1] if answer.heat_maps is not None and answer.warm[-1] else None
        self._add(frame, heat, float(answer.scores[-1]), alarm=alarm, threshold=threshold, box=box)
