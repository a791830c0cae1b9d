"""How much each parameter mattered, as far as so few trials can tell."""

from __future__ import annotations

import warnings

from model.search.result import STOPPED, SUCCEEDED, Result
from model.search.space import distributions, optuna_warnings

FEWEST = 4  # trials with a value; fewer tell nothing


def importance(result: Result) -> dict[str, float]:
    """Shares of 1 by PED-ANOVA, the largest first; empty where there are too few trials."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    experiment, spaces = result.experiment, distributions(result.experiment)
    study = optuna.create_study(direction="minimize" if experiment.minimize else "maximize")
    for trial in result.trials:
        value = trial.value(experiment)
        if value is None or trial.state not in (SUCCEEDED, STOPPED):
            continue
        params = {name: _parsed(trial.assignments[name], space) for name, space in spaces.items()}
        study.add_trial(optuna.create_trial(params=params, distributions=spaces, value=value))
    if len(study.trials) < FEWEST:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna_warnings())
        found = optuna.importance.get_param_importances(
            study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
        )
    return {name: float(share) for name, share in found.items()}


def _parsed(text: str, space: object) -> str | int | float:
    import optuna

    if isinstance(space, optuna.distributions.CategoricalDistribution):
        return text
    return int(text) if isinstance(space, optuna.distributions.IntDistribution) else float(text)
