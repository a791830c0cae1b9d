"""Who is on the walkway when: pedestrians by the hour, and now and then something that does not belong."""

from __future__ import annotations

from dataclasses import replace
from math import cos, exp, hypot, pi, sin

import numpy as np

from model.walkway.camera import PATH_WIDTH, Camera
from model.walkway.figures import draw_look
from model.walkway.mover import Mover

CATEGORIES = ("bicycle", "cart", "skater", "crossing", "running")
SPEEDS = {"bicycle": 4.0, "cart": 3.0, "skater": 2.8, "crossing": 1.35, "running": 3.1}  # metres/s
WALKING = 1.25  # metres/s
MARGIN = 1.5  # metres outside the picture where movers start and end
SHARE = (0.3, 0.41)  # of a test clip's frames with an anomaly in view
LONGEST = 0.45  # share of the clip; a pass that would last longer is cut by the clip's end
HALF_LENGTHS = {"bicycle": 0.8, "cart": 1.2}  # metres; of a person 0.4
QUIET = 15  # first frames of a clip without an anomaly
# People in view at any time of the day, and hour, width in hours and people of what comes on top: on a campus when
# lectures begin, at noon, and when they end; at a gate when shifts begin, change and end, with hardly anybody between.
RHYTHMS = {
    "campus": (2.0, ((8.9, 0.6, 8.0), (12.4, 0.9, 11.0), (16.6, 0.8, 9.0))),
    "gate": (0.4, ((8.0, 0.4, 12.0), (12.5, 0.4, 12.0), (17.0, 0.4, 12.0))),
}


def density(hour: float, rhythm: str = "campus") -> float:
    """Mean number of people in view; a rhythm is one of `RHYTHMS`."""
    always, peaks = RHYTHMS[rhythm]
    return always + sum(people * exp(-(((hour - at) / width) ** 2)) for at, width, people in peaks)


def pedestrians(camera: Camera, people: float, seconds: float, rng: np.random.Generator) -> list[Mover]:
    """Everyone who walks or stands on the path in a clip of this length, where so many are in view in the mean."""
    left, right = camera.lane(0.0, MARGIN)
    crossing_time = float(np.linalg.norm(right - left)) / WALKING
    found: list[Mover] = []
    for _ in range(rng.poisson(people * (seconds + crossing_time) / crossing_time)):
        begin, speed = rng.uniform(-crossing_time, seconds), float(np.clip(rng.normal(WALKING, 0.2), 0.75, 1.75))
        sign = 1 if rng.random() < 0.5 else -1
        offset = float(np.clip(sign * rng.normal(-1.2, 0.7), -2.3, 2.3))  # most keep to their right
        found.append(_along(camera, "", "walking", offset, sign * speed, begin, rng))
        if rng.random() < 0.25:
            beside = offset + (0.75 if offset < 0 else -0.75)
            found.append(_along(camera, "", "walking", beside, sign * speed, begin + rng.uniform(0, 0.3), rng))
    for _ in range(rng.poisson(0.06 * people)):
        found.append(_standing(camera, seconds, rng))
    return found


def anomalies(camera: Camera, category: str, frames: int, fps: float, rng: np.random.Generator) -> list[Mover]:
    """One or more passes of one category, in view for about `SHARE` of the clip and never in the first frames."""
    quiet, seconds = QUIET / fps, frames / fps
    first = passing(camera, category, rng)
    wanted = rng.uniform(*SHARE) * seconds
    if first.seconds > LONGEST * seconds:  # still in view when the clip ends
        return [_begin_to_end(first, seconds, wanted, quiet)]
    passes = max(1, int(wanted / first.seconds))
    movers = [first, *(passing(camera, category, rng) for _ in range(passes - 1))]
    rest = SHARE[1] * seconds - sum(mover.seconds for mover in movers)
    tail = rest if rest > 0.06 * seconds and rng.random() < 0.5 else 0.0
    slot = (seconds - tail - quiet) / passes
    movers = [
        _begin(mover, quiet + slot * number + rng.uniform(0, 0.8) * max(0.0, slot - mover.seconds))
        for number, mover in enumerate(movers)
    ]
    if tail:  # one more comes into view and the clip ends
        movers.append(_begin_to_end(passing(camera, category, rng), seconds, tail, quiet))
    return movers


def passing(camera: Camera, category: str, rng: np.random.Generator) -> Mover:
    """One pass of a category, which begins at time 0."""
    speed = SPEEDS[category] * rng.uniform(0.92, 1.12)
    if category == "crossing":
        return _over_the_grass(camera, speed, rng)
    sign = 1 if rng.random() < 0.5 else -1
    return _along(camera, category, category, rng.uniform(-0.9, 0.9), sign * speed, 0.0, rng)


def _begin(mover: Mover, begin: float) -> Mover:
    return replace(mover, begin=begin)


def _begin_to_end(mover: Mover, seconds: float, seen: float, quiet: float) -> Mover:
    """Into view `seen` seconds before the clip ends."""
    unseen = (MARGIN - HALF_LENGTHS.get(mover.kind, 0.4)) / hypot(*mover.velocity)
    return _begin(mover, max(quiet, seconds - seen - unseen))


def _along(
    camera: Camera, category: str, kind: str, offset: float, speed: float, begin: float, rng: np.random.Generator
) -> Mover:
    """Along the path; negative speed is from right to left."""
    ends = camera.lane(offset, MARGIN)
    start, end = ends if speed > 0 else ends[::-1]
    return _straight(category, kind, start, end, abs(speed), begin, rng)


def _over_the_grass(camera: Camera, speed: float, rng: np.random.Generator) -> Mover:
    routes = (
        ((1.03, 0.55), (0.5, 1.27)),  # the near lawn
        ((-0.03, 0.36), (0.75, 1.27)),  # from the far lawn over the path to the near one
        ((1.03, 0.2), (-0.03, 0.34)),  # the far lawn, under the trees
    )
    ends = [camera.at(*share) for share in routes[rng.integers(len(routes))]]
    start, end = ends if rng.random() < 0.5 else ends[::-1]
    return _straight("crossing", "crossing", start, end, speed, 0.0, rng)


def _straight(
    category: str, kind: str, start: np.ndarray, end: np.ndarray, speed: float, begin: float, rng: np.random.Generator
) -> Mover:
    way = end - start
    length = float(np.linalg.norm(way))
    velocity = (float(way[0]) / length * speed, float(way[1]) / length * speed)
    look, phase = draw_look(rng), rng.uniform(0, 2 * pi)
    return Mover(category, kind, look, (float(start[0]), float(start[1])), velocity, begin, length / speed, phase)


def _standing(camera: Camera, seconds: float, rng: np.random.Generator) -> Mover:
    """Someone who waits at the edge of the path, and shifts a little."""
    ends = camera.lane(float(rng.choice([-1, 1])) * (PATH_WIDTH / 2 - 0.4), 0.0)
    place = ends[0] + rng.uniform(0.1, 0.9) * (ends[1] - ends[0])
    angle = rng.uniform(0, 2 * pi)
    drift = 0.01 * np.array([cos(angle), sin(angle)]) * seconds
    return _straight("", "standing", place, place + drift, 0.01, 0.0, rng)
