"""The state of a stream as bytes for the client to keep, who brings them to whichever server answers it next.

A checksum, a line of JSON, then arrays in the order that it names; their types and shapes are the detector's own.
Nothing in it is executed, and nothing in it is believed: it comes from outside.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson

from model import config
from model.errors import BadInput
from serving.errors import Refused
from serving.parameters import Rate, shown

if TYPE_CHECKING:
    from model.detector import Remembered, Stream
    from serving.fleet import Loaded

FORMAT = 1
CHECKSUM = 32  # bytes
LARGEST = 1e9  # of a value in an array: no stream comes near it, and what is computed from it is finite
WHAT = "expected state as an answer gave it"


class State(NamedTuple):
    """A stream that can go on.

    Attributes:
        seen: indices of its frames.
        shape: of a frame.
        fps: None where the rate is unknown.
    """

    remembered: Remembered
    seen: range
    shape: tuple[int, ...]
    fps: float | None


def pack(loaded: Loaded, stream: Stream, shape: tuple[int, ...], fps: float | None) -> bytes:
    """For `unpack`."""
    numbers, arrays = stream.remembered
    head = {"made_by": _maker(loaded), "shape": shape, "fps": fps, "numbers": asdict(numbers), "arrays": list(arrays)}
    text = json.dumps(head, allow_nan=False).encode()
    content = b"".join([text, b"\n", *(array.tobytes() for array in arrays.values())])
    return hashlib.sha256(content).digest() + content


def unpack(data: bytes, loaded: Loaded) -> State | None:
    """None where another detector made it, or another version of this format.

    Raises:
        Refused: it was changed, or nobody made it.
    """
    content = memoryview(data)[CHECKSUM:]
    if hashlib.sha256(content).digest() != data[:CHECKSUM]:
        raise Refused(f"{WHAT}. Received: {len(data)} bytes that were changed")
    text, _, rest = bytes(content).partition(b"\n")
    try:
        said = orjson.loads(text)
        if said["made_by"] != _maker(loaded):
            return None
        return _state(said, rest, loaded)
    except (orjson.JSONDecodeError, KeyError, TypeError, BadInput) as e:
        raise Refused(f"{WHAT}. Received: another, {shown(str(e))}") from e


def _maker(loaded: Loaded) -> list[Any]:
    return [FORMAT, loaded.name, loaded.version]


def _state(said: dict[str, Any], rest: bytes, loaded: Loaded) -> State:
    from model.detector import Numbers, Remembered

    head = config.parse(_Head, {key: value for key, value in said.items() if key not in ("made_by", "numbers")})
    numbers = config.parse(Numbers, said["numbers"])
    seen = range(numbers.first, numbers.first + numbers.seen)
    classes = loaded.detector.classifier.classes if loaded.detector.classifier else ()
    if not numbers.seen or seen.stop >= 1 << 53 or len(numbers.votes) not in (0, len(classes)):
        raise Refused(f"{WHAT}. Received: numbers that no stream has")
    return State(Remembered(numbers, _arrays(head.arrays, rest, loaded)), seen, head.shape, head.fps)


@dataclass(frozen=True)
class _Head:
    shape: tuple[int, ...] = ()
    fps: Rate = None
    arrays: tuple[str, ...] = ()


def _arrays(names: tuple[str, ...], rest: bytes, loaded: Loaded) -> dict[str, np.ndarray]:
    arrays, position = {}, 0
    for name in names:
        dtype, shape = loaded.parts[name]
        count = prod(shape)
        if name in arrays or len(rest) - position < count * dtype.itemsize:
            raise Refused(f"{WHAT}. Received: arrays of other shapes")
        arrays[name] = np.frombuffer(rest, dtype, count, position).reshape(shape)
        position += arrays[name].nbytes
        if not float(np.abs(arrays[name]).max()) <= LARGEST:  # nor where one is no number
            raise Refused(f"{WHAT}. Received: values that no stream has")
    if position != len(rest):
        raise Refused(f"{WHAT}. Received: {len(rest) - position} bytes more")
    return arrays
