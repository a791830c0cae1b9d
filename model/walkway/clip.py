"""One clip of the walkway: frames, frame labels, pixel masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from model.clips import LabelRange, label_ranges
from model.config import Walkway
from model.errors import BadInput
from model.walkway import scene
from model.walkway.camera import Camera
from model.walkway.canvas import Sprite
from model.walkway.mover import Mover
from model.walkway.traffic import CATEGORIES, anomalies, density, pedestrians

DAY = (7.5, 18.0)  # hours between which clips are taken
COVERED = 0.35  # share of a pixel from which it belongs to the mask
VISIBLE = 12  # pixels of an anomaly in view, at 120 rows, from which a frame is labelled
SMALLEST = (32, 48, 32)  # height, width, frames
SHORTEST = 3.0  # seconds; nothing comes into view in less


@dataclass(frozen=True)
class WalkwayClip:
    """A rendered clip with its ground truth."""

    name: str  # Train001
    frames: np.ndarray  # uint8 [T, H, W, 3], RGB
    labels: tuple[LabelRange, ...]
    masks: np.ndarray  # uint8 [T, H, W], 1 where an anomaly is
    hour: float  # time of day


def render_clip(settings: Walkway, split: Literal["train", "test"], index: int) -> WalkwayClip:
    """Renders clip `index` (from 0) of a split; it depends on nothing but these arguments.

    Raises:
        BadInput: settings too small for a clip to show anything.
    """
    check(settings)
    rng = np.random.default_rng([settings.seed, ("train", "test").index(split), index])
    hour = hour_of(split, index)
    camera = Camera.of(settings)
    place = scene.build(camera, hour, settings.seed)
    movers = pedestrians(camera, density(hour), settings.clip_frames / settings.fps, rng)
    category = CATEGORIES[index % len(CATEGORIES)]
    if split == "test":
        movers += anomalies(camera, category, settings.clip_frames, settings.fps, rng)
    frames = np.empty((settings.clip_frames, settings.height, settings.width, 3), np.uint8)
    masks = np.zeros(frames.shape[:3], np.uint8)
    clouds = rng.uniform(0, 2 * np.pi)
    # Stretches of one long strip at random places cost a tenth of fresh noise and are as good as independent.
    noise = np.float32(settings.noise) * rng.standard_normal(6 * frames[0].size, np.float32) + np.float32(0.5)
    for frame, first in enumerate(rng.integers(0, 5 * frames[0].size, settings.clip_frames)):
        time = frame / settings.fps
        picture = compose(place, movers, time)
        masks[frame] = picture[..., 3] > COVERED
        seen = picture[..., :3] * np.float32(1 + 0.03 * np.sin(time / 5 + clouds))  # drifting clouds
        seen += noise[first : first + seen.size].reshape(seen.shape)
        frames[frame] = np.clip(seen, 0, 255, out=seen)
    visible = masks.sum((1, 2)) >= smallest_visible(settings)
    masks[~visible] = 0
    return WalkwayClip(f"{split.title()}{index + 1:03}", frames, label_ranges(visible, category), masks, hour)


def check(settings: Walkway) -> None:
    """Refuses settings that no clip can be made of."""
    size = (settings.height, settings.width, settings.clip_frames)
    if any(given < least for given, least in zip(size, SMALLEST, strict=True)):
        raise BadInput(f"expected walkway height, width, clip_frames of at least {SMALLEST}. Received: {size}")
    for key in ("seed", "noise", "train_clips", "test_clips"):
        if getattr(settings, key) < 0:
            raise BadInput(f"expected walkway.{key} of at least 0. Received: {getattr(settings, key)}")
    if settings.fps <= 0 or settings.clip_frames < SHORTEST * settings.fps:
        raise BadInput(f"expected walkway clips of at least {SHORTEST} s. Received: {settings}")


def smallest_visible(settings: Walkway) -> float:
    """Pixels of an anomaly in view from which a frame is labelled."""
    return max(3, VISIBLE * (settings.height / 120) ** 2)


def hour_of(split: Literal["train", "test"], index: int) -> float:
    """The clips' times of day, spread evenly however many there are; clips of one category lie hours apart."""
    share = (0.618 * index + 0.37 * (index // len(CATEGORIES)) + (0.0 if split == "train" else 0.27)) % 1
    return DAY[0] + share * (DAY[1] - DAY[0])


def compose(place: scene.Scene, movers: list[Mover], time: float) -> np.ndarray:
    """One moment without noise: float32 [H, W, 4], RGB and which share of the pixel an anomaly covers."""
    drawn = [(mover.sprite(place.camera, time), bool(mover.category)) for mover in movers]
    moving = [(sprite, anomalous) for sprite, anomalous in drawn if sprite is not None]
    shaded = place.shaded.copy()
    for sprite, _ in moving:
        scene.cast(shaded, sprite, place.sun)
    picture = place.sunlit * (1 - scene.SHADOW * shaded)[..., None]
    things = moving + [(sprite, False) for sprite in place.props]
    for sprite, anomalous in sorted(things, key=lambda thing: thing[0].foot):  # near things hide far ones
        _lay(picture, place, sprite, anomalous)
    return np.asarray(picture)


def _lay(picture: np.ndarray, place: scene.Scene, sprite: Sprite, anomalous: bool) -> None:
    """Puts a sprite over the picture, in the light of the ground on which it stands."""
    target, source = scene.overlap(place.shaded.shape, sprite.left, sprite.top, sprite.pixels.shape)
    column = min(max(sprite.left + sprite.pixels.shape[1] // 2, 0), place.camera.width - 1)
    light = 1 - scene.SHADOW * place.shaded[min(int(sprite.foot), place.camera.height - 1), column]
    red, green, blue = place.sun.tint * light
    pixels, part = sprite.pixels[source], picture[target]
    part *= 1 - pixels[..., 3:] / 255
    part += pixels * np.array([red, green, blue, anomalous / 255], np.float32)
