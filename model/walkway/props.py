"""What stands about on the walkway: hedge, trees, lamps, bench, bush."""

from __future__ import annotations

import numpy as np

from model.walkway.camera import PATH_WIDTH, Camera
from model.walkway.canvas import Canvas, Sprite, shade

BARK = (84, 68, 54)
LEAF = (70, 104, 44)
STEEL = (58, 64, 62)
WOOD = (146, 104, 66)


def standing(camera: Camera, rng: np.random.Generator) -> tuple[Sprite, ...]:
    """Everything that stands, far to near."""
    beside = PATH_WIDTH / 2 + 0.7  # metres off the path's middle
    things = [
        _tree(camera, rng, (-9.0, 39.0), 5.2),
        _tree(camera, rng, (11.0, 42.5), 4.6),
        _bench(camera, _off_path(camera, 6.5, beside)),
        _lamp(camera, _off_path(camera, 13.0, beside)),
        _lamp(camera, _off_path(camera, 1.5, -beside)),
        _bush(camera, rng, (5.2, 17.4), 0.9),
    ]
    return tuple(sorted(things, key=lambda sprite: sprite.foot))


def hedge(camera: Camera, rng: np.random.Generator) -> tuple[Sprite, ...]:
    """Along the building, with a gap at the door."""
    return tuple(_bush(camera, rng, (x, 44.6), 0.62) for x in np.arange(-22, 22, 0.9) if abs(x - 3.4) > 2.2)


def _off_path(camera: Camera, along: float, across: float) -> tuple[float, float]:
    direction = camera.path_direction
    x, z = camera.at(0, 0.74) + along * direction + across * np.array([-direction[1], direction[0]])
    return float(x), float(z)


def _canvas(camera: Camera, place: tuple[float, float], reach: tuple[float, float, float]) -> Canvas:
    column, row, scale = camera.project(*place)
    direction = camera.path_direction
    return Canvas((column, row), scale, (float(direction[0]), float(direction[1])), reach)


def _tree(camera: Camera, rng: np.random.Generator, place: tuple[float, float], height: float) -> Sprite:
    canvas = _canvas(camera, place, (2.6, height + 0.5, 0.3))
    canvas.line((0, 0, 0), (0.1, 0, height - 1.6), 0.3, BARK)
    canvas.line((0.1, 0, height - 2.6), (0.8, 0, height - 1.4), 0.16, BARK)
    canvas.line((0.0, 0, height - 2.8), (-0.8, 0, height - 1.6), 0.16, BARK)
    for light in np.linspace(0.45, 1.25, 150):  # dark leaves first, lit ones on top and higher
        angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(0, 1) ** 0.5
        across, up = 2.1 * distance * np.cos(angle), 1.5 * distance * np.sin(angle)
        tone = shade(LEAF, light * rng.uniform(0.8, 1.2))
        canvas.disc((across, 0, height - 1.4 + up + 0.3 * (light - 0.8)), rng.uniform(0.12, 0.36), tone)
    return canvas.sprite()


def _bush(camera: Camera, rng: np.random.Generator, place: tuple[float, float], size: float) -> Sprite:
    canvas = _canvas(camera, place, (1.4 * size, 1.6 * size, 0.3))
    for light in np.linspace(0.4, 1.15, 40):
        across, up = rng.uniform(-0.75, 0.75) * size, rng.uniform(0.1, 0.9) * size
        tone = shade(LEAF, light * rng.uniform(0.75, 1.2))
        canvas.disc((across, 0, up + 0.2 * (light - 0.8)), rng.uniform(0.1, 0.28) * size, tone)
    return canvas.sprite()


def _lamp(camera: Camera, place: tuple[float, float]) -> Sprite:
    canvas = _canvas(camera, place, (0.7, 4.4, 0.3))
    canvas.line((0, 0, 0), (0, 0, 0.5), 0.22, STEEL)
    canvas.line((0, 0, 0.4), (0, 0, 3.9), 0.11, STEEL)
    canvas.line((-0.25, 0, 3.95), (0.25, 0, 3.95), 0.14, STEEL)
    canvas.line((-0.2, 0, 3.83), (0.2, 0, 3.83), 0.1, (240, 236, 214))
    return canvas.sprite()


def _bench(camera: Camera, place: tuple[float, float]) -> Sprite:
    canvas = _canvas(camera, place, (1.3, 1.3, 0.9))
    for end in (-0.8, 0.8):
        canvas.line((end, 0.2, 0), (end, 0.2, 0.85), 0.08, STEEL)
        canvas.line((end, -0.2, 0), (end, -0.2, 0.4), 0.08, STEEL)
    for up in (0.6, 0.8):
        canvas.line((-0.95, 0.22, up), (0.95, 0.22, up), 0.11, WOOD)
    canvas.polygon([(-0.95, -0.25, 0.42), (0.95, -0.25, 0.42), (0.95, 0.2, 0.42), (-0.95, 0.2, 0.42)], WOOD)
    return canvas.sprite()
