"""`unforeseen watch-video` against a real server: folders, cameras that come and go, webhooks, overlays."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any

import cv2
import numpy as np
import pytest
from live import PATIENCE_SECONDS, Server, clip
from web_server import listening

from model import detector
from model.errors import BadInput
from pipelines.cli import main
from serving.client import Patience
from serving.client.camera import Camera
from serving.client.webhook import SIGNATURE, TIMESTAMP, Webhook, signature

CLIP = clip(30, seed=3)
SECRET = "of-both"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures") / "gate"
    folder.mkdir()
    for number, frame in enumerate(CLIP):
        cv2.imwrite(str(folder / f"{number:03}.png"), frame[..., ::-1])
    return folder


def command(*words: object) -> list[str]:
    return [str(Path(sysconfig.get_path("scripts")) / "unforeseen"), "watch-video", *map(str, words)]


def run(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
        env={**os.environ, **environment},
    )


@dataclass
class Receiver:
    """Takes webhooks; the first ones get the statuses that a test asks for."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Quiet."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = found.statuses.pop(0) if found.statuses else 204
            if status == 204:
                found.taken.append((dict(self.headers), body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with listening(Handler) as found.url:
        yield found


def is_signed(headers: dict[str, str], body: bytes) -> bool:
    return headers[SIGNATURE] == signature(SECRET, headers[TIMESTAMP], body)


# Files


@pytest.mark.parametrize("road", ["http", "grpc"])
def test_a_folder_gives_the_detectors_events(server: Server, tiny_detector: Path, pictures: Path, road: str):
    address = server.url if road == "http" else f"grpc://{server.target}"
    done = run(pictures, "--server", address, "--model", "gate", "--json")
    assert done.returncode == 0, done.stderr
    *events, counts = map(json.loads, done.stdout.splitlines())
    stream = detector.load(tiny_detector).stream(10.0, "gate")
    results = [stream.push(frame) for frame in CLIP]
    closed = [result.closed for result in results if result.closed]
    last = stream.finish()
    expected = [event.id for event in [*closed, *([last] if last else [])]]
    assert [event["id"] for event in events if event["state"] == "closed"] == expected
    assert expected  # or else it says nothing
    assert counts["frames"] == len(CLIP)
    assert counts["alarms"] == sum(result.alarm for result in results)
    assert counts["dropped"] == counts["lost"] == counts["resumed"] == 0


def test_events_are_posted_signed_and_drawn(server: Server, pictures: Path, receiver: Receiver, tmp_path: Path):
    overlay = tmp_path / "overlay.mp4"
    options = ("--webhook", receiver.url, "--webhook-secret", "HOOK", "--overlay", overlay, "--json")
    done = run(pictures, "--server", server.url, *options, HOOK=SECRET)
    assert done.returncode == 0, done.stderr
    *events, _ = map(json.loads, done.stdout.splitlines())
    assert [json.loads(body) for _, body in receiver.taken] == events
    assert all(is_signed(headers, body) for headers, body in receiver.taken)
    assert int(cv2.VideoCapture(str(overlay)).get(cv2.CAP_PROP_FRAME_COUNT)) == len(CLIP)
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "nowhere: expected a directory or a video file. Received: no such path"),
        ((".", "--webhook", "http://a"), "expected --webhook-secret VARIABLE beside --webhook. Received: none"),
        ((".", "--webhook", "http://a", "--webhook-secret", "UNSET"), "expected a secret for the webhook .*none"),
        ((".", "--jpeg", "0"), "expected --jpeg from 1 to 100. Received: 0"),
        ((".", "--fps", "0"), "expected --fps over 0 and at most 1000. Received: 0.0"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]):
    assert main(["watch-video", *words, "--server", "http://127.0.0.1:1"]) == 2
    assert re.search(f"^unforeseen: {said}$", capsys.readouterr().err, re.MULTILINE)


# Webhooks


def patience() -> Patience:
    return Patience(waits=(0.0, 0.0), random=lambda: 0.0)


