"""V1 over REST: `instances` in, `predictions` out, one a frame; or a video as a multipart form."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header

from serving import encode
from serving.call import Call, outputs_of, typed
from serving.decode import DATATYPES, FRAMES, PICTURES, VIDEO, VIDEO_URI, Tensor
from serving.encode import DEFAULT, Output
from serving.errors import Refused
from serving.messages import EVIDENCE, STATE, Answer
from serving.parameters import read as read_parameters
from serving.parameters import shown
from serving.v2 import json_object

FORM = "multipart/form-data"
BESIDE = {"opened", "closed", STATE}  # in an answer, the others are columns of the rows


def read(body: bytes, content_type: str) -> Call:
    """The call in a request's body, JSON or a form.

    Raises:
        Refused: anything else than `{"instances": [...], "parameters": {...}}`, or a form without a video.
    """
    if content_type.partition(";")[0].strip().lower() == FORM:
        fields = _form(body, content_type)
        video = fields.pop(VIDEO, None)
        if video is None:
            raise Refused(f"expected a form with a file called {VIDEO}. Received: {shown(', '.join(fields)) or 'none'}")
        return _call(
            Tensor(VIDEO, "BYTES", (1,), [video]), {k: v.decode("utf-8", "replace") for k, v in fields.items()}
        )
    request = json_object(body)
    for key in request:
        if key not in ("instances", "parameters"):
            raise Refused(f"expected instances and parameters. Received: {shown(key)}")
    instances = typed(request.get("instances"), list, "instances as a list")
    return _call(_tensor(instances), request.get("parameters") or {})


def write(call: Call, answer: Answer) -> bytes:
    """The body of an answer: a row a frame, and the events and the state beside them."""
    found = encode.outputs(answer, [name for name in call.outputs if name not in BESIDE])
    columns = {output.name: _column(output, answer) for output in found}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    events = {"opened": [encode.event(e) for e in answer.opened], "closed": [encode.event(e) for e in answer.closed]}
    state = {output.name: output.items()[0] for output in encode.outputs(answer, [STATE]) if STATE in call.outputs}
    return orjson.dumps({"predictions": rows, **events, **state})


def _call(tensor: Tensor, given: Any) -> Call:
    parameters = read_parameters(typed(given, dict, "parameters as an object"))
    return Call(tensor, parameters, outputs_of(DEFAULT, parameters))


def _tensor(instances: list[Any]) -> Tensor:
    """Pictures in base64, as text or as `{"b64": ...}`; or one video or its address; or frames as nested lists."""
    first = instances[0] if instances else None
    if isinstance(first, dict) and len(instances) == 1 and len(first) == 1:
        (key,) = first
        if key in (VIDEO, VIDEO_URI):
            return Tensor(key, DATATYPES[key], (1,), [first[key]])
    if isinstance(first, list):
        return Tensor(FRAMES, "UINT8", _shape(instances), instances)
    return Tensor(PICTURES, "BYTES", (len(instances),), [_text(instance) for instance in instances])


def _text(instance: Any) -> str:
    if isinstance(instance, dict) and list(instance) == ["b64"]:
        instance = instance["b64"]
    what = (
        f'instances of base64 text, {{"b64": ...}}, nested lists, or one {{"{VIDEO}": ...}} or {{"{VIDEO_URI}": ...}}'
    )
    return str(typed(instance, str, what))


def _shape(nested: Any) -> tuple[int, ...]:
    sides: list[int] = []
    while isinstance(nested, list) and len(sides) < 5:
        sides.append(len(nested))
        nested = nested[0] if nested else None
    return tuple(sides)


def _column(output: Output, answer: Answer) -> list[Any]:
    """One value a frame."""
    if output.name == EVIDENCE:
        kinds = [encode.plain(np.asarray(values)) for values in answer.evidence.values()]
        return [dict(zip(answer.evidence, row, strict=True)) for row in zip(*kinds, strict=True)]
    if isinstance(output.values, np.ndarray) and output.values.ndim > 1:
        return [values.tolist() for values in output.values]
    return output.items()


def _form(body: bytes, content_type: str) -> dict[str, bytes]:
    _, options = parse_options_header(content_type)
    fields: dict[str, bytes] = {}

    def on_field(field: Field) -> None:
        fields[(field.field_name or b"").decode("utf-8", "replace")] = field.value or b""

    def on_file(file: File) -> None:
        file.file_object.seek(0)
        fields[(file.field_name or b"").decode("utf-8", "replace")] = file.file_object.read()
        file.close()

    try:
        parser = FormParser(
            FORM, on_field, on_file, boundary=options.get(b"boundary"), config={"MAX_MEMORY_FILE_SIZE": len(body) + 1}
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as e:
        raise Refused(f"expected a form as {FORM}. Received: {shown(str(e))}") from e
    return fields
