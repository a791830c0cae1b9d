"""The only place that knows where things run; no arguments mean this machine."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from model import config
from model.config import Count, Limit, Natural
from model.errors import BadInput

IMAGE = "unforeseen:0.1.0"  # its Python holds this project


def _one_of(*words: str) -> Limit:
    return Limit(f"as one of {', '.join(words)}", lambda x: x in words)


Quantity = Annotated[
    str,
    Limit("as a quantity in quotes, for example '500m', '2' or '4Gi'", lambda x: re.fullmatch(r"[0-9.]+[a-zA-Z]*", x)),
]


@dataclass(frozen=True)
class Store:
    """An S3 endpoint; its credentials come from the environment or from ~/.aws/credentials, never from here."""

    endpoint: str = ""  # for example https://s3.example.org
    region: str = ""  # "" asks the endpoint


@dataclass(frozen=True)
class Toleration:
    """Of a node's taint, in Kubernetes' words."""

    key: str = ""
    operator: Annotated[str, _one_of("Exists", "Equal")] = "Equal"
    value: str = ""
    effect: Annotated[str, _one_of("", "NoSchedule", "PreferNoSchedule", "NoExecute")] = ""


@dataclass(frozen=True)
class Gpu:
    """The node pool with accelerators; no cloud's words stand anywhere else."""

    count: Natural = 0  # of a pod; 0 is none, and then the rest means nothing
    resource: str = "nvidia.com/gpu"
    node_selector: dict[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    shared_memory: Quantity = "1Gi"  # of /dev/shm, whose usual 64 MB a data loader or NCCL fills

    def place(self, pod: dict[str, Any]) -> dict[str, Any]:
        """A pod's spec whose first container gets the accelerators: the same for a trial, a step and the service."""
        if not self.count:
            return pod
        first, *others = pod["containers"]
        resources = first.get("resources", {})
        limits = resources.get("limits", {}) | {self.resource: str(self.count)}
        shared = {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": self.shared_memory}}
        mount = {"name": "shared-memory", "mountPath": "/dev/shm"}
        first = first | {
            "resources": resources | {"limits": limits},
            "volumeMounts": [*first.get("volumeMounts", []), mount],
        }
        tolerations = [{key: value for key, value in asdict(t).items() if value} for t in self.tolerations]
        return pod | {
            "containers": [first, *others],
            "nodeSelector": pod.get("nodeSelector", {}) | self.node_selector,
            "tolerations": [*pod.get("tolerations", []), *tolerations],
            "volumes": [*pod.get("volumes", []), shared],
        }


@dataclass(frozen=True)
class Serving:
    """The service of a detector."""

    mode: Annotated[str, _one_of("Standard", "Knative")] = "Standard"  # Knative scales to zero; for clips only
    replicas: Count = 1  # at least; a stream stays with one of them
    cpu: Quantity = "2"
    memory: Quantity = "4Gi"
    service_account: str = ""  # whose secret opens the store; "" is the namespace's default


@dataclass(frozen=True)
class Profile:
    """Where a run keeps what it leaves, and where its steps, trials and service run; the defaults are this machine."""

    tracking_uri: str = ""  # of MLflow; "" is a sqlite file in the run's directory
    artifact_root: str = ""  # what mlflow-artifacts:/ stands for on MLflow's server, for example s3://bucket/mlflow
    store: Store = field(default_factory=Store)
    image: str = IMAGE  # of every step, trial and service
    namespace: str = ""  # "" is the cluster's own choice
    gpu: Gpu = field(default_factory=Gpu)
    serving: Serving = field(default_factory=Serving)
    tuner: Annotated[str, _one_of("optuna", "katib")] = "optuna"

    def tracking(self, out: Path) -> tuple[str, str]:
        """The address of MLflow, and where a new experiment keeps its files ("" leaves it to the server)."""
        if self.tracking_uri:
            return self.tracking_uri, ""
        return f"sqlite:///{out / 'mlflow.db'}", (out / "mlartifacts").as_uri()


def read(path: Path | None) -> Profile:
    """The profile of a YAML file.

    Raises:
        BadInput: no such file, no mapping, an unknown key or a wrong type.
    """
    if path is None:
        return Profile()
    import yaml

    try:
        data = yaml.safe_load(path.read_text()) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        raise BadInput(f"{path}: expected a profile in YAML. Received: {' '.join(str(e).split())}") from e
    if not isinstance(data, dict):
        raise BadInput(f"{path}: expected a profile in YAML. Received: {type(data).__name__}")
    return config.parse(Profile, data)
