"""The search's memory: an Optuna study in a sqlite file, which outlives the process that asks it."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

from model.search.experiment import Experiment
from model.search.result import FAILED, KILLED, UNAVAILABLE, Trial
from model.search.space import as_text, distributions, optuna_warnings, sampler

EDITABLE = ("maxTrialCount", "parallelTrialCount", "maxFailedTrialCount")  # of an Experiment that runs, in Katib


class Study:
    """Suggests assignments and keeps how each trial ended; a trial is named by its number."""

    def __init__(self, experiment: Experiment, file: Path, key: str) -> None:
        """Opens the study of this search, or begins it.

        Args:
            experiment: the same search goes on, with other counts too.
            file: sqlite; it may hold several studies.
            key: what else the trials' values depend on, such as a digest of the data.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._experiment, self._storage = experiment, f"sqlite:///{file}"
        self._name, self._space = digest(experiment, key), distributions(experiment)
        self._open()

    def _open(self) -> None:
        import optuna

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna_warnings())
            self._study = optuna.create_study(
                storage=self._storage,
                study_name=self._name,
                direction="minimize" if self._experiment.minimize else "maximize",
                load_if_exists=True,
            )
        self._study.sampler = sampler(self._experiment, len(self._study.get_trials(deepcopy=False)))

    def forget(self) -> None:
        """Begins anew."""
        import optuna

        optuna.delete_study(study_name=self._name, storage=self._storage)
        self._open()

    def left_running(self) -> list[tuple[int, dict[str, str]]]:
        """Numbers and assignments of trials whose search was killed."""
        return [(t.number, self._texts(t.params)) for t in self._study.trials if not t.state.is_finished()]

    def ended(self) -> list[Trial]:
        """In the order they began."""
        return [Trial(**_read(t.user_attrs["trial"])) for t in self._study.trials if t.state.is_finished()]

    def ask(self) -> tuple[int, dict[str, str]]:
        """The next trial's number and assignments; a grid has no fewer points than trials."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna_warnings())
            trial = self._study.ask(fixed_distributions=self._space)
        return trial.number, self._texts(trial.params)

    def tell(self, number: int, trial: Trial) -> None:
        """Like Katib, the engine learns from trials that succeeded or were stopped early."""
        import optuna

        running = optuna.trial.Trial(self._study, self._study.trials[number]._trial_id)
        running.set_user_attr("trial", {**vars(trial)})
        value = trial.value(self._experiment)
        if trial.state in (FAILED, KILLED, UNAVAILABLE) or value is None:
            self._study.tell(number, state=optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(number, value)

    def _texts(self, values: dict[str, Any]) -> dict[str, str]:
        return {parameter.name: as_text(values[parameter.name]) for parameter in self._experiment.parameters}


def _read(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "reports": {name: tuple(values) for name, values in data["reports"].items()}}


def digest(experiment: Experiment, key: str) -> str:
    """Names a search: equal ones have equal names, whatever their counts."""
    spec = {name: value for name, value in experiment.document["spec"].items() if name not in EDITABLE}
    text = json.dumps([spec, key], sort_keys=True)
    return f"{experiment.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
