from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from s3_server import ACCESS_KEY, SECRET_KEY, S3Server

# Begun in this order and before all others, so that no process ends with a long one alone.
LONG_GROUPS = ("first_run", "test_training", "test_run", "test_real_footage", "test_registry")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`pytest -n 2` keeps what shares an expensive fixture in one process: a file, or all that reads the first run."""
    groups = {item: "first_run" if "first_run" in item.fixturenames else item.path.stem for item in items}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    order = {group: rank for rank, group in enumerate(LONG_GROUPS)}
    items.sort(key=lambda item: order.get(groups[item], len(order)))


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
