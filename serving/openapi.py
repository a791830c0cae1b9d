"""What the OpenAPI document says of requests to score; the rest of it is made of the routes."""

from __future__ import annotations

from typing import Any

from serving.decode import DATATYPES
from serving.encode import DATATYPES as OUTPUTS
from serving.parameters import NAMES

ABOUT = "Frames of a fixed camera in, anomaly scores, alarms and events out: Open Inference Protocol V2, and V1."
ERROR = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
REASONS = {
    400: "the request is not as it should be",
    404: "no such model",
    413: "past a limit",
    429: "too many requests at once",
    503: "the model is being loaded",
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": reason, "content": {"application/json": {"schema": ERROR}}}
    for status, reason in REASONS.items()
}
PARAMETERS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "sequence_id": {"type": ["string", "integer"]},
        "frame_index": {"type": "integer", "minimum": 0},
        "sequence_start": {"type": "boolean"},
        "sequence_end": {"type": "boolean"},
        "context_frames": {"type": "integer", "minimum": 0},
        "fps": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000},
        "hour": {"type": "number", "minimum": 0, "exclusiveMaximum": 24},
        "extras": {"type": "string", "description": f"joined by commas: {', '.join(NAMES)}"},
        "state": {"type": "string", "description": "base64, of an earlier answer"},
        "binary_data_output": {"type": "boolean"},
    },
}
TENSOR = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "additionalProperties": False,
    "properties": {
        "name": {"enum": list(DATATYPES)},
        "datatype": {"enum": sorted(set(DATATYPES.values()))},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "data": {"type": "array", "description": "numbers from 0 to 255, or base64 text"},
        "parameters": {"type": "object", "properties": {"binary_data_size": {"type": "integer"}}},
    },
}
OUTPUT = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"enum": list(OUTPUTS)},
        "parameters": {"type": "object", "properties": {"binary_data": {"type": "boolean"}}},
    },
}
INFER = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": "string"},
        "parameters": PARAMETERS,
        "inputs": {"type": "array", "minItems": 1, "maxItems": 1, "items": TENSOR},
        "outputs": {"type": "array", "items": OUTPUT},
    },
}
PREDICT = {
    "type": "object",
    "required": ["instances"],
    "properties": {"instances": {"type": "array", "minItems": 1}, "parameters": PARAMETERS},
}
FORM = {
    "type": "object",
    "required": ["video"],
    "properties": {"video": {"type": "string", "format": "binary"}, **PARAMETERS["properties"]},  # type: ignore[dict-item]
}


def _body(**schemas: dict[str, Any]) -> dict[str, Any]:
    kinds = {"json": "application/json", "form": "multipart/form-data"}
    return {"requestBody": {"required": True, "content": {kinds[k]: {"schema": s} for k, s in schemas.items()}}}


V1 = _body(json=PREDICT, form=FORM)
V2 = _body(json=INFER)
