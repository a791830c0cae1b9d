from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from s3_server import ACCESS_KEY, SECRET_KEY, S3Server

# As the command does it; read when numpy is imported, which nothing has yet.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Two processes test on two cores, and what they start would fight over both.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

# Begun in this order and before all others, so that no process ends with a long one alone. While the first file makes
# the run that many look at, nobody waits for it: the second needs none.
LONG_FILES = (
    "test_run.py",
    "test_tune.py",
    "test_sources.py",
    "test_real_footage.py",
    "test_training.py",
    "test_score.py",
    "test_server.py",
    "test_registry.py",
    "test_fleet_machine.py",
    "test_fleet_watch.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `pytest -n 2` a file, whose tests share fixtures, goes to whichever process is free next."""
    order = {name: rank for rank, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Started in a second, and not kept: at rest it takes a third of a core."""
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.end()


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


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To copy: MLflow needs seconds to make its tables."""
    from components.registry.connection import connect

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    connect(f"sqlite:///{path}")
    return path
