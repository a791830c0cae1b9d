"""The local side of a transfer: names that stay inside, files that appear whole, checksums as S3 gives them."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from model.errors import BadInput

PART = 8 * 1024 * 1024  # bytes that one request carries; S3 takes at most 10,000 parts, so files up to 80 GB
PARTIAL = re.compile(r"\.[0-9a-f]{16}\.part")
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def inside(directory: Path, name: str) -> Path:
    """The path of a name that somebody else chose.

    Raises:
        BadInput: the name has a part that is empty, `.` or `..`, is absolute, or leads outside through a link.
    """
    plain = all(part not in ("", ".", "..") for part in name.split("/")) and "\0" not in name
    if not plain or not (directory / name).resolve().is_relative_to(directory.resolve()):
        raise BadInput(f"expected an object name that stays inside {directory}. Received: {name!r}")
    return directory / name


def files(root: Path) -> Iterator[tuple[str, Path]]:
    """Every file under a directory, links followed, with its relative name; what a broken download left is left out."""

    def stop(error: OSError) -> None:
        raise BadInput(
            f"{error.filename}: expected a directory that can be read. Received: {error.strerror}"
        ) from error

    for folder, _, names in os.walk(root, onerror=stop, followlinks=True):
        for path in (Path(folder, name) for name in names if not PARTIAL.fullmatch(name)):
            if path.is_file():
                yield path.relative_to(root).as_posix(), path


def etag(path: Path, part_size: int | None = None) -> str:
    """MD5 of a file; with a part size in bytes, as of a multipart upload, of its parts' MD5s, and their number."""
    with path.open("rb") as file:
        if part_size is None:
            return hashlib.file_digest(file, "md5").hexdigest()
        digests = []
        for start in range(0, max(path.stat().st_size, 1), part_size):
            digest = hashlib.md5(usedforsecurity=False)
            for offset in range(start, start + part_size, PART):  # a part may be larger than memory
                digest.update(file.read(min(PART, start + part_size - offset)))
            digests.append(digest.digest())
    return f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"


@contextmanager
def file_faults(path: Path) -> Iterator[None]:
    """Turns what the file system refuses into one line.

    Raises:
        BadInput: no space, no permission, a file where a directory is needed, and the like.
    """
    try:
        yield
    except OSError as error:
        wanted = "free disk space; make some and run again" if error.errno in NO_SPACE else "a usable file"
        raise BadInput(f"{error.filename or path}: expected {wanted}. Received: {error.strerror or error}") from error


def partial_path(path: Path, tag: str) -> Path:
    """The temporary name of a file; another version of the content, another tag, never continues this one."""
    return path.with_name(f".{hashlib.sha256(f'{path.name} {tag}'.encode()).hexdigest()[:16]}.part")


def write_parts(
    partial: Path, size: int, part_size: int, read: Callable[[int, int], bytes], landed: Callable[[int], None]
) -> None:
    """Writes `read(offset, length)` part by part, on disk when it returns; whole parts already there are kept."""
    partial.parent.mkdir(parents=True, exist_ok=True)
    with partial.open("ab") as file:
        done = file.truncate(file.tell() // part_size * part_size)
        landed(done)
        for offset in range(done, size, part_size):
            part = read(offset, min(part_size, size - offset))
            file.write(part)
            landed(len(part))
        file.flush()
        os.fsync(file.fileno())


def settle(partial: Path, path: Path) -> None:
    """Gives the finished file its name; the name is on disk when this returns."""
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
