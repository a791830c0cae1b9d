from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from s3_server import ACCESS_KEY, SECRET_KEY, S3Server

from components.storage import ObjectStore
from components.storage.directory import DirectoryStore
from components.storage.s3 import S3Store

PART = 5 * 1024 * 1024  # bytes, the smallest that S3 allows


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)


@pytest.fixture
def bucket(s3_server: S3Server, credentials: None) -> str:
    name = f"test-{uuid.uuid4().hex}"
    s3_server.client().make_bucket(name)
    return name


@pytest.fixture
def s3_store(s3_server: S3Server, bucket: str) -> S3Store:
    return S3Store(bucket, s3_server.endpoint, "", part_size=PART)


@pytest.fixture(params=["directory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "s3":
        return request.getfixturevalue("s3_store")
    (tmp_path / "store").mkdir()
    return DirectoryStore(tmp_path / "store")
