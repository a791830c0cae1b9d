"""How much the service takes on; past it a request is refused, and the caller is told so."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Each of them keeps the memory bounded, however many clients there are.

    Attributes:
        frames: of one request.
        pixels: of one frame.
        request_bytes: of the decoded frames of one request.
        waiting: requests that are under way, those that wait included.
        stream_bytes: of the states of all streams; the least recently used ones leave.
        detector_bytes: of all detectors in memory; the least recently used ones leave.
        batch: frames that go through the network together, at most.
        patience: seconds that a frame waits for company, where others are under way.
        idle_seconds: a stream that is not heard of for so long is forgotten.
        load_seconds: that a request waits for its detector, before it is told to come back.
        refresh_seconds: between looks for newer versions of the detectors.
    """

    frames: int = 600
    pixels: int = 4096 * 2304
    request_bytes: int = 256 << 20
    waiting: int = 64
    stream_bytes: int = 1 << 30
    detector_bytes: int = 2 << 30
    batch: int = 8
    patience: float = 0.004
    idle_seconds: float = 600.0
    load_seconds: float = 20.0
    refresh_seconds: float = 15.0
