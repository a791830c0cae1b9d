"""From frames to calibrated surprise: observe, reduce to numbers, compare with normal clips."""

from model.scoring.calibration import Calibration, Tail, calibrate, join
from model.scoring.evidence import EVIDENCE, block_means, largest_block_means
from model.scoring.observer import Observation, Observer, Step

__all__ = [
    "EVIDENCE",
    "Calibration",
    "Observation",
    "Observer",
    "Step",
    "Tail",
    "block_means",
    "calibrate",
    "join",
    "largest_block_means",
]
