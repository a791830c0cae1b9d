"""What is remembered of a camera: one JSON object in the store, so that whoever watches may die at any time."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace

from model import config
from model.errors import BadInput
from pipelines.fleet.drift import Scores
from pipelines.fleet.inventory import Footage

HOUR = 3600.0  # seconds
SUCCEEDED, FAILED = "succeeded", "failed"


@dataclass(frozen=True)
class Run:
    """One run of the pipeline. It is written down before it is started, so that it is neither lost nor made twice.

    Attributes:
        key: its name, by which it is found again wherever it runs.
        kind: train, fine-tune or retrain.
        why: in words.
        place: where it runs.
        began: seconds since 1970, as are all times here.
        footage: that lay there when it began.
        settings: ETag of settings.yaml; "" is none.
        id: as its place calls it; "" while nobody knows whether it has been started.
        tries: to start it, the one under way included.
        tried: when the last of them began.
    """

    key: str
    kind: str
    why: str
    place: str
    began: float
    footage: Footage
    settings: str = ""
    id: str = ""
    tries: int = 1
    tried: float = 0.0
    ended: float = 0.0
    outcome: str = ""
    error: str = ""


@dataclass(frozen=True)
class State:
    """Of one camera.

    Attributes:
        number: of runs so far.
        run: that is under way.
        last: that has ended.
        trained: the last that ended well.
        failures: in a row.
        starts: times of those in the last hour.
        scores: what the service says of the last day.
    """

    number: int = 0
    run: Run | None = None
    last: Run | None = None
    trained: Run | None = None
    failures: int = 0
    starts: tuple[float, ...] = ()
    scores: Scores = field(default_factory=Scores)


def begun(state: State, run: Run) -> State:
    """A run is about to be started."""
    starts = tuple(at for at in state.starts if at > run.began - HOUR)
    return replace(state, number=state.number + 1, run=run, starts=(*starts, run.began))


def ended(state: State, run: Run, outcome: str, error: str, now: float) -> State:
    """The run has ended; after one that went well the scores are those of another detector."""
    run = replace(run, outcome=outcome, error=error, ended=now)
    if outcome == SUCCEEDED:
        return replace(state, run=None, last=run, trained=run, failures=0, scores=Scores())
    return replace(state, run=None, last=run, failures=state.failures + 1)


def to_text(state: State) -> str:
    """As it is stored; people may read it."""
    return json.dumps(asdict(state), indent=1) + "\n"


def from_text(text: str, where: str) -> State:
    """As it was stored; "" is a camera that nobody knows yet.

    Raises:
        BadInput: it is something else.
    """
    try:
        return config.parse(State, json.loads(text)) if text else State()
    except (ValueError, TypeError, AttributeError) as e:
        raise BadInput(f"{where}: expected what watch remembers of a camera. Received: {e}") from e
