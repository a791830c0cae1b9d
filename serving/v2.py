"""Open Inference Protocol V2 over REST: JSON, or JSON and then binary tensors; answers the same way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from serving.call import Call, outputs_of, typed
from serving.decode import Tensor
from serving.encode import Output
from serving.errors import Refused
from serving.parameters import read as read_parameters
from serving.parameters import shown

HEADER_LENGTH = "inference-header-content-length"
KEYS = {"id", "parameters", "inputs", "outputs", "model_name", "model_version"}
INPUT_KEYS = {"name", "shape", "datatype", "data", "parameters"}
BINARY_SIZE, BINARY = "binary_data_size", "binary_data"


def read(body: bytes, header_length: str | None) -> Call:
    """The call in a request's body.

    Args:
        body: JSON, and after it the bytes of the tensor if `header_length` says where JSON ends.
        header_length: of the HTTP header.

    Raises:
        Refused: anything else than the protocol and our metadata say.
    """
    length = _length(header_length, len(body))
    request = json_object(body[:length])
    _known(request, KEYS, "a request")
    inputs = typed(request.get("inputs"), list, "inputs as a list")
    if len(inputs) != 1:
        raise Refused(f"expected one input. Received: {len(inputs)}")
    parameters = read_parameters(_optional(request, "parameters"))
    asked = [_asked(output) for output in typed(request.get("outputs") or [], list, "outputs as a list")]
    names = outputs_of([name for name, _ in asked], parameters)
    binary = {name for name, wanted in asked if wanted}
    return Call(
        _tensor(typed(inputs[0], dict, "an input as an object"), memoryview(body)[length:]),
        parameters,
        names,
        frozenset(names if parameters.binary_data_output else binary),
        typed(request.get("id") or "", str, "id as text"),
    )


def json_object(body: bytes) -> dict[str, Any]:
    """A JSON object.

    Raises:
        Refused: anything else.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as e:
        raise Refused(f"expected JSON. Received: {shown(str(e))}") from e
    return dict(typed(found, dict, "a JSON object"))


def write(name: str, version: str, call: Call, outputs: list[Output]) -> tuple[bytes, int | None]:
    """The body of an answer, and the length of the JSON in it where binary tensors follow."""
    described, tensors = [], []
    for output in outputs:
        row: dict[str, Any] = {"name": output.name, "datatype": output.datatype, "shape": output.shape}
        if output.name in call.binary:
            tensors.append(output.raw())
            row["parameters"] = {**output.parameters, BINARY_SIZE: len(tensors[-1])}
        else:
            row |= {"parameters": output.parameters} if output.parameters else {}
            row["data"] = output.items()
        described.append(row)
    head = orjson.dumps({"model_name": name, "model_version": version, "id": call.id, "outputs": described})
    return b"".join([head, *tensors]), len(head) if call.binary else None


def _length(header: str | None, most: int) -> int:
    if header is None:
        return most
    if not (header.isascii() and header.isdigit() and len(header) < 12 and int(header) <= most):
        raise Refused(f"expected {HEADER_LENGTH} of at most the body's {most} bytes. Received: {shown(header)}")
    return int(header)


def _tensor(given: dict[str, Any], binary: memoryview) -> Tensor:
    _known(given, INPUT_KEYS, "an input")
    shape = typed(given.get("shape"), list, "shape as a list")
    for side in shape:
        if type(side) is not int or not 0 <= side < 1 << 31:
            raise Refused(f"expected shape as whole numbers of at least 0. Received: {shown(side)}")
    parameters = _optional(given, "parameters")
    _known(parameters, {BINARY_SIZE}, "the parameters of an input")
    data: Any = given.get("data")
    if BINARY_SIZE in parameters:
        data = _binary(parameters[BINARY_SIZE], binary, data)
    elif len(binary):
        raise Refused(f"expected {BINARY_SIZE} for the bytes after JSON. Received: {len(binary)} bytes without")
    else:
        typed(data, list, "data as a list")
    name, datatype = (typed(given.get(key), str, f"{key} of an input as text") for key in ("name", "datatype"))
    return Tensor(name, datatype, tuple(shape), data)


def _binary(size: Any, binary: memoryview, data: Any) -> memoryview:
    if type(size) is not int or size != len(binary):
        raise Refused(f"expected {BINARY_SIZE} as the {len(binary)} bytes after JSON. Received: {shown(size)}")
    if data is not None:
        raise Refused(f"expected either data or {BINARY_SIZE}. Received: both")
    return binary


def _asked(output: Any) -> tuple[str, bool]:
    given = typed(output, dict, "an output as an object")
    _known(given, {"name", "parameters"}, "an output")
    parameters = _optional(given, "parameters")
    _known(parameters, {BINARY}, "the parameters of an output")
    wanted = typed(parameters.get(BINARY, False), bool, f"{BINARY} as true or false")
    return str(typed(given.get("name"), str, "name of an output as text")), bool(wanted)


def _optional(given: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = given.get(key)
    return {} if found is None else dict(typed(found, dict, f"{key} as an object"))


def _known(given: Mapping[str, Any], keys: set[str], what: str) -> None:
    for key in given:
        if key not in keys:
            raise Refused(f"expected {what} to hold {', '.join(sorted(keys))}. Received: {shown(key)}")
