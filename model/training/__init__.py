"""Fits PredNet to normal clips."""

from model.training.fit import Fitted, fit

__all__ = ["Fitted", "fit"]
