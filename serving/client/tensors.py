"""Frames as the tensor of a request, and the tensors of an answer as an `Answer`."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from model.decision import Event
from model.errors import BadInput
from serving.messages import Answer

DTYPES = {"INT64": "<i8", "INT32": "<i4", "FP32": "<f4", "BOOL": "?"}


class Input(NamedTuple):
    """One tensor of a request."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    elements: list[bytes]  # one of raw values, or those of BYTES

    def raw(self) -> bytes:
        """As both protocols send it."""
        if self.datatype == "BYTES":
            return b"".join(struct.pack("<I", len(element)) + element for element in self.elements)
        return self.elements[0]


@dataclass(frozen=True)
class Output:
    """One tensor of an answer, still raw."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    raw: bytes
    parameters: Mapping[str, str] = field(default_factory=dict)

    def values(self) -> Any:
        """An array, or a list of bytes."""
        if self.datatype == "BYTES":
            return list(_elements(self.raw))
        return np.frombuffer(self.raw, DTYPES[self.datatype]).reshape(self.shape)


def input_of(frames: Sequence[np.ndarray], jpeg: int | None) -> Input:
    """Frames `uint8 [H, W, C]` as they are, or as JPEG of a quality.

    Raises:
        BadInput: no frames, or not of one size and type.
    """
    shapes = {(frame.shape, frame.dtype) for frame in frames}
    if len(shapes) != 1 or any(len(shape) != 3 or dtype != np.uint8 for shape, dtype in shapes):
        raise BadInput(f"expected frames as uint8 [H, W, C] of one size. Received: {sorted(map(str, shapes))}")
    if jpeg is None:
        return Input("frames", "UINT8", (len(frames), *frames[0].shape), [np.stack(frames).tobytes()])
    return Input("pictures", "BYTES", (len(frames),), [_jpeg(frame, jpeg) for frame in frames])


def answer_of(outputs: Sequence[Output], version: str) -> Answer:
    """What was sent, as the server had it."""
    found = {output.name: output for output in outputs}
    values = {name: output.values() for name, output in found.items()}
    heat = found.get("heat_map") or found.get("heat_map_png")
    kinds = found["evidence"].parameters["kinds"].split(",") if "evidence" in found else []
    return Answer(
        frame_index=values["frame_index"],
        scores=values["score"],
        alarms=values["alarm"],
        thresholds=values["threshold"],
        warm=values["warm"],
        evidence={kind: values["evidence"][:, number] for number, kind in enumerate(kinds)},
        heat_maps=_heat_maps(heat) if heat else None,
        crop=_crop(heat.parameters["crop"]) if heat else Answer.crop,
        boxes=tuple(tuple(box) for box in values["box"].tolist()) if "box" in values else None,
        categories=tuple(name.decode() for name in values.get("category", [])),
        opened=tuple(map(_event, values.get("opened", []))),
        closed=tuple(map(_event, values.get("closed", []))),
        detector=version,
        state=values["state"][0] if "state" in values else b"",
    )


def _heat_maps(output: Output) -> np.ndarray:
    """In thresholds `float32 [T, h, w]`; as pictures they end at two."""
    values = output.values()
    if isinstance(values, np.ndarray):
        return values
    import cv2

    pictures = [np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)) for data in values]
    return np.stack(pictures).astype(np.float32) / np.float32(127.5)


def _crop(text: str) -> tuple[float, float, float, float]:
    top, bottom, left, right = map(float, text.split(","))
    return top, bottom, left, right


def _jpeg(frame: np.ndarray, quality: int) -> bytes:
    import cv2

    picture = frame[..., ::-1] if frame.shape[2] == 3 else frame  # OpenCV's order is blue, green, red
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return encoded.tobytes()


def _elements(raw: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(raw):
        (length,) = struct.unpack_from("<I", raw, position)
        yield raw[position + 4 : position + 4 + length]
        position += 4 + length


def _event(text: bytes) -> Event:
    data = json.loads(text)
    data.pop("cause")  # follows from the evidence
    return Event.restore(data)
