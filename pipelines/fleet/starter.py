"""What `watch` needs of a place where runs run; Kubeflow and this machine both give it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from pipelines.fleet.settings import Settings


@dataclass(frozen=True)
class Order:
    """A run that is wanted."""

    key: str  # its name
    camera: str
    source: str
    settings: Settings
    base_model: str = ""  # models:/...; "" trains from scratch


class Outcome(NamedTuple):
    """How a run is."""

    word: str  # succeeded or failed; "" while it is under way
    error: str = ""


class Starter(Protocol):
    """A place. Every method raises BadInput where it does not answer, or refuses."""

    place: str  # by which a run of another place is told apart

    def tracking(self, camera: str) -> str:
        """The address of the MLflow that a camera's runs register in."""

    def find(self, camera: str, key: str) -> str:
        """The id of the run of this name; "" where there is none."""

    def start(self, order: Order) -> str:
        """Starts a run, and gives its id."""

    def look(self, camera: str, run: str) -> Outcome:
        """How the run of this id is now."""
