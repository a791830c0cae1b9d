"""Unpacks an archive that nobody vouches for."""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from model.atomic import new_directory
from model.errors import BadInput

MEGABYTE = 1_000_000
DAMAGE = (EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, NotImplementedError)


def unpack(archive: Path, destination: Path, max_expansion_mb: int) -> None:
    """Unpacks a .tar.gz, .tgz or .zip into the new directory `destination`, or leaves nothing there.

    Raises:
        BadInput: truncated or of another kind; a member that is absolute, climbs with `..`, is a link or a device, or
            comes twice; or more than `max_expansion_mb` megabytes, counted as they are written.
    """
    if not archive.is_file():
        raise BadInput(f"{archive}: expected an archive. Received: no such file")
    if not archive.name.lower().endswith((".tar.gz", ".tgz", ".zip")):
        raise BadInput(f"{archive}: expected .tar.gz, .tgz or .zip. Received: another name")
    members = _zip_members if archive.name.lower().endswith(".zip") else _tar_members
    left = max_expansion_mb * MEGABYTE
    try:
        with new_directory(destination) as directory:
            for name, content in members(archive):
                left -= _write(directory / _checked(name, archive), content, left, archive)
    except DAMAGE as error:
        raise BadInput(f"{archive}: expected a whole archive. Received: {error or type(error).__name__}") from error
    except (FileExistsError, NotADirectoryError) as error:
        raise BadInput(f"{archive}: expected each name once. Received: {Path(error.filename).name} again") from error


def _tar_members(archive: Path) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Name and content of each file; content None for a directory."""
    with gzip.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            if not (member.isdir() or member.isreg()):
                raise BadInput(
                    f"{archive}: expected files and directories only. Received: {member.name}, a link or device"
                )
            yield member.name, None if member.isdir() else tar.extractfile(member)
        while stream.read(MEGABYTE):  # to the checksum at the end, which alone tells a truncated archive
            pass


def _zip_members(archive: Path) -> Iterator[tuple[str, IO[bytes] | None]]:
    with zipfile.ZipFile(archive) as bundle:
        for member in bundle.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise BadInput(f"{archive}: expected files and directories only. Received: {member.filename}, a link")
            if member.flag_bits & 1:
                raise BadInput(
                    f"{archive}: expected an archive without a password. Received: {member.filename}, encrypted"
                )
            if member.is_dir():
                yield member.filename, None
                continue
            with bundle.open(member) as content:
                yield member.filename, content


def _checked(name: str, archive: Path) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise BadInput(f"{archive}: expected names below the archive's own top. Received: {name}")
    return path


def _write(path: Path, content: IO[bytes] | None, limit: int, archive: Path) -> int:
    """Bytes written."""
    if content is None:
        path.mkdir(parents=True, exist_ok=True)
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with path.open("xb") as file:
        while chunk := content.read(MEGABYTE):
            written += len(chunk)
            if written > limit:
                raise BadInput(
                    f"{archive}: expected to unpack within footage.max_expansion_mb. Received: more than that"
                )
            file.write(chunk)
    return written
