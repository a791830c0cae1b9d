"""V2 over gRPC."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict

from model.errors import BadInput
from serving.client.patience import Busy
from serving.client.tensors import Input, Output

SECONDS = 60.0  # for an answer
OPTIONS = (("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1))
KINDS = {bool: "bool_param", int: "int64_param"}


class Grpc:
    """Of one server, whose channel is kept."""

    def __init__(self, target: str, *, secure: bool) -> None:
        self._target, self._messages = target, _messages()
        credentials = grpc.ssl_channel_credentials() if secure else None
        open_channel = grpc.secure_channel if secure else grpc.insecure_channel
        self._channel = open_channel(target, *([credentials] if credentials else []), options=OPTIONS)
        self._infer = self._method("ModelInfer")
        self._describe = self._method("ModelMetadata")

    def models(self) -> list[str]:
        """The protocol has no list of them."""
        raise BadInput(f"expected the name of a model, which gRPC does not tell. Received: {self._target} alone")

    def describe(self, model: str) -> dict[str, Any]:
        """Nothing: the protocol's message has no field for what stands beside inputs and outputs."""
        self._answer(self._describe, self._messages.ModelMetadataRequest(name=model))
        return {}

    def infer(self, model: str, given: Input, parameters: Mapping[str, Any]) -> tuple[list[Output], str]:
        """The answer's tensors, and the version of the detector.

        Raises:
            Busy: full, loading or away.
            BadInput: the server refuses the request.
        """
        m = self._messages
        tensor = m.ModelInferRequest.InferInputTensor(name=given.name, datatype=given.datatype, shape=given.shape)
        request = m.ModelInferRequest(model_name=model, inputs=[tensor], raw_input_contents=[given.raw()])
        for name, value in parameters.items():
            kind = KINDS.get(type(value), "string_param")  # the protocol has no field for fractions
            setattr(request.parameters[name], kind, value if kind in KINDS.values() else str(value))
        response = self._answer(self._infer, request)
        pairs = zip(response.outputs, response.raw_output_contents, strict=True)
        return [_output(found, raw) for found, raw in pairs], str(response.model_version)

    def close(self) -> None:
        """Ends the channel."""
        self._channel.close()

    def _method(self, name: str) -> Any:
        return self._channel.unary_unary(
            f"/inference.GRPCInferenceService/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=getattr(self._messages, f"{name}Response").FromString,
        )

    def _answer(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=SECONDS)
        except grpc.RpcError as e:
            call: Any = e
            after = dict(call.trailing_metadata() or ()).get("retry-after")
            if after or call.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                raise Busy(f"{self._target}: {call.details()}", float(after) if after else None) from e
            raise BadInput(f"{call.details()}") from e


def _output(found: Any, raw: bytes) -> Output:
    parameters = {name: value["stringParam"] for name, value in MessageToDict(found).get("parameters", {}).items()}
    return Output(found.name, found.datatype, tuple(found.shape), raw, parameters)


@cache
def _messages() -> ModuleType:
    """KServe's generated messages, without the rest of KServe, which takes seconds to import."""
    package = importlib.util.find_spec("kserve")
    assert package
    assert package.origin
    path = Path(package.origin).parent / "protocol" / "grpc" / "grpc_predict_v2_pb2.py"
    spec = importlib.util.spec_from_file_location("kserve_messages", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
