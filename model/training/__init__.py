"""Fits PredNet to normal clips."""

from model.training.fit import Fitted, checkpoint_path, fit

__all__ = ["Fitted", "checkpoint_path", "fit"]
