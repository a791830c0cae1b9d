"""From observations of normal clips to the scene, and to what a stream would have found in clips it did not know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from model.scoring.memory import Memory
from model.scoring.motions import Motions, features
from model.scoring.observer import Observation
from model.scoring.perspective import LOWEST, LOWEST_SPEED, row_scales
from model.scoring.scene import Maps, Scene, representation, scaled, spread
from model.scoring.smoothing import Smoother

EVERY = 4  # frames: neighbours look alike
MOVING = 0.2  # pixels a frame; less is the flow's noise

Scales = dict[str, np.ndarray]  # float32 [h] a kind of evidence
Peaks = dict[str, np.ndarray]  # float [T] a kind of evidence: the largest value anywhere in each frame


class Glimpse(NamedTuple):
    """What is kept of an observation."""

    motion: np.ndarray  # float32 [h, w, 2]
    maps: Maps  # of the kinds that need no knowledge of the camera


Course = list[Glimpse]  # of a clip, from its second frame on


def fit_scene(
    clips: Iterable[Iterable[Observation]], smoothing_frames: float, generator: np.random.Generator
) -> tuple[Scene, list[Peaks]]:
    """Learns from the observations of normal clips; of every clip the first one is left out.

    Returns:
        The scene, and of each clip the peaks of every kind of evidence but the memory's, as if the scene had not been
        learned from the clip: so that there are more clips to calibrate on than those that are left out of it.

    Raises:
        ValueError: no clip has more than one frame.
    """
    courses: list[Course] = []
    maps: list[Maps] = []
    seen: list[np.ndarray] = []
    for clip in clips:
        courses.append([])
        for t, observation in enumerate(clip):
            if t == 0:
                continue
            courses[-1].append(Glimpse(observation.motion, observation.maps))
            if t % EVERY == 1:
                maps.append(observation.maps)
                seen.append(representation(observation))
    if not maps:
        raise ValueError("expected normal clips of at least 2 frames. Received: none")
    memory = Memory.fit(np.concatenate([found.reshape(-1, found.shape[-1]) for found in seen]), generator)
    values = {name: np.stack([m[name] for m in maps]) for name in maps[0]}
    values["memory_distance"] = np.stack([spread(memory.distance(f), values["optical_flow"].shape[1:]) for f in seen])
    moving = values["optical_flow"] > MOVING
    scales = {
        name: row_scales(v, moving, LOWEST_SPEED if name == "optical_flow" else LOWEST) for name, v in values.items()
    }
    motions, distances = _learn_motions(courses, scales["optical_flow"], smoothing_frames, generator)
    scales["motion_distance"] = row_scales(
        np.concatenate([found[::EVERY] for found in distances]), moving, LOWEST_SPEED
    )
    peaks = [_peaks(*course, scales, smoothing_frames) for course in zip(courses, distances, strict=True)]
    return Scene(scales, motions, memory), peaks


def _learn_motions(
    courses: Sequence[Course], speeds: np.ndarray, smoothing_frames: float, generator: np.random.Generator
) -> tuple[Motions, list[np.ndarray]]:
    """The bank of all clips, and of each clip the distances `float32 [T, h, w]` to that of the others."""
    sustained = [_sustained(course, speeds, smoothing_frames) for course in courses]
    banks = [
        [features(glimpse.motion, speed, speeds) for glimpse, speed in list(zip(*clip, strict=True))[::EVERY]]
        for clip in zip(courses, sustained, strict=True)
    ]
    grid = next(glimpse.motion.shape[:2] for course in courses for glimpse in course)
    distances = []
    for number, clip in enumerate(zip(courses, sustained, strict=True)):
        others = Motions.fit([move for k, bank in enumerate(banks) if k != number for move in bank], generator)
        found = [others.distance(glimpse.motion, speed, speeds) for glimpse, speed in zip(*clip, strict=True)]
        distances.append(np.array(found, np.float32).reshape(-1, *grid))
    return Motions.fit([move for bank in banks for move in bank], generator), distances


def _sustained(course: Course, speeds: np.ndarray, smoothing_frames: float) -> list[np.ndarray]:
    """Speeds gathered along the motion, as a stream has them."""
    smoother, scales = Smoother(smoothing_frames), {"optical_flow": speeds}
    only = ({"optical_flow": glimpse.maps["optical_flow"]} for glimpse in course)
    return [
        smoother.push(scaled(maps, scales), glimpse.motion)["optical_flow"]
        for maps, glimpse in zip(only, course, strict=True)
    ]


def _peaks(course: Course, distances: np.ndarray, scales: Scales, smoothing_frames: float) -> Peaks:
    """What a stream would have found in a clip."""
    smoother, found = Smoother(smoothing_frames), []
    for glimpse, distance in zip(course, distances, strict=True):
        gathered = smoother.push(scaled({**glimpse.maps, "motion_distance": distance}, scales), glimpse.motion)
        found.append({name: values.max() for name, values in gathered.items()})
    return {name: np.array([f[name] for f in found]) for name in (found[0] if found else ())}
