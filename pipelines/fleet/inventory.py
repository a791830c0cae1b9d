"""What lies below a prefix: the footage of every camera, by its listing alone."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass

from components.storage import ObjectInfo, ObjectStore

SETTINGS = "settings.yaml"


@dataclass(frozen=True)
class Footage:
    """All of a camera's at one moment.

    Attributes:
        objects: how many.
        bytes: of all.
        newest: when the last one was written, in seconds since 1970, by the store's clock.
        digest: SHA-256 of keys, sizes and ETags.
    """

    objects: int = 0
    bytes: int = 0
    newest: float = 0.0
    digest: str = ""


@dataclass(frozen=True)
class Inventory:
    """One camera's folder."""

    objects: tuple[ObjectInfo, ...] = ()  # of footage and labels
    settings: ObjectInfo | None = None  # of settings.yaml, which is no footage

    @property
    def footage(self) -> Footage:
        """What it sums up to."""
        lines = sorted(f"{info.key}\0{info.size}\0{info.etag}\n" for info in self.objects)
        newest = max((info.modified for info in self.objects), default=0.0)
        digest = hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()
        return Footage(len(self.objects), sum(info.size for info in self.objects), newest, digest)

    @property
    def settings_tag(self) -> str:
        """ETag of settings.yaml; "" is none."""
        return self.settings.etag if self.settings else ""

    def since(self, moment: float) -> int:
        """Bytes that were written after a moment; what a retention rule removes meanwhile does not count against it."""
        return sum(info.size for info in self.objects if info.modified > moment)


def look(store: ObjectStore, prefix: str) -> dict[str, Inventory]:
    """The cameras by name: the folders right below the prefix.

    Raises:
        BadInput: the store cannot be reached.
    """
    found: dict[str, list[ObjectInfo]] = defaultdict(list)
    settings: dict[str, ObjectInfo] = {}
    for info in store.list(prefix):
        camera, slash, name = info.key.removeprefix(f"{prefix}/").partition("/")
        if name == SETTINGS:
            settings[camera] = info
        elif slash and name:
            found[camera].append(info)
    return {name: Inventory(tuple(found[name]), settings.get(name)) for name in sorted({*found, *settings})}
