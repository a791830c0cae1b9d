"""A Katib Experiment: the search described, and run on this machine with Katib's meaning."""

from model.search.experiment import Experiment, MedianStop, Parameter, parse, read
from model.search.importance import importance
from model.search.result import Result, Trial
from model.search.run import run
from model.search.settings import apply, check_settings, overrides, transfers
from model.search.study import digest

__all__ = [
    "Experiment",
    "MedianStop",
    "Parameter",
    "Result",
    "Trial",
    "apply",
    "check_settings",
    "digest",
    "importance",
    "overrides",
    "parse",
    "read",
    "run",
    "transfers",
]
