"""Runs an Experiment on this machine, as Katib would on a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.search import median
from model.search.experiment import Experiment
from model.search.metrics import read_reports
from model.search.processes import Processes
from model.search.result import FAILED, KILLED, STOPPED, SUCCEEDED, UNAVAILABLE, Result, Trial
from model.search.study import Study

LOOK_SECONDS = 0.1  # between looks at what the trials print
PATIENCE_SECONDS = 10.0  # with trials that were told to end
FAILED_SEARCH = "ExperimentFailed"
LAST_LINES = 12  # of a trial that failed


@dataclass
class _Running:
    number: int
    name: str
    assignments: dict[str, str]
    log: Path
    bound: float | None  # of early stopping, fixed when it began
    since: float
    end: str = ""  # the state it was sent into


def run(
    experiment: Experiment,
    workspace: Path,
    say: Callable[[str], None],
    *,
    arguments: Sequence[str] = (),
    key: str = "",
    modules: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Result:
    """Searches until the goal, the number of trials or too many failures.

    The same call goes on where a killed one stopped; the trials that ran then are begun again.

    Args:
        workspace: for the study and the trials' logs.
        say: takes a line for every trial that ends.
        arguments: added to every trial's command.
        key: what else the trials' values depend on.
        modules: imported once for all trials.
        environment: of the trials.
    """
    logs = workspace / "trials"
    logs.mkdir(parents=True, exist_ok=True)
    study = Study(experiment, workspace / "study.db", key)
    with Processes(workspace / "trials.log", modules, environment or {}) as processes:
        search = _Search(experiment, study, processes, logs, arguments, say)
        return search.run()


class _Search:
    """One search while it goes on."""

    def __init__(
        self,
        experiment: Experiment,
        study: Study,
        processes: Processes,
        logs: Path,
        arguments: Sequence[str],
        say: Callable[[str], None],
    ) -> None:
        self._experiment, self._study, self._processes = experiment, study, processes
        self._logs, self._arguments, self._say = logs, arguments, say
        self._ended = study.ended()
        if (self._verdict() or ("",))[0] == FAILED_SEARCH:
            study.forget()  # whoever calls again may have mended what was wrong
            self._ended = []
        self._waiting = study.left_running()
        self._running: dict[str, _Running] = {}
        if self._ended or self._waiting:
            say(f"going on: {len(self._ended)} trials ended, {len(self._waiting)} to begin again")

    def run(self) -> Result:
        while not (over := self._verdict()):
            self._fill()
            for name, status in self._processes.ended(LOOK_SECONDS).items():
                self._close(self._running.pop(name), status)
            for one in self._running.values():
                self._stop_early(one)
        self._kill_running()
        return Result(self._experiment, tuple(sorted(self._ended, key=lambda trial: trial.name)), *over)

    def _verdict(self) -> tuple[str, str] | None:
        """Reason and message in Katib's order: goal, failures, number of trials."""
        wanted = self._experiment
        best = Result(wanted, tuple(self._ended), "", "").best
        value = best.value(wanted) if best else None
        if wanted.goal is not None and value is not None:
            reached = value <= wanted.goal if wanted.minimize else value >= wanted.goal
            if reached:
                return "ExperimentGoalReached", f"{wanted.metric} reached the goal {wanted.goal:g}"
        failed = sum(trial.state in (FAILED, UNAVAILABLE) for trial in self._ended)
        if wanted.max_failed is not None and failed and failed >= wanted.max_failed:
            return FAILED_SEARCH, f"{failed} trials failed (maxFailedTrialCount is {wanted.max_failed})"
        if len(self._ended) >= wanted.max_trials:
            return "ExperimentMaxTrialsReached", f"all {wanted.max_trials} trials ended"
        return None

    def _fill(self) -> None:
        """Starts trials up to the parallel number."""
        left = self._experiment.max_trials - len(self._ended)
        while len(self._running) < min(left, self._experiment.parallel):
            self._start(*(self._waiting.pop(0) if self._waiting else self._study.ask()))

    def _start(self, number: int, assignments: dict[str, str]) -> None:
        name = f"{self._experiment.name}-{number + 1:03}"
        command = [self._experiment.render(word, name, assignments) for word in self._experiment.command]
        log = self._logs / f"{name}.log"
        log.unlink(missing_ok=True)
        self._running[name] = _Running(number, name, assignments, log, self._bound(), time.monotonic())
        self._processes.start(name, [*command, *self._arguments], log)

    def _bound(self) -> float | None:
        rule, metric = self._experiment.median_stop, self._experiment.metric
        succeeded = [trial.reports[metric] for trial in self._ended if trial.state == SUCCEEDED]
        return median.bound(succeeded, rule) if rule else None

    def _stop_early(self, one: _Running) -> None:
        rule, wanted = self._experiment.median_stop, self._experiment
        if not rule or one.bound is None or one.end:
            return
        reports = read_reports(_text(one.log), [wanted.metric]).get(wanted.metric, ())
        if median.is_stopped(reports, rule, one.bound, minimize=wanted.minimize):
            one.end = STOPPED
            self._processes.stop(one.name)

    def _kill_running(self) -> None:
        for one in self._running.values():
            one.end = KILLED
            self._processes.stop(one.name)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._running and time.monotonic() < deadline:
            for name, status in self._processes.ended(LOOK_SECONDS).items():
                self._close(self._running.pop(name), status)

    def _close(self, one: _Running, status: int) -> None:
        text = _text(one.log)
        reports = read_reports(text, self._experiment.strategies)
        state = one.end or (FAILED if status else SUCCEEDED if self._experiment.metric in reports else UNAVAILABLE)
        said = "\n".join(text.strip().splitlines()[-LAST_LINES:]) if state in (FAILED, UNAVAILABLE) else ""
        trial = Trial(one.name, state, one.assignments, reports, round(time.monotonic() - one.since, 3), said)
        self._study.tell(one.number, trial)
        self._ended.append(trial)
        self._say(self._describe(trial))
        for line in said.splitlines():
            self._say(f"  {line}")

    def _describe(self, trial: Trial) -> str:
        value, metric = trial.value(self._experiment), self._experiment.metric
        said = "no value" if value is None else f"{metric} {value:.4g}"
        ended = f"{len(self._ended)} of {self._experiment.max_trials}"
        assignments = ", ".join(f"{name} {text}" for name, text in trial.assignments.items())
        return f"{trial.name} ({ended}) {trial.state}: {said}, {trial.seconds:.0f} s; {assignments}"


def _text(log: Path) -> str:
    return log.read_text(errors="replace") if log.exists() else ""
