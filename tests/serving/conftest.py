from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import live
import pytest

if TYPE_CHECKING:
    from model.detector import Detector


@pytest.fixture(scope="session")
def unsaved() -> Detector:
    return live.fit()


@pytest.fixture(scope="session")
def tiny_detector(unsaved: Detector, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from model import detector

    directory = tmp_path_factory.mktemp("detectors") / live.NAME
    detector.save(unsaved, directory)
    return directory


@pytest.fixture(scope="session")
def server(tiny_detector: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Server]:
    with live.serving(tiny_detector, tmp_path_factory.mktemp("server") / "log") as found:
        yield found
