"""Labelled anomalies for a camera that has no labels: made of its own normal clips and pasted into them."""

from model.pasting.kinds import KINDS
from model.pasting.paste import Pasted, paste
from model.pasting.scene import Scene, study

__all__ = ["KINDS", "Pasted", "Scene", "paste", "study"]
