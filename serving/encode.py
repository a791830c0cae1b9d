"""An answer as tensors, and tensors as JSON values or bytes."""

from __future__ import annotations

import base64
import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from model.decision import Event
from serving import pictures
from serving.errors import Refused
from serving.messages import BOX, CATEGORY, EVIDENCE, HEAT_MAP, STATE, Answer
from serving.parameters import HEAT_MAP_PNG, shown

DEFAULT = ("frame_index", "score", "alarm", "threshold", "warm", "opened", "closed")
DATATYPES = {
    "frame_index": "INT64",
    "score": "FP32",
    "alarm": "BOOL",
    "threshold": "FP32",
    "warm": "BOOL",
    "opened": "BYTES",
    "closed": "BYTES",
    EVIDENCE: "FP32",
    HEAT_MAP: "FP32",
    HEAT_MAP_PNG: "BYTES",
    BOX: "INT32",
    CATEGORY: "BYTES",
    STATE: "BYTES",
}
BINARY = (HEAT_MAP_PNG, STATE)  # BYTES that are no text
DTYPES = {"INT64": "<i8", "INT32": "<i4", "FP32": "<f4", "BOOL": "?"}


@dataclass(frozen=True)
class Output:
    """One tensor of an answer; the elements of a BYTES tensor are a list."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: np.ndarray | list[bytes]
    parameters: dict[str, str] = field(default_factory=dict)

    def raw(self) -> bytes:
        """As the binary extension and gRPC have it: little endian; BYTES with their lengths."""
        if isinstance(self.values, np.ndarray):
            return self.values.tobytes()
        return b"".join(len(element).to_bytes(4, "little") + element for element in self.values)

    def items(self) -> list[Any]:
        """As JSON has it: flat, null for what is not finite, BYTES as text, or in base64 where they are none."""
        if isinstance(self.values, np.ndarray):
            return plain(self.values.ravel())
        if self.name in BINARY:
            return [base64.b64encode(element).decode() for element in self.values]
        return [element.decode() for element in self.values]


def check_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names of outputs that a request asks for.

    Raises:
        Refused: one that no answer has.
    """
    for name in names:
        if name not in DATATYPES:
            raise Refused(f"expected outputs of {', '.join(DATATYPES)}. Received: {shown(name)}")
    return tuple(dict.fromkeys(names))


def outputs(answer: Answer, names: Sequence[str]) -> list[Output]:
    """The tensors that were asked for; none for what the detector does not have, such as a category."""
    found = []
    for name in names:
        values = _VALUES[name](answer)
        if values is None:
            continue
        if isinstance(values, np.ndarray):
            values = np.ascontiguousarray(values, DTYPES[DATATYPES[name]])
        shape = values.shape if isinstance(values, np.ndarray) else (len(values),)
        found.append(Output(name, DATATYPES[name], shape, values, _about(name, answer)))
    return found


def _about(name: str, answer: Answer) -> dict[str, str]:
    if name == EVIDENCE:
        return {"kinds": ",".join(answer.evidence)}
    if name in (HEAT_MAP, HEAT_MAP_PNG):
        return {"crop": ",".join(map(str, answer.crop))}
    return {}


def plain(values: np.ndarray) -> list[Any]:
    """Numbers of Python; None for what JSON has no number for."""
    listed: list[Any] = values.tolist()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return [value if math.isfinite(value) else None for value in listed]
    return listed


def event(found: Event) -> dict[str, Any]:
    """An event as JSON has it; indices are those of the stream, `last` is included."""
    return {**dataclasses.asdict(found), "evidence": _finite(dict(found.evidence)), "cause": found.cause}


def _finite(numbers: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in numbers.items()}


def _events(events: Sequence[Event]) -> list[bytes]:
    return [json.dumps(event(found), allow_nan=False).encode() for found in events]


def _evidence(answer: Answer) -> np.ndarray | None:
    return np.stack(list(answer.evidence.values()), axis=1) if answer.evidence else None


def _pngs(answer: Answer) -> list[bytes] | None:
    return None if answer.heat_maps is None else [pictures.encode(values) for values in answer.heat_maps]


def _boxes(answer: Answer) -> np.ndarray | None:
    return None if answer.boxes is None else np.array(answer.boxes, np.int32).reshape(-1, 4)


def _categories(answer: Answer) -> list[bytes] | None:
    return [name.encode() for name in answer.categories] or None


_VALUES: dict[str, Callable[[Answer], np.ndarray | list[bytes] | None]] = {
    "frame_index": lambda answer: answer.frame_index,
    "score": lambda answer: answer.scores,
    "alarm": lambda answer: answer.alarms,
    "threshold": lambda answer: answer.thresholds,
    "warm": lambda answer: answer.warm,
    "opened": lambda answer: _events(answer.opened),
    "closed": lambda answer: _events(answer.closed),
    EVIDENCE: _evidence,
    HEAT_MAP: lambda answer: answer.heat_maps,
    HEAT_MAP_PNG: _pngs,
    BOX: _boxes,
    CATEGORY: _categories,
    STATE: lambda answer: [answer.state] if answer.state else None,
}
