"""Reads footage as sources hold it: which clips there are, what a person marked, and their frames."""

from model.footage.decode import frames
from model.footage.index import read_index, write_index
from model.footage.layouts import find_clips, read_clips
from model.footage.splits import advice, assign_splits

__all__ = ["advice", "assign_splits", "find_clips", "frames", "read_clips", "read_index", "write_index"]
