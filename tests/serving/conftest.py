from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import live
import pytest


@pytest.fixture(scope="session")
def tiny_detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("detectors") / live.NAME
    live.save_detector(directory)
    return directory


@pytest.fixture(scope="session")
def server(tiny_detector: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Server]:
    with live.serving(tiny_detector, tmp_path_factory.mktemp("server") / "log") as found:
        yield found
