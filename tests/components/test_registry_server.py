"""The same against a real MLflow server that passes the artifacts through."""

import os
import signal
import subprocess
import sys
import time
import urllib.request

import pytest
from ports import Ports

from components.registry import Registry
from model.errors import BadInput
from model.gate import Decision
from pipelines.registered import Registered

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path):
    """A server on a free port of this machine, with one worker and its files in a temporary directory."""
    claimed = Ports(1)
    (port,) = claimed.numbers
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{tmp_path}/server.db",
        "--artifacts-destination",
        f"{tmp_path}/server",
    ]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    uri = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{uri}/health", process)
        yield uri, process
    finally:
        stop(process)
        claimed.release()


def wait_for(address, process):
    for _ in range(300):
        assert process.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the server did not start within a minute")


def stop(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def test_from_a_run_to_a_champion_and_on_when_the_server_is_gone(server, tmp_path, monkeypatch):
    uri, process = server
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # registering sets it; this puts it back
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    detector = tmp_path / "detector"
    detector.mkdir()
    (detector / "network.keras").write_bytes(bytes(range(256)) * 40_000)  # 10 MB
    report = tmp_path / "report.html"
    report.write_text("<p>good</p>")

    registry = Registry(uri, "campus")
    run_id = registry.start_run({"seed": 0}, {})
    with registry.recording(run_id):
        registry.log_epoch(run_id, 0, {"loss": 1.0})
    registry.log_evaluation(run_id, {"frame_auroc": 0.9}, [report])
    version = registry.register(run_id, detector, {"frame_auroc": 0.9})
    registry.promote(version, Decision(True, "the first champion"))

    champion = Registry(uri, "campus").champion(tmp_path / "copy")
    assert champion.version == "1"
    assert (champion.detector / "network.keras").read_bytes() == bytes(range(256)) * 40_000
    assert list((tmp_path / "server").rglob("evaluation/report.html"))  # through the server, not beside it

    served = Registered(uri, ["models:/unforeseen-campus@champion"], tmp_path)  # as `serve --model` finds it
    (name,) = served.names()
    found = served.resolve(name)
    assert (name, found.version) == ("unforeseen-campus", "1")
    assert (found.directory / "network.keras").read_bytes() == bytes(range(256)) * 40_000

    stop(process)
    with pytest.raises(BadInput, match=f"answer at {uri}"):
        registry.log_epoch(run_id, 1, {"loss": 0.5})
