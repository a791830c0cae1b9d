"""What a model takes and gives, in the protocol's words."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from serving import decode, encode
from serving.engine import Description
from serving.limits import Limits
from serving.messages import BOX, CATEGORY, EVIDENCE, HEAT_MAP, STATE
from serving.parameters import KNOWN, NAMES
from serving.sizes import BODY

ANY = -1  # a side of a shape that requests choose


def inputs(described: Description) -> list[dict[str, Any]]:
    """The inputs, one of which a request brings; frames may have any size and 1 or 3 channels."""
    shapes = {decode.FRAMES: [ANY, ANY, ANY, ANY], decode.PICTURES: [ANY], decode.VIDEO: [1], decode.VIDEO_URI: [1]}
    return [_tensor(name, decode.DATATYPES[name], shape) for name, shape in shapes.items()]


def outputs(described: Description) -> list[dict[str, Any]]:
    """The outputs: one row a frame; of `opened` and `closed` one a event."""
    shapes = {
        EVIDENCE: [ANY, len(described.evidence)],
        HEAT_MAP: [ANY, described.height, described.width],
        BOX: [ANY, 4],
        STATE: [1],
    }
    names = [name for name in encode.DATATYPES if name != CATEGORY or described.classes]
    return [_tensor(name, encode.DATATYPES[name], shapes.get(name, [ANY])) for name in names]


def facts(described: Description, limits: Limits) -> dict[str, Any]:
    """What the protocol has no field for."""
    return {
        **asdict(described),
        "missing": "scores of warm-up frames are null in JSON and NaN in binary tensors; warm says which they are",
        "inputs": f"one of {', '.join(decode.DATATYPES)}; frames of any size",
        "default_outputs": encode.DEFAULT,
        "extras": NAMES,
        "request_parameters": KNOWN,
        "limits": {
            "body_bytes": BODY,
            "frames": limits.frames,
            "frame_pixels": limits.pixels,
            "decoded_bytes": limits.request_bytes,
            "requests_at_once": limits.waiting,
        },
    }


def _tensor(name: str, datatype: str, shape: list[int]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape}
