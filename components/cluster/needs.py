"""What the code asks of the Kubernetes API: the rights that a service account needs, each with its reason."""

from __future__ import annotations

from typing import NamedTuple


class Need(NamedTuple):
    """One right in the namespace, as a Role and an access review name it."""

    group: str
    resource: str
    subresource: str
    verb: str
    why: str


def _needs(group: str, resource: str, subresource: str = "", **why: str) -> tuple[Need, ...]:
    return tuple(Need(group, resource, subresource, verb, reason) for verb, reason in why.items())


TUNE = (
    *_needs(
        "kubeflow.org",
        "experiments",
        create="start a search",
        get="is it this run's own, after a retry",
        list="its state, before it is watched",
        watch="follow it without asking again and again",
        delete="a cancelled search leaves no trials behind",
    ),
    *_needs("kubeflow.org", "trials", get="parameters and values of each"),
)
DEPLOY = _needs(
    "serving.kserve.io",
    "inferenceservices",
    get="what serves now, for the way back",
    create="server-side apply of one that is new",
    patch="server-side apply",
    list="its state, before it is watched",
    watch="wait until it is ready",
    delete="one that was new and failed goes again",
)
LOGS = (
    *_needs("", "pods", list="find the pods whose logs say what went wrong"),
    *_needs("", "pods", "log", get="say why a trial or a service failed"),
)
STEPS = (*TUNE, *DEPLOY, *LOGS)
WATCH = (
    *_needs(
        "pipelines.kubeflow.org",
        "pipelines",
        get="the pipeline by its name",
        list="is this version uploaded",
        create="upload it where it is not",
    ),
    *_needs("pipelines.kubeflow.org", "experiments", list="what the runs stand in", create="where there is none"),
    *_needs(
        "pipelines.kubeflow.org",
        "runs",
        create="start one",
        list="was it started before whoever watched died",
        get="how it is",
    ),
)
