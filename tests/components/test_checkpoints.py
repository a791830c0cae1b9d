"""Copies of a training's checkpoints: whole or not used, in a store that comes and goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from s3_server import S3Server

from components.checkpoints import Copies
from components.storage import Patience
from components.storage.s3 import S3Store
from model.errors import BadInput

pytestmark = pytest.mark.slow
AT_ONCE = Patience(waits=())
OFTEN = 0.0005  # minutes


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def copies(s3_server: S3Server, bucket: str, tmp_path: Path, lines: list[str]) -> Callable[[str], Copies]:
    def made(name: str) -> Copies:
        (tmp_path / name).mkdir(exist_ok=True)
        return Copies(tmp_path / name, f"s3://{bucket}/a/b", s3_server.endpoint, "", lines.append, AT_ONCE)

    return made


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_store_that_is_away_is_said_once_and_tried_again(credentials: None, tmp_path: Path, lines: list[str]):
    server = S3Server(tmp_path / "s3")

    def copies(name: str) -> Copies:
        (tmp_path / name).mkdir()
        return Copies(tmp_path / name, "s3://bucket/a/b", server.endpoint, "", lines.append, AT_ONCE)

    one = copies("one")
    (tmp_path / "one" / "a.run").write_text("first")
    try:
        with one.kept(OFTEN):
            until(lambda: lines)
            time.sleep(0.3)  # ten tries
            server.start()
            server.client().make_bucket("bucket")
            store = S3Store("bucket", server.endpoint, "")
            until(lambda: list(store.list("a/b")))
            (tmp_path / "one" / "a.run").write_text("second")
            until(lambda: [info.size for info in store.list("a/b")] == [len("second")])
        (line,) = lines
        assert line.startswith("warning: s3://bucket at ")
        assert line.endswith("; training goes on, its copy stays behind for now")
        copies("two").bring()
        assert (tmp_path / "two" / "a.run").read_text() == "second"
        one.remove()
        assert list(store.list("")) == []
    finally:
        server.end()


def test_a_training_that_fails_leaves_its_newest_state(
    s3_store: S3Store, copies: Callable[[str], Copies], tmp_path: Path
):
    with pytest.raises(SystemExit), copies("one").kept(1000):
        (tmp_path / "one" / "a.run").write_text("newest")
        (tmp_path / "one" / ".a.npz.partial").write_text("half")
        raise SystemExit(143)
    assert [info.key for info in s3_store.list("")] == ["a/b/a.run"]


def damaged(whole: bytes) -> bytes:
    return whole.replace(b"12345678", b"12X45678")


@pytest.mark.parametrize("damage", [damaged, lambda whole: whole[:-30], lambda whole: b""])
def test_a_damaged_copy_is_said_and_not_used(
    damage: Callable[[bytes], bytes],
    s3_store: S3Store,
    copies: Callable[[str], Copies],
    tmp_path: Path,
    lines: list[str],
):
    for name in ("good", "bad"):
        np.savez(tmp_path / f"{name}.npz", weights=np.frombuffer(b"12345678", np.uint8))
    (tmp_path / "bad.npz").write_bytes(damage((tmp_path / "bad.npz").read_bytes()))
    for name in ("good", "bad"):
        s3_store.put(tmp_path / f"{name}.npz", f"a/b/{name}.npz")
    copies("one").bring()
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["good.npz"]
    (line,) = lines
    assert line == "warning: bad.npz from the store: expected a whole checkpoint. Received: a damaged one"


@pytest.mark.parametrize("minutes", [0.0, -1.0, float("nan")])
def test_copies_need_a_pause(copies: Callable[[str], Copies], minutes: float):
    with pytest.raises(BadInput, match="expected minutes over 0.*Received: "), copies("one").kept(minutes):
        pass


def test_nothing_is_kept_without_an_address(tmp_path: Path, lines: list[str]):
    copies = Copies(tmp_path, "", "", "", lines.append)
    copies.bring()
    with copies.kept(OFTEN):
        time.sleep(0.1)
    copies.remove()
    assert lines == []
