"""PredNet (Lotter, Kreiman, Cox 2016, arXiv 1605.08104): the cell is one step, the network is the loop over time."""

from model.prednet.cell import PredNetCell, State, Step
from model.prednet.network import PredNet, build, check_size, shrunk

__all__ = ["PredNet", "PredNetCell", "State", "Step", "build", "check_size", "shrunk"]
