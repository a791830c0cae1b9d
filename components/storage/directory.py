"""An object store that is a directory: keys are relative paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from components.storage.local import PART, etag, file_faults, files, inside, partial_path, settle, write_parts
from components.storage.store import ObjectInfo
from model.errors import BadInput


class DirectoryStore:
    """The twin of S3Store on a file system."""

    def __init__(self, root: Path):
        self.root = root

    def __str__(self) -> str:
        return str(self.root)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See ObjectStore; reads every file once for its checksum."""
        if not self.root.is_dir():
            raise BadInput(f"expected a directory. Received: {self.root}")
        top = inside(self.root, prefix) if prefix else self.root
        below = files(top) if top.is_dir() else []
        found = [(f"{prefix}/{name}".lstrip("/"), path) for name, path in below]
        for key, path in [(prefix, top)] if top.is_file() else found:
            with file_faults(path):
                info = _info(key, path)
            yield info

    def get(self, info: ObjectInfo, path: Path, landed: Callable[[int], None]) -> None:
        """See ObjectStore."""
        with file_faults(path):
            _copy(inside(self.root, info.key), info, path, landed)

    def put(self, path: Path, key: str) -> None:
        """See ObjectStore."""
        with file_faults(path):
            info = _info(key, path)
            _copy(path, info, inside(self.root, key), lambda count: None)

    def remove(self, key: str) -> None:
        """See ObjectStore."""
        with file_faults(self.root):
            inside(self.root, key).unlink(missing_ok=True)

    def same(self, info: ObjectInfo, path: Path) -> bool:
        """See ObjectStore."""
        return path.is_file() and path.stat().st_size == info.size and etag(path) == info.etag


def _info(key: str, path: Path) -> ObjectInfo:
    stat = path.stat()
    return ObjectInfo(key, stat.st_size, etag(path), stat.st_mtime)


def _copy(source: Path, info: ObjectInfo, path: Path, landed: Callable[[int], None]) -> None:
    partial = partial_path(path, info.etag)
    with source.open("rb") as file:

        def read(offset: int, length: int) -> bytes:
            file.seek(offset)
            return file.read(length)

        write_parts(partial, info.size, PART, read, landed)
    if etag(partial) != info.etag:
        partial.unlink()
        raise BadInput(f"{source}: expected a file that does not change while it is copied. Received: other bytes")
    settle(partial, path)
