"""What an application uses: a clip at once, or a camera frame by frame."""

from __future__ import annotations

import base64
import math
from collections import deque
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np

from model.clips import later
from model.decision import HOURS
from model.errors import BadInput
from serving.client.patience import Patience
from serving.client.rest import Rest
from serving.client.rpc import Grpc
from serving.client.tensors import Input, Output, answer_of, input_of
from serving.messages import STATE, Answer

CONTEXT_FRAMES = 32  # kept of a stream; its state is asked for as often
CONTEXT_BYTES = 256 << 20  # of them, at most
REQUEST_BYTES = 48 << 20  # of the frames in one request, under the server's 64 MB
SCHEMES = ("http", "https", "grpc", "grpcs")


class Transport(Protocol):
    """A protocol's side of the client."""

    def models(self) -> list[str]:
        """The names that can be asked for."""
        ...

    def describe(self, model: str) -> dict[str, Any]:
        """What the server says of a model."""
        ...

    def infer(self, model: str, given: Input, parameters: dict[str, Any]) -> tuple[list[Output], str]:
        """One request."""
        ...

    def close(self) -> None:
        """Ends the connection."""
        ...


class Client:
    """Of one model on one server; also a context manager. Not for several threads at once.

    A server that is full, loading or away is asked again as `patience` says, then RunFailed is raised; what it refuses
    is BadInput, with the server's own sentence.
    """

    def __init__(self, server: str, model: str = "", jpeg: int | None = None, patience: Patience | None = None) -> None:
        """Does not connect before it is asked something.

        Args:
            server: `http://HOST:PORT`, `https://...` for REST; `grpc://HOST:PORT`, `grpcs://...` for gRPC.
            model: its name; "" takes the only one of a server (REST).
            jpeg: quality of the pictures to be sent, 1 to 100; None sends them as they are.
            patience: with the server.
        """
        self._transport = _transport(server)
        self._model, self._jpeg, self._patience = model, jpeg, patience or Patience()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self._transport.close()

    @property
    def model(self) -> str:
        """The model's name."""
        if not self._model:
            names = self._patience(self._transport.models)
            if len(names) != 1:
                raise BadInput(f"expected the name of a model out of: {', '.join(names)}. Received: none")
            (self._model,) = names
        return self._model

    def describe(self) -> dict[str, Any]:
        """What the server says of the model: threshold, warm-up, limits, ..."""
        model = self.model
        return self._patience(lambda: self._transport.describe(model))

    def score_clip(self, frames: Iterable[np.ndarray], fps: float | None = None, extras: str = "") -> Answer:
        """Scores frames `uint8 [H, W, C]` that follow each other, and nothing before them.

        Args:
            frames: of one size; as many as the server takes in one request.
            fps: frames/s; None is the detector's own.
            extras: of evidence, heat_map, box, category; joined by commas.
        """
        return self.send(list(frames), {"fps": fps, "extras": extras})

    def stream(self, sequence_id: str, fps: float | None = None, extras: str = "") -> Stream:
        """A camera whose state the server keeps under that name."""
        return Stream(self, sequence_id, {"fps": fps, "extras": extras})

    def send(self, frames: Sequence[np.ndarray], parameters: dict[str, Any]) -> Answer:
        """One request; parameters that are None or empty are left out."""
        given, model = input_of(frames, self._jpeg), self.model
        said = {name: value for name, value in parameters.items() if value not in (None, "")}
        return answer_of(*self._patience(lambda: self._transport.infer(model, given, said)))


