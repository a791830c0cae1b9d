"""Evidence gathered along the motion: what moves takes its past with it."""

from __future__ import annotations

import cv2
import numpy as np

from model.scoring.evidence import CELL, COARSE

FALL = 2.0  # frames; where something has left, the past must not stay behind
PACE = {  # in parts of the time constant
    "motion_distance": 0.85,  # made of gathered values
    "appearance_distance": 2.0,  # how something looks does not change
}
LOOKS = 0.6  # of the time constant, for how something looks


class Smoother:
    """One clip's running means of maps.

    A block's value jumps from frame to frame as limbs swing. A mean over time in one place would smear over what passes
    there; so the mean is moved with the motion before the new frame is added. It rises slowly and falls fast: what
    counts is what lasts.

    Attributes:
        means: all that is remembered, `float32 [h, w]` a map, and the looks.
    """

    def __init__(self, frames: float) -> None:
        self._frames = frames
        self.means: dict[str, np.ndarray] = {}

    @property
    def bytes(self) -> int:
        """Of what is remembered."""
        return sum(mean.nbytes for mean in self.means.values())

    def push(
        self, maps: dict[str, np.ndarray], motion: np.ndarray, present: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """The running means `float32 [h, w]` of these maps with the next frame's.

        A mean rises from nothing where something comes into view, and as long as that has a small share in it, it
        scatters less, by about the root of the share. Divided by the root its noise is about the same from the first
        frame on, and what has just come is found sooner.

        Args:
            maps: `float32 [h, w]` a kind of evidence.
            motion: pixels a frame, right and down, `float32 [h, w, 2]`.
            present: where something is that has them, `bool [h, w]`; None takes them as they are.
        """
        sources = _sources(motion, CELL)
        found = {}
        for name, now in maps.items():
            rise = max(1.0, self._frames * PACE.get(name, 1.0))
            found[name] = self._follow(name, now, sources, rise)
            if present is not None:
                share = self._follow(f"{name}.present", present.astype(np.float32), sources, rise)
                found[name] = found[name] / np.sqrt(np.where(present, np.maximum(share, np.float32(1 / rise)), 1))
        return found

    def push_looks(self, looks: np.ndarray, motion: np.ndarray) -> np.ndarray:
        """The running mean of looks `float32 [h, w, C]` on a coarse grid, which rises as fast as it falls.

        Args:
            looks: of the next frame.
            motion: as in `push`, on the coarse grid.
        """
        moved = self._moved("looks", looks, _sources(motion, CELL * COARSE))
        self.means["looks"] = moved + (looks - moved) / np.float32(max(1.0, self._frames * LOOKS))
        return self.means["looks"]

    def _follow(self, name: str, now: np.ndarray, sources: tuple[np.ndarray, np.ndarray], rise: float) -> np.ndarray:
        moved = self._moved(name, now, sources)
        change = now - moved
        share = np.where(change > 0, np.float32(1 / rise), np.float32(1 / min(FALL, rise)))
        self.means[name] = moved + change * share
        return self.means[name]

    def _moved(self, name: str, now: np.ndarray, sources: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """The mean so far where the motion has taken it; on the first frame that frame's own values."""
        last = self.means.get(name)
        if last is None:
            return now
        return np.asarray(cv2.remap(last, *sources, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _sources(motion: np.ndarray, cell: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows that what is now in each cell was in before, `float32 [h, w]` each."""
    rows, columns = np.indices(motion.shape[:2], np.float32)
    return columns - motion[..., 0] / cell, rows - motion[..., 1] / cell
