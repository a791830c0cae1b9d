"""The Detector: preprocessing, PredNet, calibration and threshold as one object and one versioned directory."""

from model.detector.detector import Detector, FrameScore, Stream
from model.detector.directory import load, save
from model.detector.fit import fit_detector
from model.detector.remembered import Numbers, Remembered

__all__ = ["Detector", "FrameScore", "Numbers", "Remembered", "Stream", "fit_detector", "load", "save"]
