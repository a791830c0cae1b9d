"""A thing that the camera never saw: a random shape with a texture of no thing."""

from __future__ import annotations

import cv2
import numpy as np

from model.pasting.backdrop import Backdrop
from model.pasting.cutouts import MARGIN, Cutout, soft

CONTRAST = (30.0, 70.0)  # grey levels between its mean and the ground it stands on
WIDTHS = (0.6, 1.8)  # over its height
CORNERS = (5, 10)


def foreign_thing(
    backdrop: Backdrop,
    foot: tuple[float, float],
    height: float,
    velocity: tuple[float, float],
    rng: np.random.Generator,
) -> Cutout:
    """One picture of a polygon about `height` pixels high, to be seen against the ground at `foot`."""
    rows, columns, _ = backdrop.picture.shape
    light = float(backdrop.light[np.clip(int(foot[1]), 0, rows - 1), np.clip(int(foot[0]), 0, columns - 1)])
    width = height * rng.uniform(*WIDTHS)
    size = (int(np.ceil(height)) + 2 * MARGIN, int(np.ceil(width)) + 2 * MARGIN)
    number = rng.integers(*CORNERS, endpoint=True)
    angles = (np.arange(number) + rng.uniform(0, 0.8, number)) * 2 * np.pi / number
    corners = np.stack([np.cos(angles) * width, np.sin(angles) * height], 1) / 2 + np.array(size[::-1]) / 2
    mask = cv2.fillConvexPoly(np.zeros(size, np.uint8), corners.round().astype(np.int32), 1)
    texture = _texture(backdrop, size, rng)
    darker = rng.random() < (light - 60) / 136  # 60 and under is dark ground, 196 and over is light
    texture += light + (-1 if darker else 1) * rng.uniform(*CONTRAST) - texture.mean()
    return Cutout(
        pixels=texture.clip(0, 255)[None],
        alpha=soft(mask.astype(np.float32))[None],
        feet=np.array([[size[1] / 2, corners[:, 1].max()]]),
        foot=foot,
        velocity=velocity,
        height=height,
        width=width,
        light=light,
    )


def _texture(backdrop: Backdrop, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """`float32 [h, w, C]`: a patch of the backdrop, or clouds of noise, in the camera's number of channels."""
    if rng.random() < 0.5:
        rows, columns = (
            (np.arange(n) + rng.integers(whole)) % whole for n, whole in zip(size, backdrop.picture.shape, strict=False)
        )
        return backdrop.picture[np.ix_(rows, columns)].copy()
    noise = rng.standard_normal((*size, backdrop.picture.shape[2])).astype(np.float32)
    clouds = cv2.GaussianBlur(noise, (0, 0), max(0.6, size[0] / 20)).reshape(noise.shape)
    tint = np.float32(rng.normal(0, 25, (1, 1, noise.shape[2])))
    return np.asarray(clouds / max(float(clouds.std()), 1e-6) * rng.uniform(15, 40) + tint)
