"""A stand-in for the API of Kubeflow Pipelines on loopback: its paths, its JSON, its refusals.

Paths and fields are those of the installed kfp_server_api: a body with a field that its model does not have is
refused, as the real server does. What becomes of a run is given by the test, one state for every look.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import kfp_server_api as models
from web_server import listening

API = "/apis/v2beta1"
ROUTES = {  # method and path, as in kfp_server_api: what answers
    ("GET", "/healthz"): "health",
    ("GET", "/pipelines/names/{name}"): "pipeline",
    ("POST", "/pipelines"): "create_pipeline",
    ("GET", "/pipelines/{pipeline_id}/versions"): "versions",
    ("POST", "/pipelines/upload_version"): "upload_version",
    ("GET", "/experiments"): "experiments",
    ("POST", "/experiments"): "create_experiment",
    ("POST", "/runs"): "create_run",
    ("GET", "/runs"): "runs",
    ("GET", "/runs/{run_id}"): "run",
    ("POST", "/runs/{run_id}:terminate"): "terminate",
    ("GET", "/recurringruns"): "recurring_runs",
    ("POST", "/recurringruns"): "create_recurring_run",
    ("POST", "/recurringruns/{recurring_run_id}:disable"): "disable",
    ("POST", "/recurringruns/{recurring_run_id}:enable"): "enable",
    ("DELETE", "/recurringruns/{recurring_run_id}"): "delete_recurring_run",
}
Object = dict[str, Any]


@dataclass
class KfpApi:
    url: str = ""
    multi_user: bool = False
    header: tuple[str, str] | None = None  # that every request must have
    refuse: list[tuple[str, int]] = field(default_factory=list)  # method and status of the next answers to it
    pipelines: list[Object] = field(default_factory=list)
    uploaded: list[Object] = field(default_factory=list)  # versions
    made: list[Object] = field(default_factory=list)  # experiments
    started: list[Object] = field(default_factory=list)  # runs
    recurring: list[Object] = field(default_factory=list)
    states: list[Object] = field(default_factory=list)  # of any run, one for each look; the last one stays
    requests: list[str] = field(default_factory=list)  # "METHOD /path"


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def checked(kind: str, body: Object) -> Object:
    """The body, if every field is one of the model's."""
    model = getattr(models, kind)
    fields = {name: model.openapi_types[attribute] for attribute, name in model.attribute_map.items()}
    if unknown := set(body) - set(fields):
        raise Refused(400, f"unknown field {sorted(unknown)[0]} in {kind}")
    for name, value in body.items():
        inner = getattr(models, fields[name], None)
        if hasattr(inner, "openapi_types") and inner.openapi_types:
            checked(fields[name], value)
    return body


def filtered(query: dict[str, str], found: list[Object]) -> list[Object]:
    for predicate in json.loads(query.get("filter", "{}")).get("predicates", []):
        assert predicate["operation"] == 1  # EQUALS
        found = [one for one in found if one[predicate["key"]] == predicate["stringValue"]]
    return found


