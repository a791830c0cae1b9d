"""A clip through a service that has just begun: does it answer, with the right detector?"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import httpx

from model.errors import RunFailed

HEIGHT, WIDTH = 48, 64  # pixels; preprocessing takes any size
MORE_FRAMES = 4  # than the warm-up has
PAUSE = 1.0  # seconds between two tries


def send_clip(addresses: list[str], version: str, seconds: float, say: Callable[[str], None]) -> None:
    """Sends frames until the detector answers that should; older pods may still answer for a while.

    Args:
        addresses: of the service; the first one that can be reached from here is taken.
        version: what the detector must call itself.
        seconds: at most so long.
        say: takes a line of progress.

    Raises:
        RunFailed: no answer, another version, or scores that are no numbers after warm-up.
    """
    end, said = time.monotonic() + seconds, ""
    with httpx.Client(timeout=30) as client:
        while True:
            for address in addresses:
                said = _try(client, f"{address.rstrip('/')}/v2/models", version)
                if not said:
                    say(f"a clip went through {address}, version {version}")
                    return
            if time.monotonic() > end:
                raise RunFailed(f"expected scores of version {version} from {' or '.join(addresses)}. Received: {said}")
            time.sleep(PAUSE)


def _try(client: httpx.Client, models: str, version: str) -> str:
    """What is wrong; "" where nothing is."""
    try:
        (model,) = client.get(models).raise_for_status().json()["models"]
        described = client.get(f"{models}/{model}").raise_for_status().json()
        frames = described["parameters"]["warm_up_frames"] + MORE_FRAMES
        answer = client.post(f"{models}/{model}/infer", json=_clip(frames))
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as e:
        return f"{type(e).__name__}: {e}"
    return _fault(answer, version, frames)


def _fault(answer: httpx.Response, version: str, frames: int) -> str:
    if answer.status_code != 200:
        return f"HTTP {answer.status_code}, {answer.text[:200]}"
    body = answer.json()
    if body.get("model_version") != version:
        return f"version {body.get('model_version')}"
    scores: list[Any] = next((output["data"] for output in body["outputs"] if output["name"] == "score"), [])
    warm = scores[frames - MORE_FRAMES :]
    if len(scores) != frames or not all(isinstance(score, float) and math.isfinite(score) for score in warm):
        return f"scores {scores}"
    return ""


def _clip(frames: int) -> dict[str, Any]:
    """A brightness that runs across the picture: not one value, and the same every time."""
    row = [[(4 * column + 8 * frame) % 256 for column in range(WIDTH)] for frame in range(frames)]
    data = [value for frame in row for _ in range(HEIGHT) for value in frame]
    return {"inputs": [{"name": "frames", "datatype": "UINT8", "shape": [frames, HEIGHT, WIDTH, 1], "data": data}]}
