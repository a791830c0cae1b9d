"""REST: V1 and V2 on one port. KServe's data plane answers who is ready; requests to score have our own routes."""

from __future__ import annotations

import asyncio
import logging
import math
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from kserve.errors import ModelNotFound, ModelNotReady, ServerNotReady
from kserve.protocol.rest.v1_endpoints import V1Endpoints
from kserve.protocol.rest.v2_endpoints import V2Endpoints
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from serving import encode, openapi, v1, v2
from serving.admission import Visit
from serving.call import Call
from serving.errors import Full, Loading, Refused, TooLarge
from serving.messages import Answer
from serving.parameters import shown
from serving.service import Asked, Service
from serving.sizes import BODY

log = logging.getLogger(__name__)
REQUEST_ID = "x-request-id"
BODY_SECONDS = 60.0  # for a body to arrive
RELOAD_SECONDS = 5  # until a detector that is being loaded is asked for again
JSON, BINARY = "application/json", "application/octet-stream"


def application(service: Service) -> FastAPI:
    """The routes, and what is answered where something is wrong."""
    app = FastAPI(title="Unforeseen", version="2", docs_url=None, redoc_url=None, description=openapi.ABOUT)
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    one, two = V1Endpoints(service.plane), V2Endpoints(service.plane)
    for path, endpoint in {
        "/": service.plane.live,
        "/v1/models": one.models,
        "/v1/models/{model_name}": one.model_ready,
        "/v2": two.metadata,
        "/v2/health/live": two.live,
        "/v2/health/ready": two.ready,
        "/v2/models": two.models,
        "/v2/models/{model_name}/ready": one.model_ready,  # that of V2 fails where a version is asked for
    }.items():
        app.add_api_route(path, endpoint, methods=["GET"], response_model=None, responses=openapi.REFUSALS)
    app.add_api_route("/v2/models/{model_name}", service.describe, methods=["GET"], responses=openapi.REFUSALS)
    app.add_api_route("/metrics", partial(_metrics, service), methods=["GET"], include_in_schema=False)
    for path, road, reply, schema in (
        ("/v1/models/{model_name}:predict", "rest_v1", _predict, openapi.V1),
        ("/v2/models/{model_name}/infer", "rest_v2", _infer, openapi.V2),
    ):
        route = _route(service, road, reply)
        app.add_api_route(path, route, methods=["POST"], openapi_extra=schema, responses=openapi.REFUSALS)
    return app


Reply = Callable[[Request, str, bytes], tuple[Callable[[], Call], Callable[[Call, Answer], Response]]]


def _route(service: Service, road: str, reply: Reply) -> Callable[..., Any]:
    async def score(model_name: str, request: Request) -> Response:
        visit = service.visit()
        try:
            body = await _body(request, visit)
        except BaseException:
            visit.leave()
            raise
        read, write = reply(request, model_name, body)
        asked = Asked(road, model_name, read, write, len(body), _id(request))
        response: Response = await service.answer(asked, visit)
        response.headers[REQUEST_ID] = asked.id
        service.metrics.response_bytes.labels(road).inc(len(response.body))
        return response

    score.__name__ = road
    return score


def _infer(request: Request, model: str, body: bytes) -> tuple[Callable[[], Call], Callable[[Call, Answer], Response]]:
    def write(call: Call, answer: Answer) -> Response:
        found = encode.outputs(answer, call.outputs)
        content, length = v2.write(model, answer.detector, call, found)
        headers = {} if length is None else {v2.HEADER_LENGTH: str(length)}
        return Response(content, headers=headers, media_type=JSON if length is None else BINARY)

    return partial(v2.read, body, request.headers.get(v2.HEADER_LENGTH)), write


def _predict(
    request: Request, model: str, body: bytes
) -> tuple[Callable[[], Call], Callable[[Call, Answer], Response]]:
    def write(call: Call, answer: Answer) -> Response:
        return Response(v1.write(call, answer), media_type=JSON)

    return partial(v1.read, body, request.headers.get("content-type", "")), write


async def _body(request: Request, visit: Visit) -> bytes:
    """All of it, or a refusal before it is read whole."""
    said = request.headers.get("content-length", "0")
    if said.isdigit() and int(said) > BODY:
        raise TooLarge(f"expected a body of at most {BODY} bytes. Received: {shown(said)}")
    chunks, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > BODY:
                    raise TooLarge(f"expected a body of at most {BODY} bytes. Received: more")
                visit.take(len(chunk))
                chunks.append(chunk)
    except TimeoutError as e:
        raise Refused(f"expected the body within {BODY_SECONDS:.0f} s. Received: {size} bytes") from e
    return b"".join(chunks)


def _id(request: Request) -> str:
    """The client's own, or a new one."""
    given = request.headers.get(REQUEST_ID, "")
    if not hasattr(request.state, "id"):
        request.state.id = given if 0 < len(given) <= 128 and given.isprintable() else uuid.uuid4().hex
    return str(request.state.id)


async def _metrics(service: Service) -> Response:
    return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _error(request: Request, status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    body = orjson.dumps({"error": text})
    return Response(body, status, {**(headers or {}), REQUEST_ID: _id(request)}, media_type=JSON)


async def _refused(request: Request, e: Any) -> Response:
    log.info("refused", extra={"request_id": _id(request), "reason": str(e)})
    wait = {Full: getattr(e, "retry_after", 0), Loading: RELOAD_SECONDS}.get(type(e))
    return _error(request, e.status, str(e), None if wait is None else {"Retry-After": str(max(1, math.ceil(wait)))})


async def _not_found(request: Request, e: Any) -> Response:
    return _error(request, 404, f"expected the name of a model, see /v2/models. Received: {shown(str(e))}")


async def _not_ready(request: Request, e: Any) -> Response:
    return _error(request, 503, str(e), {"Retry-After": "1"})


async def _http(request: Request, e: Any) -> Response:
    return _error(request, e.status_code, f"{e.detail}: {shown(request.method)} {shown(request.url.path)}", e.headers)


async def _gone(request: Request, e: Any) -> Response:
    return Response(status_code=400)  # nobody reads it


async def _failed(request: Request, e: Any) -> Response:
    """Nobody foresaw it; the trace goes to the log only."""
    log.error("failed", exc_info=e, extra={"request_id": _id(request)})
    return _error(request, 500, f"the server failed, and its log says why. Request: {_id(request)}")


_HANDLERS: dict[Any, Any] = {
    Refused: _refused,
    ModelNotFound: _not_found,
    ModelNotReady: _not_ready,
    ServerNotReady: _not_ready,
    HTTPException: _http,
    ClientDisconnect: _gone,
    Exception: _failed,
}
