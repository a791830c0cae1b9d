"""Fits PredNet to normal clips."""

from model.training.fit import Fitted, checkpoint_path, fit
from model.training.workers import Workers, join

__all__ = ["Fitted", "Workers", "checkpoint_path", "fit", "join"]
