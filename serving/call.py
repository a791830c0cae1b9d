"""A request as every road reads it: one tensor, its parameters, and the outputs it asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serving import encode
from serving.decode import Tensor
from serving.errors import Refused
from serving.parameters import Parameters, shown


@dataclass(frozen=True)
class Call:
    """Read, but not decoded.

    Attributes:
        outputs: names, in the order of the answer.
        binary: of those, the ones that REST answers as binary tensors.
        id: of the client's, given back.
    """

    tensor: Tensor
    parameters: Parameters
    outputs: tuple[str, ...]
    binary: frozenset[str] = frozenset()
    id: str = ""


def outputs_of(asked: Sequence[str], parameters: Parameters) -> tuple[str, ...]:
    """What is answered: the names that were asked for, or the usual ones, and the extras.

    Raises:
        Refused: a name that no answer has.
    """
    return encode.check_names([*(asked or encode.DEFAULT), *parameters.wanted])


def typed(value: Any, kind: type, what: str) -> Any:
    """The value, if it is of that kind.

    Raises:
        Refused: it is not.
    """
    if not isinstance(value, kind):
        raise Refused(f"expected {what}. Received: {shown(type(value).__name__ if value is not None else 'none')}")
    return value
