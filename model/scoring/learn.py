"""From observations of normal clips to the scene, and to what a stream would have found in clips it did not know."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from model.scoring import appearance
from model.scoring.appearance import Appearance, feature_weights
from model.scoring.memory import Memory
from model.scoring.motions import Motions, features, moves
from model.scoring.observer import Observation
from model.scoring.perspective import LOWEST, LOWEST_SPEED, QUANTILE, row_scales
from model.scoring.scene import Maps, Scene, looked_at, representation, scaled, spread
from model.scoring.smoothing import Smoother

EVERY = 4  # frames: neighbours look alike
MOVING = 0.2  # pixels a frame; less is the flow's noise

Scales = dict[str, np.ndarray]  # float32 [h] a kind of evidence
Peaks = dict[str, np.ndarray]  # float [T] a kind of evidence: the largest value anywhere in each frame


class Glimpse(NamedTuple):
    """What is kept of an observation."""

    motion: np.ndarray  # float32 [h, w, 2]
    looks: np.ndarray  # float32 [h, w, C] on a coarser grid
    maps: Maps  # of the kinds that need no knowledge of the camera


Bank = TypeVar("Bank")
Course = list[Glimpse]  # of a clip, from its second frame on


def fit_scene(
    clips: Iterable[Iterable[Observation]],
    smoothing_frames: float,
    generator: np.random.Generator,
    marked: Container[int] = (),
) -> tuple[Scene, list[Peaks]]:
    """Learns from the observations of normal clips; of every clip the first one is left out.

    Args:
        clips: in order.
        smoothing_frames: time constant of what is gathered.
        generator: chooses what the banks keep.
        marked: numbers of the clips that a person marked as normal. The banks know them; what is usual in a row is not
            measured on them, or all that happens where they are would be less strange. All may be: then it is.

    Returns:
        The scene, and of each clip the peaks of every kind of evidence but the memory's, as if the scene had not been
        learned from the clip: so that there are more clips to calibrate on than those that are left out of it.

    Raises:
        ValueError: no clip has more than one frame.
    """
    courses: list[Course] = []
    seen: list[list[np.ndarray]] = []
    for clip in clips:
        courses.append([])
        seen.append([])
        for t, observation in enumerate(clip):
            if t == 0:
                continue
            courses[-1].append(Glimpse(observation.motion, observation.looks, observation.maps))
            if t % EVERY == 1:
                seen[-1].append(representation(observation))
    if not any(seen):
        raise ValueError("expected normal clips of at least 2 frames. Received: none")
    memory = Memory.fit(np.concatenate([f.reshape(-1, f.shape[-1]) for clip in seen for f in clip]), generator)
    measured = [k for k, course in enumerate(courses) if course and k not in marked] or range(len(courses))
    maps = [glimpse.maps for k in measured for glimpse in courses[k][::EVERY]]
    values = {name: np.stack([m[name] for m in maps]) for name in maps[0]}
    grid = values["optical_flow"].shape[1:]
    values["memory_distance"] = np.stack([spread(memory.distance(found), grid) for k in measured for found in seen[k]])
    moving = values["optical_flow"] > MOVING
    scales = {
        name: row_scales(v, moving, LOWEST_SPEED if name == "optical_flow" else LOWEST) for name, v in values.items()
    }
    motions, moved = _learn_motions(courses, scales["optical_flow"], smoothing_frames, generator)
    scales["motion_distance"] = row_scales(np.concatenate([moved[k][::EVERY] for k in measured]), moving, LOWEST_SPEED)
    looks, odd = _learn_looks(courses, scales["optical_flow"], smoothing_frames, generator)
    scales["appearance_distance"] = _one_scale(np.concatenate([odd[k] for k in measured]))
    peaks = [_peaks(*clip, scales, smoothing_frames) for clip in zip(courses, moved, odd, strict=True)]
    return Scene(scales, motions, memory, looks), peaks


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

    def distances(bank: Motions, number: int) -> np.ndarray:
        clip = zip(courses[number], sustained[number], strict=True)
        found = [bank.distance(glimpse.motion, speed, speeds) for glimpse, speed in clip]
        return np.array(found, np.float32).reshape(-1, *grid)

    return _left_out(banks, lambda seen: Motions.fit(seen, generator), distances)


def _learn_looks(
    courses: Sequence[Course], speeds: np.ndarray, smoothing_frames: float, generator: np.random.Generator
) -> tuple[Appearance, list[np.ndarray]]:
    """As `_learn_motions`, of how things look."""
    seen = []
    for course in courses:
        smoother = Smoother(smoothing_frames)
        seen.append([looked_at(smoother, glimpse.looks, glimpse.motion, speeds) for glimpse in course])
    banks = [[appearance.features(*look) for look in clip[::EVERY]] for clip in seen]
    weights = feature_weights([look for bank in banks for look in bank])
    grid = next(glimpse.motion.shape[:2] for course in courses for glimpse in course)

    def distances(bank: Appearance, number: int) -> np.ndarray:
        found = [spread(bank.distance(*look), grid) for look in seen[number]]
        return np.array(found, np.float32).reshape(-1, *grid)

    return _left_out(banks, lambda looks: Appearance.fit(looks, weights, generator), distances)


def _left_out(
    banks: Sequence[Sequence[np.ndarray]],
    fit: Callable[[list[np.ndarray]], Bank],
    distances: Callable[[Bank, int], np.ndarray],
) -> tuple[Bank, list[np.ndarray]]:
    """What is fitted to all clips, and of each clip the distances by what is fitted to the others."""
    apart = []
    for number in range(len(banks)):
        others = fit([found for k, bank in enumerate(banks) if k != number for found in bank])
        apart.append(distances(others, number))
    return fit([found for bank in banks for found in bank]), apart


def _one_scale(values: np.ndarray) -> np.ndarray:
    """The same for all rows: the usual value where there is one, `float32 [h]`; ones where there is none."""
    found = values[values > 0]
    return np.full(values.shape[1], np.quantile(found, QUANTILE) if len(found) else 1.0, np.float32)


def _sustained(course: Course, speeds: np.ndarray, smoothing_frames: float) -> list[np.ndarray]:
    """Speeds gathered along the motion, as a stream has them."""
    smoother, scales = Smoother(smoothing_frames), {"optical_flow": speeds}
    only = ({"optical_flow": glimpse.maps["optical_flow"]} for glimpse in course)
    return [
        smoother.push(scaled(maps, scales), glimpse.motion)["optical_flow"]
        for maps, glimpse in zip(only, course, strict=True)
    ]


def _peaks(course: Course, moved: np.ndarray, odd: np.ndarray, scales: Scales, smoothing_frames: float) -> Peaks:
    """What a stream would have found in a clip with these distances of motions and of looks, `float32 [T, h, w]`."""
    smoother, found = Smoother(smoothing_frames), []
    for t, glimpse in enumerate(course):
        gathered = smoother.push(scaled({**glimpse.maps, "appearance_distance": odd[t]}, scales), glimpse.motion)
        later = scaled({"motion_distance": moved[t]}, scales)
        gathered |= smoother.push(later, glimpse.motion, moves(glimpse.motion, scales["optical_flow"]))
        found.append({name: values.max() for name, values in gathered.items()})
    return {name: np.array([f[name] for f in found]) for name in (found[0] if found else ())}
