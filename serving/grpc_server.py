"""gRPC: KServe's service, with our own way through requests to score."""

from __future__ import annotations

import logging
import math
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc import StatusCode, aio
from kserve.errors import ModelNotFound
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc as stubs
from kserve.protocol.grpc.servicer import InferenceServicer
from kserve.protocol.model_repository_extension import ModelRepositoryExtension

from serving import encode
from serving.call import Call, outputs_of
from serving.decode import Tensor
from serving.errors import Full, Refused
from serving.messages import Answer
from serving.parameters import read as read_parameters
from serving.parameters import shown
from serving.rest import REQUEST_ID
from serving.service import Asked, Service
from serving.sizes import BODY

log = logging.getLogger(__name__)


def server(service: Service) -> aio.Server:
    """Not listening yet; belongs to the running event loop."""
    options = [
        ("grpc.max_receive_message_length", BODY),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),
    ]
    found = aio.server(interceptors=(Refusals(),), options=options)
    stubs.add_GRPCInferenceServiceServicer_to_server(Servicer(service), found)
    return found


class Servicer(InferenceServicer):
    """KServe's servicer, but for what is scored; models are not loaded and unloaded by whoever calls."""

    def __init__(self, service: Service) -> None:
        super().__init__(service.plane, ModelRepositoryExtension(service.cameras))
        self._service = service

    async def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802 the protocol's name
        """Scores frames."""
        visit = self._service.visit()
        visit.take(request.ByteSize())
        metadata = dict(context.invocation_metadata() or ())
        asked = Asked(
            "grpc",
            request.model_name,
            partial(read, request),
            partial(write, request.model_name),
            request.ByteSize(),
            str(metadata.get(REQUEST_ID) or request.id or uuid.uuid4().hex)[:128],
        )
        response = await self._service.answer(asked, visit)
        self._service.metrics.response_bytes.labels("grpc").inc(response.ByteSize())
        return response

    async def RepositoryModelLoad(self, request: Any, context: Any) -> Any:  # noqa: N802 the protocol's name
        """Not offered."""
        await context.abort(StatusCode.UNIMPLEMENTED, "models are loaded when they are asked for")

    RepositoryModelUnload = RepositoryModelLoad


class Refusals(aio.ServerInterceptor):
    """Refusals as status codes; what nobody foresaw is logged, and answered without its trace."""

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        """Wraps the method that is called."""
        method = await continuation(details)
        if method is None:
            return None
        return grpc.unary_unary_rpc_method_handler(
            partial(_answered, method.unary_unary),
            partial(_parsed, method.request_deserializer),
            method.response_serializer,
        )


def read(request: Any) -> Call:
    """The call in a message.

    Raises:
        Refused: anything else than the protocol and our metadata say.
    """
    if len(request.inputs) != 1:
        raise Refused(f"expected one input. Received: {len(request.inputs)}")
    given = request.inputs[0]
    parameters = read_parameters({name: _plain(value) for name, value in request.parameters.items()})
    names = outputs_of([output.name for output in request.outputs], parameters)
    tensor = Tensor(given.name, given.datatype, tuple(given.shape), _data(request))
    return Call(tensor, parameters, names, frozenset(names), request.id)


def write(model: str, call: Call, answer: Answer) -> Any:
    """The message of an answer, whose tensors are all binary."""
    found = encode.outputs(answer, call.outputs)
    return pb.ModelInferResponse(
        model_name=model,
        model_version=answer.detector,
        id=call.id,
        outputs=[_described(output) for output in found],
        raw_output_contents=[output.raw() for output in found],
    )


def _data(request: Any) -> Any:
    raw, contents = request.raw_input_contents, request.inputs[0].contents
    if len(raw) > 1 or (raw and request.inputs[0].HasField("contents")):
        raise Refused("expected either contents or one of raw_input_contents. Received: more")
    if raw:
        return raw[0]
    return list(contents.bytes_contents) or list(contents.uint_contents)


def _plain(parameter: Any) -> Any:
    """REST brings values of Python; here they come in protobuf's wrapping."""
    kind = parameter.WhichOneof("parameter_choice")
    return getattr(parameter, kind) if kind else None


def _described(output: encode.Output) -> Any:
    parameters = {name: pb.InferParameter(string_param=value) for name, value in output.parameters.items()}
    return pb.ModelInferResponse.InferOutputTensor(
        name=output.name, datatype=output.datatype, shape=output.shape, parameters=parameters
    )


def _parsed(deserialize: Callable[[bytes], Any], data: bytes) -> Any:
    """A message, or why it is none: raised here, it would be an internal error."""
    try:
        return deserialize(data)
    except DecodeError as e:
        return e


async def _answered(method: Callable[[Any, Any], Any], request: Any, context: Any) -> Any:
    if isinstance(request, DecodeError):
        await context.abort(StatusCode.INVALID_ARGUMENT, f"expected a message of the protocol. Received: {request}")
    try:
        return await method(request, context)
    except Refused as e:
        log.info("refused", extra={"reason": str(e)})
        trailer = (("retry-after", str(max(1, math.ceil(e.retry_after)))),) if isinstance(e, Full) else ()
        await context.abort(StatusCode[e.code], str(e), trailer)
    except ModelNotFound as e:
        await context.abort(StatusCode.NOT_FOUND, f"expected the name of a model. Received: {shown(str(e))}")
    except aio.AbortError:
        raise
    except Exception:
        log.exception("failed")
        await context.abort(StatusCode.INTERNAL, "the server failed, and its log says why")
