"""Servers between the client and the real one, which refuse or break off the first requests as a test asks."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import grpc
import httpx
from web_server import listening

LOST = -1  # the request arrives, its answer does not
Faults = list[tuple[int, str]]  # status and Retry-After; 0 breaks the connection off


@contextmanager
def http(url: str, faults: Faults, *others: str) -> Iterator[str]:
    """Passes on what is left of the requests; if a server is gone it breaks off, and the next is asked."""
    servers = [url, *others]

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, retry_after = faults.pop(0) if faults else (200, "")
            if status in (0, *range(400, 600)):
                return self.fail(status, retry_after)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            try:
                answer = client.request(self.command, servers[0] + self.path, content=body, headers=headers)
            except httpx.TransportError:
                servers.pop(0)
                return self.fail(0, "")
            if status == LOST:
                return self.fail(0, "")
            return self.send(answer.status_code, dict(answer.headers), answer.content)

        def fail(self, status: int, retry_after: str) -> None:
            if not status:
                return self.connection.shutdown(2)
            headers = {"retry-after": retry_after} if retry_after else {}
            return self.send(status, headers, b'{"error": "as the test asked"}')

        def send(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    with httpx.Client(timeout=60) as client, listening(Handler) as address:
        yield address


@contextmanager
def rpc(
    target: str, faults: list[tuple[grpc.StatusCode, str]], certificate: tuple[bytes, Path] | None = None
) -> Iterator[str]:
    """The same for gRPC: a code, and Retry-After in the trailer; with a certificate over TLS, as a gateway does it."""
    with grpc.insecure_channel(target) as channel, ThreadPoolExecutor(2) as threads:

        class Handler(grpc.GenericRpcHandler):
            def service(self, details: Any) -> Any:
                real = channel.unary_unary(details.method)

                def answer(request: bytes, context: Any) -> Any:
                    if faults:
                        code, retry_after = faults.pop(0)
                        context.set_trailing_metadata((("retry-after", retry_after),) if retry_after else ())
                        context.abort(code, "as the test asked")
                    return real(request)

                return grpc.unary_unary_rpc_method_handler(answer)

        server = grpc.server(threads)
        server.add_generic_rpc_handlers((Handler(),))
        if certificate:
            pair = certificate[0], certificate[1].read_bytes()
            port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
        else:
            port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(0).wait()
