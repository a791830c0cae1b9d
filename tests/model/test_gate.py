"""The gate on constructed scores: who is promoted, and what it says."""

import re
import time
from dataclasses import replace

import numpy as np
import pytest

from model.clips import LabelRange, frame_labels
from model.errors import BadInput
from model.gate import decide
from model.scores import ClipScores, ScoredClip

FRAMES = 60
WARM_UP = 5
MIDDLE = (LabelRange(20, 39, "bicycle"),)


def clip(number, gap, labels=MIDDLE, split="test", naive_gap=0.5, mse=0.5, warm_up=WARM_UP, frames=FRAMES):
    """A clip in which anomalous frames score `gap` standard deviations higher; copying the last frame errs by 1."""
    noise = np.random.default_rng(number)
    marked = frame_labels(labels or (), frames)
    unscored = np.where(np.arange(frames) < warm_up, np.nan, 0.0)
    known = np.where(np.arange(frames) < 1, np.nan, 0.0)
    result = ClipScores(
        scores=(noise.normal(size=frames) + gap * marked + unscored).astype(np.float32),
        alarms=np.zeros(frames, bool),
        evidence={},
        baselines={"frame_difference": (noise.normal(size=frames) + naive_gap * marked + known).astype(np.float32)},
        model_mse=(noise.uniform(0.9, 1.1, frames) * mse + unscored).astype(np.float32),
        copy_last_frame_mse=(1.0 + known).astype(np.float32),
    )
    return ScoredClip(f"Test/Test{number:03}", split, 10.0, labels, result)


def clips(gap, count=8, **settings):
    return [clip(number, gap, **settings) for number in range(count)]


@pytest.mark.parametrize(
    ("challenger", "champion", "promote", "sentence"),
    [
        (clips(2.0), None, True, "the first champion, better than frame difference: frame AUROC 0.9"),
        (clips(0.1), None, False, "no better than frame difference: frame AUROC 0.4"),
        (clips(3.0), clips(1.0), True, "better than the champion: frame AUROC 0.9"),
        (clips(1.0), clips(3.0), False, "no better than the champion: frame AUROC 0.7"),
        (clips(2.0), clips(2.0), False, "better in 0.0% of 1000 resamples of 8 clips, 95% expected"),
        # Worse than both: what was not learned is named first.
        (clips(0.0), clips(3.0), False, "no better than frame difference"),
        # Labelled but all normal: no AUROC, so the prediction decides.
        (clips(2.0, labels=()), None, True, "better than copying the last frame"),
        # Labels that lie in the warm-up only are no labels of scored frames.
        (clips(2.0, labels=(LabelRange(0, 3, ""),)), None, True, "better than copying the last frame"),
        # The clip that mixes both kinds of frames need not be one clip.
        (clips(2.0, labels=()) + [clip(9, 2.0, (LabelRange(0, 59, ""),))], None, True, "frame AUROC 0.9"),
        # Training clips may carry labels; they choose nothing.
        (clips(2.0, split="validation"), None, True, "better than copying the last frame"),
        (clips(0, labels=None, mse=0.5), None, True, "prediction skill"),
        (clips(0, labels=None, mse=1.5), None, False, "no better than copying the last frame: prediction skill"),
        (
            clips(0, labels=None, mse=0.4),
            clips(0, labels=None, mse=0.6),
            True,
            "better than the champion: prediction skill",
        ),
        (clips(0, labels=None, mse=0.6), clips(0, labels=None, mse=0.4), False, "no better than the champion"),
        (clips(0, labels=None, mse=0.5), clips(0, labels=None, mse=0.5), False, "better in 0.0% of 1000 resamples"),
        # Holdout clips decide alone where there are some: here the test clips are predicted badly.
        (clips(0, 4, labels=None, mse=9.0) + [clip(9, 0, None, "holdout")], None, True, "on 1 clips"),
        # Nothing has a score: nothing is promoted.
        (clips(2.0, warm_up=FRAMES), None, False, "nan against"),
    ],
)
def test_the_gate(challenger, champion, promote, sentence):
    decision = decide(challenger, champion, seed=0)
    assert decision.promote is promote
    assert sentence in decision.reason
    assert "\n" not in decision.reason


def test_one_lucky_clip_is_not_enough():
    champion = clips(2.0)
    challenger = [clip(0, 8.0), *champion[1:]]
    decision = decide(challenger, champion, seed=0)
    ours, theirs = map(float, re.findall(r"0\.\d{4}", decision.reason))
    assert ours > theirs  # the point estimate alone would promote it
    assert not decision.promote


def test_resamples_with_one_kind_of_frames_do_not_count():
    def two(gap):
        return [clip(0, gap, (), warm_up=0), clip(1, gap, (LabelRange(0, 59, ""),), warm_up=0)]

    # Half of the resamples draw one clip twice: they say nothing, neither for nor against.
    assert "better in 100.0%" in decide(two(2.0), two(1.0), seed=0).reason


def test_auroc_is_that_of_scikit_learn():
    from sklearn.metrics import roc_auc_score

    scored = [replace(c, result=replace(c.result, scores=np.round(c.result.scores))) for c in clips(1.0)]  # many ties
    labels = np.concatenate([frame_labels(MIDDLE, FRAMES)[WARM_UP:] for _ in scored])
    expected = roc_auc_score(labels, np.concatenate([c.result.scores[WARM_UP:] for c in scored]))
    assert f"frame AUROC {expected:.4f} against" in decide(scored, None, seed=0).reason


def test_frames_that_one_of_the_two_did_not_score_are_left_out_for_both():
    # The champion has no score where it would be wrong, so the challenger is not judged there either.
    champion, challenger = clips(2.0, warm_up=30), clips(2.0, warm_up=0)
    for c in challenger:
        c.result.scores[:20] = 99.0
    assert "better in 0.0%" in decide(challenger, champion, seed=0).reason


def test_same_seed_same_decision():
    challenger, champion = clips(2.2), clips(2.0)
    assert decide(challenger, champion, seed=1) == decide(challenger, champion, seed=1)


@pytest.mark.parametrize(
    ("challenger", "champion", "reason"),
    [
        (clips(1.0, 3), clips(1.0, 2), "another number of clips"),
        (clips(1.0, 3), clips(1.0, 3)[::-1], "another order"),
        (clips(1.0, 2), clips(1.0, 2, frames=50), "another length"),
        ([], None, "no clips"),
    ],
)
def test_detectors_scored_on_other_clips_are_refused(challenger, champion, reason):
    with pytest.raises(BadInput, match="same clips.*Received:"):
        decide(challenger, champion, seed=0)


def test_speed():
    challenger, champion = clips(2.2, 10, frames=200), clips(2.0, 10, frames=200)
    start = time.perf_counter()
    decide(challenger, champion, seed=0)
    assert time.perf_counter() - start < 1