class Answers:
    """One method for each route."""

    def __init__(self, api: KfpApi, query: dict[str, str], raw: bytes, names: dict[str, str]) -> None:
        self.api, self.query, self.raw, self.names = api, query, raw, names

    def body(self, kind: str) -> Object:
        return checked(kind, json.loads(self.raw))

    def _one_user(self, namespace: str | None) -> None:
        if self.api.multi_user != bool(namespace):
            words = "Missing namespace" if self.api.multi_user else "In single-user mode, cannot filter by namespace"
            raise Refused(400, f"Invalid input error: {words}")

    def _find(self, found: list[Object], key: str) -> Object:
        for one in found:
            if one[key] == self.names[key]:
                return one
        raise Refused(404, f"ResourceNotFoundError: {key} {self.names[key]} not found")

    def health(self) -> Object:
        return {"multi_user": self.api.multi_user, "pipeline_store": "database"}

    def pipeline(self) -> Object:
        self._one_user(self.query.get("namespace"))
        return self._find(self.api.pipelines, "name")

    def create_pipeline(self) -> Object:
        body = self.body("V2beta1Pipeline") | {"pipeline_id": "pipeline-1"}
        self.api.pipelines.append(body)
        return body

    def versions(self) -> Object:
        return {"pipeline_versions": filtered(self.query, self.api.uploaded)}

    def upload_version(self) -> Object:
        assert b'name="uploadfile"; filename="pipeline.yaml"' in self.raw
        name = self.query["name"]
        if any(one["display_name"] == name for one in self.api.uploaded):
            raise Refused(409, f"Already exist error: The name {name} already exist")
        made = {"pipeline_version_id": f"version-{len(self.api.uploaded) + 1}", "display_name": name}
        self.api.uploaded.append(made | {"pipeline_id": self.query["pipelineid"]})
        return self.api.uploaded[-1]

    def experiments(self) -> Object:
        self._one_user(self.query.get("namespace"))
        return {"experiments": filtered(self.query, self.api.made)}

    def create_experiment(self) -> Object:
        made = self.body("V2beta1Experiment") | {"experiment_id": f"experiment-{len(self.api.made) + 1}"}
        self.api.made.append(made)
        return made

    def create_run(self) -> Object:
        made = self.body("V2beta1Run") | {"run_id": f"run-{len(self.api.started) + 1}"}
        self.api.started.append(made)
        return made

    def runs(self) -> Object:
        found = filtered(self.query, self.api.started)
        return {"runs": [one for one in found if one["experiment_id"] == self.query["experiment_id"]]}

    def run(self) -> Object:
        found = self._find(self.api.started, "run_id")
        states = self.api.states
        now = (states.pop(0) if len(states) > 1 else states[0]) if states else {}
        return {"state": "PENDING"} | found | now

    def terminate(self) -> Object:
        self._find(self.api.started, "run_id")["state"] = "CANCELING"
        return {}

    def recurring_runs(self) -> Object:
        return {"recurringRuns": filtered(self.query, self.api.recurring)}

    def create_recurring_run(self) -> Object:
        body = self.body("V2beta1RecurringRun")
        status = "ENABLED" if body["mode"] == "ENABLE" else "DISABLED"
        made = body | {"recurring_run_id": f"recurring-{len(self.api.requests)}", "status": status}
        self.api.recurring.append(made)
        return made

    def disable(self) -> Object:
        self._find(self.api.recurring, "recurring_run_id")["status"] = "DISABLED"
        return {}

    def enable(self) -> Object:
        self._find(self.api.recurring, "recurring_run_id")["status"] = "ENABLED"
        return {}

    def delete_recurring_run(self) -> Object:
        self.api.recurring.remove(self._find(self.api.recurring, "recurring_run_id"))
        return {}


def pattern(path: str) -> re.Pattern[str]:
    return re.compile(API + re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/:]+)", re.escape(path)))


@contextmanager
def serve() -> Iterator[KfpApi]:
    """Gives the API, empty."""
    api = KfpApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            """Quiet."""

        def answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = urlsplit(self.path)
            api.requests.append(f"{self.command} {parts.path}")
            try:
                self.give(200, self.found(parts.path, dict(parse_qsl(parts.query)), raw))
            except Refused as e:
                self.give(e.status, {"code": 3, "message": str(e), "error": str(e)})

        def found(self, path: str, query: dict[str, str], raw: bytes) -> Object:
            if api.refuse and api.refuse[0][0] == self.command:
                raise Refused(api.refuse.pop(0)[1], "as the test asked")
            if api.header and self.headers.get(api.header[0]) != api.header[1]:
                raise Refused(401, "Unauthenticated")
            for (method, template), name in ROUTES.items():
                match = pattern(template).fullmatch(unquote(path))
                if method == self.command and match:
                    return dict(getattr(Answers(api, query, raw, match.groupdict()), name)())
            raise Refused(404, f"{self.command} {path} is no path of the API")

        def give(self, status: int, data: Object) -> None:
            body = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = answer

    with listening(Handler) as address:
        api.url = address
        yield api
