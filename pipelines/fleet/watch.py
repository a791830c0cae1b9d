"""A look at all cameras: which runs have ended, which scores have drifted, what is to be started; and starting it.

Whoever watches may die at any time. A run is written down before it is started, is looked for by its name before it is
started again, and nothing is written over what somebody else wrote meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from components.registry import experiment_name
from components.registry.models import NotRegistered, resolve
from model.errors import BadInput
from pipelines.fleet import services
from pipelines.fleet.decide import FINE_TUNE, Camera, Decision, decide
from pipelines.fleet.drift import drift, heard
from pipelines.fleet.known import Cameras, Known
from pipelines.fleet.starter import Order, Outcome, Starter
from pipelines.fleet.state import FAILED, Run, State, begun, ended
from pipelines.profile import Profile

TRIES = 3  # to start a run, after which it is not tried again
STARTING = 120.0  # seconds that a start may take; then whoever tried has died

Tell = Callable[[str, str], None]  # takes a camera, and what has happened to it


class Row(NamedTuple):
    """One camera, for whoever looks."""

    camera: str
    word: str
    why: str
    run: str  # the id of the one under way
    last: str  # what became of the one before


class Watch:
    """The cameras below a prefix of a bucket."""

    def __init__(self, source: str, profile: Profile, starter: Starter, tell: Tell, *, dry: bool = False) -> None:
        """Opens the store; asks nothing yet.

        Args:
            source: `s3://bucket/prefix`, with a folder a camera below it.
            profile: where the store is, and the limits.
            starter: the place where runs run.
            tell: hears what happens.
            dry: starts nothing and writes nothing.

        Raises:
            BadInput: the source is no prefix of a bucket, or there are no credentials.
        """
        self._cameras, self._limits = Cameras(source, profile.store), profile.fleet
        self._starter, self._tell, self._dry = starter, tell, dry

    def look(self, now: float, *, ask: bool = True) -> list[Row]:
        """Looks at every camera once; what is wrong with one is in its row and holds no other.

        Args:
            now: seconds since 1970.
            ask: also runs and services how they are.

        Raises:
            BadInput: the store does not answer.
        """
        cameras = self._cameras.read()
        if ask:
            for camera in cameras:
                camera.guard(partial(self._follow, now=now))
            self._hear(cameras, now)
        decisions = decide([_camera(one) for one in cameras], self._limits, now)
        for camera, decision in zip(cameras, decisions, strict=True):
            if decision.kind and not self._dry:
                camera.guard(partial(self._begin, wanted=decision, now=now))
        return [_row(camera, decision) for camera, decision in zip(cameras, decisions, strict=True)]

    def _save(self, camera: Known, state: State) -> None:
        if self._dry:
            camera.state = state
        else:
            self._cameras.save(camera, state)

    # Asking

    def _follow(self, camera: Known, now: float) -> None:
        run = camera.state.run
        if run is None:
            return
        if run.place != self._starter.place:
            camera.note = f"it runs at {run.place}, whose watch has to follow it"
        elif not run.id:
            self._resume(camera, run, now)
        elif (outcome := self._outcome(camera.name, run)).word:
            self._end(camera, run, outcome, now)

    def _outcome(self, camera: str, run: Run) -> Outcome:
        try:
            return self._starter.look(camera, run.id)
        except BadInput:
            if self._starter.find(camera, run.key):
                raise
            return Outcome(FAILED, f"the run {run.id} is there no longer")

    def _hear(self, cameras: list[Known], now: float) -> None:
        serving = [camera for camera in cameras if camera.state.trained and not camera.problem]
        answers = services.ask(self._limits.metrics, [camera.name for camera in serving])
        for camera, said in zip(serving, answers, strict=True):
            if isinstance(said, BadInput):
                camera.note = str(said)
            elif said:
                state = replace(camera.state, scores=heard(camera.state.scores, said, now))
                camera.guard(partial(self._save, state=state))

    # Starting

    def _begin(self, camera: Known, wanted: Decision, now: float) -> None:
        footage, number = camera.inventory.footage, camera.state.number + 1
        key = f"{camera.name}-{number}-{footage.digest[:8]}"
        tag = camera.inventory.settings_tag
        run = Run(key, wanted.kind, wanted.why, self._starter.place, now, footage, tag, tried=now)
        self._save(camera, begun(camera.state, run))
        self._start(camera, run, now)

    def _resume(self, camera: Known, run: Run, now: float) -> None:
        """Tries once more, unless somebody may be at it at this moment: the write is a claim that one alone wins."""
        if self._dry or (not run.error and now - run.tried < STARTING):
            camera.note = "it is being started"
            return
        claimed = replace(run, tries=run.tries + 1, tried=now, error="")
        self._save(camera, replace(camera.state, run=claimed))
        self._start(camera, claimed, now, run.error)

    def _start(self, camera: Known, run: Run, now: float, refused: str = "") -> None:
        """Starts the run that is written down, or finds it started, or gives it up once it is known not to be there."""
        try:
            found = self._starter.find(camera.name, run.key)
            if not found and run.tries > TRIES:
                self._end(camera, run, Outcome(FAILED, refused or "nobody knows why it did not start"), now)
                return
            run = replace(run, id=found or self._starter.start(self._order(camera, run)))
        except BadInput as e:
            self._save(camera, replace(camera.state, run=replace(run, error=str(e))))
            raise
        self._save(camera, replace(camera.state, run=run))
        self._tell(camera.name, f"{run.kind} starts as {run.id}: {run.why}")

    def _end(self, camera: Known, run: Run, outcome: Outcome, now: float) -> None:
        self._save(camera, ended(camera.state, run, outcome.word, outcome.error, now))
        self._tell(camera.name, f"{run.kind} {outcome.word}{f': {outcome.error}' if outcome.error else ''}")

    def _order(self, camera: Known, run: Run) -> Order:
        if camera.settings is None:
            raise BadInput(camera.problem)
        base_model = self._champion(camera.name) if run.kind == FINE_TUNE else ""
        return Order(run.key, camera.name, self._cameras.source(camera.name), camera.settings, base_model)

    def _champion(self, camera: str) -> str:
        address = f"models:/{experiment_name(camera)}@champion"
        try:
            resolve(self._starter.tracking(camera), address)
        except NotRegistered:
            self._tell(camera, "no champion yet, so it trains from scratch")
            return ""
        return address


def _camera(known: Known) -> Camera:
    kinds = len(known.settings.config.scoring.fused) if known.settings else 1
    paused = bool(known.settings and known.settings.paused)
    scores = drift(known.state.scores, kinds)
    return Camera(known.name, known.inventory, known.state, scores, known.problem, paused)


def _row(camera: Known, decision: Decision) -> Row:
    run, last = camera.state.run, camera.state.last
    word, why = decision.word, "; ".join(filter(None, (decision.why, camera.note)))
    if camera.problem and word != "broken":  # while it was followed or started
        word, why = "broken", camera.problem
    ending = f"{last.kind} {last.outcome}{f': {last.error}' if last.error else ''}" if last else ""
    return Row(camera.name, word, why, run.id if run else "", ending)
