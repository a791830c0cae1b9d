"""A detector judged on clips that chose nothing, beside what nobody has to learn."""

from model.evaluation.evaluate import Evaluation, evaluate, score_clips
from model.evaluation.files import load, save
from model.evaluation.measures import labelled_scores, measures, pooled
from model.evaluation.pages import report, save_pictures
from model.evaluation.pasted import pasted_auroc
from model.evaluation.strips import strips

__all__ = [
    "Evaluation",
    "evaluate",
    "labelled_scores",
    "load",
    "measures",
    "pasted_auroc",
    "pooled",
    "report",
    "save",
    "save_pictures",
    "score_clips",
    "strips",
]
