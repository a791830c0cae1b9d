"""The kinds of anomaly, each a small function from a scene to an intruder on its way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from model.pasting import ways
from model.pasting.backdrop import Backdrop
from model.pasting.cutouts import Cutout
from model.pasting.foreign import foreign_thing
from model.pasting.scene import Scene

HASTE = (2.0, 3.5)  # times as fast as most
GROWTH = (1.6, 2.2)  # times as large as normal
TRIES = 3


@dataclass(frozen=True)
class Intruder:
    """What is pasted."""

    shape: Cutout
    size: float  # its height over the normal height where it stands
    feet: np.ndarray  # float64 [N, 2], x and y a frame
    frozen: bool  # whether it glides like a thing on wheels


Kind = Callable[[Scene, Backdrop, int, np.random.Generator], Intruder | None]


def fast(scene: Scene, backdrop: Backdrop, frames: int, rng: np.random.Generator) -> Intruder | None:
    """A normal thing at 2 to 3.5 times the speed that three in four of its like keep under."""
    if not scene.cutouts:
        return None
    shape = _any(scene, rng)
    pace = scene.pace[1] * rng.uniform(*HASTE)
    return Intruder(shape, 1.0, ways.across(scene, shape.foot, shape.velocity, pace, 1.0, frames), rng.random() < 0.5)


def large(scene: Scene, backdrop: Backdrop, frames: int, rng: np.random.Generator) -> Intruder | None:
    """A normal thing grown to 1.6 to 2.2 times the height of its like, at walking speed."""
    if not scene.cutouts:
        return None
    shape = _near(scene, rng)
    place = min((_any(scene, rng) for _ in range(TRIES)), key=lambda cutout: cutout.foot[1])
    size = rng.uniform(*GROWTH)
    return Intruder(shape, size, ways.across(scene, place.foot, place.velocity, scene.pace[0], size, frames), False)


def foreign(scene: Scene, backdrop: Backdrop, frames: int, rng: np.random.Generator) -> Intruder | None:
    """A thing of a shape and texture never seen, where normal things go and at their speed."""
    foot, velocity, size = _somewhere(scene, rng), (float(rng.choice([-1, 1])), 0.0), rng.uniform(0.8, 1.3)
    if scene.cutouts:
        model = _any(scene, rng)
        foot, velocity = model.foot, model.velocity
    shape = foreign_thing(backdrop, foot, scene.height_at(foot[1]), velocity, rng)
    way = ways.across(scene, foot, velocity, scene.pace[0], size * max(1.0, shape.width / shape.height), frames)
    return Intruder(shape, size, way, True)


def astray(scene: Scene, backdrop: Backdrop, frames: int, rng: np.random.Generator) -> Intruder | None:
    """A normal thing at walking speed where normal footage shows no motion."""
    if not scene.cutouts:
        return None
    shape = _near(scene, rng)
    feet = ways.aside(scene, (shape.width / shape.height, 1.0), frames, rng)
    return None if feet is None else Intruder(shape, 1.0, feet, False)


KINDS: dict[str, Kind] = {"fast": fast, "large": large, "foreign": foreign, "astray": astray}


def _any(scene: Scene, rng: np.random.Generator) -> Cutout:
    return scene.cutouts[rng.integers(len(scene.cutouts))]


def _near(scene: Scene, rng: np.random.Generator) -> Cutout:
    """A thing cut out near the camera: a far one would be blurred where it is enlarged."""
    return max((_any(scene, rng) for _ in range(TRIES)), key=lambda cutout: cutout.foot[1])


def _somewhere(scene: Scene, rng: np.random.Generator) -> tuple[float, float]:
    return float(rng.uniform(0, scene.trodden.shape[1])), float(rng.uniform(*scene.feet))
