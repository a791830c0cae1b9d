"""Ways through the picture, a foot `float64 [N, 2]` (x, y in pixels) a frame, and when they are gone."""

from __future__ import annotations

import numpy as np

from model.pasting.scene import Scene

SHARE = 1 / 3  # of a clip's frames that should show the anomaly
SIDEWARD = 0.5  # least part of a heading that is sideward, so that every way leaves the picture


def across(
    scene: Scene, foot: tuple[float, float], heading: tuple[float, float], pace: float, size: float, frames: int
) -> np.ndarray:
    """From edge to edge through `foot` at `pace` normal heights a frame; size is the thing's, in normal heights."""
    sideward = np.copysign(max(abs(heading[0]), SIDEWARD), heading[0])
    step = np.array([sideward, heading[1]]) / np.hypot(sideward, heading[1]) * pace
    before, after = (_until_out(scene, foot, way, size, frames) for way in (-step, step))
    return np.array([*before[:0:-1], *after])


def _until_out(
    scene: Scene, foot: tuple[float, float], step: np.ndarray, size: float, frames: int
) -> list[tuple[float, float]]:
    height, width = scene.trodden.shape
    (x, y), way = foot, []
    for _ in range(frames):
        tall = scene.height_at(y)
        reach = 0.6 * size * tall
        way.append((x, y))
        if x < -reach or x > width + reach or y > height + size * tall:
            break
        x, y = x + step[0] * tall, max(y + step[1] * tall, min(scene.feet[0], foot[1]))  # never up into the sky
    return way


def aside(scene: Scene, shape: tuple[float, float], frames: int, rng: np.random.Generator) -> np.ndarray | None:
    """In from a side edge and out again where nothing ever moves; None where no room is.

    Args:
        shape: width and height of the thing over the normal height.
    """
    rooms = [room for y in range(scene.trodden.shape[0]) for room in _rooms(scene, y, shape)]
    if not rooms:
        return None
    y, right, length = rooms[rng.integers(len(rooms))]
    tall = scene.height_at(y)
    out = round((length + shape[0] * tall) / (scene.pace[0] * tall))
    turn = min(out, int(frames * SHARE / 2) + round(shape[0] / 2 / scene.pace[0]))
    steps = np.concatenate([np.arange(turn), np.arange(turn, -1, -1)]) * scene.pace[0] * tall - shape[0] * tall / 2
    x = scene.trodden.shape[1] - steps if right else steps
    return np.stack([x, np.full(len(x), float(y))], 1)


def _rooms(scene: Scene, y: int, shape: tuple[float, float]) -> list[tuple[int, bool, float]]:
    """How far, from the left and from the right edge, the lower half of things with their foot at y meets no motion."""
    tall = scene.height_at(y)
    if y < max(1.1 * shape[1] * tall, scene.feet[0] - tall / 2):
        return []  # in the sky
    taken = np.asarray(scene.trodden[int(y - shape[1] * tall / 2) : y + 1].any(0))
    rooms = []
    for right, row in ((False, taken), (True, taken[::-1])):
        free = float(np.argmax(row) if row.any() else len(row))
        if free >= 2 * shape[0] * tall:
            rooms.append((y, right, free - shape[0] * tall))
    return rooms


def starts(feet: np.ndarray, width: int, frames: int, rng: np.random.Generator) -> list[int]:
    """Frames at which a way begins, so that it is within the picture for about a third of the clip.

    A longer way begins before the clip or ends after it; a shorter one is gone several times.
    """
    inside = np.flatnonzero((feet[:, 0] >= 0) & (feet[:, 0] < width))
    first, steps, share = int(inside[0]), len(inside), round(frames * SHARE)
    if steps >= share:
        return [share - steps - first if rng.random() < 0.5 else frames - share - first]
    passes = max(1, round(share / steps))
    slot = frames // passes
    return [slot * number + int(rng.integers(max(1, slot - steps))) - first for number in range(passes)]
