"""What a cluster has and allows, asked without changing anything."""

from __future__ import annotations

import re
from typing import Any

from components.cluster.cluster import Cluster
from components.cluster.faults import answering
from components.cluster.needs import Need
from components.cluster.resource import Kind

NOT_FOUND, FORBIDDEN = 404, 403
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
FACTORS = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
FACTORS |= {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}


def allowed(cluster: Cluster, need: Need) -> bool:
    """Whether whoever asks here has this right in the cluster's namespace.

    Raises:
        BadInput: the API does not answer.
    """
    attributes = {key: value for key, value in need._asdict().items() if key != "why"}
    spec = {"resourceAttributes": {"namespace": cluster.namespace, **attributes}}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
    with answering("to say what is allowed", cluster.api.host):
        return bool(cluster.api.json("POST", REVIEWS, body=body)["status"]["allowed"])


def serves(cluster: Cluster, kind: Kind) -> bool:
    """Whether the API knows a kind in this very version.

    Raises:
        BadInput: the API does not answer.
    """
    with answering("to list its kinds", cluster.api.host):
        found = cluster.api.json_unless(NOT_FOUND, "GET", f"/apis/{kind.group}/{kind.version}") or {}
    return any(one["name"] == kind.plural for one in found.get("resources", []))


def accelerators(cluster: Cluster, resource: str, selector: dict[str, str]) -> list[int] | None:
    """How many each node of a pool has; None where one may not look at nodes.

    Raises:
        BadInput: the API does not answer.
    """
    query = {"labelSelector": ",".join(f"{key}={value}" for key, value in selector.items())} if selector else {}
    with answering("to list its nodes", cluster.api.host):
        found = cluster.api.json_unless(FORBIDDEN, "GET", "/api/v1/nodes", query=query)
    if found is None:
        return None
    return [int(node.get("status", {}).get("allocatable", {}).get(resource, 0)) for node in found["items"]]


def left(cluster: Cluster) -> dict[str, float] | None:
    """What the namespace's quotas leave of each resource; None where one may not look.

    Raises:
        BadInput: the API does not answer.
    """
    with answering("to show its quotas", cluster.api.host):
        path = f"/api/v1/namespaces/{cluster.namespace}/resourcequotas"
        found = cluster.api.json_unless(FORBIDDEN, "GET", path)
    if found is None:
        return None
    rest: dict[str, float] = {}
    for status in (quota.get("status", {}) for quota in found["items"]):
        for name, hard in status.get("hard", {}).items():
            free = quantity(hard) - quantity(status.get("used", {}).get(name, "0"))
            rest[name] = min(free, rest.get(name, free))
    return rest


def quantity(text: Any) -> float:
    """The number that Kubernetes means by "500m" or "4Gi"."""
    match = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", str(text))
    if not match or match[2] not in FACTORS:
        raise ValueError(f"expected a quantity. Received: {text!r}")
    return float(match[1]) * FACTORS[match[2]]
