"""What the project needs of an object store; a directory and an S3 bucket both give it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

Progress = Callable[[str], None]  # takes one line for the user


class ObjectInfo(NamedTuple):
    """One object of a listing."""

    key: str
    size: int  # bytes
    etag: str  # MD5 of the content, or of the parts' MD5s with their number: d41d...-3
    modified: float  # when it was written, in seconds since 1970, by the store's own clock


class ObjectStore(Protocol):
    """Objects by key. Every method raises BadInput when the store cannot be reached or refuses."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """The objects under the folder `prefix`, or the one object of that key; "" is everything."""

    def get(self, info: ObjectInfo, path: Path, landed: Callable[[int], None]) -> None:
        """Brings an object to a file that appears whole and verified or not at all.

        A transfer that was broken off goes on from its last whole part; `landed` hears of the bytes as they come.
        """

    def put(self, path: Path, key: str) -> None:
        """Sends a file; the object appears whole and verified or not at all."""

    def remove(self, key: str) -> None:
        """Removes an object; one that is not there is no error."""

    def same(self, info: ObjectInfo, path: Path) -> bool:
        """Whether a local file holds the bytes of this object."""
