"""What is to be started for which camera, and why: a function of what was seen, and of nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipelines.fleet.drift import Drift
from pipelines.fleet.inventory import Inventory
from pipelines.fleet.state import HOUR, State
from pipelines.profile import Fleet

TRAIN, FINE_TUNE, RETRAIN = "train", "fine-tune", "retrain"
URGENCY = (RETRAIN, TRAIN, FINE_TUNE)  # a service that no longer fits its scene is worse than none
LONGEST_WAIT = 24 * HOUR
MB = 1_000_000


@dataclass(frozen=True)
class Camera:
    """What is known of one camera.

    Attributes:
        name: of its folder.
        inventory: of the folder.
        state: what is remembered.
        drift: of its service's scores; None is not known.
        problem: that stands in the way, in words.
        paused: by its settings.
    """

    name: str
    inventory: Inventory
    state: State
    drift: Drift | None = None
    problem: str = ""
    paused: bool = False


class Decision(NamedTuple):
    """Of one camera."""

    camera: str
    word: str  # broken, paused, running, failed, waiting, idle; starts where there is a kind
    why: str
    kind: str = ""  # of the run that is to be started


def decide(cameras: Sequence[Camera], limits: Fleet, now: float) -> list[Decision]:
    """One decision a camera: the most urgent ones start, whoever has waited longest first, as far as the limits go."""
    wanted = {camera.name: _wanted(camera, limits, now) for camera in cameras}
    running = sum(camera.state.run is not None for camera in cameras)
    recent = sum(at > now - HOUR for camera in cameras for at in camera.state.starts)
    last = {camera.name: max(camera.state.starts, default=0.0) for camera in cameras}
    starting = [one for one in wanted.values() if one.kind]
    for one in sorted(starting, key=lambda one: (URGENCY.index(one.kind), last[one.camera], one.camera)):
        if running >= limits.at_once:
            wanted[one.camera] = _put_off(one, f"{running} runs are under way, at most {limits.at_once} may be")
        elif recent >= limits.per_hour:
            wanted[one.camera] = _put_off(one, f"{recent} runs began within an hour, at most {limits.per_hour} may")
        else:
            running, recent = running + 1, recent + 1
    return [wanted[camera.name] for camera in cameras]


def _put_off(wanted: Decision, limit: str) -> Decision:
    return Decision(wanted.camera, "waiting", f"to {wanted.kind}: {wanted.why}; {limit}")


def _wanted(camera: Camera, limits: Fleet, now: float) -> Decision:
    """As if it were alone."""
    state = camera.state
    if state.run:
        return Decision(camera.name, "running", f"{state.run.kind}: {state.run.why}")
    if camera.problem:
        return Decision(camera.name, "broken", camera.problem)
    if camera.paused:
        return Decision(camera.name, "paused", "by its settings.yaml")
    if not camera.inventory.objects:
        return Decision(camera.name, "idle", "no footage")
    if state.failures and state.last and state.last.settings == camera.inventory.settings_tag:
        wait = state.last.ended + _patience(state.failures, limits) - now
        if wait > 0:
            times = "once" if state.failures == 1 else f"{state.failures} times"
            why = f"failed {times}, tried again in {_length(wait)}: {state.last.error}"
            return Decision(camera.name, "failed", why)
    return _trained(camera, limits) if state.trained else _new(camera, limits)


def _patience(failures: int, limits: Fleet) -> float:
    """Seconds, twice as many after each failure; someone who changes the settings need not wait."""
    return min(LONGEST_WAIT, 60 * limits.retry_minutes * 2.0 ** min(failures - 1, 30))


def _new(camera: Camera, limits: Fleet) -> Decision:
    size = camera.inventory.footage.bytes / MB
    if size < limits.first_mb:
        why = f"{size:.1f} MB of footage, a first training waits for {limits.first_mb:g} MB"
        return Decision(camera.name, "waiting", why)
    return Decision(camera.name, "starts", f"new camera with {size:.1f} MB of footage", TRAIN)


def _trained(camera: Camera, limits: Fleet) -> Decision:
    run, drift = camera.state.trained, camera.drift
    assert run
    new, before = camera.inventory.since(run.footage.newest) / MB, run.footage.bytes / MB
    if camera.inventory.settings_tag != run.settings:
        return Decision(camera.name, "starts", "settings.yaml has changed since the last training", TRAIN)
    if drift and drift.distance > limits.drift and new:
        return Decision(camera.name, "starts", drift.words, RETRAIN)
    if new >= limits.new_share * before:
        why = f"{new:.1f} MB of new footage, {new / before:.0%} of what the last training saw"
        if camera.state.failures:  # the champion may be what does not fit
            return Decision(camera.name, "starts", f"{why}; from scratch, for a run has failed", TRAIN)
        return Decision(camera.name, "starts", why, FINE_TUNE)
    if drift and drift.distance > limits.drift:
        return Decision(camera.name, "waiting", f"{drift.words}; a retraining waits for newer footage")
    why = f"{new:.1f} MB of new footage, a fine-tuning waits for {limits.new_share * before:.1f} MB"
    return Decision(camera.name, "idle", why)


def _length(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < HOUR else f"{seconds / HOUR:.1f} h"
