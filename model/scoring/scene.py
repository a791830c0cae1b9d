"""What is usual for this camera: perspective, directions and representation, learned from the training clips."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from model.scoring import directions
from model.scoring.evidence import CELL
from model.scoring.memory import Memory, features
from model.scoring.observer import Observation
from model.scoring.perspective import row_scales
from model.scoring.smoothing import Smoother

EVERY = 4  # frames: neighbours look alike
MOVING = 0.2  # pixels a frame; less is the flow's noise
APART = ("optical_flow", "frame_difference")  # kinds of evidence that the network has no part in, beside directions

Peaks = dict[str, np.ndarray]  # float [T] a kind of evidence: the largest value anywhere in each frame


class Glimpse(NamedTuple):
    """What is kept of an observation."""

    motion: np.ndarray  # float16 [h, w, 2]
    maps: dict[str, np.ndarray]  # float32 [h, w], of the kinds in APART


@dataclass(frozen=True)
class Scene:
    """Turns observations into maps of evidence on the camera's own scales."""

    scales: dict[str, np.ndarray]  # float32 [h] a kind of evidence
    rarities: np.ndarray  # float32 [h, w, 1 + directions.BINS]
    memory: Memory

    def maps(self, observation: Observation) -> dict[str, np.ndarray]:
        """Every kind of evidence, `float32 [h, w]`, about 1 where something moves as usual."""
        speeds = self.scales["optical_flow"]
        distance = _spread(self.memory.distance(_features(observation)), observation.motion.shape[:2])
        found = {**observation.maps, "memory_distance": distance}
        scaled = {name: values / self.scales[name][:, np.newaxis] for name, values in found.items()}
        return {**scaled, "flow_direction": directions.flow_direction(observation.motion, speeds, self.rarities)}

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it as arrays by name."""
        return {
            **{f"scales.{name}": scale for name, scale in self.scales.items()},
            "rarities": self.rarities,
            "entries": self.memory.entries,
            "deviation": self.memory.deviation,
        }

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> Scene:
        """Undoes `arrays`."""
        scales = {name.partition(".")[2]: array for name, array in arrays.items() if name.startswith("scales.")}
        return cls(scales, arrays["rarities"], Memory(arrays["entries"], arrays["deviation"]))


def fit_scene(
    clips: Iterable[Iterable[Observation]], smoothing_frames: float, generator: np.random.Generator
) -> tuple[Scene, list[Peaks]]:
    """Learns from the observations of normal clips; of every clip the first one is left out.

    Returns:
        The scene, and of each clip the peaks of the kinds of evidence that the network has no part in, as if the clip
        had not been learned from: more clips to calibrate on than those the network was not trained on.

    Raises:
        ValueError: no clip has more than one frame.
    """
    seen: list[np.ndarray] = []
    maps: list[dict[str, np.ndarray]] = []
    courses: list[list[Glimpse]] = []
    for clip in clips:
        courses.append([])
        for t, observation in enumerate(clip):
            if t == 0:
                continue
            motion, apart = observation.motion, {name: observation.maps[name] for name in APART}
            courses[-1].append(Glimpse(motion.astype(np.float16), apart))
            if t % EVERY == 1:
                maps.append(observation.maps)
                seen.append(_features(observation))
    if not maps:
        raise ValueError("expected normal clips of at least 2 frames. Received: none")
    grid = maps[0]["optical_flow"].shape
    memory = Memory.fit(np.concatenate([found.reshape(-1, found.shape[-1]) for found in seen]), generator)
    values = {name: np.stack([m[name] for m in maps]) for name in maps[0]}
    values["memory_distance"] = np.stack([_spread(memory.distance(found), grid) for found in seen])
    scales = {name: row_scales(v, values["optical_flow"] > MOVING) for name, v in values.items()}
    counts = [_counts(course, scales["optical_flow"], grid) for course in courses]
    total, frames = np.sum(counts, axis=0), sum(len(course) for course in courses)
    peaks = []
    for course, own in zip(courses, counts, strict=True):
        others = directions.rarity(total - own, frames - len(course))
        peaks.append(_rehearse(course, scales, others, smoothing_frames))
    return Scene(scales, directions.rarity(total, frames), memory), peaks


def _counts(course: list[Glimpse], speeds: np.ndarray, grid: tuple[int, ...]) -> np.ndarray:
    counts = np.zeros((*grid, 1 + directions.BINS), np.float32)
    for glimpse in course:
        counts += directions.shares(glimpse.motion.astype(np.float32), speeds)
    return counts


def _rehearse(
    course: list[Glimpse], scales: dict[str, np.ndarray], rarities: np.ndarray, smoothing_frames: float
) -> Peaks:
    """What a stream would have found in a clip."""
    smoother, found = Smoother(smoothing_frames), []
    for glimpse in course:
        motion = glimpse.motion.astype(np.float32)
        scaled = {name: values / scales[name][:, np.newaxis] for name, values in glimpse.maps.items()}
        direction = directions.flow_direction(motion, scales["optical_flow"], rarities)
        smoothed = smoother.push({**scaled, "flow_direction": direction}, motion)
        found.append({name: values.max() for name, values in smoothed.items()})
    return {name: np.array([f[name] for f in found]) for name in (found[0] if found else ())}


def _spread(coarse: np.ndarray, grid: tuple[int, ...]) -> np.ndarray:
    return cv2.resize(coarse, grid[::-1], interpolation=cv2.INTER_LINEAR)


def _features(observation: Observation) -> np.ndarray:
    height, width = observation.motion.shape[:2]
    return features(observation.state.r, (height * CELL, width * CELL))
