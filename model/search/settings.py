"""From a trial's assignments to the settings of this project: `--set=section.key=value` in the trial's command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from model import config
from model.errors import BadInput
from model.search.experiment import PLACEHOLDER, Experiment, Parameter

SET = "--set="
TRIAL = ("unforeseen", "trial")
SEARCHED = ("prednet", "training", "scoring", "decision")  # the other sections make the data set, which trials share
TRANSFER = "--transfer="  # yes or no: start from the base model, where the run has one


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
    return config.change(settings, changes)


def transfers(experiment: Experiment, assignments: Mapping[str, str]) -> bool:
    """Does this trial start from the base model, where there is one?"""
    words = [experiment.render(word, "", assignments) for word in experiment.command]
    return f"{TRANSFER}no" not in words


def check_settings(experiment: Experiment, settings: config.Config, base_model: str, where: str) -> None:
    """Tries the ends of every range and every value of every list, one at a time.

    Args:
        base_model: what trials may start from, "" for none.

    Raises:
        BadInput: names the parameter with a value that training would refuse, or a base model that no trial has.
    """
    if experiment.command[:2] != TRIAL:
        return
    if "--set" in experiment.command:
        raise BadInput(f"{where}: expected --set=section.key=value as one word of the args. Received: --set")
    first = {parameter.name: _values(parameter)[0] for parameter in experiment.parameters}
    started = False
    for parameter in experiment.parameters:
        for value in _values(parameter):
            assignments = {**first, parameter.name: value}
            words = [experiment.render(word, "", assignments) for word in experiment.command]
            try:
                apply(settings, [word.removeprefix(SET) for word in words if word.startswith(SET)])
                started |= _check_start(words, base_model)
            except BadInput as e:
                raise BadInput(f"{where}: parameter {parameter.name} = {value}: {e}") from e
    if base_model and not started:
        raise BadInput(f"{where}: expected a trial with {TRANSFER}yes for the base model. Received: none")


def _check_start(words: Sequence[str], base_model: str) -> bool:
    """Does a trial with this command start from the base model?"""
    told = next((word.removeprefix(TRANSFER) for word in words if word.startswith(TRANSFER)), "")
    if told not in ("", "yes", "no"):
        raise BadInput(f"expected {TRANSFER}yes or no. Received: {told}")
    if told == "yes" and not base_model:
        raise BadInput(f"expected --base-model for {TRANSFER}yes. Received: none")
    return told != "no"


def _values(parameter: Parameter) -> tuple[str, ...]:
    """In the file's own notation."""
    whole = parameter.kind == "int"
    return parameter.choices or tuple(str(int(end) if whole else end) for end in (parameter.low, parameter.high))
