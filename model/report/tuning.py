"""A search as one HTML file: its trials, what mattered, and how each learned."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from model.atomic import write_text
from model.report import search_figures as figures
from model.report.template import template
from model.report.verdict import number, spoken
from model.search import Experiment, Result, Trial, importance
from model.search.result import FAILED, KILLED, STOPPED, SUCCEEDED, UNAVAILABLE

WORDS = {
    SUCCEEDED: "finished",
    STOPPED: "stopped early",
    FAILED: "failed",
    UNAVAILABLE: "reported no value",
    KILLED: "ended at the goal",
}


def write_tuning(path: Path, result: Result) -> None:
    """Writes the page; a reader never sees half of it."""
    write_text(path, render(result))


def render(result: Result) -> str:
    """The page as HTML; every text from outside is escaped."""
    experiment = result.experiment
    varied = [parameter for parameter in experiment.parameters if len(_values(result, parameter.name)) > 1]
    searched = [parameter.name for parameter in varied]
    return template("tuning.html.j2", short=_short).render(
        experiment=experiment,
        result=result,
        verdict=verdict(result),
        searched=searched,
        fixed={p.name: next(iter(_values(result, p.name)), "") for p in experiment.parameters if p not in varied},
        rows=_rows(result),
        failed=[trial for trial in result.trials if trial.last_lines],
        importances={name: share for name, share in importance(result).items() if name in searched},
        parallel=figures.data_uri(figures.parallel_figure(result, varied)) if varied and result.best else None,
        curves=figures.data_uri(figures.curves_figure(result)) if _have_curves(result) else None,
    )


def verdict(result: Result) -> str:
    """One sentence: what was found, out of how much."""
    states = [trial.state for trial in result.trials]
    parts = [f"{states.count(state)} {word}" for state, word in WORDS.items() if state in states]
    amount = f"{len(states)} trials ({', '.join(parts)})"
    best = result.best
    if not best:
        return f"{amount}: none of them had a value."
    experiment = result.experiment
    value, all_values = best.value(experiment), [t.value(experiment) for t in result.trials if t is not best]
    others = sorted(v for v in all_values if v is not None)
    sentence = f"{best.name} is the best of {amount}: {spoken(experiment.metric)} {number(value)}"
    if others:
        sentence += f", where the others had {number(others[0])} to {number(others[-1])}"
    return f"{sentence}."


def _rows(result: Result) -> list[dict[str, Any]]:
    """Best first, those without a value last."""
    experiment, best = result.experiment, result.best
    ranked = sorted(result.trials, key=lambda trial: _rank(trial, experiment))
    return [
        {"trial": trial, "value": trial.value(experiment), "word": WORDS[trial.state], "is_best": trial is best}
        for trial in ranked
    ]


def _rank(trial: Trial, experiment: Experiment) -> float:
    value = trial.value(experiment)
    if value is None or trial.state in (FAILED, UNAVAILABLE):
        return math.inf
    return value if experiment.minimize else -value


def _short(text: str) -> str:
    """A double with fewer digits than the command has; anything else as it is."""
    return f"{float(text):.4g}" if "." in text or "e-" in text else text


def _values(result: Result, name: str) -> set[str]:
    return {trial.assignments[name] for trial in result.trials if name in trial.assignments}


def _have_curves(result: Result) -> bool:
    return any(len(trial.reports.get(result.experiment.metric, ())) > 1 for trial in result.trials)
