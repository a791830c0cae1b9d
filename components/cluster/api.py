"""Requests to the Kubernetes API in plain data; what is in the way is raised as `kubernetes.client.ApiException`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import urllib3
from urllib3.exceptions import HTTPError

from components.cluster.resource import Resource

ANSWER = (5, 60)  # seconds to connect, and between two pieces of an answer
WATCH_SECONDS = 300  # after which the API is to end a watch, and another begins
GONE = 410


class Event(NamedTuple):
    """What a watch brings: ADDED, MODIFIED, DELETED, BOOKMARK or ERROR."""

    kind: str
    version: str  # to go on from; "" has to be read anew
    resource: Resource


class Api:
    """Over a `kubernetes.client.ApiClient`, which knows address, credentials and retries."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.host = client.configuration.host

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Resource | None = None,
        content: str = "application/json",
        patience: tuple[float, float] = ANSWER,
    ) -> urllib3.BaseHTTPResponse:
        """The answer, unread."""
        response, _, _ = self._client.call_api(
            path,
            method,
            query_params=list((query or {}).items()),
            header_params={"Accept": "application/json, */*", "Content-Type": content},
            body=body,
            auth_settings=["BearerToken"],
            _preload_content=False,
            _request_timeout=patience,
        )
        return response

    def json(self, method: str, path: str, **request: Any) -> Resource:
        """The answer, read."""
        return dict(json.loads(self.ask(method, path, **request).data))

    def json_unless(self, status: int, method: str, path: str, **request: Any) -> Resource | None:
        """The answer, or None where it has that status."""
        from kubernetes.client import ApiException

        try:
            return self.json(method, path, **request)
        except ApiException as e:
            if e.status == status:
                return None
            raise

    def watch(self, path: str, field_selector: str, version: str, seconds: float) -> Iterator[Event]:
        """The changes since a version, until the API or the network ends the watch; it may be after no time at all."""
        from kubernetes.client import ApiException

        limit = max(1, min(WATCH_SECONDS, round(seconds)))
        query = {"watch": "true", "allowWatchBookmarks": "true", "fieldSelector": field_selector}
        query |= {"resourceVersion": version, "timeoutSeconds": str(limit)}
        try:
            response = self.ask("GET", path, query, patience=(ANSWER[0], limit + 5))
        except ApiException as e:
            if e.status != GONE:
                raise
            yield Event("ERROR", "", {})
            return
        try:
            yield from map(_event, _lines(response))
        except HTTPError:
            return  # broken off
        finally:
            response.close()


def _event(line: bytes) -> Event:
    data = json.loads(line)
    found = data["object"]
    return Event(data["type"], found.get("metadata", {}).get("resourceVersion", ""), found)


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Whole lines; what a broken connection left of one is dropped."""
    rest = b""
    for chunk in response.stream(amt=None, decode_content=False):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from filter(None, lines)
