"""What a search found, in the words of an Experiment's status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from model.search.experiment import Experiment
from model.search.metrics import Reports, extract

SUCCEEDED, STOPPED, FAILED, KILLED = "Succeeded", "EarlyStopped", "Failed", "Killed"
UNAVAILABLE = "MetricsUnavailable"  # it ended well, but never reported the objective
LISTS = {
    SUCCEEDED: ("succeededTrialList", "trialsSucceeded"),
    STOPPED: ("earlyStoppedTrialList", "trialsEarlyStopped"),
    FAILED: ("failedTrialList", "trialsFailed"),
    KILLED: ("killedTrialList", "trialsKilled"),
    UNAVAILABLE: ("metricsUnavailableTrialList", "trialMetricsUnavailable"),
}


@dataclass(frozen=True)
class Trial:
    """One that ended."""

    name: str
    state: str
    assignments: dict[str, str]
    reports: Reports
    seconds: float  # from its start to its end
    last_lines: str = ""  # of what it printed, where it failed

    def value(self, experiment: Experiment) -> float | None:
        """Of the objective, by its strategy."""
        reports = self.reports.get(experiment.metric)
        return extract(reports, experiment.strategies[experiment.metric]) if reports else None


@dataclass(frozen=True)
class Result:
    """All trials in the order they began, and why the search is over."""

    experiment: Experiment
    trials: tuple[Trial, ...]
    reason: str  # as Katib names it, for example ExperimentMaxTrialsReached
    message: str

    @property
    def best(self) -> Trial | None:
        """The first with the best value; early stopped ones count, failed ones do not."""
        known = [(t.value(self.experiment), t) for t in self.trials if t.state in (SUCCEEDED, STOPPED)]
        valued = [(value, trial) for value, trial in known if value is not None]
        better = min if self.experiment.minimize else max
        return better(valued, key=lambda pair: pair[0])[1] if valued else None

    def status(self) -> dict[str, Any]:
        """As Katib writes it: every value a string."""
        found: dict[str, Any] = {"trials": len(self.trials)}
        for state, (names, count) in LISTS.items():
            members = [trial.name for trial in self.trials if trial.state == state]
            if members:
                found |= {names: members, count: len(members)}
        if best := self.best:
            found["currentOptimalTrial"] = {
                "bestTrialName": best.name,
                "parameterAssignments": [{"name": name, "value": value} for name, value in best.assignments.items()],
                "observation": {"metrics": [_metric(name, values) for name, values in best.reports.items()]},
            }
        kind = "Failed" if self.reason == "ExperimentFailed" else "Succeeded"
        found["conditions"] = [{"type": kind, "status": "True", "reason": self.reason, "message": self.message}]
        return found


def _metric(name: str, values: tuple[float, ...]) -> dict[str, str]:
    strategies = {strategy: f"{extract(values, strategy):.10g}" for strategy in ("min", "max", "latest")}
    return {"name": name, **strategies}
