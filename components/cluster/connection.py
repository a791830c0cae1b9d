"""A connection to the Kubernetes API, from inside a pod or by a kubeconfig."""

from __future__ import annotations

import os
from pathlib import Path

import urllib3

from components.cluster.cluster import Cluster
from model.errors import BadInput

# Eight tries over about a minute, all methods: what was done already is found done, because creation adopts its own.
RETRIES = urllib3.Retry(
    total=7,
    allowed_methods=None,
    status_forcelist=(429, 500, 502, 503, 504),
    backoff_factor=0.5,
    backoff_jitter=0.5,
    backoff_max=20,
    retry_after_max=60,
    raise_on_status=False,
)
OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def connect(namespace: str = "", retries: urllib3.Retry = RETRIES, pause: float = 1.0) -> Cluster:
    """The cluster of KUBECONFIG or ~/.kube/config, or else the one that this pod runs in.

    Args:
        namespace: "" is that of the kubeconfig's context, or the pod's own.
        retries: of a request, where the API is busy or away.
        pause: seconds between a watch that ended and the next.

    Raises:
        BadInput: there is no cluster to be found.
    """
    import kubernetes.client
    import kubernetes.config
    from kubernetes.config import ConfigException

    settings = kubernetes.client.Configuration()
    file = Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
    try:
        if file.exists():
            kubernetes.config.load_kube_config(str(file), client_configuration=settings)
            _, context = kubernetes.config.list_kube_config_contexts(str(file))
            own = context["context"].get("namespace", "default")
        else:
            kubernetes.config.load_incluster_config(settings)
            own = OWN_NAMESPACE.read_text().strip()
    except ConfigException as e:
        raise BadInput(f"expected a cluster by {file}, or to run in one. Received: {' '.join(str(e).split())}") from e
    settings.retries = retries
    return Cluster(kubernetes.client.ApiClient(settings), namespace or own, pause)
