"""The image as its file describes it; tests/pipelines/test_containers.py tries one that was built."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile.gpu").read_text()
STAGES = {name: body for name, body in re.findall(r"^FROM \S+ AS (\S+)\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.M | re.S)}


def locked(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / name).read_text(), re.M))


def test_the_base_is_pinned_by_digest_and_can_be_another():
    assert re.search(r"^ARG BASE=\S+@sha256:[0-9a-f]{64}$", DOCKERFILE, re.M)
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
    assert {base for base in bases if base not in STAGES} == {"${BASE}"}


@pytest.mark.parametrize("target", ["cpu", "gpu"])
def test_a_target_holds_the_project_last_and_is_not_root(target: str):
    assert re.findall(r"^[A-Z]+ .*", STAGES[target], re.M) == [
        f"COPY --from=packages-{target} /opt/unforeseen /opt/unforeseen",
        "COPY --from=project /installed /",  # after the packages: a change of code copies no more than it
        "ARG REVISION=unknown",
        'LABEL org.opencontainers.image.revision="${REVISION}"',
        "USER 1000:1000",
    ]
    assert "requirements.lock" in STAGES[f"packages-{target}"]
    assert STAGES[f"packages-{target}"].count("--require-hashes") == 1


def test_it_starts_the_command_and_says_what_it_is():
    runtime = STAGES["runtime"]
    assert 'ENTRYPOINT ["unforeseen"]' in runtime
    assert {"title", "licenses", "version"} <= set(re.findall(r"org.opencontainers.image.(\w+)=", runtime))
    assert "HEALTHCHECK" in runtime


def test_the_project_is_built_of_every_package():
    copied = set(re.findall(r"^COPY (\w+) \1$", STAGES["project"], re.M))
    assert copied == {path.parent.name for path in ROOT.glob("*/__init__.py")}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    assert copied <= {line[1:] for line in ignored if line.startswith("!")}


@pytest.mark.parametrize("name", ["requirements-cpu.lock", "requirements-gpu.lock", "requirements-mlflow.lock"])
def test_the_locks_of_both_targets_agree(name: str):
    own, common = locked(name), locked("requirements.lock")
    assert {package: version for package, version in own.items() if common.get(package, version) != version} == {}
    assert own.get("tensorflow-cpu", common["tensorflow"]) == common["tensorflow"]
    text = (ROOT / name).read_text()
    assert "://" not in text  # no address of an index
    assert text.count("--hash=sha256:") >= len(own)


def test_the_bill_of_materials_names_every_package_and_its_licence(tmp_path: Path):
    spec = importlib.util.spec_from_file_location("sbom", ROOT / ".ci" / "sbom.py")
    assert spec and spec.loader
    sbom = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sbom)
    sbom.main(tmp_path)
    bill = json.loads((tmp_path / "sbom.cdx.json").read_text())
    versions = {component["name"]: component["version"] for component in bill["components"]}
    assert versions == locked("requirements.lock")
    unknown = [one["name"] for one in bill["components"] if one["licenses"][0]["license"]["name"] == "unknown"]
    assert unknown == ["huey", "namex"]  # whose metadata says nothing; both have their licence in their repository
    assert all(component["properties"] for component in bill["components"])
    assert f"| kfp | {versions['kfp']} | " in (tmp_path / "licences.md").read_text()
