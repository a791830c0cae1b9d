"""A stand-in for the Kubernetes API on loopback: its paths, methods, versions and watches, and faults as a test asks.

What it answers follows the API's own conventions (resourceVersion, Status objects, chunked watches, server-side apply
by field manager); what controllers do is given by the test: a list of statuses for every object that is written.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Condition
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml
from web_server import listening

Object = dict[str, Any]
TOKEN = "of-a-service-account"


@dataclass
class Fault:
    """What the next request of a kind gets in place of an answer."""

    verb: str  # GET, POST, PATCH, DELETE, WATCH, LOG
    status: int = 0  # 0 breaks the connection off
    retry_after: str = ""
    after_events: int = 0  # of a watch, before it breaks off
    in_stream: bool = False  # of a watch: the status comes as an ERROR event


@dataclass
class KubeApi:
    url: str = ""
    objects: dict[str, Object] = field(default_factory=dict)  # by path
    forbidden: set[str] = field(default_factory=set)  # paths that may not be read
    denied: set[tuple[str, str]] = field(default_factory=set)  # verb, resource (or resource/subresource)
    pods: dict[str, dict[str, Any]] = field(default_factory=dict)  # name: labels, log
    faults: list[Fault] = field(default_factory=list)
    controller: Callable[[Object], list[Object]] = lambda written: []  # the statuses that follow a write
    history: list[tuple[int, str, str, Object]] = field(default_factory=list)  # version, event, path, object
    requests: list[str] = field(default_factory=list)  # "VERB /path"
    applied: dict[tuple[str, str], Object] = field(default_factory=dict)  # path, manager: what it owns
    compacted: int = 0  # versions up to it are too old to be watched from
    version: int = 100
    changed: Condition = field(default_factory=Condition)

    def kubeconfig(self, path: Path, namespace: str = "team") -> Path:
        """Writes the file by which a client finds this API."""
        context = {"cluster": "here", "user": "me", "namespace": namespace}
        path.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "here",
                    "clusters": [{"name": "here", "cluster": {"server": self.url}}],
                    "users": [{"name": "me", "user": {"token": TOKEN}}],
                    "contexts": [{"name": "here", "context": context}],
                }
            )
        )
        return path

    def write(self, path: str, written: Object) -> Object:
        """Stores a new state, then whatever the controller makes of it; gives what it was before that."""
        with self.changed:
            event = "MODIFIED" if path in self.objects else "ADDED"
            before = self.objects.get(path, {"metadata": {"uid": f"uid-{self.version}"}})
            generation = before["metadata"].get("generation", 0) + (written.get("spec") != before.get("spec"))
            metadata = written["metadata"] | {"uid": before["metadata"]["uid"], "generation": generation}
            self._record(event, path, {**written, "metadata": metadata})
            answer = self.objects[path]
            for status in self.controller(answer):
                self._record("MODIFIED", path, {**self.objects[path], "status": status})
            return answer

    def set_status(self, path: str, status: Object) -> None:
        """As a controller does, at any time."""
        with self.changed:
            self._record("MODIFIED", path, {**self.objects[path], "status": status})

    def delete(self, path: str) -> None:
        with self.changed:
            self._record("DELETED", path, self.objects[path])
            del self.objects[path]

    def _record(self, event: str, path: str, state: Object) -> None:
        self.version += 1
        state = copy.deepcopy(state)
        state["metadata"]["resourceVersion"] = str(self.version)
        self.objects[path] = state
        self.history.append((self.version, event, path, state))
        self.changed.notify_all()

    def fault(self, verb: str) -> Fault | None:
        for found in self.faults:
            if found.verb == verb:
                self.faults.remove(found)
                return found
        return None


def merged(live: Any, owned: Any, wanted: Any) -> Any:
    """Server-side apply: what the manager owned and no longer wants goes, what others set stays."""
    if not isinstance(wanted, dict) or not isinstance(live, dict):
        return copy.deepcopy(wanted)
    owned = owned if isinstance(owned, dict) else {}
    kept = {key: value for key, value in live.items() if key not in owned or key in wanted}
    return kept | {key: merged(live.get(key), owned.get(key), value) for key, value in wanted.items()}


@contextmanager
def serve() -> Iterator[KubeApi]:
    """Gives the API, empty."""
    api = KubeApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            watch = "watch=true" in self.path
            self.answer("WATCH" if watch else "LOG" if urlsplit(self.path).path.endswith("/log") else "GET")

        def do_POST(self) -> None:
            self.answer("POST")

        def do_PATCH(self) -> None:
            self.answer("PATCH")

        def do_DELETE(self) -> None:
            self.answer("DELETE")

        def answer(self, verb: str) -> None:
            parts = urlsplit(self.path)
            self.where, self.query = parts.path, dict(parse_qsl(parts.query))
            self.body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"null")
            api.requests.append(f"{verb} {self.where}")
            self.broken = api.fault(verb)
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self.refuse(401, "Unauthorized")
            if self.broken and verb != "WATCH":
                return self.fail(self.broken)
            return getattr(self, verb.lower())()

        def fail(self, fault: Fault) -> None:
            if not fault.status:
                self.close_connection = True
                return self.connection.shutdown(2)
            return self.refuse(fault.status, "as the test asked", fault.retry_after)

        def get(self) -> None:
            if self.where in api.forbidden:
                return self.refuse(403, f"{self.where} is forbidden")
            with api.changed:
                if self.where in api.objects:
                    return self.give(200, api.objects[self.where])
                if self.where.endswith("/pods"):
                    wanted = dict(pair.split("=") for pair in self.query["labelSelector"].split(","))
                    found = [name for name, pod in api.pods.items() if wanted.items() <= pod["labels"].items()]
                    return self.give(200, {"items": [{"metadata": {"name": name}} for name in found]})
                if "fieldSelector" not in self.query:
                    return self.refuse(404, f"{self.where} not found")
                path = f"{self.where}/{self.query['fieldSelector'].removeprefix('metadata.name=')}"
                items = [api.objects[path]] if path in api.objects else []
                return self.give(200, {"metadata": {"resourceVersion": str(api.version)}, "items": items})

        def log(self) -> None:
            pod = api.pods[self.where.split("/")[-2]]
            if pod["log"] is None:
                return self.refuse(400, "container is waiting to start: ContainerCreating")
            lines = pod["log"].splitlines()[-int(self.query["tailLines"]) :]
            return self.send(200, "\n".join(lines).encode(), {"Content-Type": "text/plain"})

        def review(self) -> None:
            wanted = self.body["spec"]["resourceAttributes"]
            resource = "/".join(filter(None, (wanted["resource"], wanted["subresource"])))
            return self.give(201, {"status": {"allowed": (wanted["verb"], resource) not in api.denied}})

        def post(self) -> None:
            if self.where.endswith("/selfsubjectaccessreviews"):
                return self.review()
            path = f"{self.where}/{self.body['metadata']['name']}"
            if path in api.objects:
                return self.refuse(409, f"{path} already exists")
            return self.give(201, api.write(path, self.body))

        def patch(self) -> None:
            if self.headers["Content-Type"] != "application/apply-patch+yaml":
                return self.refuse(415, "expected application/apply-patch+yaml")
            key, there = (self.where, self.query["fieldManager"]), api.objects.get(self.where)
            state = merged(there or {}, api.applied.get(key), self.body)
            api.applied[key] = self.body
            return self.give(200 if there else 201, api.write(self.where, state))

        def delete(self) -> None:
            if self.where not in api.objects:
                return self.refuse(404, f"{self.where} not found")
            api.delete(self.where)
            return self.give(200, {"kind": "Status", "status": "Success"})

        def watch(self) -> None:
            path = f"{self.where}/{self.query['fieldSelector'].removeprefix('metadata.name=')}"
            seen, fault = int(self.query["resourceVersion"]), self.broken
            if fault and fault.status and not fault.in_stream:
                return self.fail(fault)
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            if seen < api.compacted or (fault and fault.in_stream):
                self.event("ERROR", {"kind": "Status", "metadata": {}, "code": fault.status if fault else 410})
                return self.chunk(b"")
            self.follow(path, seen, fault)
            if not fault:
                self.chunk(b"")
            self.close_connection = True
            return None

        def follow(self, path: str, seen: int, fault: Fault | None) -> None:
            end, given = time.monotonic() + float(self.query["timeoutSeconds"]), 0
            while time.monotonic() < end:
                with api.changed:
                    news = [entry for entry in api.history if entry[0] > seen and entry[2] == path]
                    if not news and fault is None:
                        api.changed.wait(0.05)
                for version, event, _, state in news:
                    if fault and given == fault.after_events:
                        break
                    self.event(event, state)
                    seen, given = version, given + 1
                if fault:  # half an event, then nothing
                    self.chunk(b'{"type": "MODIFIED", "obj')
                    self.connection.shutdown(2)
                    return

        def event(self, kind: str, found: Object) -> None:
            self.chunk(json.dumps({"type": kind, "object": found}).encode() + b"\n")

        def chunk(self, data: bytes) -> None:
            with suppress(OSError):  # whoever watched has gone
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                self.wfile.flush()

        def give(self, status: int, data: Object) -> None:
            self.send(status, json.dumps(data).encode(), {"Content-Type": "application/json"})

        def refuse(self, status: int, message: str, retry_after: str = "") -> None:
            headers = {"Content-Type": "application/json"} | ({"Retry-After": retry_after} if retry_after else {})
            data = {"kind": "Status", "status": "Failure", "message": message, "code": status}
            self.send(status, json.dumps(data).encode(), headers)

        def send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

    with listening(Handler) as address:
        api.url = address
        yield api
