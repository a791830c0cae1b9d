"""V2 over HTTP, with binary tensors both ways."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx

from model.errors import BadInput
from serving.client.patience import Busy
from serving.client.tensors import Input, Output

HEADER_LENGTH = "inference-header-content-length"
TIMEOUT = httpx.Timeout(60, connect=5)  # seconds
BUSY = (429, 502, 503, 504)


class Rest:
    """Of one server, whose connections are kept."""

    def __init__(self, server: str) -> None:
        self._client = httpx.Client(base_url=server, timeout=TIMEOUT)

    def models(self) -> list[str]:
        """The names that can be asked for."""
        return list(self._answer("GET", "/v2/models").json()["models"])

    def describe(self, model: str) -> dict[str, Any]:
        """What the metadata says beside inputs and outputs."""
        return dict(self._answer("GET", f"/v2/models/{model}").json()["parameters"])

    def infer(self, model: str, given: Input, parameters: Mapping[str, Any]) -> tuple[list[Output], str]:
        """The answer's tensors, and the version of the detector.

        Raises:
            Busy: full, loading or away.
            BadInput: the server refuses the request.
        """
        raw = given.raw()
        size = {"binary_data_size": len(raw)}
        tensor = {"name": given.name, "datatype": given.datatype, "shape": given.shape, "parameters": size}
        head = json.dumps({"inputs": [tensor], "parameters": {**parameters, "binary_data_output": True}}).encode()
        headers = {HEADER_LENGTH: str(len(head)), "content-type": "application/octet-stream"}
        response = self._answer("POST", f"/v2/models/{model}/infer", content=head + raw, headers=headers)
        return _read(response.content, int(response.headers[HEADER_LENGTH]))

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def _answer(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            response = self._client.request(method, path, **request)
        except httpx.TransportError as e:
            raise Busy(f"{self._client.base_url}: {type(e).__name__}, {e}") from e
        if response.status_code in BUSY:
            raise Busy(_reason(response), _seconds(response.headers.get("retry-after")))
        if response.status_code != 200:
            raise BadInput(_reason(response))
        return response


def _read(content: bytes, length: int) -> tuple[list[Output], str]:
    head, position, outputs = json.loads(content[:length]), length, []
    for row in head["outputs"]:
        parameters = row["parameters"]
        end = position + parameters.pop("binary_data_size")
        outputs.append(Output(row["name"], row["datatype"], tuple(row["shape"]), content[position:end], parameters))
        position = end
    return outputs, str(head["model_version"])


def _reason(response: httpx.Response) -> str:
    """The server's own sentence, where it gave one."""
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code} from {response.request.url.copy_with(query=None, userinfo=b'')}"


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isdigit() else None
