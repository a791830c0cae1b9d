"""The InferenceService of a detector as a profile wants it; `deploy` writes into it which version it serves."""

from __future__ import annotations

import re
from typing import Any

from model.errors import BadInput
from pipelines.profile import Profile

LONGEST = 50  # characters; KServe adds to it, and a host name's part has 63
HTTP, GRPC = 8080, 8081  # ports
GRACE_SECONDS = 30  # the server finishes what is in flight in 25


def service_name(model: str) -> str:
    """The name of a registered model as a host may have it.

    Raises:
        BadInput: it is too long for that.
    """
    name = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")
    if len(name) > LONGEST or not name[:1].isalpha():
        raise BadInput(f"expected a model's name of at most {LONGEST} characters, a letter first. Received: {model!r}")
    return name


def inference_service(model: str, profile: Profile) -> dict[str, Any]:
    """A document for `kubectl apply`, but for the place of the detector: STORAGE_URI is empty.

    Args:
        model: the registered model.
        profile: image, accelerators, mode, replicas and resources.
    """
    name, serving = service_name(model), profile.serving
    standard = serving.mode == "Standard"
    pod: dict[str, Any] = {
        "serviceAccountName": serving.service_account or "default",
        "automountServiceAccountToken": False,  # it never speaks to the Kubernetes API
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "containers": [_container(name, profile, grpc=standard)],
        "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}}],
    }
    if profile.image_pull_secret:
        pod["imagePullSecrets"] = [{"name": profile.image_pull_secret}]
    scale = {"minReplicas": serving.replicas if standard else 0, "maxReplicas": serving.replicas}
    annotations = {
        "serving.kserve.io/deploymentMode": serving.mode,
        "serving.kserve.io/enable-prometheus-scraping": "true",
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "annotations": annotations,
            "labels": {"app.kubernetes.io/name": "unforeseen", "app.kubernetes.io/component": "predictor"},
        },
        "spec": {"predictor": {**scale, **profile.gpu.place(pod)}},
    }


def _container(name: str, profile: Profile, *, grpc: bool) -> dict[str, Any]:
    size = {"cpu": profile.serving.cpu, "memory": profile.serving.memory}
    ports = [{"name": "http1", "containerPort": HTTP, "protocol": "TCP"}]  # Knative takes one port only
    ports += [{"name": "grpc", "containerPort": GRPC, "protocol": "TCP"}] if grpc else []
    return {
        "name": "kserve-container",
        "image": profile.image,
        "args": ["serve", "--detector", "/mnt/models", "--name", name, "--host", "0.0.0.0"],
        "env": [
            {"name": "STORAGE_URI", "value": ""},  # KServe's storage initializer brings it to /mnt/models
            {"name": "HOME", "value": "/tmp"},  # Keras wants a directory of its own, and the root is read-only
        ],
        "ports": ports,
        "resources": {"requests": size, "limits": {"memory": size["memory"]}},  # no CPU limit: it would throttle
        "startupProbe": _probe("ready", period=5, failures=60),
        "readinessProbe": _probe("ready", period=5, failures=3),
        "livenessProbe": _probe("live", period=10, failures=6),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],
    }


def _probe(question: str, period: int, failures: int) -> dict[str, Any]:
    """Seconds between two tries, and how many may fail."""
    return {
        "httpGet": {"path": f"/v2/health/{question}", "port": HTTP},
        "periodSeconds": period,
        "timeoutSeconds": 2,
        "failureThreshold": failures,
    }
