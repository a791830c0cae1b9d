"""Where a training stands, copied to the store while it runs: what lies in a pod goes away with its node."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from zipfile import BadZipFile, ZipFile

from components.storage import PATIENCE, ObjectStore, Patience, Progress, download_tree, open_store, upload_tree
from components.storage.local import file_faults
from model.errors import BadInput


class Copies:
    """Of a training's directory, under a prefix of the store that no other training has.

    Trouble with the store never ends a training: it is said in one line, and tried again.
    """

    def __init__(
        self, directory: Path, url: str, endpoint: str, region: str, progress: Progress, patience: Patience = PATIENCE
    ) -> None:
        """Speaks to nobody yet.

        Args:
            directory: of the checkpoints; each file there is replaced at once.
            url: `s3://bucket/prefix`; "" keeps no copies.
            endpoint: of S3.
            region: of S3; "" asks the endpoint.
            progress: takes lines for the user.
            patience: with faults that pass.
        """
        self._directory, self._progress = directory, progress
        self._place = (url, endpoint, region, patience)
        self._warned = False

    def bring(self) -> None:
        """What an earlier attempt left, into the directory; a checkpoint that is damaged is left out."""

        def bring(store: ObjectStore, prefix: str) -> None:
            if any(store.list(prefix)):
                download_tree(store, prefix, self._directory, lambda line: None)
                self._check()

        self._try(bring, "training begins anew")

    @contextmanager
    def kept(self, minutes: float) -> Iterator[None]:
        """Copies what is new every so often, and at once where the block ends, above all by SIGTERM.

        Raises:
            BadInput: so often is never.
        """
        if not minutes > 0:
            raise BadInput(f"expected minutes over 0 between two copies of a checkpoint. Received: {minutes}")
        over = Event()
        thread = Thread(target=self._send_often, args=(over, 60 * minutes), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self._send()

    def remove(self) -> None:
        """All of them: nobody will go on."""

        def remove(store: ObjectStore, prefix: str) -> None:
            for info in list(store.list(prefix)):
                store.remove(info.key)

        self._try(remove, "the copies of the checkpoints stay")

    def _send_often(self, over: Event, seconds: float) -> None:
        while not over.wait(seconds):
            self._send()

    def _send(self) -> None:
        def send(store: ObjectStore, prefix: str) -> None:
            with tempfile.TemporaryDirectory(prefix="unforeseen-") as snapshot, file_faults(Path(snapshot)):
                for path in self._directory.glob("[!.]*"):  # without what is being written
                    shutil.copyfile(path, Path(snapshot, path.name))
                upload_tree(Path(snapshot), store, prefix, lambda line: None)

        self._try(send, "training goes on, its copy stays behind for now")

    def _check(self) -> None:
        for path in self._directory.glob("*.npz"):
            if not _is_whole(path):
                path.unlink()
                self._progress(
                    f"warning: {path.name} from the store: expected a whole checkpoint. Received: a damaged one"
                )

    def _try(self, act: Callable[[ObjectStore, str], None], otherwise: str) -> None:
        if not self._place[0]:
            return
        try:
            act(*open_store(*self._place))
            self._warned = False
        except BadInput as e:
            if not self._warned:
                self._progress(f"warning: {e}; {otherwise}")
            self._warned = True


def _is_whole(path: Path) -> bool:
    try:
        with ZipFile(path) as file:
            return file.testzip() is None
    except BadZipFile:
        return False
