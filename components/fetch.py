"""Any source as a local path: a path as it is, a file from the web, a prefix of a bucket; and its fingerprint."""

from __future__ import annotations

import hashlib
from pathlib import Path

from components.storage import ObjectStore, Progress, download_tree, open_store
from components.storage import fingerprint as store_fingerprint
from components.storage.http import ask, download
from components.storage.local import files, inside
from components.storage.patience import PATIENCE, Patience
from components.storage.tally import MB
from components.storage.trees import members
from model.errors import BadInput

WEB = ("http://", "https://")


def fetch(
    source: str,
    directory: Path,
    endpoint: str,
    region: str,
    max_mb: int,
    progress: Progress,
    patience: Patience = PATIENCE,
) -> Path:
    """Brings a source to a local path: a file or a directory; archives are not unpacked.

    Local sources stay where they are. What is downloaded goes into a directory of its own below `directory`, is kept,
    and is not downloaded again while the source stays the same; a download that was broken off goes on.

    Args:
        source: a path, `http(s)://host/file` or `s3://bucket/prefix`.
        directory: for downloads.
        endpoint: of S3, for example `http://127.0.0.1:8333`.
        region: of S3; "" asks the endpoint.
        max_mb: a larger download is refused, 10^6 bytes each.
        progress: takes lines for the user.
        patience: with faults that pass.

    Raises:
        BadInput: the source is not there, cannot be reached or is too large, or the disk is full.
    """
    if source.startswith(WEB):
        file = ask(source, patience)
        path = inside(directory / file.fingerprint[:16], file.name)
        if not path.is_file():
            download(file, path, max_mb, progress, patience)
        return path
    if source.startswith("s3://"):
        store, prefix = open_store(source, endpoint, region, patience)
        tree = directory / hashlib.sha256(f"{endpoint}\0{source}".encode()).hexdigest()[:16]
        return _fetch_objects(store, prefix, tree, max_mb, progress)
    return _local(source)


def source_fingerprint(source: str, endpoint: str, region: str, patience: Patience = PATIENCE) -> str:
    """SHA-256 that changes when the content of a source changes, without reading the content.

    Local files count by name, size and modification time; web files by ETag, date and size; objects by key, size
    and ETag.

    Raises:
        BadInput: the source is not there or cannot be reached.
    """
    if source.startswith(WEB):
        return ask(source, patience).fingerprint
    if source.startswith("s3://"):
        return store_fingerprint(*open_store(source, endpoint, region, patience))
    path = _local(source)
    entries = files(path) if path.is_dir() else [(path.name, path)]
    stats = sorted((name, file.stat()) for name, file in entries)
    lines = (f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n" for name, stat in stats)
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def _local(source: str) -> Path:
    path = Path(source)
    if "://" in source or not source or not path.exists():
        shown = f"{source.partition('://')[0]}://..." if "://" in source else repr(source)
        raise BadInput(f"expected a path that exists, http(s)://host/file or s3://bucket/prefix. Received: {shown}")
    return path


def _fetch_objects(store: ObjectStore, prefix: str, tree: Path, max_mb: int, progress: Progress) -> Path:
    objects = members(store, prefix)
    size = sum(info.size for info in objects.values())
    if size > max_mb * MB:
        raise BadInput(f"{store}, {prefix}: expected at most {max_mb} MB. Received: {size / MB:.1f} MB")
    wanted = download_tree(store, prefix, tree, progress)
    for path in tree.rglob("*"):
        if path.is_file() and path not in wanted:
            path.unlink()  # no longer in the store, or left of a version that was never finished
    is_one_file = [info.key for info in objects.values()] == [prefix]
    return wanted.pop() if is_one_file else tree
