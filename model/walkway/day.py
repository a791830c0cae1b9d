"""A day of the walkway as one stream: from midnight to midnight, in fewer minutes than a day has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from model.config import Walkway
from model.walkway import scene
from model.walkway.camera import Camera
from model.walkway.clip import COVERED, check, compose, smallest_visible
from model.walkway.mover import Mover
from model.walkway.traffic import CATEGORIES, density, passing, pedestrians

NOON = 13.0  # hour of the light, which stands still: in a short day shadows would run
FIRST = 0.03  # share of the day before the first anomaly
HOURS = 24.0
AWAKE = ((0, 5, 7, 19, 23, 24), (0.03, 0.03, 1.0, 1.0, 0.1, 0.03))  # hour, share of a campus that is on its feet


class Moment(NamedTuple):
    """One frame of the day."""

    frame: np.ndarray  # uint8 [H, W, 3], RGB
    hour: float
    anomaly: int  # number of the pass that is in view, -1 where all is normal


def render_day(
    settings: Walkway, seconds: float, passes: int, seed: int, dusk: float = 1.0, rhythm: str = "campus"
) -> Iterator[Moment]:
    """The frames of a day that is compressed into so many seconds; people walk no faster for it.

    Args:
        settings: size, rate, noise and place.
        seconds: length of the stream.
        passes: anomalies, evenly spread; every category in turn.
        seed: of who comes when.
        dusk: times the noise of noon that the sensor has at midnight, when there is little light.
        rhythm: of those who come and go, see `RHYTHMS`.
    """
    check(settings)
    rng = np.random.default_rng([settings.seed, 2, seed])
    camera = Camera.of(settings)
    place = scene.build(camera, NOON, settings.seed)
    walkers = _walkers(camera, seconds, rhythm, rng)
    strange = _strange(camera, seconds, passes, rng)
    least = smallest_visible(settings)
    noise = np.float32(settings.noise) * rng.standard_normal(6 * 3 * settings.height * settings.width, np.float32)
    for number in range(int(seconds * settings.fps)):
        time = number / settings.fps
        near = [mover for mover in [*walkers, *strange] if 0 <= time - mover.begin <= mover.seconds]
        picture = compose(place, near, time)
        seen = np.ascontiguousarray(picture[..., :3])
        first = int(rng.integers(0, noise.size - seen.size))
        hour = HOURS * time / seconds
        gain = np.float32(1 + (dusk - 1) * (1 + np.cos(2 * np.pi * hour / HOURS)) / 2)
        seen += gain * noise[first : first + seen.size].reshape(seen.shape) + np.float32(0.5)
        visible = (picture[..., 3] > COVERED).sum() >= least
        passing_now = [i for i, mover in enumerate(strange) if mover in near] if visible else []
        yield Moment(np.clip(seen, 0, 255).astype(np.uint8), hour, (passing_now or [-1])[0])


def _people(hour: float, rhythm: str) -> float:
    """Mean number of people in view at any hour, the night's too."""
    return density(hour, rhythm) * float(np.interp(hour, *AWAKE))


def _walkers(camera: Camera, seconds: float, rhythm: str, rng: np.random.Generator) -> list[Mover]:
    """Those who would come at the busiest hour; each hour keeps its share of them (Lewis and Shedler 1979)."""
    busiest = max(np.linspace(0, HOURS, 200).tolist(), key=lambda hour: _people(hour, rhythm))
    everyone = pedestrians(camera, density(busiest, rhythm), seconds, rng)
    walking = [mover for mover in everyone if mover.kind == "walking"]
    hours = [HOURS * max(0.0, mover.begin) / seconds for mover in walking]
    most = _people(busiest, rhythm)
    return [m for m, hour in zip(walking, hours, strict=True) if rng.random() < _people(hour, rhythm) / most]


def _strange(camera: Camera, seconds: float, passes: int, rng: np.random.Generator) -> list[Mover]:
    gap = (1 - FIRST) * seconds / max(passes, 1)
    begins = [FIRST * seconds + gap * (number + rng.uniform(0, 0.4)) for number in range(passes)]
    chosen = [passing(camera, CATEGORIES[number % len(CATEGORIES)], rng) for number in range(passes)]
    return [replace(mover, begin=begin) for mover, begin in zip(chosen, begins, strict=True)]
