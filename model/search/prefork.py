"""Starts trials from a process that has imported what they need: `python -m model.search.prefork MODULE...`.

A line of JSON in, `{"start": name, "command": [...], "log": path}` or `{"stop": name}`; a line out for each process
that ended, `{"ended": name, "status": number}`. A command that is a console script of this Python runs in a fork of
this process, any other as a program of its own. When the input ends, so do all trials: none outlives its search.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import selectors
import signal
import sys
import traceback
from importlib.metadata import entry_points
from typing import Any, NoReturn


def main(modules: list[str]) -> None:
    """Imports, then serves until the input ends."""
    for module in modules:
        importlib.import_module(module)
    answer = os.dup(1)
    os.dup2(2, 1)  # what others print must not look like an answer
    os.write(answer, b'{"ready": true}\n')
    selector = selectors.DefaultSelector()
    selector.register(0, selectors.EVENT_READ)
    running: dict[str, tuple[int, int]] = {}  # name -> process, its descriptor
    rest = b""
    while True:
        for key, _ in selector.select():
            if key.fd:
                _reap(key.data, running, selector, answer)
                continue
            data = os.read(0, 1 << 16)
            if not data:
                for pid, _ in running.values():
                    _kill(pid, signal.SIGKILL)
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                _obey(json.loads(line), running, selector)


def _obey(order: dict[str, Any], running: dict[str, tuple[int, int]], selector: selectors.BaseSelector) -> None:
    if "stop" in order:
        if order["stop"] in running:  # it may have ended meanwhile
            _kill(running[order["stop"]][0], signal.SIGTERM)
        return
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        _become(order["command"], order["log"])
    with contextlib.suppress(OSError):  # both say it, so that it holds for whichever comes first
        os.setpgid(pid, pid)
    descriptor = os.pidfd_open(pid)
    running[order["start"]] = pid, descriptor
    selector.register(descriptor, selectors.EVENT_READ, order["start"])


def _reap(name: str, running: dict[str, tuple[int, int]], selector: selectors.BaseSelector, answer: int) -> None:
    pid, descriptor = running.pop(name)
    selector.unregister(descriptor)
    os.close(descriptor)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    _kill(pid, signal.SIGKILL)  # what it may have started itself
    os.write(answer, json.dumps({"ended": name, "status": status}).encode() + b"\n")


def _kill(pid: int, number: signal.Signals) -> None:
    """The process and what it started, which are a group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _become(command: list[str], log: str) -> NoReturn:
    """The child: its output goes into the log, its input is empty."""
    status = 1
    try:
        os.setpgid(0, 0)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
            os.dup2(descriptor, number)
        os.closerange(3, 256)
        status = _run(command)
    except SystemExit as e:
        if isinstance(e.code, str):
            print(e.code, file=sys.stderr)
        status = e.code if isinstance(e.code, int) else int(e.code is not None)
    except OSError as e:
        print(f"{command[0]}: {e.strerror}", file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)  # what this process has in common with its parent is not its to clean up


def _run(command: list[str]) -> int:
    scripts = entry_points(group="console_scripts", name=command[0])
    if not scripts:
        os.execvp(command[0], command)
    sys.stdout = os.fdopen(os.dup(1), "w", buffering=1)
    sys.argv = command
    return int(next(iter(scripts)).load()() or 0)


if __name__ == "__main__":
    main(sys.argv[1:])
