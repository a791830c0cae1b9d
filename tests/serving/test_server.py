"""The process: how it starts, what it does under load, and how it ends, by SIGTERM and by SIGKILL."""

import json
import re
import signal
import socket
import statistics
import subprocess
import sysconfig
import threading
import time
from pathlib import Path

import faulty
import httpx
import numpy as np
import pytest
from live import NAME, PATIENCE_SECONDS, clip, serving

from model import detector
from model.errors import BadInput
from serving.client import Client, Patience
from serving.server import Addresses, listen

CLIP = clip(30, seed=4)
INFER = f"/v2/models/{NAME}/infer"


def post(client, frames, **parameters):
    given = {"name": "frames", "datatype": "UINT8", "shape": list(frames.shape)}
    given["parameters"] = {"binary_data_size": frames.nbytes}
    head = json.dumps({"inputs": [given], "parameters": parameters}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head)), "X-Request-ID": "mine"}
    return client.post(INFER, content=head + frames.tobytes(), headers=headers)


def scores(answer):
    assert answer.status_code == 200, answer.text
    return next(output["data"] for output in answer.json()["outputs"] if output["name"] == "score")


def test_killed_in_mid_stream_a_client_that_connects_again_loses_nothing(tiny_detector, server, tmp_path):
    """The client knows one address; behind it one process dies, and another one answers, which knows no stream."""
    frames, cut = clip(60, seed=8), 45
    expected = detector.load(tiny_detector).score(frames).scores
    with (
        serving(tiny_detector, tmp_path / "log") as first,
        faulty.http(first.url, [], server.url) as url,
        Client(url, NAME, patience=Patience(waits=(0.0,))) as client,
    ):
        stream = client.stream("killed")
        found = [stream.push(frame).scores[0] for frame in frames[:cut]]
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        found += [stream.push(frame).scores[0] for frame in frames[cut:]]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5, equal_nan=True)
    assert stream.resumed == 1


@pytest.fixture(scope="module")
def small(tiny_detector, tmp_path_factory):
    """A server that takes four requests at once; it ends with the last test that uses it."""
    with serving(tiny_detector, tmp_path_factory.mktemp("small") / "log", "--waiting", "4") as found:
        yield found


def test_full_is_429_and_health_answers_meanwhile(small, tiny_detector):
    """Twice as many clients as may wait, each with as much as it can send."""
    frames = np.concatenate([CLIP, CLIP, CLIP])
    alone = detector.load(tiny_detector).score(frames).scores
    answers, seconds, health = [], [], []
    stop = threading.Event()

    def load():
        with small.client() as client:
            while not stop.is_set():
                answers.append(post(client, frames))
                if answers[-1].status_code == 200:
                    seconds.append(answers[-1].elapsed.total_seconds())
                time.sleep(0.005)  # else those who are refused would keep this process busy, which measures too

    clients = [threading.Thread(target=load) for _ in range(8)]
    for thread in clients:
        thread.start()
    with small.client() as client:
        while len(seconds) < 16:
            answer = client.get("/v2/health/ready")
            assert answer.status_code == 200
            health.append(answer.elapsed.total_seconds())
    stop.set()
    for thread in clients:
        thread.join(PATIENCE_SECONDS)
    assert {answer.status_code for answer in answers} == {200, 429}
    with small.client() as client:
        counted = re.search(
            r'^unforeseen_refused_total{reason="full"} (\S+)$', client.get("/metrics").text, re.MULTILINE
        )
    assert counted
    assert float(counted[1]) == sum(answer.status_code == 429 for answer in answers)
    for answer in answers:
        if answer.status_code == 429:
            assert int(answer.headers["Retry-After"]) > 0
        else:
            np.testing.assert_allclose(np.array(scores(answer), np.float32), alone, rtol=0, atol=1e-5, equal_nan=True)
    # An event loop that predicted would answer after a prediction at best. (50 ms are measured by the bench.)
    assert statistics.median(health) < statistics.median(seconds) / 3


def test_sigterm_finishes_what_is_in_flight(small):
    """SIGTERM comes when half of the request is there."""
    url = httpx.URL(small.url)
    body = json.dumps({"instances": CLIP[:10].tolist()}).encode()
    headers = f"Host: x\r\nX-Request-ID: last\r\nContent-Length: {len(body)}\r\n\r\n"
    head = f"POST /v1/models/{NAME}:predict HTTP/1.1\r\n{headers}"
    with socket.create_connection((url.host, url.port), PATIENCE_SECONDS) as connection:
        connection.sendall(head.encode() + body[:1000])
        assert httpx.get(f"{small.url}/v2/health/ready").status_code == 200  # it has seen the half by now
        small.process.send_signal(signal.SIGTERM)
        with pytest.raises(httpx.TransportError):
            while True:  # until nobody else is let in
                httpx.get(f"{small.url}/v2/health/live")
        connection.sendall(body[1000:])
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert len(json.loads(answer.partition(b"\r\n\r\n")[2])["predictions"]) == 10
    assert small.process.wait(PATIENCE_SECONDS) == 0
    lines = [json.loads(line) for line in small.log.read_text().splitlines()]
    last = [line for line in lines if line.get("request_id") == "last"]
    assert [(line["text"], line["model"], line["frames"]) for line in last] == [("answered", NAME, 10)]


def test_an_address_that_is_taken_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match=f"an address that is free. Received: 127.0.0.1:{port}"):
            listen(Addresses("127.0.0.1", port, 0))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--detector", "nowhere"], "nowhere: expected a detector"),
        (["--model", "models:/gate@champion"], "expected --out of a run, or a profile"),
        (["--detector", "nowhere", "--waiting", "0"], "--waiting of at least 1"),
    ],
)
def test_what_cannot_be_served_is_one_line(options, said):
    program = Path(sysconfig.get_path("scripts")) / "unforeseen"
    command = [program, "serve", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]
