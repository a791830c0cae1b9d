"""Many clients at once, that together ask for more than a server can give."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import numpy as np

HEALTH = "/v2/health/ready"


@dataclass
class Tally:
    """What came of it."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: int = 0  # accepted answers with other scores
    broken: int = 0  # connections that ended without an answer
    health: list[float] = field(default_factory=list)  # seconds
    resident: list[int] = field(default_factory=list)  # bytes of the server, as often


@dataclass(frozen=True)
class Request:
    """One that every client sends over and over.

    Attributes:
        content: of a V2 request with binary tensors both ways, which asks for `score` only.
        length: of the JSON in it.
        scores: the right ones, `float32 [T]`.
    """

    path: str
    content: bytes
    length: int
    scores: np.ndarray


def of_clip(model: str, frames: np.ndarray, scores: np.ndarray) -> Request:
    """A clip `uint8 [T, H, W, C]` and what a detector says of it."""
    tensor = {"name": "frames", "datatype": "UINT8", "shape": frames.shape}
    head = json.dumps(
        {
            "inputs": [{**tensor, "parameters": {"binary_data_size": frames.nbytes}}],
            "outputs": [{"name": "score", "parameters": {"binary_data": True}}],
        }
    ).encode()
    return Request(f"/v2/models/{model}/infer", head + frames.tobytes(), len(head), scores)


def right(request: Request, answer: httpx.Response) -> bool:
    """Whether the scores are those."""
    length = int(answer.headers["inference-header-content-length"])
    found = np.frombuffer(answer.content[length:], "<f4")
    return len(found) == len(request.scores) and np.allclose(found, request.scores, rtol=0, atol=1e-5, equal_nan=True)


async def capacity(url: str, request: Request, clients: int, seconds: float) -> float:
    """Requests/s that are answered when a few clients ask again as soon as they have their answer."""
    tally, end = Tally(), time.monotonic() + seconds
    async with _client(url, clients) as client:
        await asyncio.gather(*(_ask(client, request, tally, end, 0.0) for _ in range(clients)))
    return tally.statuses[200] / seconds


async def crowd(
    url: str, request: Request, clients: int, seconds: float, rate: float, resident: Callable[[], int]
) -> Tally:
    """So many clients that together send `rate` requests/s, while another one asks for the server's health.

    Args:
        resident: gives the server's memory in bytes.
    """
    tally, end = Tally(), time.monotonic() + seconds
    async with _client(url, clients) as client, _client(url, 1) as apart:
        await asyncio.gather(
            *(_ask(client, request, tally, end, clients / rate, delay=n / rate) for n in range(clients)),
            _watch(apart, tally, end, resident),
        )
    return tally


def _client(url: str, connections: int) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.AsyncClient(base_url=url, limits=limits, timeout=120)


async def _ask(
    client: httpx.AsyncClient, request: Request, tally: Tally, end: float, pause: float, delay: float = 0.0
) -> None:
    headers = {"inference-header-content-length": str(request.length)}
    await asyncio.sleep(delay)
    while (begun := time.monotonic()) < end:
        try:
            answer = await client.post(request.path, content=request.content, headers=headers)
        except httpx.TransportError:
            tally.broken += 1
        else:
            tally.statuses[answer.status_code] += 1
            tally.wrong += answer.status_code == 200 and not right(request, answer)
        await asyncio.sleep(max(0.0, begun + pause - time.monotonic()))


async def _watch(client: httpx.AsyncClient, tally: Tally, end: float, resident: Callable[[], int]) -> None:

    while (begun := time.monotonic()) < end:
        assert (await client.get(HEALTH)).status_code == 200
        tally.health.append(time.monotonic() - begun)
        tally.resident.append(resident())
        await asyncio.sleep(0.2)
