"""An InferenceService brought to a version: applied, waited for, tried with a clip, and put back where that fails."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from components.cluster.cluster import Cluster
from components.cluster.resource import INFERENCE_SERVICE, Resource, condition
from model.errors import BadInput, RunFailed

MODEL, VERSION, DIGEST = "unforeseen/model", "unforeseen/version", "unforeseen/digest"  # annotations
STORAGE = "STORAGE_URI"
CONTAINER = "kserve-container"
LOG_LINES = 20

Say = Callable[[str], None]


def filled(service: Resource, model: str, version: str, uri: str, canary_uri: str = "") -> Resource:
    """The document with the detector's place in it, and annotations by which the next one knows what serves.

    Args:
        service: an InferenceService whose containers have an empty STORAGE_URI.
        model: registered name.
        version: of the model.
        uri: of the detector's directory.
        canary_uri: of the challenger's, where the document has a canary.

    Raises:
        BadInput: the document has no place for it.
    """
    made = json.loads(json.dumps(service))  # a copy in which nothing is shared: YAML's aliases would be
    try:
        _storage(made["spec"]["predictor"])["value"] = uri
        for canary in made["spec"].get("canary", []):
            _storage(canary["predictor"])["value"] = canary_uri
    except (KeyError, IndexError, TypeError, StopIteration) as e:
        raise BadInput(f"expected an InferenceService whose first containers have {STORAGE}. Received: none") from e
    digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()
    metadata = made["metadata"]
    metadata["annotations"] = metadata.get("annotations", {}) | {MODEL: model, VERSION: version, DIGEST: digest}
    return dict(made)


def _storage(pod: dict[str, Any]) -> dict[str, Any]:
    return next(entry for entry in pod["containers"][0]["env"] if entry["name"] == STORAGE)


def roll_out(cluster: Cluster, wanted: Resource, smoke: Callable[[list[str]], None], seconds: float, say: Say) -> bool:
    """Brings the service to what is wanted, or leaves it as it was.

    Args:
        cluster: where.
        wanted: by `filled`.
        smoke: tries the service at one of the addresses; raises RunFailed where it does not do what it should.
        seconds: to become ready, at most.
        say: takes progress lines.

    Returns:
        Whether anything had to be done.

    Raises:
        RunFailed: it did not become ready, or did not answer; what was there before serves again.
        BadInput: the service of another model has that name, or the cluster refuses.
    """
    name, live = wanted["metadata"]["name"], cluster.get(INFERENCE_SERVICE, wanted["metadata"]["name"])
    _check_owner(name, live, wanted)
    if live and _annotation(live, DIGEST) == _annotation(wanted, DIGEST) and _is_ready(live):
        say(f"{name}: version {_annotation(wanted, VERSION)} serves already")
        return False
    try:
        applied = cluster.apply(INFERENCE_SERVICE, wanted)
        say(f"{name}: applied, version {_annotation(wanted, VERSION)}")
        ready = cluster.wait(INFERENCE_SERVICE, name, _done(applied), describe, seconds, say)
        smoke(addresses(ready))
    except RunFailed as e:
        _show_logs(cluster, name, say)
        raise RunFailed(f"{e}. {_roll_back(cluster, name, live)}") from e
    return True


def addresses(service: Resource) -> list[str]:
    """Where it can be asked: inside the cluster, then from outside."""
    status = service.get("status", {})
    return [url for url in (status.get("address", {}).get("url"), status.get("url")) if url]


def describe(service: Resource) -> str:
    """Its state in a few words."""
    ready, loading = condition(service, "Ready"), service.get("status", {}).get("modelStatus", {})
    if ready and ready.holds:
        return "ready"
    words = [loading.get("transitionStatus", ""), ready.reason if ready else "", ready.message if ready else ""]
    return ", ".join(filter(None, words)) or "not seen by KServe yet"


def _done(applied: Resource) -> Callable[[Resource], bool]:
    """Whether it is ready; a load that failed ends the waiting, unless it is the one from before."""
    before = applied.get("status", {}).get("modelStatus")

    def done(service: Resource) -> bool:
        loading = service.get("status", {}).get("modelStatus", {})
        if loading.get("transitionStatus") in ("BlockedByFailedLoad", "InvalidSpec") and loading != before:
            why = loading.get("lastFailureInfo", {}).get("message", loading["transitionStatus"])
            name = service["metadata"]["name"]
            raise RunFailed(f"{name}: expected the detector to load. Received: {' '.join(why.split())}")
        return _is_ready(service)

    return done


def _is_ready(service: Resource) -> bool:
    ready = condition(service, "Ready")
    return bool(ready and ready.holds)


def _roll_back(cluster: Cluster, name: str, before: Resource | None) -> str:
    if before is None:
        cluster.delete(INFERENCE_SERVICE, name)
        return "There was none before, and there is none now"
    kept = {key: before["metadata"][key] for key in ("name", "annotations", "labels") if key in before["metadata"]}
    body = {"apiVersion": before["apiVersion"], "kind": before["kind"], "metadata": kept, "spec": before["spec"]}
    cluster.apply(INFERENCE_SERVICE, body)
    return f"Rolled back to version {_annotation(before, VERSION)}"


def _check_owner(name: str, live: Resource | None, wanted: Resource) -> None:
    if live and _annotation(live, MODEL) != _annotation(wanted, MODEL):
        owner = _annotation(live, MODEL) or "nobody's that deploy knows"
        raise BadInput(f"{name}: expected a service of {_annotation(wanted, MODEL)}. Received: one of {owner}")


def _show_logs(cluster: Cluster, name: str, say: Say) -> None:
    try:
        found = cluster.logs(f"serving.kserve.io/inferenceservice={name}", CONTAINER, LOG_LINES)
    except BadInput as e:  # without them the reason still stands
        say(str(e))
        return
    for pod, text in found.items():
        for line in text.splitlines():
            say(f"{pod}: {line}")


def _annotation(service: Resource, name: str) -> str:
    return str(service["metadata"].get("annotations", {}).get(name, ""))
