"""The cameras of a bucket as one look finds them, and what is remembered of each, read and written in the store."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from components.registry import experiment_name
from components.storage.records import Overtaken, Records
from components.storage.s3 import S3Store
from model.errors import BadInput
from pipelines.fleet import settings
from pipelines.fleet.inventory import SETTINGS, Inventory, look
from pipelines.fleet.services import THREADS
from pipelines.fleet.settings import Settings
from pipelines.fleet.state import State, from_text, to_text
from pipelines.profile import Store

SUFFIX = ".json"


@dataclass
class Known:
    """One camera during one look.

    Attributes:
        name: of its folder.
        inventory: of the folder.
        state: what is remembered.
        tag: of the state as it is stored.
        settings: None where they are not readable.
        problem: that stands in the way, in words.
        note: what else there is to say.
    """

    name: str
    inventory: Inventory
    state: State = field(default_factory=State)
    tag: str = ""
    settings: Settings | None = None
    problem: str = ""
    note: str = ""

    def guard(self, step: Callable[[Known], None]) -> None:
        """Does something with it; what goes wrong is its problem, and no other's."""
        try:
            step(self)
        except Overtaken:
            self.problem = "another watch looks at it at this moment"
        except BadInput as e:
            self.problem = str(e)


class Cameras:
    """Those below a prefix of a bucket."""

    def __init__(self, source: str, place: Store) -> None:
        """Opens the store; asks nothing yet.

        Args:
            source: `s3://bucket/prefix`, with a folder a camera below it.
            place: the store, whose own bucket keeps what is remembered; without one it is the source's.

        Raises:
            BadInput: the source is no prefix of a bucket, or there are no credentials.
        """
        bucket, _, prefix = source.removeprefix("s3://").strip("/").partition("/")
        if not source.startswith("s3://") or not prefix:
            raise BadInput(f"expected --source as s3://bucket/prefix, with a folder a camera. Received: {source}")
        self._store, self._prefix = S3Store(bucket, place.endpoint, place.region), prefix
        kept = S3Store(place.bucket, place.endpoint, place.region) if place.bucket else self._store
        self._memory, self._folders = Records(kept, f"fleet/{bucket}/{prefix}"), Records(self._store, prefix)

    def read(self) -> list[Known]:
        """Every camera that has a folder or is remembered.

        Raises:
            BadInput: the store does not answer.
        """
        found = look(self._store, self._prefix)
        remembered = {name.removesuffix(SUFFIX) for name in self._memory.names()}
        cameras = [Known(name, found.get(name, Inventory())) for name in sorted({*found, *remembered})]
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda camera: camera.guard(self._recall), cameras))
        return cameras

    def save(self, camera: Known, state: State) -> None:
        """Remembers it.

        Raises:
            Overtaken: somebody else has, since it was read.
            BadInput: the store does not answer.
        """
        if state != camera.state:
            camera.tag = self._memory.write(f"{camera.name}{SUFFIX}", to_text(state), camera.tag).tag
        camera.state = state

    def source(self, camera: str) -> str:
        """Of its footage."""
        return f"{self._folders}/{camera}"

    def _recall(self, camera: Known) -> None:
        experiment_name(camera.name)  # or else no run of it would begin
        name = f"{camera.name}{SUFFIX}"
        record = self._memory.read(name)
        camera.state, camera.tag = from_text(record.text, f"{self._memory}/{name}"), record.tag
        text = self._folders.read(f"{camera.name}/{SETTINGS}").text if camera.inventory.settings else ""
        camera.settings = settings.read(text, f"{self.source(camera.name)}/{SETTINGS}")
