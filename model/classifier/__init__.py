"""From labelled clips to a classifier: category and probability of a frame, where a person marked some."""

from model.classifier.classifier import NORMAL, UNNAMED, Classifier
from model.classifier.features import FrameFeatures
from model.classifier.files import load, save
from model.classifier.supervise import judge, supervise
from model.classifier.votes import Votes

__all__ = [
    "NORMAL",
    "UNNAMED",
    "Classifier",
    "FrameFeatures",
    "Votes",
    "judge",
    "load",
    "save",
    "supervise",
]