class Stream:
    """Frames of one camera in order. The last of them are kept here, and the server's state of one of them.

    Where the server has lost the state (it was restarted, or another pod answers), it gets it back with the frames
    since, so that scores and events go on as if nothing had happened. In warm-up all frames are sent again with each.
    Where another version of the detector answers, which has no use for the state, the last frames warm it up. A frame
    that was skipped is not counted: to the detector the camera was slower for a moment, instead of new.
    """

    def __init__(self, client: Client, sequence_id: str, parameters: dict[str, Any]) -> None:
        self._client, self._parameters = client, {**parameters, "sequence_id": sequence_id}
        self._past: deque[np.ndarray] = deque()
        self._state = b""
        self._next = 0  # index of the frame that comes
        self._since = 0  # of the first one that the state has not seen
        self._was_warm = False
        self._hour: float | None = None  # of the frame that comes
        self.resumed = 0  # times that the server had lost the state

    def push(self, frame: np.ndarray, *, start: bool = False, end: bool = False, hour: float | None = None) -> Answer:
        """One row: the frame's score, and what events it opened and closed.

        Args:
            frame: `uint8 [H, W, C]`.
            start: nothing before it belongs to it, as after a cut; so is the first frame, and one of another size.
            end: it is the last one; the server forgets the stream.
            hour: of the day, where it is known; a threshold with a profile goes with it.
        """
        self._hour = hour
        if start or (self._past and self._past[-1].shape != frame.shape):
            start = True
            self._past.clear()
            self._was_warm, self._state, self._since = False, b"", self._next
        most = max(1, min(CONTEXT_FRAMES, CONTEXT_BYTES // frame.nbytes))
        keep = not end and self._next - self._since >= most - 1
        before = 0 if self._was_warm else len(self._past)
        answer = self._send(frame, before, start=start or self._next == 0, end=end, keep=keep)
        if self._was_warm and not answer.warm[-1]:
            self.resumed += 1
            answer = self._resume(frame, end=end, keep=keep)
        self._was_warm = self._was_warm or bool(answer.warm[-1])
        if answer.state:
            self._state, self._since = answer.state, self._next + 1
        self._past.append(frame)
        if len(self._past) > most:
            self._past.popleft()
        self._next += 1
        return answer

    def _resume(self, frame: np.ndarray, *, end: bool, keep: bool) -> Answer:
        if self._state:
            state = {"state": base64.b64encode(self._state).decode()}
            since = self._next - self._since
            answer = self._send(frame, since, start=True, end=end, keep=keep, **state)
            if answer.warm[-1]:
                return answer
        return self._send(frame, len(self._past), start=True, end=end, keep=keep)

    def _send(self, frame: np.ndarray, before: int, *, start: bool, end: bool, keep: bool, **first_only: str) -> Answer:
        """Asks for the frame, after so many of those before it as context; large ones in several requests.

        Args:
            keep: asks for the state too.
            first_only: parameters of the first request.
        """
        frames, first = [*self._past, frame][len(self._past) - before :], self._next - before
        count = max(1, REQUEST_BYTES // frame.nbytes)
        for begin in range(0, len(frames), count):
            piece, last = frames[begin : begin + count], begin + count >= len(frames)
            parameters = {**self._parameters, "frame_index": first + begin, "context_frames": len(piece) - 1}
            if begin == 0:
                parameters |= {"sequence_start": start or None, **first_only}
            if last:
                extras = ",".join(filter(None, (self._parameters["extras"], STATE if keep else "")))
                parameters |= {"sequence_end": end or None, "extras": extras, "hour": self._hour_of(len(piece) - 1)}
            answer = self._client.send(piece, parameters)
        return answer

    def _hour_of(self, before: int) -> float | None:
        """Of the frame so many before the one that comes."""
        hour = later(self._hour, -before, self._parameters["fps"] or math.inf)
        return None if hour is None else hour % HOURS


def _transport(server: str) -> Transport:
    parts = urlsplit(server)
    if parts.scheme not in SCHEMES or not parts.netloc:
        raise BadInput(f"expected a server as {'://, '.join(SCHEMES)}:// and host:port. Received: {parts.scheme}")
    if parts.scheme.startswith("http"):
        return Rest(server)
    return Grpc(parts.netloc, secure=parts.scheme == "grpcs")
