"""Steps in containers. A real image is tried where UNFORESEEN_IMAGE names one, which `make test-image` builds."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest
from tiny import PATIENCE_SECONDS, Finished, last_line, options

from model import config
from pipelines import containers
from pipelines.containers import Image
from pipelines.local import Run
from pipelines.profile import Profile, Store

IMAGE = Image("unforeseen:1", "sha256:1")
DOCKERFILE = Path(__file__).parents[2] / "Dockerfile.gpu"


def rights(source: str, out: Path, **places: Any) -> dict[str, Any]:
    run = Run(source, "lobby", out, config.Config(), Profile(**places), image=IMAGE)
    return containers.runner(run).container_run_args


def test_without_an_engine_it_says_what_it_expected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    done = run("--out", tmp_path / "out", "--image", "unforeseen:1")
    assert done.code == 2
    assert "expected Docker, or what DOCKER_HOST names, to answer. Received: " in last_line(done)
    assert not (tmp_path / "out").exists()


def test_a_container_has_no_network_where_everything_is_here(tmp_path: Path):
    source = tmp_path / "videos"
    for places in ({}, {"tracking_uri": f"sqlite:///{tmp_path}/mlflow.db"}):
        given = rights(str(source), tmp_path / "out", **places)
        assert given["network_mode"] == "none"
        assert "environment" not in given
        assert [(mount["Source"], mount["ReadOnly"]) for mount in given["mounts"]] == [
            (str(tmp_path / "out"), False),
            (str(source), True),
        ]


@pytest.mark.parametrize(
    ("source", "places"),
    [("s3://bucket/lobby", {"store": Store(endpoint="https://s3")}), ("walkway", {"tracking_uri": "https://mlflow"})],
)
def test_what_is_elsewhere_is_asked_with_the_user_s_credentials(
    source: str, places: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD", raising=False)
    given = rights(source, tmp_path / "out", **places)
    assert "network_mode" not in given
    assert given["environment"]["AWS_SECRET_ACCESS_KEY"] == "mine"
    assert "MLFLOW_TRACKING_PASSWORD" not in given["environment"]
    assert len(given["mounts"]) == 1


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[docker.DockerClient]:
    """Docker as it is configured here, or podman's service as long as the tests of this file take."""
    if not os.environ.get("UNFORESEEN_IMAGE"):
        pytest.skip("UNFORESEEN_IMAGE names no image: make test-image")
    with pytest.MonkeyPatch.context() as patch:
        service = None
        if os.environ.get("UNFORESEEN_ENGINE") == "podman":
            socket = tmp_path_factory.mktemp("podman") / "podman.sock"
            service = subprocess.Popen(["podman", "system", "service", "--time", "0", f"unix://{socket}"])
            patch.setenv("DOCKER_HOST", f"unix://{socket}")
            until(socket.exists)
        with closing(docker.from_env()) as client:
            yield client
        if service:
            service.terminate()
            service.wait(timeout=60)


@pytest.fixture(scope="module")
def image(engine: docker.DockerClient) -> Image:
    return containers.find(os.environ["UNFORESEEN_IMAGE"])


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.2)


def run(*words: str | Path) -> Finished:
    command = [Path(sysconfig.get_path("scripts")) / "unforeseen", "run", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=5 * PATIENCE_SECONDS, check=False)
    return Finished(done.returncode, done.stdout, done.stderr)


def test_the_image_is_small_and_says_what_it_is(engine: docker.DockerClient, image: Image):
    about = engine.images.get(image.id).attrs
    assert about["Size"] < 2.5e9, f"{about['Size'] / 1e9:.2f} GB"
    assert about["Config"]["User"] == "1000:1000"
    labels = about["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == "unforeseen"
    assert len(labels["org.opencontainers.image.revision"]) == 12


@pytest.mark.slow
def test_the_dag_through_kfp_s_docker_runner(engine: docker.DockerClient, image: Image, tmp_path: Path):
    done = run("--out", tmp_path / "out", "--image", image.name, "--json", *options())
    assert done.code == 0, done.errors
    summary = json.loads(done.output)
    assert summary["registered"]["version"] == "1"
    steps = {"ingest", "preprocess", "train", "evaluate", "register"}
    assert set(summary["seconds"]) == {*steps, "total"}
    log = (tmp_path / "out" / "run.log").read_text()
    assert log.count(f"Found image {image.name!r}") == len(steps)  # no step ran anywhere else

    served = Path(tmp_path / "out" / "detector")
    mount = docker.types.Mount("/mnt/models", str(served), "bind", read_only=True)
    words = ["serve", "--detector", "/mnt/models", "--name", "walkway"]
    rights = {"read_only": True, "tmpfs": {"/tmp": ""}, "cap_drop": ["ALL"], "network_mode": "none"}
    server = engine.containers.run(image.name, words, detach=True, mounts=[mount], **rights)
    try:
        check = json.loads(re.findall(r"^HEALTHCHECK .*\\\n +CMD (.*)", DOCKERFILE.read_text(), re.M)[0])
        until(lambda: server.exec_run(check).exit_code == 0)
    finally:
        server.remove(force=True)


def test_a_step_may_do_little(engine: docker.DockerClient, image: Image, tmp_path: Path):
    probe = "! touch /probe 2>/dev/null && touch /tmp/probe && grep -E 'CapEff|NoNewPrivs' /proc/self/status"
    words = ["sh", "-c", f"{probe} && tail -n +3 /proc/net/dev | cut -d: -f1"]
    found = engine.containers.run(image.name, words, remove=True, **rights("walkway", tmp_path)).decode().split()
    assert found == ["CapEff:", "0" * 16, "NoNewPrivs:", "1", "lo"]


def test_a_step_that_fails_is_one_line(image: Image, tmp_path: Path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "broken.mp4").write_text("no video")
    for _ in range(2):  # what failed is not remembered as done
        done = run("--source", tmp_path / "videos", "--out", tmp_path / "out", "--image", image.name)
        assert done.code == 2
        assert "broken.mp4: expected a whole video. Received: " in last_line(done)


@pytest.mark.slow
def test_the_whole_run_in_one_container_as_the_image_s_own_user(engine: docker.DockerClient, image: Image):
    rights = {"network_mode": "none", "read_only": True, "tmpfs": {"/tmp": ""}, "cap_drop": ["ALL"]}
    words = ["run", "--out", "/tmp/run", "--json", *options()]
    container = engine.containers.run(image.name, words, detach=True, **rights)
    try:
        assert container.wait(timeout=PATIENCE_SECONDS)["StatusCode"] == 0, container.logs()
        assert json.loads(container.logs(stderr=False))["registered"]["alias"] == "champion"
    finally:
        container.remove(force=True)
