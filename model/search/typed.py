"""A Katib Experiment against Katib's own typed models: what they do not know is misspelt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import ValidationError

from model.errors import BadInput

# Of batch/v1, which Katib's models leave open: the Job of a trial.
JOB = {"apiVersion", "kind", "metadata", "spec"}
JOB_SPEC = {
    *("activeDeadlineSeconds", "backoffLimit", "completionMode", "completions", "parallelism", "podFailurePolicy"),
    *("suspend", "template", "ttlSecondsAfterFinished"),
}


def check_fields(document: dict[str, Any], where: str) -> None:
    """Every field must be one that Katib (and below the trial's Job, Kubernetes) has, and of its type.

    Raises:
        BadInput: names the first that is not.
    """
    import kubeflow_katib_api.models as katib  # type: ignore[import-untyped]

    _compare(katib.V1beta1Experiment, document, (), where)
    path: tuple[str | int, ...] = ("spec", "trialTemplate", "trialSpec")
    job = _at(document, path)
    for fields, known in ((job, JOB), (job.get("spec"), JOB_SPEC)):
        for name in fields if isinstance(fields, dict) else ():
            if name not in known:
                raise _unknown(where, (*path, name) if fields is job else (*path, "spec", name))
    if template := _at(job, ("spec", "template")):
        _compare(katib.IoK8sApiCoreV1PodTemplateSpec, template, (*path, "spec", "template"), where)


def _compare(kind: Any, document: dict[str, Any], path: tuple[str | int, ...], where: str) -> None:
    """Whatever does not come back from the typed model was no field of it."""
    try:
        again = kind.from_dict(document).to_dict()
    except ValidationError as e:
        error = e.errors()[0]
        found = next(_paths(document, lambda key, value: _is(key, value, error)), None)
        name = _name((*path, *found)) if found else ".".join((e.title, *map(str, error["loc"])))
        raise BadInput(f"{where}: expected {name} as Katib's type: {error['msg']}. Received: {error['input']!r}") from e
    except (TypeError, AttributeError, ValueError) as e:
        raise BadInput(f"{where}: expected {_name(path) or 'an Experiment'} as Katib's type. Received: {e}") from e
    for lost in _lost(document, again):
        raise _unknown(where, (*path, *lost))


def _unknown(where: str, path: tuple[str | int, ...]) -> BadInput:
    return BadInput(f"{where}: expected fields of {_name(path[:-1]) or 'an Experiment'}. Received: {_name(path)}")


def _is(key: str | int, value: Any, error: Any) -> bool:
    """Is this the value that pydantic complains of? It names the last part of the way to it, if any."""
    is_same = type(value) is type(error["input"]) and value == error["input"]
    return is_same and (not error["loc"] or key == error["loc"][-1])


def _lost(before: Any, after: Any) -> Iterator[tuple[str | int, ...]]:
    if isinstance(before, dict):
        for key, value in before.items():
            if value is None or value in ({}, []):
                continue  # YAML's way to say nothing
            if not isinstance(after, dict) or key not in after:
                yield (key,)
            else:
                yield from ((key, *rest) for rest in _lost(value, after[key]))
    elif isinstance(before, list) and isinstance(after, list):
        for index, (old, new) in enumerate(zip(before, after, strict=False)):
            yield from ((index, *rest) for rest in _lost(old, new))


def _paths(data: Any, wanted: Callable[[str | int, Any], bool]) -> Iterator[tuple[str | int, ...]]:
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in entries:
        if wanted(key, value):
            yield (key,)
        yield from ((key, *rest) for rest in _paths(value, wanted))


def _at(data: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data or {}


def _name(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")
