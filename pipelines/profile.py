"""The only place that knows where things run; no arguments mean this machine."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from model import config
from model.config import Count, Limit, Natural, NotNegative, Positive, Share
from model.errors import BadInput

PIPELINE = "unforeseen-training"  # its name, here and in KFP
IMAGE = "unforeseen:0.1.0"  # its Python holds this project


def _one_of(*words: str) -> Limit:
    return Limit(f"as one of {', '.join(words)}", lambda x: x in words)


Quantity = Annotated[
    str,
    Limit("as a quantity in quotes, for example '500m', '2' or '4Gi'", lambda x: re.fullmatch(r"[0-9.]+[a-zA-Z]*", x)),
]


Cron = Annotated[str, Limit("as five fields: minute, hour, day, month, weekday", lambda x: len(x.split()) in (0, 5))]
STORE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
TRACKING_KEYS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


@dataclass(frozen=True)
class Store:
    """An S3 endpoint; its credentials come from the environment or from ~/.aws/credentials, never from here."""

    endpoint: str = ""  # for example https://s3.example.org; http:// is without TLS
    region: str = ""  # "" asks the endpoint
    bucket: str = ""  # for what the steps of a run in a cluster leave
    secret: str = ""  # of Kubernetes, whose keys are STORE_KEYS; "" where the pods' own identity opens the store
    checkpoint_minutes: Positive = 5.0  # at most, from a training's checkpoint to its copy in the bucket


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
class Size:
    """Of one step's pod; no CPU limit, it would throttle."""

    cpu: Quantity = "1"
    memory: Quantity = "4Gi"  # requested, and the limit


@dataclass(frozen=True)
class Steps:
    """What each step of a run in a cluster gets."""

    fingerprint: Size = field(default_factory=lambda: Size("500m", "1Gi"))
    ingest: Size = field(default_factory=Size)
    preprocess: Size = field(default_factory=lambda: Size("2", "4Gi"))
    tune: Size = field(default_factory=Size)
    train: Size = field(default_factory=lambda: Size("4", "8Gi"))
    evaluate: Size = field(default_factory=lambda: Size("2", "4Gi"))
    register: Size = field(default_factory=lambda: Size("2", "4Gi"))
    deploy: Size = field(default_factory=lambda: Size("500m", "1Gi"))


@dataclass(frozen=True)
class Kfp:
    """Kubeflow Pipelines. Tokens and cookies come from the environment, never from here."""

    endpoint: str = ""  # of the API, for example https://kubeflow.example.org/pipeline; "" asks the cluster for it
    ui: str = ""  # for links; "" is the endpoint
    auth: Annotated[str, _one_of("none", "service-account", "token", "cookie", "gcp")] = "none"
    service_account: str = ""  # of a run's pods; "" is what the installation gives
    experiment: str = "unforeseen"  # its runs stand together
    retries: Natural = 2  # of a step that failed, after 30 s, then twice as long
    finished_days: Natural = 30  # after which a finished run's pods and workflow go; 0 leaves it to the installation


@dataclass(frozen=True)
class Schedule:
    """When a recurring run starts."""

    cron: Cron = ""
    time_zone: str = "UTC"  # of these hours, such as Europe/Zurich
    catch_up: bool = False  # with the runs that a pause has left out
    concurrency: Annotated[int, Limit("from 1 to 10", lambda x: 1 <= x <= 10)] = 1  # runs at once


@dataclass(frozen=True)
class Fleet:
    """When `watch` starts a run for a camera, and how many."""

    every_minutes: Positive = 10.0  # between two looks
    first_mb: NotNegative = 50.0  # of footage, 10^6 bytes each, that a new camera's first training waits for
    new_share: Positive = 0.25  # of the bytes of the last training; as much newer footage starts a fine-tuning
    drift: Share = 0.1  # distance between the day's scores and calibration over which a camera is trained anew
    metrics: str = ""  # address of a service's metrics, where {service} stands for its name; "" looks at none
    at_once: Count = 2  # runs
    per_hour: Count = 6  # runs that begin
    retry_minutes: Positive = 15.0  # after a run that failed; twice as long after each, at most a day


@dataclass(frozen=True)
class Profile:
    """Where a run keeps what it leaves, and where its steps, trials and service run; the defaults are this machine."""

    tracking_uri: str = ""  # of MLflow; "" is a sqlite file in the run's directory
    tracking_secret: str = ""  # of Kubernetes, whose keys are TRACKING_KEYS; "" where MLflow asks for no password
    artifact_root: str = ""  # what mlflow-artifacts:/ stands for on MLflow's server, for example s3://bucket/mlflow
    store: Store = field(default_factory=Store)
    image: str = IMAGE  # of every step, trial and service
    image_pull_secret: str = ""  # of Kubernetes, for a registry that asks who pulls
    namespace: str = ""  # "" is the cluster's own choice
    gpu: Gpu = field(default_factory=Gpu)
    serving: Serving = field(default_factory=Serving)
    tuner: Annotated[str, _one_of("optuna", "katib")] = "optuna"
    steps: Steps = field(default_factory=Steps)
    kfp: Kfp = field(default_factory=Kfp)
    schedule: Schedule = field(default_factory=Schedule)
    fleet: Fleet = field(default_factory=Fleet)

    def secrets(self) -> dict[str, tuple[str, ...]]:
        """The Secrets that steps and trials need, and which of their keys become environment variables."""
        named = {self.store.secret: STORE_KEYS, self.tracking_secret: TRACKING_KEYS}
        return {name: keys for name, keys in named.items() if name}

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
