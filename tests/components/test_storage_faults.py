"""Servers and clients that are killed in the middle of a transfer."""

from __future__ import annotations

import os
import select
import socket
import socketserver
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from s3_server import PART, S3Server

from components.storage import ObjectInfo, download_tree, upload_tree
from components.storage.patience import Patience
from components.storage.s3 import S3Store

pytestmark = pytest.mark.slow


def waiting(waits: list[float]) -> Patience:
    """The usual waits, written down."""

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        time.sleep(seconds)

    return Patience(sleep=sleep)


def write(path: Path, megabytes: int) -> Path:
    path.write_bytes(os.urandom(megabytes * 1024 * 1024))
    return path


@pytest.fixture
def crash(s3_server: S3Server) -> Iterator[Callable[[], None]]:
    """Kills the server, which comes back a little later; it is back when the test ends, however it ends."""
    restarts: list[Thread] = []

    def restart() -> None:
        time.sleep(0.3)
        s3_server.start()

    def crash() -> None:
        s3_server.kill()
        restarts.append(Thread(target=restart))
        restarts[-1].start()

    yield crash
    for thread in restarts:
        thread.join()


def test_server_killed_during_a_download(
    s3_server: S3Server, bucket: str, s3_store: S3Store, tmp_path: Path, crash: Callable[[], None]
):
    source = write(tmp_path / "in", 22)
    s3_store.put(source, "video")
    (info,) = s3_store.list("video")
    crashes: list[str] = []
    landed: list[int] = []
    waits: list[float] = []

    def after_two_parts(count: int) -> None:
        landed.append(count)
        if sum(landed) >= 2 * PART and not crashes:
            assert not (tmp_path / "out").exists()
            crashes.append("once")
            crash()

    store = S3Store(bucket, s3_server.endpoint, "", waiting(waits), PART)
    store.get(info, tmp_path / "out", after_two_parts)
    assert waits, "the server was away"
    assert landed == [0, PART, PART, PART, PART, 2 * 1024 * 1024], "no part was asked for twice"
    assert (tmp_path / "out").read_bytes() == source.read_bytes()


def test_server_killed_during_an_upload(s3_server: S3Server, bucket: str, tmp_path: Path, crash: Callable[[], None]):
    source = write(tmp_path / "in", 27)
    waits: list[float] = []
    before = stored(s3_server)

    def kill_after_two_parts() -> None:
        while stored(s3_server) < before + 2 * PART:
            time.sleep(0.001)
        crash()

    killer = Thread(target=kill_after_two_parts)
    killer.start()
    store = S3Store(bucket, s3_server.endpoint, "", waiting(waits), PART)
    store.put(source, "video")
    killer.join()
    assert waits, "the server was away before the upload was through"
    (info,) = store.list("video")
    assert store.same(info, source)
    store.get(info, tmp_path / "out", lambda count: None)
    assert (tmp_path / "out").read_bytes() == source.read_bytes()


def stored(server: S3Server) -> int:
    """Bytes in the server's volumes."""
    return sum(path.stat().st_size for path in server.directory.glob("*.dat"))


@contextmanager
def losing_one_answer(server: S3Server, to: bytes) -> Iterator[str]:
    """A proxy that passes every byte but closes the connection instead of the first answer to a request with `to`."""
    lost: list[bytes] = []

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            asked = False
            with socket.create_connection(("127.0.0.1", server.ports["s3"])) as upstream:
                while True:
                    ready = select.select([self.request, upstream], [], [])[0][0]
                    data = ready.recv(1 << 16)
                    asked = asked or (ready is self.request and to in data)
                    if ready is upstream and asked and not lost:
                        lost.append(data)
                        return
                    if not data:
                        return
                    (upstream if ready is self.request else self.request).sendall(data)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Relay) as proxy:
        proxy.daemon_threads = True
        thread = Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{proxy.server_address[1]}"
        finally:
            proxy.shutdown()
            thread.join()
    assert lost, "no answer was lost"


