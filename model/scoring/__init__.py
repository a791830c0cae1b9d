"""From frames to calibrated surprise: observe, relate to the scene, smooth along the motion, compare with normal."""

from model.config import EVIDENCE
from model.scoring.calibration import Calibration, Tail
from model.scoring.evidence import CELL, EXTRAPOLATION, block_means, cells
from model.scoring.learn import Peaks, fit_scene
from model.scoring.observer import Observation, Observer
from model.scoring.scene import Scene
from model.scoring.smoothing import Smoother
from model.scoring.step import Step, Stepped, Steps

__all__ = [
    "CELL",
    "EVIDENCE",
    "EXTRAPOLATION",
    "Calibration",
    "Observation",
    "Observer",
    "Peaks",
    "Scene",
    "Smoother",
    "Step",
    "Stepped",
    "Steps",
    "Tail",
    "block_means",
    "cells",
    "fit_scene",
]
