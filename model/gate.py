"""Whether a challenger takes the champion's place: both detectors' scores on the same clips in, a decision out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from model.clips import frame_labels
from model.errors import BadInput
from model.scores import ScoredClip

RESAMPLES = 1000
SHARE = 0.95  # of the resamples in which the challenger must be better

Measure = Callable[[np.ndarray], np.ndarray]  # how often each clip counts, [R, N] -> values [R]; larger is better
Pair = tuple[ScoredClip, ScoredClip]  # a clip as the challenger and as the champion scored it


@dataclass(frozen=True)
class Decision:
    """What the gate says, and why in one sentence."""

    promote: bool
    reason: str


@dataclass(frozen=True)
class _Contest:
    measure: str
    clips: int
    challenger: Measure
    champion: Measure
    naive: str  # what has learned nothing
    bar: Measure  # and what it reaches


def decide(challenger: Sequence[ScoredClip], champion: Sequence[ScoredClip] | None, seed: int) -> Decision:
    """Promotes a challenger that is better than what has learned nothing, and better than the champion.

    Where test clips are labelled, the measure is the micro frame AUROC and frame difference is to be beaten. Elsewhere
    it is the prediction error on the holdout clips (on all, where there are none) and copying the last frame is to be
    beaten. Better than the champion means: in at least `SHARE` of the resamples of a bootstrap over clips. Frames
    without a score are left out, for both.

    Args:
        challenger: the clips as the challenger scored them.
        champion: the same clips as the champion scored them; None where there is no champion yet.
        seed: of the bootstrap.

    Raises:
        BadInput: the two did not score the same clips, or none.
    """
    rivals = challenger if champion is None else champion
    if not challenger or _extents(challenger) != _extents(rivals):
        received = f"{_extents(rivals)} and {_extents(challenger)}"
        raise BadInput(f"expected champion and challenger scored on the same clips, one or more. Received: {received}")
    pairs = list(zip(challenger, rivals, strict=True))
    contest = _by_labels(pairs) or _by_prediction(pairs)
    ours, bar = _total(contest, contest.challenger), _total(contest, contest.bar)
    against = f"{contest.measure} {ours:.4f} against {bar:.4f} on {contest.clips} clips"
    if not ours > bar:  # also where either is NaN
        return Decision(False, f"no better than {contest.naive}: {against}")
    if champion is None:
        return Decision(True, f"the first champion, better than {contest.naive}: {against}")
    return _against_champion(contest, seed)


def _against_champion(contest: _Contest, seed: int) -> Decision:
    counts = np.random.default_rng(seed).multinomial(
        contest.clips, np.full(contest.clips, 1 / contest.clips), RESAMPLES
    )
    gains = contest.challenger(counts) - contest.champion(counts)
    share = float(np.mean(gains[~np.isnan(gains)] > 0))  # NaN: the resample holds one kind of frames only
    ours, theirs = _total(contest, contest.challenger), _total(contest, contest.champion)
    verdict = "better" if share >= SHARE else "no better"
    return Decision(
        share >= SHARE,
        f"{verdict} than the champion: {contest.measure} {ours:.4f} against {theirs:.4f}, better in {share:.1%} of "
        f"{RESAMPLES} resamples of {contest.clips} clips, {SHARE:.0%} expected",
    )


def _by_labels(pairs: list[Pair]) -> _Contest | None:
    """None where no test clip is labelled, or only one kind of frames has scores."""
    labels, columns = [], []
    for ours, theirs in pairs:
        if ours.split != "test" or ours.labels is None:
            continue
        scores = np.stack([ours.result.scores, theirs.result.scores, ours.result.baselines["frame_difference"]])
        known = np.isfinite(scores).all(axis=0)
        labels.append(frame_labels(ours.labels, len(known))[known])
        columns.append(scores[:, known])
    if len({kind for marked in labels for kind in np.unique(marked)}) < 2:
        return None
    challenger, champion, naive = (_auroc(labels, [scores[i] for scores in columns]) for i in range(3))
    return _Contest("frame AUROC", len(labels), challenger, champion, "frame difference", naive)


def _auroc(labels: list[np.ndarray], scores: list[np.ndarray]) -> Measure:
    """Micro AUROC of N clips: the share of (anomalous, normal) pairs in the right order, a tie being half a pair.

    Counted once for every pair of clips, so that a resample is a weighting of counts and not another sort.
    """
    kinds = [(clip[marked], np.sort(clip[~marked])) for clip, marked in zip(scores, labels, strict=True)]
    right = np.array([[_right_pairs(anomalous, normal) for _, normal in kinds] for anomalous, _ in kinds])  # [N, N]
    anomalous, normal = np.array([[len(anomalous), len(normal)] for anomalous, normal in kinds]).T  # [N] each

    def measure(counts: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            values: np.ndarray = ((counts @ right) * counts).sum(axis=1) / ((counts @ anomalous) * (counts @ normal))
        return values

    return measure


def _right_pairs(anomalous: np.ndarray, normal: np.ndarray) -> float:
    below, not_above = (np.searchsorted(normal, anomalous, side).sum() for side in ("left", "right"))
    return float(below + not_above) / 2


def _by_prediction(pairs: list[Pair]) -> _Contest:
    held_out = [pair for pair in pairs if pair[0].split == "holdout"] or pairs
    sums = []
    for ours, theirs in held_out:
        errors = np.stack(
            [mse for clip in (ours, theirs) for mse in (clip.result.model_mse, clip.result.copy_last_frame_mse)]
        )
        sums.append(errors[:, np.isfinite(errors).all(axis=0)].sum(axis=1, dtype=np.float64))
    model, copy, champion, champion_copy = np.array(sums).T  # [N] each
    skill = "prediction skill (1 - error / error of copying the last frame)"
    return _Contest(
        skill,
        len(sums),
        _skill(model, copy),
        _skill(champion, champion_copy),
        "copying the last frame",
        _skill(copy, copy),
    )


def _skill(errors: np.ndarray, reference: np.ndarray) -> Measure:
    def measure(counts: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            values: np.ndarray = 1 - (counts @ errors) / (counts @ reference)
        return values

    return measure


def _total(contest: _Contest, measure: Measure) -> float:
    return float(measure(np.ones((1, contest.clips), int))[0])


def _extents(clips: Sequence[ScoredClip]) -> list[tuple[str, int]]:
    return [(clip.name, len(clip.result.scores)) for clip in clips]
