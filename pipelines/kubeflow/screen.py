"""A run in a cluster for who waits: a table of its steps that is written over, and the log of the running one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from components.step import MARK
from model.errors import BadInput
from pipelines.kubeflow.runs import State, Step

LOG_LINES = 200  # of a pod, at most, each time
LAST_LINES = 20  # of a step that failed

Logs = Callable[[str, int], list[str]]  # of a step, its last lines


class Screen:
    """Shows one state after the other.

    Where the output is no terminal, each step has a line when it changes.
    """

    def __init__(self, out: TextIO, logs: Logs) -> None:
        """Takes where to write and where logs come from."""
        self._out, self._logs, self._live = out, logs, out.isatty()
        self._drawn = 0  # lines of the table that stand on the terminal
        self._states: dict[str, str] = {}
        self._last: dict[str, str] = {}  # line of a step's log that was shown
        self._mute = False

    def show(self, state: State) -> None:
        """Says what is new."""
        lines = [line for step in state.steps for line in self._news(step)]
        if self._live:
            self._out.write(f"\x1b[{self._drawn}F\x1b[J" if self._drawn else "")
        self._out.writelines(f"{line}\n" for line in lines)
        if self._live:
            table = [f"  {step.name:<12}{step.state:<11}{step.seconds:6.0f} s\n" for step in state.steps]
            self._out.writelines(table)
            self._drawn = len(table)
        self._out.flush()

    def _news(self, step: Step) -> list[str]:
        before, self._states[step.name] = self._states.get(step.name), step.state
        changed = before != step.state
        lines = [f"{step.name}: {step.state}"] if changed and not self._live else []
        if step.state == "RUNNING" or before == "RUNNING":
            lines += [line.partition(MARK)[2].strip() for line in self._new_lines(step.name) if MARK in line]
        if changed and step.state == "FAILED":
            lines += [f"{step.name}| {line}" for line in self._read(step.name, LAST_LINES)]
        return lines

    def _new_lines(self, step: str) -> list[str]:
        found = self._read(step, LOG_LINES)
        last = self._last.get(step)
        begin = len(found) - found[::-1].index(last) if last in found else 0
        self._last[step] = found[-1] if found else ""
        return found[begin:]

    def _read(self, step: str, lines: int) -> list[str]:
        """The log is a kindness: without it the run is followed all the same."""
        if self._mute:
            return []
        try:
            return self._logs(step, lines)
        except BadInput as e:
            self._mute = True
            return [f"{MARK} without logs: {e}"]
