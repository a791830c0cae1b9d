"""What is usual for this camera: perspective, motions and representation, learned from normal clips."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from model.scoring.evidence import CELL
from model.scoring.memory import Memory, features
from model.scoring.motions import Motions
from model.scoring.observer import Observation
from model.scoring.smoothing import Smoother

Maps = dict[str, np.ndarray]  # float32 [h, w] a kind of evidence


@dataclass(frozen=True)
class Scene:
    """Turns observations into maps of evidence on the camera's own scales."""

    scales: dict[str, np.ndarray]  # float32 [h] a kind of evidence
    motions: Motions
    memory: Memory

    def gather(self, smoother: Smoother, observation: Observation) -> Maps:
        """Every kind of evidence, about 1 where something moves as usual, gathered along the motion of a clip."""
        distance = spread(self.memory.distance(representation(observation)), observation.motion.shape[:2])
        gathered = smoother.push(
            scaled({**observation.maps, "memory_distance": distance}, self.scales), observation.motion
        )
        # How things move is judged by how fast they have been going, so it comes after.
        sustained = gathered["optical_flow"]
        moved = self.motions.distance(observation.motion, sustained, self.scales["optical_flow"])
        return smoother.push(scaled({"motion_distance": moved}, self.scales), observation.motion)

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it as arrays by name."""
        return {
            **{f"scales.{name}": scale for name, scale in self.scales.items()},
            "motions": self.motions.entries,
            "entries": self.memory.entries,
            "deviation": self.memory.deviation,
        }

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> Scene:
        """Undoes `arrays`."""
        scales = {name.partition(".")[2]: array for name, array in arrays.items() if name.startswith("scales.")}
        return cls(scales, Motions(arrays["motions"]), Memory(arrays["entries"], arrays["deviation"]))


def scaled(maps: Maps, scales: dict[str, np.ndarray]) -> Maps:
    """Each kind divided by what is usual in its row."""
    return {name: values / scales[name][:, np.newaxis] for name, values in maps.items()}


def spread(coarse: np.ndarray, grid: tuple[int, ...]) -> np.ndarray:
    """A coarse map on the grid of cells."""
    return cv2.resize(coarse, grid[::-1], interpolation=cv2.INTER_LINEAR)


def representation(observation: Observation) -> np.ndarray:
    """What the memory knows of a frame, `float32 [h, w, D]`."""
    height, width = observation.motion.shape[:2]
    return features(observation.state.r, (height * CELL, width * CELL))
