"""What the roads share: the detectors as KServe's models, a door that keeps the load bounded, one way to answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

from serving.admission import Admission, Visit
from serving.call import Call
from serving.cameras import PLATFORM, Camera, Cameras, Plane
from serving.decode import Fetch, decode, from_base64
from serving.describe import facts
from serving.engine import Engine
from serving.errors import NotFound, Refused
from serving.limits import Limits
from serving.messages import Answer, Request
from serving.parameters import engine_extras, shown

log = logging.getLogger(__name__)


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


class Service:
    """Answers requests of any road; belongs to one event loop."""

    def __init__(self, engine: Engine, limits: Limits, fetch: Fetch | None = None) -> None:
        self._engine, self._limits, self._fetch = engine, limits, fetch
        self._admission = Admission(limits, engine.metrics)
        self._workers = ThreadPoolExecutor(limits.waiting, thread_name_prefix="request")
        self.metrics = engine.metrics
        self.cameras = Cameras(engine)
        self.plane = Plane(self.cameras)

    def visit(self) -> Visit:
        """For a request that comes; whoever asks for it gives it to `answer`, or leaves."""
        return self._admission.visit()

    async def answer(self, asked: Asked, visit: Visit) -> Any:
        """What the road sends back.

        Raises:
            Refused: the request, or the moment, is not right.
        """
        try:
            camera = self._let_in(asked, visit)
        except Refused:
            visit.leave()
            raise
        work = self._workers.submit(self._work, asked, visit)
        work.add_done_callback(lambda _: visit.leave())  # not before, even if the client is gone
        result, _ = await camera(asyncio.wrap_future(work))
        return result

    def _let_in(self, asked: Asked, visit: Visit) -> Camera:
        with self._counted():
            camera: Camera | None = self.cameras.get_model(asked.model)
            if camera is None:
                raise NotFound(
                    f"expected a model of {', '.join(self._engine.models())}. Received: {shown(asked.model)}"
                )
            visit.enter()
        self.metrics.request_bytes.labels(asked.road).inc(asked.bytes)
        return camera

    async def describe(self, model_name: str) -> dict[str, Any]:
        """The metadata of a model, with what the protocol has no field for under `parameters`."""
        described = await self.plane.model_metadata(model_name)
        more = facts(await asyncio.to_thread(self._engine.describe, model_name), self._limits)
        return {**described, "platform": PLATFORM, "parameters": more}

    def close(self) -> None:
        """Finishes what is under way; new requests are told to go elsewhere."""
        self._admission.close()
        self._workers.shutdown()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Of what never comes to the engine, which counts its own."""
        try:
            yield
        except Refused as e:
            self.metrics.refused.labels(type(e).__name__.lower()).inc()
            raise

    def _work(self, asked: Asked, visit: Visit) -> Any:
        begun = time.monotonic()
        with self._counted():
            call = asked.read()
            given, state = call.parameters, from_base64(call.parameters.state)
            clip = decode(call.tensor, self._limits, visit.take, self._fetch)
        visit.begin(len(clip.frames))
        fps, extras = given.fps or clip.fps, engine_extras(call.outputs)
        request = Request(clip.frames, given.place, given.context_frames, fps, given.hour, extras, state)
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
