"""The image: what its file says, and where an engine is there, that it can be built and runs as it will in a cluster.

A build takes minutes and a network, so it runs where UNFORESEEN_BASE_IMAGE names the base image to build on.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
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
def test_a_target_holds_the_wheel_last_and_is_not_root(target: str):
    steps = re.findall(r"^[A-Z]+ .*", STAGES[target], re.M)
    assert [step.split()[0] for step in steps] == ["COPY", "RUN", "USER"]
    assert "/wheel/*.whl" in STAGES[target]  # after the packages: a change of code builds no more than it
    assert steps[-1] == "USER 1000:1000"
    assert "requirements.lock" in STAGES[f"packages-{target}"]
    assert STAGES[f"packages-{target}"].count("--require-hashes") == 1


def test_it_starts_the_command_and_says_what_it_is():
    runtime = STAGES["runtime"]
    assert 'ENTRYPOINT ["unforeseen"]' in runtime
    assert {"title", "licenses", "version", "revision"} <= set(re.findall(r"org.opencontainers.image.(\w+)=", runtime))
    assert "HEALTHCHECK" in runtime


def test_the_wheel_is_built_of_every_package():
    copied = set(re.findall(r"^COPY (\w+) \1$", STAGES["wheel"], re.M))
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


@pytest.fixture(scope="module")
def engine() -> str:
    for name in ("podman", "docker"):
        found = shutil.which(name)
        if found and subprocess.run([found, "info"], capture_output=True, check=False).returncode == 0:
            return found
    pytest.skip("neither podman nor docker answers here")


@pytest.fixture(scope="module")
def image(engine: str) -> str:
    base = os.environ.get("UNFORESEEN_BASE_IMAGE")
    if not base:
        pytest.skip("UNFORESEEN_BASE_IMAGE names no base image to build on")
    name = "localhost/unforeseen-test:cpu"
    flags = os.environ.get("UNFORESEEN_BUILD_FLAGS", "")
    command = ["make", "image", f"ENGINE={engine}", f"IMAGE={name}", f"BASE={base}", f"BUILD_FLAGS={flags}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return name


@pytest.mark.slow
def test_the_cpu_target_runs_without_root_network_and_writable_root(engine: str, image: str):
    flags = ["--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "all"]
    words = ["run", "--out", "/tmp/run", "--set", "training.epochs=1", "--set", "training.steps_per_epoch=2", "--json"]
    words += ["--set", "walkway.train_clips=6", "--set", "walkway.test_clips=2", "--set", "walkway.clip_frames=40"]
    command = [engine, "run", *flags, image, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode in (0, 1), done.stderr[-2000:]  # so little training may miss the goal; it did run
    assert "train" in done.stderr
    inspect = [engine, "image", "inspect", "--format", "{{.Size}}"]
    size, base = (
        int(subprocess.check_output([*inspect, name])) for name in (image, os.environ["UNFORESEEN_BASE_IMAGE"])
    )
    assert size - base < 2.35e9, f"{(size - base) / 1e9:.2f} GB"  # python:3.11-slim has 0.13: 2.5 in all
