"""From a trial's assignments to the settings of this project: `--set=section.key=value` in the trial's command."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from model import config
from model.errors import BadInput
from model.search.experiment import PLACEHOLDER, Experiment, Parameter

SET = "--set="
TRIAL = ("unforeseen", "trial")
SEARCHED = ("prednet", "training", "scoring", "decision")  # the other sections make the data set, which trials share
# What a model that starts from another camera will be told; from scratch there is one value of each.
SCRATCH = {"transfer": "no", "freeze_layers": "[]"}


def overrides(experiment: Experiment, assignments: Mapping[str, str]) -> tuple[str, ...]:
    """The settings that the parameters stand for, as `section.key=value`."""
    words = [word for word in experiment.command if word.startswith(SET) and PLACEHOLDER.search(word)]
    return tuple(experiment.render(word, "", assignments).removeprefix(SET) for word in words)


def apply(settings: config.Config, changes: Sequence[str]) -> config.Config:
    """The settings of a trial.

    Raises:
        BadInput: an unknown setting, a value it cannot have, or one that would change the data set.
    """
    for change in changes:
        section = change.partition(".")[0]
        if section not in SEARCHED:
            raise BadInput(f"expected settings of {', '.join(SEARCHED)} in a trial. Received: {change}")
    known = {field.name for field in dataclasses.fields(config.Training)}
    scratch = {f"training.{name}={value}" for name, value in SCRATCH.items() if name not in known}
    return config.change(settings, [change for change in changes if change not in scratch])


def check_settings(experiment: Experiment, settings: config.Config, where: str) -> None:
    """Tries the ends of every range and every value of every list, one at a time.

    Raises:
        BadInput: names the parameter with a value that training would refuse.
    """
    if experiment.command[:2] != TRIAL:
        return
    if "--set" in experiment.command:
        raise BadInput(f"{where}: expected --set=section.key=value as one word of the args. Received: --set")
    first = {parameter.name: _values(parameter)[0] for parameter in experiment.parameters}
    for parameter in experiment.parameters:
        for value in _values(parameter):
            assignments = {**first, parameter.name: value}
            words = [experiment.render(word, "", assignments) for word in experiment.command]
            try:
                apply(settings, [word.removeprefix(SET) for word in words if word.startswith(SET)])
            except BadInput as e:
                raise BadInput(f"{where}: parameter {parameter.name} = {value}: {e}") from e


def _values(parameter: Parameter) -> tuple[str, ...]:
    """In the file's own notation."""
    whole = parameter.kind == "int"
    return parameter.choices or tuple(str(int(end) if whole else end) for end in (parameter.low, parameter.high))
