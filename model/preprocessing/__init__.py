"""The one road from a camera frame to a network input, and the data set that it fills."""

from model.preprocessing.frame import preprocess_frame, preprocess_mask
from model.preprocessing.writer import write_dataset

__all__ = ["preprocess_frame", "preprocess_mask", "write_dataset"]
