"""The fixed camera of the walkway: from metres on the ground to pixels, and where the path lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from model import config

PATH_WIDTH = 5.4  # metres


class View(NamedTuple):
    """Where the camera hangs and which way it looks."""

    horizon: float  # y of the horizon in picture heights; under 0 it is above the picture, the camera looks down
    elevation: float  # metres from the ground to the camera
    focal: float  # in picture heights
    path_left: float  # y of the path's middle at the picture's left edge, in picture heights
    path_right: float  # and at its right edge


VIEWS = (
    View(horizon=-0.35, elevation=10.2, focal=2.2, path_left=0.74, path_right=0.36),
    View(horizon=-0.20, elevation=8.0, focal=1.9, path_left=0.42, path_right=0.80),  # lower, and the path falls
    View(horizon=-0.55, elevation=13.0, focal=2.3, path_left=0.60, path_right=0.52),  # higher, and the path is level
)


@dataclass(frozen=True)
class Camera:
    """A pinhole over flat ground; X runs right and Z away from the camera, in metres."""

    height: int  # pixels
    width: int  # pixels
    view: View = VIEWS[0]

    @classmethod
    def of(cls, settings: config.Walkway) -> Camera:
        """The one of these settings."""
        return cls(settings.height, settings.width, VIEWS[settings.view])

    def project(self, x: float, z: float) -> tuple[float, float, float]:
        """Column and row (pixels) of a ground point, and the scale there (pixels a metre)."""
        scale = self.view.focal / z * self.height
        return self.width / 2 + x * scale, self.view.horizon * self.height + self.view.elevation * scale, scale

    def ground(self, column: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ground points (X, Z) that pixels show; the inverse of `project`."""
        scale = (row - self.view.horizon * self.height) / self.view.elevation
        return (column - self.width / 2) / scale, self.view.focal * self.height / scale

    def at(self, across: float, down: float) -> np.ndarray:
        """The ground point (X, Z) at these shares of the picture's width and height."""
        x, z = self.ground(np.array(across * self.width), np.array(down * self.height))
        return np.array([x, z])

    @property
    def path_direction(self) -> np.ndarray:
        """Unit vector (X, Z) along the path, from the left of the picture to the right."""
        along = self.at(1, self.view.path_right) - self.at(0, self.view.path_left)
        return np.asarray(along / np.linalg.norm(along))

    def path_coordinates(self, x: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Metres along the path and metres off its middle, positive away from the camera."""
        origin, along = self.at(0, self.view.path_left), self.path_direction
        dx, dz = x - origin[0], z - origin[1]
        return dx * along[0] + dz * along[1], dz * along[0] - dx * along[1]

    def lane(self, offset: float, margin: float) -> tuple[np.ndarray, np.ndarray]:
        """Where the line `offset` metres off the path's middle crosses the picture's left and right edge.

        Both ends are moved out of the picture by `margin` metres.
        """
        along = self.path_direction
        origin = self.at(0, self.view.path_left) + offset * np.array([-along[1], along[0]])
        ends = []
        for edge, sign in ((-self.width / 2, -1), (self.width / 2, 1)):
            slope = edge / (self.view.focal * self.height)  # the edge is the line X = slope * Z
            distance = (origin[0] - slope * origin[1]) / (slope * along[1] - along[0])
            ends.append(origin + (distance + sign * margin / along[0]) * along)
        return ends[0], ends[1]
