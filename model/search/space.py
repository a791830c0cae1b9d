"""The search space and the algorithm as Optuna has them, with the settings that Katib's services pass on."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from model.search.experiment import Experiment, Parameter
from model.search.space_rules import steps

if TYPE_CHECKING:
    import optuna

DIGITS = 10  # of a double in a command; more would be noise of the steps' sums


def distributions(experiment: Experiment) -> dict[str, optuna.distributions.BaseDistribution]:
    """One a parameter; categorical and discrete values stay the strings they are in the file."""
    return {parameter.name: _distribution(parameter) for parameter in experiment.parameters}


def _distribution(parameter: Parameter) -> optuna.distributions.BaseDistribution:
    from optuna import distributions as kinds

    if parameter.choices:
        return kinds.CategoricalDistribution(parameter.choices)
    if parameter.kind == "int":
        low, high, step = int(parameter.low), int(parameter.high), int(parameter.step or 1)
        return kinds.IntDistribution(low, high, log=parameter.log, step=step)
    return kinds.FloatDistribution(parameter.low, parameter.high, log=parameter.log, step=parameter.step)


def as_text(value: Any) -> str:
    """A value as Katib would put it into the command."""
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)


def sampler(experiment: Experiment, asked: int) -> optuna.samplers.BaseSampler:
    """Optuna's sampler behind Katib's algorithm.

    Args:
        asked: how many trials the study has; a resumed random search must not draw the same numbers again.
    """
    import optuna.samplers as kinds

    settings = experiment.settings
    seed = int(settings["random_state"]) + asked if "random_state" in settings else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna_warnings())
        if experiment.algorithm == "random":
            return kinds.RandomSampler(seed)
        if experiment.algorithm == "grid":
            grid = kinds.GridSampler(_grid(experiment), seed)
            grid.after_trial = lambda *_: None  # type: ignore[method-assign] # it would stop Optuna's own loop
            return grid
        if experiment.algorithm == "sobol":
            return kinds.QMCSampler(warn_asynchronous_seeding=False, warn_independent_sampling=False, seed=0)
        if experiment.algorithm == "cmaes":
            sigma = float(settings["sigma"]) if "sigma" in settings else None
            return kinds.CmaEsSampler(sigma0=sigma, seed=seed, warn_independent_sampling=False)
        return kinds.TPESampler(
            n_startup_trials=int(settings.get("n_startup_trials", 10)),
            n_ei_candidates=int(settings.get("n_ei_candidates", 24)),
            multivariate=experiment.algorithm == "multivariate-tpe",
            constant_liar=True,
            seed=seed,
        )


def optuna_warnings() -> type[Warning]:
    """What Optuna says of samplers whose interface may still change."""
    import optuna

    return optuna.exceptions.ExperimentalWarning


def _grid(experiment: Experiment) -> dict[str, list[Any]]:
    return {parameter.name: _points(parameter) for parameter in experiment.parameters}


def _points(parameter: Parameter) -> list[Any]:
    if parameter.choices:
        return list(parameter.choices)
    points = steps(parameter.low, parameter.high, parameter.step or 1)
    return [int(point) for point in points] if parameter.kind == "int" else points
