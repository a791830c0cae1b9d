"""What is usual for this camera: perspective, motions, looks and representation, learned from normal clips."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from model.scoring.appearance import Appearance
from model.scoring.evidence import CELL, cells
from model.scoring.memory import Memory, features
from model.scoring.motions import Motions, moves, speed
from model.scoring.observer import Observation
from model.scoring.smoothing import Smoother

Maps = dict[str, np.ndarray]  # float32 [h, w] a kind of evidence


@dataclass(frozen=True)
class Scene:
    """Turns observations into maps of evidence on the camera's own scales."""

    scales: dict[str, np.ndarray]  # float32 [h] a kind of evidence
    motions: Motions
    memory: Memory
    appearance: Appearance

    def gather(self, smoother: Smoother, observation: Observation) -> Maps:
        """Every kind of evidence, about 1 where something moves as usual, gathered along the motion of a clip."""
        motion, speeds = observation.motion, self.scales["optical_flow"]
        distance = spread(self.memory.distance(representation(observation)), motion.shape[:2])
        seen = looked_at(smoother, observation.looks, motion, speeds)
        odd = spread(self.appearance.distance(*seen), motion.shape[:2])
        maps = {**observation.maps, "memory_distance": distance, "appearance_distance": odd}
        gathered = smoother.push(scaled(maps, self.scales), motion)
        # How things move is judged by how fast they have been going, so it comes after.
        moved = {"motion_distance": self.motions.distance(motion, gathered["optical_flow"], speeds)}
        return gathered | smoother.push(scaled(moved, self.scales), motion, moves(motion, speeds))

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it as arrays by name."""
        return {
            **{f"scales.{name}": scale for name, scale in self.scales.items()},
            "motions": self.motions.entries,
            "entries": self.memory.entries,
            "deviation": self.memory.deviation,
            "looks": self.appearance.entries,
            "look_weights": self.appearance.weights,
        }

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> Scene:
        """Undoes `arrays`."""
        scales = {name.partition(".")[2]: array for name, array in arrays.items() if name.startswith("scales.")}
        memory = Memory(arrays["entries"], arrays["deviation"])
        return cls(scales, Motions(arrays["motions"]), memory, Appearance(arrays["looks"], arrays["look_weights"]))


def scaled(maps: Maps, scales: dict[str, np.ndarray]) -> Maps:
    """Each kind divided by what is usual in its row."""
    return {name: values / scales[name][:, np.newaxis] for name, values in maps.items()}


def looked_at(
    smoother: Smoother, looks: np.ndarray, motion: np.ndarray, speeds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Looks gathered along the motion, `float32 [h, w, C]`, and the speed of what has them in usual speeds, `[h, w]`.

    Args:
        smoother: of the clip.
        looks: of its next frame, on the coarse grid.
        motion: on the grid of cells, pixels a frame, `float32 [H, W, 2]`.
        speeds: usual speed in each row, pixels a frame, `float32 [H]`.
    """
    grid = looks.shape[:2]
    motion, usual = cells(motion, grid), cells(speeds[:, np.newaxis], (grid[0], 1))
    return smoother.push_looks(looks, motion), speed(motion, usual.ravel())


def spread(coarse: np.ndarray, grid: tuple[int, ...]) -> np.ndarray:
    """A coarse map on the grid of cells."""
    return cv2.resize(coarse, grid[::-1], interpolation=cv2.INTER_LINEAR)


def representation(observation: Observation) -> np.ndarray:
    """What the memory knows of a frame, `float32 [h, w, D]`."""
    height, width = observation.motion.shape[:2]
    return features(observation.state.r, (height * CELL, width * CELL))
