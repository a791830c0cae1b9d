"""One input tensor, from whichever road, as the frames of a request."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from serving import pictures, video
from serving.errors import Refused
from serving.limits import Limits
from serving.parameters import shown
from serving.sizes import Gathering, check

FRAMES, PICTURES, VIDEO, VIDEO_URI = "frames", "pictures", "video", "video_uri"
DATATYPES = {FRAMES: "UINT8", PICTURES: "BYTES", VIDEO: "BYTES", VIDEO_URI: "BYTES"}
Fetch = Callable[[str], bytes]  # what an address holds; raises Refused where that is not allowed


@dataclass(frozen=True)
class Tensor:
    """An input as it came.

    Attributes:
        data: bytes, as in a binary tensor; or a list: of numbers, of text (base64, as in JSON), of bytes (gRPC).
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Any


@dataclass(frozen=True)
class Clip:
    """Decoded: `uint8 [H, W, C]` each, and frames/s where a video says so."""

    frames: tuple[np.ndarray, ...]
    fps: float | None = None


def decode(tensor: Tensor, limits: Limits, take: Callable[[int], None], fetch: Fetch | None = None) -> Clip:
    """The frames of an input.

    Args:
        tensor: the input.
        limits: of one request.
        take: is told of the bytes of every frame that was decoded; may refuse.
        fetch: brings what an address holds; None where addresses are not taken.

    Raises:
        Refused: another name, type or shape than the metadata says, or what cannot be decoded.
        TooLarge: past the limits.
    """
    if tensor.name not in DATATYPES:
        raise Refused(f"expected one input of {', '.join(DATATYPES)}. Received: {shown(tensor.name)}")
    if tensor.datatype != DATATYPES[tensor.name]:
        expected = f"expected {tensor.name} as {DATATYPES[tensor.name]}"
        raise Refused(f"{expected}. Received: {shown(tensor.datatype)}")
    if tensor.name == FRAMES:
        return Clip(_raw_frames(tensor, limits))
    elements = _elements(tensor, limits)
    if tensor.name == PICTURES:
        return Clip(_pictures(elements, Gathering(limits, take)))
    if len(elements) != 1:
        raise Refused(f"expected {tensor.name} of shape [1]. Received: {len(elements)} elements")
    return _video(elements[0] if tensor.name == VIDEO else _fetched(elements[0], fetch), Gathering(limits, take))


def from_base64(text: str) -> bytes:
    """What base64 text stands for.

    Raises:
        Refused: it is none.
    """
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error) as e:
        raise Refused(f"expected base64. Received: {shown(text, 20)}") from e


def _raw_frames(tensor: Tensor, limits: Limits) -> tuple[np.ndarray, ...]:
    shape = tensor.shape
    if len(shape) != 4 or shape[3] not in (1, 3):
        raise Refused(f"expected frames of shape [T, H, W, 1 or 3]. Received: {shown(list(shape))}")
    height, width, channels = shape[1:]
    check(limits, shape[0], height, width, channels)
    array = _numbers(tensor.data) if isinstance(tensor.data, list) else np.frombuffer(tensor.data, np.uint8)
    if array.size != prod(shape):
        raise Refused(f"expected {prod(shape)} values of shape {list(shape)}. Received: {array.size}")
    return tuple(array.reshape(shape))


def _numbers(data: list[Any]) -> np.ndarray:
    """A list, flat or nested, of whole numbers from 0 to 255."""
    try:
        array = np.array(data)
    except (ValueError, OverflowError) as e:  # rows of several lengths, or numbers that are too large
        raise Refused("expected whole numbers from 0 to 255, in rows of one length. Received: others") from e
    if array.dtype.kind not in "iu" or (array.size and (array.min() < 0 or array.max() > 255)):
        raise Refused(f"expected whole numbers from 0 to 255. Received: {array.dtype}")
    return array.astype(np.uint8)


def _elements(tensor: Tensor, limits: Limits) -> Sequence[bytes]:
    """Those of a BYTES tensor: base64 in JSON (an address is plain text), as they are elsewhere."""
    data = tensor.data
    elements = data if isinstance(data, list) else _taken_apart(data, limits.frames)
    if tensor.shape != (len(elements),):
        raise Refused(f"expected {tensor.name} of shape [{len(elements)}]. Received: {shown(list(tensor.shape))}")
    check(limits, len(elements), 1, 1, 1)
    return [_bytes(element, plain=tensor.name == VIDEO_URI) for element in elements]


def _bytes(element: Any, *, plain: bool) -> bytes:
    if isinstance(element, bytes):
        return element
    if not isinstance(element, str):
        raise Refused(f"expected a BYTES element as text. Received: {type(element).__name__}")
    return element.encode("utf-8", "replace") if plain else from_base64(element)


def _taken_apart(data: bytes, most: int) -> list[bytes]:
    """Elements of a binary BYTES tensor: each its length in four bytes, little endian, then its content."""
    found: list[bytes] = []
    position = 0
    while position < len(data) and len(found) <= most:
        try:
            (length,) = struct.unpack_from("<I", data, position)
        except struct.error:
            length = len(data)
        start, position = position + 4, position + 4 + length
        if position > len(data):
            raise Refused("expected BYTES as four bytes of length and so many of content. Received: less content")
        found.append(bytes(data[start:position]))
    return found


def _pictures(elements: Sequence[bytes], gathering: Gathering) -> tuple[np.ndarray, ...]:
    headers = [pictures.size_of(element) for element in elements]
    if len(set(headers)) > 1:
        other = next(size for size in headers if size != headers[0])
        raise Refused(f"expected frames of one size in a request, {list(headers[0])}. Received: {list(other)}")
    gathering.foresee(len(headers), *headers[0])
    for element in elements:
        gathering.add(pictures.decode(element))
    return gathering.frames()


def _video(data: bytes, gathering: Gathering) -> Clip:
    fps = video.decode(data, lambda height, width: gathering.foresee(1, height, width), gathering.add)
    return Clip(gathering.frames(), fps)


def _fetched(address: bytes, fetch: Fetch | None) -> bytes:
    if fetch is None:
        raise Refused("expected a server that takes addresses of videos, see --allow-uri. Received: an address")
    return fetch(address.decode("utf-8", "replace"))
