"""What a request says beside its frames, checked; every road brings the same names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any

from model import config
from model.errors import BadInput
from serving.errors import Refused
from serving.messages import EXTRAS, HEAT_MAP, Place

HEAT_MAP_PNG = "heat_map_png"
NAMES = (*sorted(EXTRAS), HEAT_MAP_PNG)
LONGEST_ID = 128  # characters
SHOWN = 60  # characters of what was received

Index = Annotated[int | None, config.Limit("of at least 0 and below 2^53", lambda x: x is None or 0 <= x < 1 << 53)]
Rate = Annotated[float | None, config.Limit("over 0 and at most 1000", lambda x: x is None or 0 < x <= 1000)]


@dataclass(frozen=True)
class Parameters:
    """Of one request; see `Place` and `Request` for what they mean.

    Attributes:
        extras: names joined by commas, of `NAMES`.
        state: in base64.
        binary_data_output: answer REST with binary tensors, as the protocol's extension has it.
    """

    sequence_id: str = ""
    frame_index: Index = None
    sequence_start: bool = False
    sequence_end: bool = False
    context_frames: config.Natural = 0
    fps: Rate = None
    hour: config.Hour = None
    extras: str = ""
    state: str = ""
    binary_data_output: bool = False

    @property
    def place(self) -> Place | None:
        """In a stream, where one is named."""
        if not self.sequence_id:
            return None
        return Place(self.sequence_id, self.frame_index, self.sequence_start, self.sequence_end)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The extras by name."""
        return tuple(filter(None, (name.strip() for name in self.extras.split(","))))


TEXTS = {"sequence_id", "extras", "state"}
KNOWN = [field.name for field in fields(Parameters)]


def read(given: Mapping[str, Any]) -> Parameters:
    """The parameters of a request; `sequence_id` may be a number, and a number or a flag may come as text.

    Raises:
        Refused: an unknown one, a wrong type, a value out of its limits, or two that contradict each other.
    """
    if not isinstance(given, Mapping):
        raise Refused(f"expected parameters as an object. Received: {type(given).__name__}")
    for name in given:
        if name not in KNOWN:
            raise Refused(f"expected parameters of {', '.join(KNOWN)}. Received: {shown(name)}")
    try:
        parsed = config.parse(Parameters, {name: _plain(name, value) for name, value in given.items()})
    except BadInput as e:
        raise Refused(shown(str(e), 300)) from e
    _check(parsed, given)
    return parsed


def engine_extras(names: tuple[str, ...]) -> frozenset[str]:
    """What the engine is asked for: it knows one kind of heat map."""
    return frozenset(HEAT_MAP if name == HEAT_MAP_PNG else name for name in names) & EXTRAS


def shown(value: Any, longest: int = SHOWN) -> str:
    """A value as it may stand in an answer: one short line."""
    text = value if isinstance(value, str) else repr(value)[: 2 * longest]
    line = "".join(sign if sign.isprintable() else "?" for sign in text[: longest + 1])
    return line if len(line) <= longest else f"{line[:longest]}..."


def _plain(name: str, value: Any) -> Any:
    if name == "sequence_id" and type(value) is int:
        return str(value)
    if name in TEXTS or not isinstance(value, str):
        return value
    try:
        plain = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return plain if isinstance(plain, (int, float)) else value


def _check(parsed: Parameters, given: Mapping[str, Any]) -> None:
    if len(parsed.sequence_id) > LONGEST_ID or not parsed.sequence_id.isprintable():
        expected = f"expected sequence_id of at most {LONGEST_ID} printable characters"
        raise Refused(f"{expected}. Received: {shown(parsed.sequence_id)}")
    if not parsed.sequence_id:
        for name in ("sequence_id", "frame_index", "sequence_start", "sequence_end", "state"):
            if name in given and given[name] is not None and given[name] is not False:
                raise Refused(f"expected a sequence_id that is not empty beside {name}. Received: none")
    for name in parsed.wanted:
        if name not in NAMES:
            raise Refused(f"expected extras of {', '.join(NAMES)}. Received: {shown(name)}")
