"""The trials' processes, as whoever searches sees them."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model.errors import RunFailed

PATIENCE_SECONDS = 10.0  # with the trials' end, once they were told


class Processes:
    """Starts and stops commands; see `model.search.prefork`, which it runs."""

    def __init__(self, log: Path, modules: Sequence[str], environment: Mapping[str, str]) -> None:
        """Begins the imports.

        Args:
            log: what the imports print.
            modules: imported once, for all trials that are console scripts.
            environment: of the trials, beside our own.
        """
        self._log = log
        command = [sys.executable, "-m", "model.search.prefork", *modules]
        with log.open("wb") as errors:
            self._server = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # Ctrl-C is ours to pass on
                env={**os.environ, **environment},
            )
        self._rest = b""
        self._selector = selectors.DefaultSelector()
        assert self._server.stdout
        self._selector.register(self._server.stdout, selectors.EVENT_READ)

    def __enter__(self) -> Processes:
        """Waits for the imports, so that no trial's time holds them."""
        try:
            while not any("ready" in answer for answer in self._answers()):
                pass
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Ends every trial."""
        assert self._server.stdin
        assert self._server.stdout
        self._selector.close()
        self._server.stdin.close()
        self._server.stdout.close()
        try:
            self._server.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._server.kill()  # while it still imports
            self._server.wait()

    def start(self, name: str, command: Sequence[str], log: Path) -> None:
        """Runs a command; what it prints goes into the log."""
        self._tell({"start": name, "command": list(command), "log": str(log)})

    def stop(self, name: str) -> None:
        """Asks a command to end."""
        self._tell({"stop": name})

    def ended(self, seconds: float) -> dict[str, int]:
        """Names and exit statuses of those that ended; waits so long for the first."""
        found: dict[str, int] = {}
        while self._selector.select(0 if found else seconds):
            for answer in self._answers():
                if "ended" in answer:
                    found[answer["ended"]] = answer["status"]
            seconds = 0
        return found

    def _answers(self) -> list[dict[str, Any]]:
        assert self._server.stdout
        data = os.read(self._server.stdout.fileno(), 1 << 16)
        if not data:
            raise RunFailed(self._lost())
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def _tell(self, order: dict[str, Any]) -> None:
        assert self._server.stdin
        try:
            self._server.stdin.write(json.dumps(order).encode() + b"\n")
            self._server.stdin.flush()
        except BrokenPipeError as e:
            raise RunFailed(self._lost()) from e

    def _lost(self) -> str:
        said = self._log.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
        return f"expected the trials' process to go on. Received: {said[0]}"
