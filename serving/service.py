"""What the roads share: the detectors as KServe's models, a door that keeps the load bounded, one way to answer."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, NamedTuple

import kserve
from kserve.protocol.dataplane import DataPlane

from serving.call import Call
from serving.decode import Fetch, decode
from serving.describe import facts, inputs, outputs
from serving.engine import Engine
from serving.errors import Full, NotFound, Refused
from serving.limits import Limits
from serving.messages import Answer, Request
from serving.parameters import engine_extras, shown
from serving.sizes import BODY

log = logging.getLogger(__name__)
PLATFORM = "unforeseen"
RETRY_SECONDS = 1.0
BODIES = 4 * BODY  # bytes of all requests that are under way


class Asked(NamedTuple):
    """A request before it is read.

    Attributes:
        road: grpc, rest_v1 or rest_v2.
        read: makes the call out of it, in a worker thread.
        write: makes what is sent out of the answer, there too.
        bytes: of its body.
        id: for the logs.
    """

    road: str
    model: str
    read: Callable[[], Call]
    write: Callable[[Call, Answer], Any]
    bytes: int
    id: str


class Camera(kserve.Model):
    """One model as KServe knows it, with KServe's own metrics around the work of a worker thread."""

    def __init__(self, name: str, engine: Engine) -> None:
        super().__init__(name)
        self._engine = engine

    async def healthy(self) -> bool:
        """Whether a request would be answered at once."""
        return self._engine.ready(self.name)

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        """Waits for work that is under way; the event loop goes on meanwhile."""
        return await payload

    async def get_input_types(self) -> list[dict[str, Any]]:
        """For the metadata."""
        return inputs(await asyncio.to_thread(self._engine.describe, self.name))

    async def get_output_types(self) -> list[dict[str, Any]]:
        """For the metadata."""
        return outputs(await asyncio.to_thread(self._engine.describe, self.name))


class Cameras(kserve.ModelRepository):
    """KServe's view of the models that there are now."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.models: dict[str, Camera] = {}
        self._engine = engine

    def get_models(self) -> dict[str, Any]:
        """By name."""
        self.models = {name: self.models.get(name) or Camera(name, self._engine) for name in self._engine.models()}
        return self.models

    def get_model(self, name: str) -> Any:
        """None where there is no such model."""
        return self.models.get(name) or self.get_models().get(name)


class Plane(DataPlane):
    """KServe's data plane, which by itself calls a server ready whatever it does."""

    open = False  # from loaded to stopping

    def metadata(self) -> dict[str, Any]:
        """Of the server."""
        return {"name": PLATFORM, "version": version(PLATFORM), "extensions": ["binary_tensor_data"]}

    async def ready(self) -> bool:
        """For readiness probes."""
        return self.open


class Door:
    """Counts requests and their bytes; thread-safe."""

    def __init__(self, requests: int, size: int) -> None:
        self._most, self._most_bytes = requests, size
        self._inside = self._bytes = 0
        self._lock = threading.Lock()

    def enter(self, size: int) -> None:
        """Lets a request of that many bytes in.

        Raises:
            Full: there are too many.
        """
        with self._lock:
            if self._inside >= self._most or self._bytes + size > self._most_bytes:
                raise Full(
                    f"expected at most {self._most} requests at once; try again. Received: one more", RETRY_SECONDS
                )
            self._inside += 1
            self._bytes += size

    def leave(self, size: int) -> None:
        """Takes it out again."""
        with self._lock:
            self._inside -= 1
            self._bytes -= size


class Service:
    """Answers requests of any road; belongs to one event loop."""

    def __init__(self, engine: Engine, limits: Limits, fetch: Fetch | None = None) -> None:
        self._engine, self._limits, self._fetch = engine, limits, fetch
        self._door = Door(limits.waiting, BODIES)
        self._workers = ThreadPoolExecutor(limits.waiting, thread_name_prefix="request")
        self.metrics = engine.metrics
        self.cameras = Cameras(engine)
        self.plane = Plane(self.cameras)

    async def answer(self, asked: Asked) -> Any:
        """What the road sends back.

        Raises:
            Refused: the request, or the moment, is not right.
        """
        with self._counted():
            camera = self.cameras.get_model(asked.model)
            if camera is None:
                raise NotFound(
                    f"expected a model of {', '.join(self._engine.models())}. Received: {shown(asked.model)}"
                )
            self._door.enter(asked.bytes)
        work = self._workers.submit(self._work, asked)
        work.add_done_callback(lambda _: self._door.leave(asked.bytes))  # not before, even if the client is gone
        result, _ = await camera(asyncio.wrap_future(work))
        return result

    async def describe(self, model_name: str) -> dict[str, Any]:
        """The metadata of a model, with what the protocol has no field for under `parameters`."""
        described = await self.plane.model_metadata(model_name)
        more = facts(await asyncio.to_thread(self._engine.describe, model_name), self._limits)
        return {**described, "platform": PLATFORM, "parameters": more}

    def close(self) -> None:
        """Finishes what is under way."""
        self._workers.shutdown()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Of what never comes to the engine, which counts its own."""
        try:
            yield
        except Refused as e:
            self.metrics.refused.labels(type(e).__name__.lower()).inc()
            raise

    def _work(self, asked: Asked) -> Any:
        begun = time.monotonic()
        with self._counted():
            call = asked.read()
            clip = decode(call.tensor, self._limits, self._fetch)
        given = call.parameters
        fps, extras = given.fps or clip.fps, engine_extras(call.outputs)
        request = Request(clip.frames, given.place, given.context_frames, fps, extras)
        answer = self._engine.score(asked.model, request, asked.id)
        written = asked.write(call, answer)
        log.info(
            "answered",
            extra={
                "model": asked.model,
                "request_id": asked.id,
                "sequence_id": given.sequence_id,
                "frames": len(clip.frames),
                "bytes": asked.bytes,
                "seconds": round(time.monotonic() - begun, 4),
            },
        )
        return written