def test_a_receiver_that_is_busy_gets_the_event_later_and_once(receiver: Receiver):
    receiver.statuses = [503, 429]
    with Webhook(receiver.url, SECRET, print, patience()) as webhook:
        for number in range(2):
            webhook.post({"id": f"gate-{number}"})
    assert [json.loads(body)["id"] for _, body in receiver.taken] == ["gate-0", "gate-1"]
    assert webhook.failed == 0


def test_an_event_that_is_refused_is_said_and_the_next_one_posted(receiver: Receiver):
    receiver.statuses, said = [400], []
    with Webhook(receiver.url, SECRET, said.append, patience()) as webhook:
        for number in range(2):
            webhook.post({"id": f"gate-{number}"})
    assert [json.loads(body)["id"] for _, body in receiver.taken] == ["gate-1"]
    assert (webhook.failed, said) == (
        1,
        ["webhook: gate-0 was not posted: expected the webhook to take an event. Received: HTTP 400"],
    )


def test_a_signature_is_what_any_tool_computes():
    # printf '1700000000.{}' | openssl dgst -sha256 -hmac of-both
    assert signature(SECRET, "1700000000", b"{}") == (
        "sha256=772a03c739c7268735d5f447068b2b1d98db5d726ef5304a2ccdc7a095c15ef2"
    )


def test_a_webhook_without_a_secret_is_refused():
    with pytest.raises(BadInput, match="expected a secret .* Received: none"):
        Webhook("http://127.0.0.1:1", "", print)


# Cameras


@dataclass
class Mjpeg:
    """A camera that sends pictures over HTTP; every connection gets `frames` and then breaks off."""

    frames: np.ndarray
    url: str = ""
    go: Event = field(default_factory=Event)  # set: send the rest
    held_after: int = 10_000  # frames of a connection, before it waits for that
    connections: int = 0


@pytest.fixture
def mjpeg() -> Iterator[Mjpeg]:
    found = Mjpeg(CLIP)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            found.connections += 1
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            for number, frame in enumerate(found.frames):
                if number == found.held_after:
                    found.go.wait(PATIENCE_SECONDS)
                data = cv2.imencode(".jpg", frame[..., ::-1])[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                self.wfile.write(head.encode() + data + b"\r\n")

    with listening(Handler) as url:
        found.url = f"{url}/video.mjpg"
        yield found


def test_of_a_camera_the_newest_frame_wins_and_the_others_are_counted(mjpeg: Mjpeg):
    mjpeg.held_after = 20
    said: list[str] = []
    with Camera(mjpeg.url, said.append, pause=0.01) as camera:
        taken = iter(camera.frames(Event()))
        first = next(taken)
        assert first.first
        while camera.dropped + first.number < 10:  # they come while nobody takes one
            mjpeg.go.wait(0.01)
        second = next(taken)
        assert second.number >= 10
        assert camera.dropped >= second.number - first.number - 1
        mjpeg.go.set()


def test_a_camera_that_goes_is_asked_again_and_begins_anew(mjpeg: Mjpeg):
    said: list[str] = []
    with Camera(mjpeg.url, said.append, pause=0.01) as camera:
        firsts = 0
        for taken in camera.frames(Event()):
            firsts += taken.first
            if firsts == 3:
                break
    assert mjpeg.connections >= 3
    assert said[0].startswith("the camera is away after ")


def test_a_camera_is_watched_until_it_is_interrupted(server: Server, mjpeg: Mjpeg, tmp_path: Path):
    mjpeg.held_after = 25
    overlay = tmp_path / "overlay.mp4"
    words = command(mjpeg.url, "--server", server.url, "--fps", "10", "--overlay", overlay, "--json")
    before = scored(server)
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while scored(server) == before:
            assert process.poll() is None, process.stderr and process.stderr.read()
        process.send_signal(signal.SIGTERM)
        mjpeg.go.set()
        output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, errors
    counts: dict[str, Any] = json.loads(output.splitlines()[-1])
    assert counts["frames"] > 0
    assert int(cv2.VideoCapture(str(overlay)).get(cv2.CAP_PROP_FRAME_COUNT)) == counts["frames"]


def scored(server: Server) -> float:
    """Frames so far."""
    with server.client() as client:
        found = re.search(r'^unforeseen_frames_total{model="gate"} (\S+)$', client.get("/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0
