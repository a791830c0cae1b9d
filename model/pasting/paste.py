"""Draws an anomaly into a normal clip, with its labels and masks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from model.clips import LabelRange, label_ranges
from model.pasting.backdrop import Backdrop, still
from model.pasting.cutouts import Cutout, soft
from model.pasting.kinds import KINDS, Intruder
from model.pasting.scene import Scene
from model.pasting.ways import starts

VISIBLE = 0.3  # of its area must be in the picture, in front of nearer things, to be labelled
GAIN = (0.6, 1.6)  # light of its new place over that of its old, at most


@dataclass(frozen=True)
class Pasted:
    """A clip with an anomaly of one kind in about a third of its frames."""

    kind: str
    frames: np.ndarray  # uint8 [T, H, W, C]
    masks: np.ndarray  # uint8 [T, H, W], 1 where the anomaly is
    labels: tuple[LabelRange, ...]  # the category is the kind


def paste(frames: np.ndarray, kind: str, scene: Scene, rng: np.random.Generator) -> Pasted | None:
    """A copy of the normal clip `uint8 [T, H, W, C]` with an anomaly; None where the scene has nothing for the kind."""
    backdrop = still(frames)
    intruder = KINDS[kind](scene, backdrop, len(frames), rng)
    if intruder is None:
        return None
    pasted = np.array(frames)
    masks = np.zeros(frames.shape[:3], np.uint8)
    for start in starts(intruder.feet, frames.shape[2], len(frames), rng):
        for t in range(max(0, start), min(len(frames), start + len(intruder.feet))):
            pasted[t], masks[t] = _draw(frames[t], backdrop, scene, intruder, t - start, rng)
    return Pasted(kind, pasted, masks, label_ranges(np.asarray(masks.any((1, 2))), kind))


def _draw(
    frame: np.ndarray, backdrop: Backdrop, scene: Scene, intruder: Intruder, step: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The frame with the intruder at that step of its way, and the mask, empty where too little is visible."""
    x, y = intruder.feet[step]
    scale = intruder.size * scene.height_at(y) / intruder.shape.height
    colour, alpha, whole = _placed(intruder, step, (x, y), scale, frame.shape[:2])
    alpha *= backdrop.lit * (1 - soft(_nearer(frame, backdrop, y)))
    colour = colour * _gain(backdrop, intruder.shape, x, y)
    grain = backdrop.noise * rng.standard_normal(frame.shape, np.float32)  # the sensor's
    drawn = frame * (1 - alpha[..., None]) + (colour + grain) * alpha[..., None]
    mask = (alpha > 0.5).astype(np.uint8)
    if mask.sum() < VISIBLE * whole:
        mask[:] = 0
    return np.clip(drawn + 0.5, 0, 255).astype(np.uint8), mask


def _placed(
    intruder: Intruder, step: int, foot: tuple[float, float], scale: float, size: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, float]:
    """Colours `float32 [H, W, C]` and alpha `[H, W]` of the shape over the picture, and its whole area in pixels."""
    shape = intruder.shape
    k = 0 if intruder.frozen else _back_and_forth(step, len(shape.pixels))
    towards = float(intruder.feet[min(step + 1, len(intruder.feet) - 1), 0] - intruder.feet[max(step - 1, 0), 0])
    mirror = -1.0 if towards * shape.velocity[0] < 0 else 1.0
    move = np.array(
        [
            [mirror * scale, 0, foot[0] - mirror * scale * shape.feet[k, 0]],
            [0, scale, foot[1] - scale * shape.feet[k, 1]],
        ]
    )
    # Colours and alpha of the same pixels: multiplied first, or the colour of the old ground would bleed in.
    layers = np.concatenate([shape.pixels[k] * shape.alpha[k, ..., None], shape.alpha[k, ..., None]], 2)
    placed = cv2.warpAffine(layers, move, size[::-1], flags=cv2.INTER_CUBIC)
    alpha = np.clip(placed[..., -1], 0, 1)
    colours = np.clip(placed[..., :-1] / np.maximum(alpha, 1e-3)[..., None], 0, 255)
    return colours, alpha, float((shape.alpha[k] > 0.5).sum() * scale**2)


def _back_and_forth(step: int, length: int) -> int:
    """A walk played forwards and backwards has no jump."""
    place = step % max(1, 2 * length - 2)
    return min(place, 2 * length - 2 - place) if length > 1 else 0


def _nearer(frame: np.ndarray, backdrop: Backdrop, y: float) -> np.ndarray:
    """Things that stand nearer to the camera than a foot at y hide it: `float32 [H, W]`, 0 or 1."""
    parts, boxes = backdrop.things(frame)
    nearer = (boxes[:, 4] > 0) & (boxes[:, 1] + boxes[:, 3] > y + 1)
    return np.concatenate([[False], nearer])[parts].astype(np.float32)


def _gain(backdrop: Backdrop, shape: Cutout, x: float, y: float) -> float:
    """Light of the place over that where the shape was cut."""
    height, width = backdrop.light.shape
    light = backdrop.light[np.clip(int(y), 0, height - 1), np.clip(int(x), 0, width - 1)]
    return float(np.clip(light / max(shape.light, 1.0), *GAIN))
