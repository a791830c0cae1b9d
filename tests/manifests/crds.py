"""Strict validation of custom resources: the CRDs' schemas, and no field that they do not know."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml


def check(document: dict[str, Any]) -> None:
    """Against the CRD of its kind, which lies beside the real footage."""
    errors = [f"{error.json_path}: {error.message}" for error in _validator(document["kind"]).iter_errors(document)]
    if errors:
        raise AssertionError("; ".join(errors))


@cache
def _validator(kind: str) -> jsonschema.Draft202012Validator:
    given = os.environ.get("UNFORESEEN_FOOTAGE")
    directory = Path(given).resolve().parents[1] / "crds" if given else Path("none")
    if not directory.is_dir():
        pytest.skip("no CRDs beside UNFORESEEN_FOOTAGE")
    (path,) = directory.glob(f"*_{kind.lower()}s.yaml")
    # The loader in C: the schema holds the whole of a pod a dozen times.
    (version,) = yaml.load(path.read_text(), yaml.CSafeLoader)["spec"]["versions"]
    return jsonschema.Draft202012Validator(strict(version["schema"]["openAPIV3Schema"]))


def strict(schema: Any) -> Any:
    """A structural schema of Kubernetes as a JSON schema that takes no other fields."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    made = {key: value for key, value in schema.items() if key not in ("properties", "format", "default")}
    made = {key: strict(value) for key, value in made.items()}
    if "properties" in schema:
        made["properties"] = {name: strict(value) for name, value in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            made["additionalProperties"] = False
    return made
