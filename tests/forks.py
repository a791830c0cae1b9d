"""Real processes, each a fork of one that has imported TensorFlow: seconds sooner than a new one.

A line of JSON in, `{"call": "module:function", "words": [...], "env": {...}, "log": path}`; a line with the number of
the process that makes the call out.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn


class Fork:
    """One process."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid, self.log = pid, log

    @property
    def said(self) -> str:
        return self.log.read_text()

    @property
    def status(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        file = self.log.with_name(f"{self.pid}.status")
        return int(file.read_text()) if file.exists() else None

    def kill(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def says(self, words: str, seconds: float = 300) -> None:
        """Waits for it."""
        self._wait(lambda: words in self.said or self.status is not None, seconds)
        assert words in self.said, self.said[-2000:]

    def end(self, seconds: float = 300) -> int:
        """Waits for it."""
        self._wait(lambda: self.status is not None, seconds)
        return self.status

    def _wait(self, condition: Any, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.said[-2000:]
            time.sleep(0.02)


class Forks:
    """The process with the imports; in a `with`, at whose end all of them end."""

    def __init__(self, directory: Path, *modules: str) -> None:
        self._directory, self._forks = directory, list[Fork]()
        command, pipe = [sys.executable, __file__, str(directory), *modules], subprocess.PIPE
        path = os.pathsep.join(filter(None, sys.path))
        with (directory / "forks.log").open("wb") as log:
            self._server = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=log, text=True, env=os.environ | {"PYTHONPATH": path}
            )

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server.stdin and self._server.stdout
        for fork in self._forks:
            if fork.status is None:
                fork.kill(signal.SIGKILL)
        self._server.stdin.close()
        self._server.stdout.close()
        self._server.wait()

    def start(self, call: str, *words: str | Path, **env: str) -> Fork:
        """Calls a function with a list of words; what it returns is the exit code."""
        assert self._server.stdin and self._server.stdout
        log = self._directory / f"fork-{len(self._forks)}.log"
        log.touch()
        order = {"call": call, "words": [str(word) for word in words], "env": env, "log": str(log)}
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        self._forks.append(Fork(int(self._server.stdout.readline()), log))
        return self._forks[-1]


def main(directory: Path, modules: list[str]) -> None:
    def reap(*_: object) -> None:
        while running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            running.discard(pid)
            (directory / f".{pid}").write_text(str(os.waitstatus_to_exitcode(status)))
            (directory / f".{pid}").rename(directory / f"{pid}.status")

    for module in modules:
        importlib.import_module(module)
    running: set[int] = set()
    answer = os.dup(1)
    os.dup2(2, 1)
    signal.signal(signal.SIGCHLD, reap)
    for line in sys.stdin:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = os.fork()
        if not pid:
            _become(json.loads(line))
        running.add(pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        os.write(answer, f"{pid}\n".encode())


def _become(order: dict[str, Any]) -> NoReturn:
    status: Any = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        output = os.open(order["log"], os.O_WRONLY | os.O_CREAT, 0o644)
        for number in (1, 2):
            os.dup2(output, number)
        os.environ |= order["env"]
        module, _, name = order["call"].partition(":")
        status = getattr(importlib.import_module(module), name)(order["words"]) or 0
    except SystemExit as e:
        print(e.code)
        status = e.code if isinstance(e.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
