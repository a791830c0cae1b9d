"""A real web server on loopback that breaks off, knows ranges or not, refuses and redirects, as a test asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Page:
    content: bytes
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    first_statuses: tuple[int, ...] = ()  # of the first requests, before the page itself is given
    break_after: tuple[int, ...] = ()  # bytes of the body after which the first answers to GET break off
    status: int = 200
    length: bool = True  # whether Content-Length is said
    head: bool = True  # whether HEAD is allowed


@dataclass
class Request:
    method: str
    path: str  # with the query
    headers: dict[str, str]  # names in lower case
    sent: int = 0  # bytes of the body


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a server on loopback that answers so."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def serve(pages: dict[str, Page]) -> Iterator[tuple[str, list[Request]]]:
    """Gives the server's address and the list of requests, which grows."""
    requests: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Quiet."""

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def answer(self) -> None:
            request = Request(self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
            requests.append(request)
            page = pages.get(self.path.partition("?")[0].rstrip("/"))
            if page is None:
                return self.plain(404)
            if page.first_statuses:
                status, page.first_statuses = page.first_statuses[0], page.first_statuses[1:]
                return self.plain(status)
            if self.command == "HEAD" and not page.head:
                return self.plain(405)
            start = self.start(page)
            self.send_response(206 if start else page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(page.content) - 1}/{len(page.content)}")
            if page.length:
                self.send_header("Content-Length", str(len(page.content) - start))
            self.end_headers()
            if self.command == "GET":
                self.body(page, start, request)
            return None

        def start(self, page: Page) -> int:
            asked = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0]
            version = self.headers.get("If-Range")
            return int(asked) if page.ranges and version in page.headers.values() else 0

        def body(self, page: Page, start: int, request: Request) -> None:
            content = page.content[start:]
            if page.break_after:
                end, page.break_after = page.break_after[0], page.break_after[1:]
                content = content[:end]
            request.sent = len(content)
            self.wfile.write(content)

        def plain(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with listening(Handler) as address:
        yield address, requests