@pytest.mark.parametrize(
    "to",
    [
        pytest.param(b"partNumber=2", id="a part"),
        pytest.param(b"POST /BUCKET/video?uploadId=", id="complete"),
    ],
)
def test_an_answer_that_is_lost_during_an_upload(s3_server: S3Server, bucket: str, tmp_path: Path, to: bytes):
    source = write(tmp_path / "in", 11)
    waits: list[float] = []
    with losing_one_answer(s3_server, to.replace(b"BUCKET", bucket.encode())) as endpoint:
        store = S3Store(bucket, endpoint, "us-east-1", waiting(waits), PART)
        store.put(source, "video")
        (info,) = store.list("video")
        assert store.same(info, source)
    assert waits


def test_server_killed_among_many_small_files(
    s3_server: S3Server, bucket: str, tmp_path: Path, crash: Callable[[], None]
):
    (tmp_path / "in").mkdir()
    for number in range(30):
        (tmp_path / f"in/{number}").write_bytes(os.urandom(5_000))
    waits: list[float] = []
    crashes: list[str] = []

    def after_a_tenth(line: str) -> None:
        if not crashes:
            crashes.append(line)
            crash()

    store = S3Store(bucket, s3_server.endpoint, "", waiting(waits))
    upload_tree(tmp_path / "in", store, "p", after_a_tenth)
    assert waits
    download_tree(store, "p", tmp_path / "out", print)
    for number in range(30):
        assert (tmp_path / f"out/{number}").read_bytes() == (tmp_path / f"in/{number}").read_bytes()


CLIENT = """
import sys, time
from pathlib import Path
from components.storage.s3 import S3Store
from components.storage.trees import download_tree

class SlowAtTheEnd(S3Store):
    def get(self, info, path, landed):
        total = 0
        def slow(count):
            nonlocal total
            total += count
            landed(count)
            if total > {stop}:
                print("here", flush=True)
                time.sleep(600)
        super().get(info, path, slow)

download_tree(SlowAtTheEnd(sys.argv[1], sys.argv[2], "", part_size={part}), "", Path(sys.argv[3]), lambda line: None)
"""


def kill_in_the_middle(command: list[str], ready: Callable[[subprocess.Popen[str]], None]) -> None:
    client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert client.stdout is not None
    with client.stdout:
        ready(client)
        client.kill()
        client.wait()


def test_client_killed_during_a_download(s3_server: S3Server, bucket: str, s3_store: S3Store, tmp_path: Path):
    (tmp_path / "in").mkdir()
    source = write(tmp_path / "in/video", 16)
    (tmp_path / "in/small").write_bytes(b"small")
    upload_tree(tmp_path / "in", s3_store, "", print)
    out = tmp_path / "out"
    script = CLIENT.format(stop=2 * PART, part=PART)
    command = [sys.executable, "-c", script, bucket, s3_server.endpoint, str(out)]
    kill_in_the_middle(command, lambda client: client.stdout.readline())
    assert {path.name for path in out.iterdir() if not path.name.endswith(".part")} <= {"small"}
    infos = {info.key: info for info in s3_store.list("")}
    landed: list[int] = []
    s3_store.get(infos["video"], out / "video", landed.append)
    assert landed[0] in (2 * PART, 3 * PART), "goes on after the parts that are here"
    assert sum(landed) == infos["video"].size
    assert (out / "video").read_bytes() == source.read_bytes()
    download_tree(s3_store, "", out, print)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        "video": source.read_bytes(),
        "small": b"small",
    }


UPLOADER = """
import sys
from pathlib import Path
from components.storage.s3 import S3Store
S3Store(sys.argv[1], sys.argv[2], "", part_size={part}).put(Path(sys.argv[3]), "video")
print("done")
"""


def test_client_killed_during_an_upload(s3_server: S3Server, bucket: str, s3_store: S3Store, tmp_path: Path):
    source = write(tmp_path / "in", 27)
    before = stored(s3_server)

    def two_parts_there(client: subprocess.Popen[str]) -> None:
        while stored(s3_server) < before + 2 * PART and client.poll() is None:
            time.sleep(0.001)
        assert client.poll() is None

    command = [sys.executable, "-c", UPLOADER.format(part=PART), bucket, s3_server.endpoint, str(source)]
    kill_in_the_middle(command, two_parts_there)
    found: list[ObjectInfo] = list(s3_store.list(""))
    assert found == [], "nothing half-sent under the final key"
    s3_store.put(source, "video")
    (info,) = s3_store.list("")
    assert s3_store.same(info, source)
