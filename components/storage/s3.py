"""An object store that is a bucket on any S3 endpoint."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from minio import Minio
from minio.credentials import AWSConfigProvider, ChainedProvider, EnvAWSProvider
from minio.error import S3Error

from components.storage.local import PART, etag, file_faults, partial_path, settle, write_parts
from components.storage.patience import PATIENCE, Patience, PatientPool
from components.storage.s3_faults import s3_faults
from components.storage.store import ObjectInfo
from model.errors import BadInput


class S3Store:
    """The minio client behind the ObjectStore protocol; credentials are read when the store is made."""

    def __init__(self, bucket: str, endpoint: str, region: str, patience: Patience = PATIENCE, part_size: int = PART):
        self.bucket, self.part_size = bucket, part_size
        if not re.fullmatch(r"https?://[^/@?#]+/?", endpoint):
            received = "an address with a user name" if "@" in endpoint else endpoint or "none"
            raise BadInput(f"expected an S3 endpoint such as https://s3.amazonaws.com. Received: {received}")
        self.name = f"s3://{bucket} at {endpoint}"
        self.http = PatientPool(patience)
        scheme, _, host = endpoint.rstrip("/").partition("://")
        with s3_faults(self.name):
            chain = ChainedProvider([EnvAWSProvider(), AWSConfigProvider()])
            chain.retrieve()
            self.client = Minio(host, secure=scheme == "https", region=region, credentials=chain, http_client=self.http)

    def __str__(self) -> str:
        return self.name

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See ObjectStore."""
        with s3_faults(self.name):
            found = False
            for item in self.client.list_objects(self.bucket, f"{prefix}/" if prefix else "", recursive=True):
                found = True
                if not item.is_dir:
                    yield _info(item.object_name, item)
            if prefix and not found:
                yield from self._one(prefix)

    def _one(self, key: str) -> Iterator[ObjectInfo]:
        try:
            item = self.client.stat_object(self.bucket, key)
        except S3Error as error:
            if error.code != "NoSuchKey":
                raise
        else:
            yield _info(key, item)

    def get(self, info: ObjectInfo, path: Path, landed: Callable[[int], None]) -> None:
        """See ObjectStore."""
        unchanged = {"If-Match": f'"{info.etag}"'}

        def read(offset: int, length: int) -> bytes:
            with s3_faults(f"{self.name}, {info.key}"):
                return cast(bytes, self.client.get_object(self.bucket, info.key, offset, length, unchanged).data)

        with file_faults(path):
            partial = partial_path(path, info.etag)
            write_parts(partial, info.size, self.part_size, read, landed)
            if not self.same(info, partial) and self._etag_is_md5(info):
                partial.unlink()
                raise BadInput(f"{self.name}, {info.key}: expected ETag {info.etag}; run again. Received: other bytes")
            settle(partial, path)

    def put(self, path: Path, key: str) -> None:
        """See ObjectStore."""
        with file_faults(path), s3_faults(f"{self.name}, {key}"):
            self.client.fput_object(self.bucket, key, str(path), part_size=self.part_size, num_parallel_uploads=1)
            (info,) = self._one(key)
        if not self.same(info, path) and self._etag_is_md5(info):
            raise BadInput(f"{path}: expected a file that does not change while it is sent. Received: other bytes")

    def remove(self, key: str) -> None:
        """See ObjectStore."""
        with s3_faults(f"{self.name}, {key}"):
            self.client.remove_object(self.bucket, key)

    def same(self, info: ObjectInfo, path: Path) -> bool:
        """See ObjectStore."""
        if not path.is_file() or path.stat().st_size != info.size:
            return False
        return etag(path, self._first_part(info) if "-" in info.etag else None) == info.etag

    def _first_part(self, info: ObjectInfo) -> int:
        with s3_faults(f"{self.name}, {info.key}"):
            part = self.client.stat_object(self.bucket, info.key, extra_query_params={"partNumber": "1"})
        return int(part.size) or info.size or 1

    def _etag_is_md5(self, info: ObjectInfo) -> bool:
        """Not under a key of the provider's key service, nor with parts of unequal sizes; then the size must do."""
        md5 = re.fullmatch(r"[0-9a-f]{32}(?:-(\d+))?", info.etag)
        if not md5 or (md5[1] and math.ceil(info.size / self._first_part(info)) != int(md5[1])):
            return False
        with s3_faults(f"{self.name}, {info.key}"):
            metadata = self.client.stat_object(self.bucket, info.key).metadata
        return "kms" not in metadata.get("x-amz-server-side-encryption", "")


def _info(key: str, found: Any) -> ObjectInfo:
    """From what the client lists; a store that does not say when an object was written has never anything new."""
    return ObjectInfo(key, found.size, found.etag, found.last_modified.timestamp() if found.last_modified else 0.0)
