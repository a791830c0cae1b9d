from __future__ import annotations

from pathlib import Path

import pytest
from s3_server import PART, S3Server

from components.storage import ObjectStore
from components.storage.directory import DirectoryStore
from components.storage.s3 import S3Store


@pytest.fixture
def s3_store(s3_server: S3Server, bucket: str) -> S3Store:
    return S3Store(bucket, s3_server.endpoint, "", part_size=PART)


@pytest.fixture(params=["directory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "s3":
        return request.getfixturevalue("s3_store")
    (tmp_path / "store").mkdir()
    return DirectoryStore(tmp_path / "store")
