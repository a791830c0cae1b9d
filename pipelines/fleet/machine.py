"""Runs on this machine: each a process of its own, which outlives whoever started it and is found again by its files.

    OUT/NAME/          what `unforeseen run` leaves, a camera each
    OUT/.fleet/NAME/   lock: held while a run of this camera lives, and the number of its process group
                       KEY.json: its summary, once it has ended well; KEY.log: all else that it said

The system lets a lock go when its process ends in whatever way, so nothing here can be left behind by a kill.
"""

from __future__ import annotations

import fcntl
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO

from components.storage.local import file_faults
from model.errors import BadInput
from pipelines.fleet.starter import Order, Outcome
from pipelines.fleet.state import FAILED, SUCCEEDED
from pipelines.profile import Profile

SAYS = "unforeseen: "  # begins the line in which a command says why it failed


class Machine:
    """The twin of Kubeflow on one machine."""

    def __init__(self, out: Path, profile: Profile, file: Path | None) -> None:
        """Takes the directory for runs, the profile, and the file that it was read from."""
        self._out, self._profile = out.absolute(), profile
        self._options = ["--profile", str(file.absolute())] if file else []
        self._children: list[subprocess.Popen[bytes]] = []
        self.place = f"{socket.gethostname()}:{self._out}"

    def tracking(self, camera: str) -> str:
        """See Starter."""
        return self._profile.tracking(self._out / camera)[0]

    def find(self, camera: str, key: str) -> str:
        """See Starter; a process that died before it said a word has not been."""
        folder = self._folder(camera)
        said = any(path.is_file() and path.stat().st_size for path in (folder / f"{key}.json", folder / f"{key}.log"))
        return key if said or (folder / f"{key}.log").is_file() and self._lives(camera) else ""

    def start(self, order: Order) -> str:
        """See Starter."""
        folder = self._folder(order.camera)
        with file_faults(folder):
            folder.mkdir(parents=True, exist_ok=True)
        with file_faults(folder), (folder / "lock").open("a") as lock:
            if not _locked(lock):
                raise BadInput(f"{folder}: expected no other run of this camera. Received: one")
            with (folder / f"{order.key}.json").open("wb") as result, (folder / f"{order.key}.log").open("wb") as log:
                # In a session of its own: Ctrl-C is for whoever watches. It keeps the lock for as long as it lives.
                child = subprocess.Popen(
                    self._command(order),
                    stdin=subprocess.DEVNULL,
                    stdout=result,
                    stderr=log,
                    pass_fds=[lock.fileno()],
                    start_new_session=True,
                )
            lock.truncate(0)
            lock.write(f"{child.pid}\n")
        self._children.append(child)
        return order.key

    def look(self, camera: str, run: str) -> Outcome:
        """See Starter; whoever was not its parent does not hear how a process ended, but sees what it left."""
        self._children = [child for child in self._children if child.poll() is None]
        if self._lives(camera):
            return Outcome("")
        folder = self._folder(camera)
        try:
            json.loads((folder / f"{run}.json").read_text())
        except (OSError, ValueError):
            return Outcome(FAILED, _last_words(folder / f"{run}.log"))
        return Outcome(SUCCEEDED)

    def _folder(self, camera: str) -> Path:
        return self._out / ".fleet" / camera

    def _lives(self, camera: str) -> bool:
        try:
            with (self._folder(camera) / "lock").open("r+") as lock:
                return not _locked(lock)
        except FileNotFoundError:
            return False

    def _command(self, order: Order) -> list[str]:
        words = ["run", "--source", order.source, "--camera", order.camera, "--out", str(self._out / order.camera)]
        words += ["--preset", order.settings.preset, "--json", *self._options]
        words += [word for override in order.settings.overrides for word in ("--set", override)]
        words += ["--base-model", order.base_model] if order.base_model else []
        return [sys.executable, "-m", "pipelines.cli", *words]


def _locked(lock: IO[str]) -> bool:
    """Takes the lock, if nobody has it; it goes with the last process that has the file open."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    said = [line.removeprefix(SAYS) for line in lines if line.startswith(SAYS)]
    return said[-1] if said else f"it ended without a word; its log is {log}"
