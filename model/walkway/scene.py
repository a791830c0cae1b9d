"""The place: what the empty walkway looks like at an hour of the day."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from model.walkway import props
from model.walkway.camera import PATH_WIDTH, Camera
from model.walkway.canvas import SUPERSAMPLING, Sprite

WALL = 46.0  # Z of the building's foot, metres
EAVES = 7.0  # height of the building, metres
SHADOW = 0.45  # share of the light that a shadow takes
BRICK, MORTAR, GLASS, FRAME = np.array([[158, 96, 76], [178, 150, 132], [66, 84, 100], [222, 218, 208]], np.float32)
LAWN, SOIL, PAVING = np.array([[100, 118, 66], [128, 108, 78], [176, 168, 154]], np.float32)
JOINT, KERB, EDGE = np.array([[122, 116, 108], [206, 202, 194], [112, 106, 92]], np.float32)


@dataclass(frozen=True)
class Sun:
    """Light at an hour of the day."""

    tint: np.ndarray  # float32 [3], RGB factors
    shadow: tuple[float, float]  # metres right and towards the camera that a metre of height throws


@dataclass(frozen=True)
class Scene:
    """The empty place at one hour."""

    camera: Camera
    sunlit: np.ndarray  # float32 [H, W, 4]: RGB of the ground without any shadow, and a layer of zeros
    shaded: np.ndarray  # float32 [H, W], how much of a standing shadow lies there, 0 to 1
    sun: Sun
    props: tuple[Sprite, ...]  # things that people can walk behind


def sun_at(hour: float) -> Sun:
    """Low and warm in the morning and the evening, high and white at noon."""
    slope = (hour - 13.0) / 6.0  # -1 in the morning, 1 in the evening
    warmth = slope**2
    tint = (1.0 - 0.1 * warmth) * np.array([1.02, 1.0 - 0.03 * warmth, 0.97 - 0.12 * warmth])
    return Sun(tint.astype(np.float32), (1.3 * slope, 0.7 + 0.5 * warmth))


def build(camera: Camera, hour: float, seed: int) -> Scene:
    """The place of this seed; only the light depends on the hour."""
    sun = sun_at(hour)
    albedo, standing = _place(camera, seed)
    shaded = _small(_building_shadow(camera, sun), camera)
    for sprite in standing:
        cast(shaded, sprite, sun)
    shaded = cv2.GaussianBlur(shaded, (0, 0), camera.height / 200)
    sunlit = np.dstack([albedo * sun.tint, np.zeros_like(shaded)])
    return Scene(camera, sunlit, shaded, sun, standing)


@lru_cache(maxsize=1)  # the same for every clip of a set
def _place(camera: Camera, seed: int) -> tuple[np.ndarray, tuple[Sprite, ...]]:
    rng = np.random.default_rng(seed)
    albedo = _small(_albedo(camera, rng), camera)
    for sprite in props.hedge(camera, rng):  # nobody walks behind it
        target, source = overlap(albedo.shape[:2], sprite.left, sprite.top, sprite.pixels.shape)
        pixels = sprite.pixels[source]
        albedo[target] = albedo[target] * (1 - pixels[..., 3:] / 255) + pixels[..., :3]
    return albedo, props.standing(camera, rng)


def cast(shaded: np.ndarray, sprite: Sprite, sun: Sun) -> None:
    """Lays the shadow of a standing thing on the ground of `shaded`, in place: its outline, sheared along the sun."""
    right, towards = sun.shadow[0], 0.42 * sun.shadow[1]
    cover = sprite.pixels[..., 3] / 255
    rows, columns = cover.shape
    foot = sprite.foot - sprite.top
    # A pixel z rows over the foot lands z * right columns aside and z * towards rows below the foot.
    left = sprite.left + min(0, int(np.floor(right * foot)))
    top = int(np.floor(sprite.foot - towards * (rows - foot)))
    width, height = columns + int(np.ceil(abs(right) * foot)) + 2, int(np.ceil(towards * rows)) + 2
    lay = np.array(
        [
            [1, -right, sprite.left - left + right * foot],
            [0, -towards, sprite.foot - top + towards * foot],
        ],
        np.float32,
    )
    shadow = cv2.warpAffine(cover, lay, (width, height), flags=cv2.INTER_LINEAR)
    target, source = overlap(shaded.shape[:2], left, top, (height, width))
    np.maximum(shaded[target], shadow[source], out=shaded[target])


def overlap(
    picture: tuple[int, ...], left: int, top: int, patch: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The part of the picture that a patch at this place covers, and the part of the patch inside the picture."""
    y0, y1 = (min(max(edge, 0), picture[0]) for edge in (top, top + patch[0]))
    x0, x1 = (min(max(edge, 0), picture[1]) for edge in (left, left + patch[1]))
    if y0 == y1 or x0 == x1:
        return (slice(0), slice(0)), (slice(0), slice(0))
    return (slice(y0, y1), slice(x0, x1)), (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))


