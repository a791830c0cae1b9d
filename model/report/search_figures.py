"""Trials as lines: across their parameters, and along their epochs."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from model.report.figures import AMBER, BLUE, GRID, INK, MUTED, RED, _style, png
from model.report.verdict import number, spoken
from model.search import Parameter, Result, Trial
from model.search.result import FAILED, STOPPED

WORST_TO_BEST = LinearSegmentedColormap.from_list("worst to best", ["#cbd2d9", "#8fb7c5", BLUE])


def parallel_figure(result: Result, parameters: Sequence[Parameter]) -> Figure:
    """A line a trial through an axis a parameter; the last axis is the objective, and the best stands out."""
    figure = Figure(figsize=(11, 3.9), layout="constrained")
    axes = figure.subplots()
    trials = [trial for trial in result.trials if trial.value(result.experiment) is not None]
    values = np.array([trial.value(result.experiment) for trial in trials], float)
    heights = [_heights(parameter, trials) for parameter in parameters] + [_scaled(values)]
    merit = _scaled(-values if result.experiment.minimize else values)
    for row, trial in sorted(enumerate(trials), key=lambda pair: merit[pair[0]]):
        is_best = trial is result.best
        colour, width = (RED, 2.4) if is_best else (WORST_TO_BEST(merit[row]), 1.4)
        axes.plot([h[row] for h in heights], color=colour, marker="o", ms=3.5, lw=width, zorder=3 if is_best else 2)
    for column, parameter in enumerate(parameters):
        _label(axes, column, _ticks(parameter, trials))
    _label(axes, len(parameters), [(0.0, number(float(values.min()))), (1.0, number(float(values.max())))])
    names = [*(spoken(parameter.name) for parameter in parameters), spoken(result.experiment.metric)]
    axes.set_xticks(range(len(names)), [name.replace(" ", "\n", 1) for name in names], fontsize=8, color=INK)
    axes.set(yticks=[], ylim=(-0.06, 1.06), xlim=(-0.3, len(names) - 0.45))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure


def curves_figure(result: Result) -> Figure:
    """The objective at every report; where a trial was stopped early stands a cross."""
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    axes = _style(figure.subplots())
    metric = result.experiment.metric
    for trial in result.trials:
        reports = trial.reports.get(metric, ())
        if not reports:
            continue
        is_best = trial is result.best
        colour = RED if is_best else AMBER if trial.state in (STOPPED, FAILED) else "#9fb3c0"
        steps = range(1, len(reports) + 1)
        axes.plot(
            steps, reports, color=colour, lw=2.2 if is_best else 1.3, marker="o", ms=3, zorder=3 if is_best else 2
        )
        if trial.state in (STOPPED, FAILED):
            axes.plot(steps[-1], reports[-1], "x", color=INK, ms=8, mew=2, zorder=4, gid="stopped")
        axes.annotate(trial.name.rpartition("-")[2], (steps[-1], reports[-1]), xytext=(7, 0), fontsize=7.5, color=MUTED,
                      textcoords="offset points", va="center")  # fmt: skip
    if result.experiment.goal is not None:
        axes.axhline(result.experiment.goal, color=BLUE, lw=0.9, ls=(0, (4, 3)))
    axes.set(xlabel="report (epoch)", ylabel=spoken(metric))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def data_uri(figure: Figure) -> str:
    """For an `img` that needs no file."""
    return f"data:image/png;base64,{base64.b64encode(png(figure)).decode()}"


def _label(axes: Axes, column: int, ticks: list[tuple[float, str]]) -> None:
    axes.plot([column, column], [0, 1], color=GRID, lw=1.2, zorder=1)
    for height, text in ticks:
        axes.annotate(text, (column, height), xytext=(5, 0), textcoords="offset points", fontsize=7.5, color=MUTED,
                      va="center", parse_math=False, zorder=5,
                      bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.8})  # fmt: skip


def _heights(parameter: Parameter, trials: Sequence[Trial]) -> np.ndarray:
    """Between 0 and 1 over the whole range of the search, [N]."""
    texts = [trial.assignments[parameter.name] for trial in trials]
    if parameter.choices:
        places = np.linspace(0, 1, len(parameter.choices)) if len(parameter.choices) > 1 else np.array([0.5])
        return places[[parameter.choices.index(text) for text in texts]]
    return _along(parameter, np.array([float(text) for text in texts]))


def _along(parameter: Parameter, values: np.ndarray) -> np.ndarray:
    ends = np.array([parameter.low, parameter.high])
    if parameter.log:
        ends, values = np.log(ends), np.log(values)
    return (values - ends[0]) / max(ends[1] - ends[0], 1e-12)


def _ticks(parameter: Parameter, trials: Sequence[Trial]) -> list[tuple[float, str]]:
    if parameter.choices:
        places = np.linspace(0, 1, len(parameter.choices)) if len(parameter.choices) > 1 else [0.5]
        return list(zip([float(place) for place in places], parameter.choices, strict=True))
    return [(0.0, f"{parameter.low:g}"), (1.0, f"{parameter.high:g}")]


def _scaled(values: np.ndarray) -> np.ndarray:
    """From the smallest, 0, to the largest, 1."""
    span = float(values.max() - values.min()) if len(values) else 0.0
    return (values - values.min()) / span if span else np.full(len(values), 0.5)
