"""Whether the detector points at the right place, where masks say which."""

from __future__ import annotations

import numpy as np

from model import metrics


class Places:
    """Pixels, regions and tracks against masks, counted on the way; no map is kept."""

    def __init__(self) -> None:
        self._pixels = metrics.PixelAuroc()
        self._regions = metrics.RegionCriteria()

    def add(self, mask: np.ndarray, anomaly_map: np.ndarray) -> None:
        """Takes the next frame of a clip: `uint8 [h, w]` and `float32 [h, w]`."""
        self._pixels.add(mask, anomaly_map)
        self._regions.add(mask, anomaly_map)

    def end_clip(self) -> None:
        """What follows is another clip."""
        self._regions.end_clip()

    @property
    def measures(self) -> dict[str, float | None]:
        """By name; None where no masks were."""
        return {"pixel_auroc": self._pixels.value, "rbdc": self._regions.rbdc, "tbdc": self._regions.tbdc}
