"""The fixed camera of the walkway: from metres on the ground to pixels, and where the path lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HORIZON = -0.35  # y of the horizon in picture heights: above the picture, the camera looks down
ELEVATION = 10.2  # metres from the ground to the camera
FOCAL = 2.2  # in picture heights
PATH_LEFT, PATH_RIGHT = 0.74, 0.36  # y of the path's middle at the picture's left and right edge, in picture heights
PATH_WIDTH = 5.4  # metres


@dataclass(frozen=True)
class Camera:
    """A pinhole over flat ground; X runs right and Z away from the camera, in metres."""

    height: int  # pixels
    width: int  # pixels

    def project(self, x: float, z: float) -> tuple[float, float, float]:
        """Column and row (pixels) of a ground point, and the scale there (pixels a metre)."""
        scale = FOCAL / z * self.height
        return self.width / 2 + x * scale, HORIZON * self.height + ELEVATION * scale, scale

    def ground(self, column: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ground points (X, Z) that pixels show; the inverse of `project`."""
        scale = (row - HORIZON * self.height) / ELEVATION
        return (column - self.width / 2) / scale, FOCAL * self.height / scale

    def at(self, across: float, down: float) -> np.ndarray:
        """The ground point (X, Z) at these shares of the picture's width and height."""
        x, z = self.ground(np.array(across * self.width), np.array(down * self.height))
        return np.array([x, z])

    @property
    def path_direction(self) -> np.ndarray:
        """Unit vector (X, Z) along the path, from the left of the picture to the right."""
        along = self.at(1, PATH_RIGHT) - self.at(0, PATH_LEFT)
        return np.asarray(along / np.linalg.norm(along))

    def path_coordinates(self, x: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Metres along the path and metres off its middle, positive away from the camera."""
        origin, along = self.at(0, PATH_LEFT), self.path_direction
        dx, dz = x - origin[0], z - origin[1]
        return dx * along[0] + dz * along[1], dz * along[0] - dx * along[1]

    def lane(self, offset: float, margin: float) -> tuple[np.ndarray, np.ndarray]:
        """Where the line `offset` metres off the path's middle crosses the picture's left and right edge.

        Both ends are moved out of the picture by `margin` metres.
        """
        along = self.path_direction
        origin = self.at(0, PATH_LEFT) + offset * np.array([-along[1], along[0]])
        ends = []
        for edge, sign in ((-self.width / 2, -1), (self.width / 2, 1)):
            slope = edge / (FOCAL * self.height)  # the edge is the line X = slope * Z
            distance = (origin[0] - slope * origin[1]) / (slope * along[1] - along[0])
            ends.append(origin + (distance + sign * margin / along[0]) * along)
        return ends[0], ends[1]
