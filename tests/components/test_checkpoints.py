"""Copies of a training's checkpoints: whole or not used, in a store that comes and goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from s3_server import S3Server

from components.checkpoints import Copies
from components.storage import Patience
from components.storage.s3 import S3Store

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


def test_a_store_that_is_away_is_said_once_and_tried_again(
    s3_server: S3Server, s3_store: S3Store, copies: Callable[[str], Copies], tmp_path: Path, lines: list[str]
):
    one = copies("one")
    (tmp_path / "one" / "a.run").write_text("first")
    with one.kept(OFTEN):
        until(lambda: list(s3_store.list("a/b")))
        s3_server.kill()
        (tmp_path / "one" / "a.run").write_text("second")
        until(lambda: lines)
        time.sleep(0.3)  # ten tries
        s3_server.start()
        until(lambda: [info.size for info in s3_store.list("a/b")] == [len("second")])
    (line,) = lines
    assert line.startswith("warning: s3://")
    assert line.endswith("; training goes on, and its checkpoint is copied later")
    copies("two").bring()
    assert (tmp_path / "two" / "a.run").read_text() == "second"
    one.remove()
    assert list(s3_store.list("")) == []


def test_a_training_that_fails_leaves_its_newest_state(
    s3_store: S3Store, copies: Callable[[str], Copies], tmp_path: Path
):
    with pytest.raises(SystemExit), copies("one").kept(1000):
        (tmp_path / "one" / "a.run").write_text("newest")
        (tmp_path / "one" / ".a.npz.partial").write_text("half")
        raise SystemExit(143)
    assert [info.key for info in s3_store.list("")] == ["a/b/a.run"]


def test_a_damaged_copy_is_said_and_not_used(
    s3_store: S3Store, copies: Callable[[str], Copies], tmp_path: Path, lines: list[str]
):
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 and no more")
    s3_store.put(tmp_path / "bad.npz", "a/b/bad.npz")
    copies("one").bring()
    assert list((tmp_path / "one").iterdir()) == []
    (line,) = lines
    assert "bad.npz: expected a whole checkpoint" in line


def test_nothing_is_kept_without_an_address(tmp_path: Path, lines: list[str]):
    copies = Copies(tmp_path, "", "", "", lines.append)
    copies.bring()
    with copies.kept(OFTEN):
        time.sleep(0.1)
    copies.remove()
    assert lines == []
