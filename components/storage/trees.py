"""Whole folders to and from an object store; what is there already is not sent again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TypeVar

from components.storage.local import file_faults, files, inside
from components.storage.store import ObjectInfo, ObjectStore, Progress
from components.storage.tally import Tally
from model.errors import BadInput

T = TypeVar("T")
THREADS = 4  # small files wait for the network, not for the processor


def members(store: ObjectStore, prefix: str) -> dict[str, ObjectInfo]:
    """The objects under a prefix by their name relative to it; an object named by its whole key has its last part.

    Raises:
        BadInput: there are none.
    """
    found = {
        PurePosixPath(prefix).name if info.key == prefix else info.key.removeprefix(f"{prefix}/"): info
        for info in store.list(prefix)
    }
    if not found:
        raise BadInput(f"{store}: expected objects under {prefix!r}. Received: none")
    return found


def fingerprint(store: ObjectStore, prefix: str) -> str:
    """SHA-256 over the sorted keys, sizes and ETags under a prefix."""
    lines = sorted(f"{info.key}\0{info.size}\0{info.etag}\n" for info in members(store, prefix).values())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def download_tree(store: ObjectStore, prefix: str, directory: Path, progress: Progress) -> set[Path]:
    """Brings everything under a prefix into a directory; returns the files."""
    wanted = {inside(directory, name): info for name, info in members(store, prefix).items()}
    tally = Tally(f"download {store}", sum(info.size for info in wanted.values()), progress)

    def bring(path: Path) -> None:
        with file_faults(path):
            if store.same(wanted[path], path):
                tally(wanted[path].size)
            else:
                store.get(wanted[path], path, tally)

    _in_threads(bring, wanted)
    return set(wanted)


def upload_tree(directory: Path, store: ObjectStore, prefix: str, progress: Progress) -> None:
    """Sends every file of a directory to keys under a prefix."""
    if not directory.is_dir():
        raise BadInput(f"expected a directory. Received: {directory}")
    present = {info.key: info for info in store.list(prefix)}
    wanted = {f"{prefix}/{name}".lstrip("/"): path for name, path in files(directory)}
    tally = Tally(f"upload {store}", sum(path.stat().st_size for path in wanted.values()), progress)

    def send(key: str) -> None:
        with file_faults(wanted[key]):
            if key not in present or not store.same(present[key], wanted[key]):
                store.put(wanted[key], key)
            tally(wanted[key].stat().st_size)

    _in_threads(send, wanted)


def _in_threads(call: Callable[[T], None], items: Iterable[T]) -> None:
    """The first fault ends it: what has not begun is not begun."""
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for _ in pool.map(call, items):
                pass
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
