"""The bar that `write_dataset` is measured against: OpenCV alone, decoding and resizing the same files."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2

from model.config import Preprocessing


def decode_and_resize(pictures: Sequence[Path], settings: Preprocessing, workers: int) -> int:
    """Decodes and resizes every picture on `workers` threads, keeps nothing, and gives how many there were."""
    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(lambda part: _loop(part, settings), [pictures[k::workers] for k in range(workers)]))


def _loop(pictures: Sequence[Path], settings: Preprocessing) -> int:
    flag = cv2.IMREAD_GRAYSCALE if settings.channels == 1 else cv2.IMREAD_COLOR
    for path in pictures:
        cv2.resize(cv2.imread(str(path), flag), (settings.width, settings.height), interpolation=cv2.INTER_AREA)
    return len(pictures)
