"""A JPEG or a PNG as a frame; its size is read from its header before anything is decoded."""

from __future__ import annotations

import struct

import cv2
import numpy as np

from model.footage.decode import quiet
from serving.errors import Refused

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8"
NOT_SIZES = {0xC4, 0xC8, 0xCC}  # of 0xC0 to 0xCF, where the other markers carry the size
BARE = {0x01, *range(0xD0, 0xD8)}  # markers without a length


def size_of(data: bytes) -> tuple[int, int]:
    """Height and width in pixels, as the header says.

    Raises:
        Refused: neither JPEG nor PNG, or a header that is broken.
    """
    try:
        if data[:8] == PNG and data[12:16] == b"IHDR":
            width, height = struct.unpack_from(">II", data, 16)
            return height, width
        if data[:2] == JPEG:
            return _jpeg_size(data)
    except struct.error:
        pass
    raise Refused(f"expected pictures as JPEG or PNG. Received: {len(data)} bytes of another kind")


def decode(data: bytes) -> np.ndarray:
    """The frame, `uint8 [H, W, C]`: C is 1 where the picture is grey, else 3 (RGB).

    Raises:
        Refused: OpenCV cannot decode it, or not to its end.
    """
    quiet()
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYCOLOR)
    except cv2.error:
        picture = None
    if picture is None:
        raise Refused(f"expected a whole picture. Received: {len(data)} bytes, truncated or damaged")
    if picture.ndim == 2:
        return np.asarray(picture[..., np.newaxis])
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))


def encode(values: np.ndarray) -> bytes:
    """A heat map `float32 [H, W]` as a grey PNG: 255 is twice the threshold and more, 127 is an alarm."""
    grey = np.clip(np.nan_to_num(values) * 127.5, 0, 255).astype(np.uint8)
    there, data = cv2.imencode(".png", grey)
    assert there
    return data.tobytes()


def _jpeg_size(data: bytes) -> tuple[int, int]:
    position = 2
    while True:
        (lead, marker) = struct.unpack_from(">BB", data, position)
        if lead != 0xFF:
            raise struct.error
        if marker == 0xFF:  # fill
            position += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in NOT_SIZES:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return height, width
        (length,) = (0,) if marker in BARE else struct.unpack_from(">H", data, position + 2)
        if marker not in BARE and length < 2:
            raise struct.error
        position += 2 + length
