"""A small client for custom resources in one namespace: what is asked of the API, and what is followed there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from components.cluster.api import Api
from components.cluster.faults import answering
from components.cluster.resource import Kind, Resource
from model.errors import BadInput, RunFailed

MANAGER = {"fieldManager": "unforeseen"}  # owns the fields that are written
RUN = "unforeseen/run"  # annotation: which run made it
APPLY = "application/apply-patch+yaml"
BAD_REQUEST, MISSING, THERE = 400, 404, 409


class Cluster:
    """Custom resources of one namespace.

    The API may be away or busy for about a minute; every method raises BadInput where it is away for longer, or
    refuses.
    """

    def __init__(self, client: Any, namespace: str, pause: float = 1.0) -> None:
        """Takes a `kubernetes.client.ApiClient`; `connect` makes both."""
        self.namespace = namespace
        self.api, self._pause = Api(client), pause

    def get(self, kind: Kind, name: str) -> Resource | None:
        """The object as it is now; None where there is none."""
        with self._answering(f"to read {kind.plural}/{name}"):
            return self.api.json_unless(MISSING, "GET", kind.path(self.namespace, name))

    def create(self, kind: Kind, body: Resource, run: str) -> Resource:
        """Makes an object, or takes over the one that the same run made already: a step that was tried again.

        Raises:
            BadInput: another run's object has that name.
        """
        name, metadata = body["metadata"]["name"], body["metadata"]
        metadata = metadata | {"annotations": metadata.get("annotations", {}) | {RUN: run}}
        body = {**body, "metadata": metadata}
        with self._answering(f"to create {kind.plural}/{name}"):
            made = self.api.json_unless(THERE, "POST", kind.path(self.namespace), query=MANAGER, body=body)
        if made:
            return made
        found = self.get(kind, name) or {"metadata": {}}
        owner = found["metadata"].get("annotations", {}).get(RUN, "none")
        if owner != run:
            raise BadInput(f"{kind.plural}/{name}: expected a name that is free, or of run {run}. Received: {owner}")
        return found

    def apply(self, kind: Kind, body: Resource) -> Resource:
        """Makes an object or changes it to what is given; fields that others set stay (server-side apply)."""
        name = body["metadata"]["name"]
        path, query = kind.path(self.namespace, name), {**MANAGER, "force": "true"}
        with self._answering(f"to apply {kind.plural}/{name}"):
            return self.api.json("PATCH", path, query=query, body=body, content=APPLY)

    def delete(self, kind: Kind, name: str) -> None:
        """Removes an object and what it made; one that is not there is no error."""
        with self._answering(f"to delete {kind.plural}/{name}"):
            query = {"propagationPolicy": "Background"}
            self.api.json_unless(MISSING, "DELETE", kind.path(self.namespace, name), query=query)

    def logs(self, selector: str, container: str, lines: int) -> dict[str, str]:
        """The last lines of every pod with these labels, by the pod's name; "" where it has not started.

        Args:
            selector: for example `serving.kserve.io/inferenceservice=lobby`.
            container: whose output it is.
            lines: at most so many of each.
        """
        pods = f"/api/v1/namespaces/{self.namespace}/pods"
        with self._answering(f"to show the logs of pods with {selector}"):
            found = self.api.json("GET", pods, query={"labelSelector": selector})["items"]
            paths = {pod["metadata"]["name"]: f"{pods}/{pod['metadata']['name']}/log" for pod in found}
            return {name: self._log(path, container, lines) for name, path in paths.items()}

    def _log(self, path: str, container: str, lines: int) -> str:
        from kubernetes.client import ApiException

        try:
            response = self.api.ask("GET", path, {"container": container, "tailLines": str(lines)})
        except ApiException as e:
            if e.status in (BAD_REQUEST, MISSING):  # not started, or gone meanwhile
                return ""
            raise
        return response.data.decode(errors="replace")

    def wait(
        self,
        kind: Kind,
        name: str,
        done: Callable[[Resource], bool],
        describe: Callable[[Resource], str],
        seconds: float,
        say: Callable[[str], None],
    ) -> Resource:
        """Follows an object until it is done, and gives its last state.

        Args:
            kind: of the object.
            name: its name.
            done: looks at the object; may raise RunFailed where it will never be.
            describe: the state in a few words; said whenever they change.
            seconds: at most so long.
            say: takes progress lines.

        Raises:
            RunFailed: it was not done in time, or was deleted.
        """
        words = "nothing"
        for state in self.states(kind, name, seconds):
            if state is None:
                raise RunFailed(f"{kind.plural}/{name}: expected it to stay until it is done. Received: a deletion")
            before, words = words, describe(state)
            if words != before:
                say(f"{name}: {words}")
            if done(state):
                return state
        raise RunFailed(f"{kind.plural}/{name}: expected it to be done in {seconds:g} seconds. Received: {words}")

    def states(self, kind: Kind, name: str, seconds: float) -> Iterator[Resource | None]:
        """The object as it is now and whenever it changes, None while it is not there; for so many seconds.

        A watch that breaks off goes on from the last state seen; where that is too old for the API, it is read anew.
        """
        path, only = kind.path(self.namespace), f"metadata.name={name}"
        end, version = time.monotonic() + seconds, ""
        with self._answering(f"to watch {kind.plural}/{name}"):
            while (left := end - time.monotonic()) > 0:
                if not version:
                    found = self.api.json("GET", path, query={"fieldSelector": only})
                    version = found["metadata"]["resourceVersion"]
                    yield next(iter(found["items"]), None)
                for event in self.api.watch(path, only, version, left):
                    version = event.version
                    if event.kind in ("ADDED", "MODIFIED", "DELETED"):
                        yield None if event.kind == "DELETED" else event.resource
                time.sleep(max(0.0, min(self._pause, end - time.monotonic())))

    def _answering(self, what: str) -> AbstractContextManager[None]:
        return answering(what, self.api.host)
