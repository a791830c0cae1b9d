"""How things move where: velocities and places of normal clips, and the distance to the nearest of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import KDTree

STILL = 0.1  # usual speeds; less is the flow's noise
POWER = 0.7  # of the speed in a velocity: what comes towards the camera is slow in the picture, and its direction tells
PLACE = 6.0  # usual speeds that weigh as much as the height of the picture
SUSTAINED = 1.0  # weight of the sustained speed beside the velocity of the moment
SLOW = 1.0  # usual speeds; what moves slower than this for long is all alike
ENTRIES = 40_000
NEAREST = 3  # the distance to the third: one odd flow among the entries excuses nothing
LEAF = 32  # entries that are compared one by one; faster than the default of 10


def speed(motion: np.ndarray, speeds: np.ndarray) -> np.ndarray:
    """In the row's usual speeds, `float32 [h, w]`; arguments as in `features`."""
    return np.hypot(motion[..., 0], motion[..., 1]) / speeds[:, np.newaxis]


def moves(motion: np.ndarray, speeds: np.ndarray) -> np.ndarray:
    """Where something does, `bool [h, w]`; arguments as in `features`."""
    return speed(motion, speeds) > STILL


def features(motion: np.ndarray, sustained: np.ndarray, speeds: np.ndarray) -> np.ndarray:
    """Velocity, sustained speed and place of what moves in the blocks: `float32 [N, 5]` of N moving blocks.

    Args:
        motion: pixels a frame, right and down, `float32 [h, w, 2]`.
        sustained: speed in the row's usual speeds, gathered along the motion, `float32 [h, w]`.
        speeds: usual speed in each row, pixels a frame, `float32 [h]`.
    """
    rows, columns = np.nonzero(moves(motion, speeds))
    lasting = SUSTAINED * np.maximum(sustained[rows, columns], SLOW)
    velocity, place = _velocity_and_place(motion, speeds, rows, columns)
    return np.column_stack([velocity, lasting, place]).astype(np.float32)


def _velocity_and_place(
    motion: np.ndarray, speeds: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    velocity = motion[rows, columns] / speeds[rows, np.newaxis]
    length = np.maximum(np.linalg.norm(velocity, axis=1, keepdims=True), 1e-6)
    return velocity * length ** (POWER - 1), np.stack([columns, rows], axis=-1) * (PLACE / motion.shape[0])


@dataclass(frozen=True)
class Motions:
    """A bank of normal features.

    Speed, direction and place are judged together: who walks as all others but on the lawn, who runs where many walk
    and who goes against a one-way stream are each far from every entry, by as much as they differ.
    """

    entries: np.ndarray  # float32 [M, 5]

    @classmethod
    def fit(cls, seen: Sequence[np.ndarray], generator: np.random.Generator) -> Motions:
        """Keeps `ENTRIES` of the features `float32 [N, 5]` of several clips, or all where there are fewer."""
        found = np.concatenate([np.zeros((0, 5), np.float32), *seen])
        return cls(found[generator.permutation(len(found))[:ENTRIES]])

    def distance(self, motion: np.ndarray, sustained: np.ndarray, speeds: np.ndarray) -> np.ndarray:
        """In usual speeds, `float32 [h, w]`; 0 where nothing moves. Arguments as in `features`."""
        moving = speed(motion, speeds)
        found = np.zeros(moving.shape, np.float32)
        where = moving > STILL
        if len(self.entries) < NEAREST:  # where nothing ever moved, all that moves is strange
            return np.where(where, moving, found)
        nearest = self._tree.query(features(motion, sustained, speeds), [NEAREST])[0][:, 0]
        # What just moves comes in gradually, or noise would switch it on and off.
        found[where] = nearest * np.clip(moving[where] / STILL - 1.0, 0.0, 1.0)
        return found

    def apart(self, motion: np.ndarray, speeds: np.ndarray, cell: tuple[int, int]) -> np.ndarray:
        """Distances of one block's velocity and of its place, each alone: `float32 [2]`; 0 with too few entries.

        Args:
            motion: as in `features`.
            speeds: as in `features`.
            cell: row and column of the block.
        """
        if len(self.entries) < NEAREST:
            return np.zeros(2, np.float32)
        row, column = (np.array([index]) for index in cell)
        asked = _velocity_and_place(motion, speeds, row, column)
        found = [tree.query(x, [NEAREST])[0][0, 0] for tree, x in zip(self._trees, asked, strict=True)]
        return np.array(found, np.float32)

    @cached_property
    def _trees(self) -> tuple[KDTree, KDTree]:
        return KDTree(self.entries[:, :2]), KDTree(self.entries[:, 3:])

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree(self.entries, LEAF)
