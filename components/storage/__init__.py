"""Object stores: a directory or a bucket on any S3 endpoint, behind one protocol."""

from __future__ import annotations

from pathlib import Path

from components.storage.directory import DirectoryStore
from components.storage.patience import PATIENCE, Patience
from components.storage.store import ObjectInfo, ObjectStore, Progress
from components.storage.trees import download_tree, fingerprint, upload_tree
from model.errors import BadInput

__all__ = [
    "PATIENCE",
    "ObjectInfo",
    "ObjectStore",
    "Patience",
    "Progress",
    "download_tree",
    "fingerprint",
    "open_store",
    "upload_tree",
]


def open_store(url: str, endpoint: str, region: str, patience: Patience = PATIENCE) -> tuple[ObjectStore, str]:
    """The store and the prefix of `s3://bucket/prefix` or of a directory; endpoint and region are for S3 only.

    Raises:
        BadInput: another kind of address, no credentials, or an endpoint that is none.
    """
    if not url.startswith("s3://"):
        if "://" in url:
            raise BadInput(f"expected s3://bucket/prefix or a directory. Received: {url.partition('://')[0]}://...")
        return DirectoryStore(Path(url)), ""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    if not bucket or "@" in bucket:
        raise BadInput("expected s3://bucket/prefix without a user name. Received: another address")
    from components.storage.s3 import S3Store  # minio takes a third of a second to import

    return S3Store(bucket, endpoint, region, patience), prefix.strip("/")
