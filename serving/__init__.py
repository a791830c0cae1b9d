"""The predictor: a detector behind the Open Inference Protocol, for clips and for camera streams."""