def _small(large: np.ndarray, camera: Camera) -> np.ndarray:
    return np.asarray(cv2.resize(large, (camera.width, camera.height), interpolation=cv2.INTER_AREA))


def _pixels(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Column and row of every supersampled pixel's centre."""
    rows, columns = np.indices((camera.height * SUPERSAMPLING, camera.width * SUPERSAMPLING), np.float32)
    return (columns + 0.5) / SUPERSAMPLING, (rows + 0.5) / SUPERSAMPLING


def _albedo(camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """The colours of ground and wall without light; float32 [rows, columns, 3], supersampled."""
    column, row = _pixels(camera)
    x, z = camera.ground(column, row)
    along, across = camera.path_coordinates(x, z)
    picture = _lawn(rng, x, z, np.abs(across) - PATH_WIDTH / 2)
    kerb = np.abs(np.abs(across) - PATH_WIDTH / 2 - 0.12)
    picture[kerb < 0.24] = EDGE
    picture[kerb < 0.13] = KERB
    paved = np.abs(across) < PATH_WIDTH / 2
    picture[paved] = _paving(rng, along, across)[paved]
    _, foot, scale = camera.project(0.0, WALL)
    wall = _wall(rng, (column - camera.width / 2) / scale, (foot - row) / scale)
    return np.asarray(np.where((z > WALL)[..., None], wall, picture), np.float32)


def _lawn(rng: np.random.Generator, x: np.ndarray, z: np.ndarray, off_path: np.ndarray) -> np.ndarray:
    patches, blades = _noise(rng, x, z, 0.25), _noise(rng, x, z, 4.0)
    mown = 0.05 * np.sign(np.sin(2 * np.pi * (x + 0.4 * z) / 4))
    tone = (1 + 0.3 * patches + 0.3 * blades + mown)[..., None]
    worn = np.clip(0.9 - off_path / 0.7 + patches, 0, 0.8)[..., None]  # trodden along the kerb
    return np.asarray(tone * ((1 - worn) * LAWN + worn * SOIL))


def _paving(rng: np.random.Generator, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    row = np.floor(across / 0.9).astype(int)
    slab = along / 1.35 + 0.5 * (row % 2)
    tones = rng.normal(1.0, 0.055, (64, 64)).astype(np.float32)
    tone = tones[row % 64, np.floor(slab).astype(int) % 64] + 0.09 * _noise(rng, along, across, 0.35)
    tone += 0.06 * _noise(rng, along, across, 3.0)
    joint = (np.abs(slab % 1 - 0.5) > 0.46) | (np.abs(across / 0.9 % 1 - 0.5) > 0.45)
    colour = np.where(joint[..., None], JOINT, PAVING)
    return np.asarray(tone[..., None] * colour)


def _wall(rng: np.random.Generator, x: np.ndarray, up: np.ndarray) -> np.ndarray:
    course = up / 0.24
    joint = (course % 1 < 0.22) | ((x / 0.6 + 0.5 * (np.floor(course) % 2)) % 1 < 0.1)
    tone = 1 + 0.16 * _noise(rng, x, up, 1.6)
    picture = np.where(joint[..., None], MORTAR, BRICK) * tone[..., None]
    bay = (x + 0.4) % 3.6
    door = np.abs(x - 3.4) < 1.5
    window = (np.abs(bay - 1.8) < 1.05) & (up > 0.9) & ~door
    pane = (np.abs(np.abs(bay - 1.8) - 0.48) < 0.42) & (up > 1.05)
    sky = np.clip(1.0 + 0.35 * (up - 1.6), 0.6, 1.6)[..., None]
    picture[window] = FRAME
    picture[window & pane] = (GLASS * sky)[window & pane]
    picture[door] = FRAME
    glazed = door & (np.abs(np.abs(x - 3.4) - 0.68) < 0.55) & (up > 0.2)
    picture[glazed] = 0.75 * GLASS
    picture[up < 0.18] = (136, 130, 122)
    return np.asarray(picture, np.float32)


def _building_shadow(camera: Camera, sun: Sun) -> np.ndarray:
    """The building stands between the sun and its forecourt."""
    _, z = camera.ground(*_pixels(camera))
    return ((z > WALL - EAVES * sun.shadow[1]) & (z <= WALL)).astype(np.float32) + 0.6 * (z > WALL)


def _noise(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, frequency: float) -> np.ndarray:
    """Smooth noise in about [-1, 1] with two octaves over the point (x, y) in metres; cycles a metre."""
    tile = rng.uniform(-1, 1, (64, 64)).astype(np.float32)
    total = np.zeros(x.shape, np.float32)
    for octave in (1, 2):
        at = [np.mod(c * frequency * octave, 64).astype(np.float32) for c in (x, y)]
        found = cv2.remap(tile, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        total += found / octave
    return total / 1.5
