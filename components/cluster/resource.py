"""The kinds of custom resources that the pipeline uses, and how they say what state they are in."""

from __future__ import annotations

from typing import Any, NamedTuple

Resource = dict[str, Any]  # as the API has it: apiVersion, kind, metadata, spec, status


class Kind(NamedTuple):
    """Where the API keeps objects of one kind."""

    group: str
    version: str
    plural: str

    def path(self, namespace: str, name: str = "") -> str:
        """Of all objects in a namespace, or of one."""
        path = f"/apis/{self.group}/{self.version}/namespaces/{namespace}/{self.plural}"
        return f"{path}/{name}" if name else path


EXPERIMENT = Kind("kubeflow.org", "v1beta1", "experiments")
INFERENCE_SERVICE = Kind("serving.kserve.io", "v1beta1", "inferenceservices")


class Condition(NamedTuple):
    """What a controller says of an object."""

    holds: bool | None  # None is not known yet
    reason: str
    message: str


def condition(resource: Resource, kind: str) -> Condition | None:
    """The condition of a kind such as Ready or Succeeded; None where no controller has set it."""
    for found in resource.get("status", {}).get("conditions", []):
        if found.get("type") == kind:
            holds = {"True": True, "False": False}.get(found.get("status"))
            return Condition(holds, found.get("reason", ""), found.get("message", ""))
    return None
