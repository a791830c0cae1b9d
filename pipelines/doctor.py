"""Is everything there that a profile needs? Each question with its answer and what to do about it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import BadInput
from pipelines.kubeflow.connection import FEW
from pipelines.profile import Profile

if TYPE_CHECKING:
    from components.cluster import Cluster

PROBE = "unforeseen-doctor"  # the one object that is written, and overwritten the next time


@dataclass(frozen=True)
class Finding:
    """One question."""

    what: str
    holds: bool | None  # None is not to be known from here
    found: str
    advice: str = ""  # where it does not hold


def examine(profile: Profile) -> Iterator[Finding]:
    """Asks everything, one after the other; what does not answer holds nothing else up for long."""
    yield _asked("Kubeflow Pipelines", lambda: _kfp(profile), "kfp.endpoint and kfp.auth; is the port forwarded?")
    yield _asked("MLflow", lambda: _mlflow(profile), "tracking_uri, and MLFLOW_TRACKING_USERNAME and _PASSWORD here")
    yield from _store(profile)
    try:
        from components.cluster import connect

        cluster = connect(profile.namespace, FEW)
    except BadInput as e:
        yield Finding("Kubernetes", False, str(e), "KUBECONFIG, or run this in a pod")
        return
    yield from _cluster(profile, cluster)


def _asked(what: str, question: Callable[[], str], advice: str) -> Finding:
    try:
        return Finding(what, True, question())
    except BadInput as e:
        return Finding(what, False, str(e), advice)


def _kfp(profile: Profile) -> str:
    from pipelines.kubeflow.connection import Connection

    connection = Connection(profile, FEW)
    namespace = connection.namespace()
    return f"{connection.host}, {f'namespace {namespace}' if namespace else 'for one user'}"


def _mlflow(profile: Profile) -> str:
    from components.registry.connection import connect, without_password

    if not profile.tracking_uri.startswith(("http://", "https://")):
        raise BadInput(f"expected tracking_uri as http(s)://... for a cluster. Received: {profile.tracking_uri!r}")
    connect(profile.tracking_uri)
    return without_password(profile.tracking_uri)


def _store(profile: Profile) -> Iterator[Finding]:
    from components.storage import open_store
    from components.storage.patience import Patience

    address, advice = f"s3://{profile.store.bucket}", "store.endpoint and store.bucket, and AWS_ACCESS_KEY_ID and so on"

    def opened() -> Any:
        endpoint, region = profile.store.endpoint, profile.store.region
        return open_store(f"{address}/{PROBE}", endpoint, region, Patience((0.5,)))[0]

    def read() -> str:
        next(iter(opened().list("")), None)
        return address

    def written() -> str:
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / PROBE
            file.write_text("written by unforeseen doctor\n")
            opened().put(file, PROBE)
        return f"{address}/{PROBE}"

    reading = _asked("bucket, reading", read, advice)
    yield reading
    if reading.holds:  # or else a store that makes buckets by itself would make one of a misspelt name
        yield _asked("bucket, writing", written, f"{advice}; the key needs the right to put objects")


def _cluster(profile: Profile, cluster: Cluster) -> Iterator[Finding]:
    from components.cluster import EXPERIMENT, INFERENCE_SERVICE, needs, survey

    where = f"namespace {cluster.namespace}"
    try:
        for kind, who in ((EXPERIMENT, "Katib"), (INFERENCE_SERVICE, "KServe")):
            name = f"{kind.plural}.{kind.group}/{kind.version}"
            yield Finding(f"{who}'s kinds", survey.serves(cluster, kind), name, f"install {who} in the cluster")
        refused = [need for need in needs.STEPS if not survey.allowed(cluster, need)]
        yield Finding(f"rights in {where}", not refused, _rights(refused), "apply manifests/base, or ask an admin")
        if profile.gpu.count:
            yield _pool(profile, survey.accelerators(cluster, profile.gpu.resource, profile.gpu.node_selector))
        yield _quota(profile, survey.left(cluster))
    except BadInput as e:
        yield Finding("Kubernetes", False, str(e), "KUBECONFIG; is the API reachable from here?")


def _rights(refused: list[Any]) -> str:
    if not refused:
        return "all that the steps need"
    return "; ".join(
        f"no {need.verb} of {need.resource}{'/' * bool(need.subresource)}{need.subresource}" for need in refused
    )


def _pool(profile: Profile, nodes: list[int] | None) -> Finding:
    gpu, what = profile.gpu, f"nodes with {profile.gpu.resource}"
    if nodes is None:
        return Finding(what, None, "nodes may not be listed from here", "ask an admin: kubectl describe nodes")
    fitting = [count for count in nodes if count >= gpu.count]
    advice = "gpu.node_selector, the device plugin; a pool that scales from zero has no node yet"
    return Finding(what, bool(fitting), f"{len(fitting)} of {len(nodes)} nodes have {gpu.count} or more", advice)


def _quota(profile: Profile, left: dict[str, float] | None) -> Finding:
    """Of the largest step: one at a time runs."""
    from components.cluster.survey import quantity

    if left is None:
        return Finding("quota", None, "quotas may not be looked at from here", "ask an admin: kubectl describe quota")
    steps = [getattr(profile.steps, name) for name in profile.steps.__dataclass_fields__]
    wanted = {
        "requests.cpu": max(quantity(step.cpu) for step in steps),
        "requests.memory": max(quantity(step.memory) for step in steps),
        "limits.memory": max(quantity(step.memory) for step in steps),
        f"requests.{profile.gpu.resource}": float(profile.gpu.count),
        "pods": 2.0,  # a step and its driver
    }
    unit = {name: 2.0**30 for name in wanted if name.endswith("memory")}  # bytes in a GiB
    short = [
        f"{name}: {left[name] / unit.get(name, 1):g} left, {need / unit.get(name, 1):g} needed"
        for name, need in wanted.items()
        if left.get(name, need) < need
    ]
    return Finding("quota", not short, "; ".join(short) or "room for the largest step", "wait, or a larger quota")
