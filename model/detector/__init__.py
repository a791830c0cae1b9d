"""The Detector: preprocessing, PredNet, calibration and threshold as one object and one versioned directory."""

from model.detector.detector import Detector, FrameScore, Stream, fit_detector
from model.detector.directory import load, save

__all__ = ["Detector", "FrameScore", "Stream", "fit_detector", "load", "save"]
