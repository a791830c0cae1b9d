"""`unforeseen watch-video` against a real server: folders, cameras that come and go, webhooks, overlays."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event, Thread
from typing import Any

import cv2
import faulty
import numpy as np
import pytest
from live import NAME, PATIENCE_SECONDS, WARM_UP, Server, clip
from tls import certificate
from web_server import listening

from model import detector
from model.errors import BadInput
from model.footage.decode import video_frames
from model.report.overlay import STRIP_HEIGHT
from pipelines.cli import main
from serving.client import Client, Patience
from serving.client.camera import Camera
from serving.client.folder import followed
from serving.client.watch import Tally, watch
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


@pytest.mark.parametrize("road", ["http", "grpcs"])
def test_a_folder_gives_the_detectors_events(
    server: Server, tiny_detector: Path, pictures: Path, road: str, tmp_path: Path
):
    key, trusted = certificate(tmp_path)
    with faulty.rpc(server.target, [], (key, trusted)) as target:
        address = server.url if road == "http" else f"grpcs://{target}"
        words = (pictures, "--server", address, "--model", "gate", "--json")
        done = run(*words, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=str(trusted))
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
    colours = [heat_in(picture) for picture in video_frames(overlay, 3)]
    assert len(colours) == len(CLIP)
    assert max(colours[:WARM_UP]) < 10 < 50 < max(colours[WARM_UP:])  # the clip is grey
    assert SECRET not in done.stdout + done.stderr


def heat_in(picture: np.ndarray) -> float:
    """How yellow a picture in RGB is at most over 25 x 25 pixels, without its border and the timeline."""
    inside = picture[20 : -STRIP_HEIGHT - 20, 20:-20].astype(float)
    return float(cv2.blur(inside[..., :2].min(axis=-1) - inside[..., 2], (25, 25)).max())


def test_a_folder_that_grows_is_followed(server: Server, tiny_detector: Path, pictures: Path, tmp_path: Path):
    """Pictures come one by one, one of them slowly, one damaged; a camera's clock sets one back."""
    folder, stop, tally, said = tmp_path / "gate", Event(), Tally(), []
    folder.mkdir()
    whole = sorted(pictures.iterdir())

    def scored(count: int) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while tally.frames < count and time.monotonic() < end:
            time.sleep(0.01)
        assert tally.frames == count

    with Client(server.url, NAME) as client:
        words = (client, str(folder), None, lambda event: None, said.append, tally, stop)
        watching = Thread(target=watch, args=words, kwargs={"follow": True})
        watching.start()
        for path in whole[:10]:
            shutil.copy(path, folder)
        scored(10)
        (folder / whole[10].name).write_bytes(whole[10].read_bytes()[:-100])
        scored(10)
        shutil.copy(whole[10], folder)  # now it is whole
        scored(11)
        (folder / "010b.png").write_bytes(b"damaged")
        for path in whole[11:]:
            shutil.copy(path, folder)
        scored(len(CLIP))
        shutil.copy(whole[0], folder / "000b.png")
        stop.set()
        watching.join(PATIENCE_SECONDS)
    assert not watching.is_alive()
    assert tally.alarms == detector.load(tiny_detector).score(CLIP).alarms.sum()
    assert [line.partition(":")[0] for line in said] == ["left out"]


def test_of_a_folder_of_videos_every_one_that_comes_is_a_clip(tmp_path: Path):
    stop = Event()
    clips = followed(tmp_path, print, stop)
    for name, count in (("one", 3), ("two", 5)):
        writer = cv2.VideoWriter(str(tmp_path / f"{name}.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 5.0, (72, 48))
        for frame in CLIP[:count]:
            writer.write(frame)
        writer.release()
        found, fps, frames = next(clips)
        assert (found, fps) == (name, 5.0)
        assert [(taken.number, taken.first, taken.last) for taken in frames][-1] == (count - 1, False, True)
    stop.set()
    assert list(clips) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "nowhere: expected a directory or a video file. Received: no such path"),
        ((".", "--webhook", "http://a"), "expected --webhook-secret VARIABLE beside --webhook. Received: none"),
        ((".", "--webhook", "http://a", "--webhook-secret", "UNSET"), "expected a secret for the webhook .*none"),
        (("rtsp://me:secret@door/1", "--follow"), "expected a folder beside --follow. Received: another source"),
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
        while camera.dropped < 10:  # they come while nobody takes one; those before the first are among them
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
