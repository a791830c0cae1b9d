"""A detector judged on clips that chose nothing, beside what nobody has to learn."""

from model.evaluation.evaluate import Evaluation, evaluate, score_clips
from model.evaluation.measures import labelled_scores, measures
from model.evaluation.strips import strips

__all__ = ["Evaluation", "evaluate", "labelled_scores", "measures", "score_clips", "strips"]
