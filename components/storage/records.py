"""Small objects that are read and written whole, and never over what somebody else wrote meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from minio.error import S3Error

from components.storage.s3 import S3Store
from components.storage.s3_faults import s3_faults
from model.errors import BadInput

VALID = timedelta(minutes=10)  # of a signed address, longer than a client's patience
OVERTAKEN = (404, 409, 412)  # statuses of a conditional write that comes too late; 404 where the object has gone


class Overtaken(Exception):
    """Somebody else has written since it was read; what it holds now has to be read again."""


class Record(NamedTuple):
    """What an object held when it was read."""

    text: str
    tag: str  # of this very content; "" where there is no object


class Records:
    """Objects below a prefix, by name. Every method raises BadInput where the store cannot be reached or refuses."""

    def __init__(self, store: S3Store, prefix: str) -> None:
        self._store, self._prefix = store, prefix

    def __str__(self) -> str:
        return f"s3://{self._store.bucket}/{self._prefix}"

    def names(self) -> list[str]:
        """Of all that are there."""
        return [info.key.removeprefix(f"{self._prefix}/") for info in self._store.list(self._prefix)]

    def read(self, name: str) -> Record:
        """What is there now."""
        with s3_faults(f"{self}/{name}"):
            try:
                found = self._store.client.get_object(self._store.bucket, f"{self._prefix}/{name}")
            except S3Error as error:
                if error.code != "NoSuchKey":
                    raise
                return Record("", "")
            return Record(found.data.decode(errors="replace"), found.headers["ETag"])

    def write(self, name: str, text: str, tag: str) -> Record:
        """Replaces what was read with this tag, or makes what was not there; all of it or nothing.

        The client cannot send conditions, so it signs an address, and the conditions go beside it.

        Raises:
            Overtaken: it holds something else by now.
        """
        condition = {"If-Match": tag} if tag else {"If-None-Match": "*"}
        with s3_faults(f"{self}/{name}"):
            client = self._store.client
            address = client.get_presigned_url("PUT", self._store.bucket, f"{self._prefix}/{name}", VALID)
            answer = self._store.http.urlopen("PUT", address, body=text.encode(), headers=condition)
        if answer.status in OVERTAKEN:
            raise Overtaken
        if answer.status != 200:
            raise BadInput(f"{self}/{name}: expected a store that takes this object. Received: HTTP {answer.status}")
        return Record(text, answer.headers["ETag"])
