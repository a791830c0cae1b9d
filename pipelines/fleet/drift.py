"""Whether a service's scores of the last day are still those that its calibration promises for normal footage.

A score is the largest surprise of several kinds of evidence, and the surprise of a kind is at most -log10 of its tail
probability among normal frames, and at least two thirds of that where two cases or more tell it
(`model.scoring.calibration`). So on normal footage the share of frames that score over s lies between 10^-1.5s and
K * 10^-s for K kinds, however they depend on each other (Boole's inequality). How far the day's distribution leaves
this band, at the edge where it does most, is the distance: the Kolmogorov-Smirnov distance to the nearest distribution
that the calibration allows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from model.errors import BadInput

Counts = dict[str, float]  # of frames with a score up to an edge, by Prometheus' `le`
ALL = "+Inf"
HOUR, HOURS = 3600, 24  # seconds, and how many of them are kept
GAP = 6 * HOUR  # seconds between two answers, after which nobody knows what of it is of the last day
FEWEST = 10_000  # frames; in fewer, one person that stays would be a change of the scene
BUCKET, MODEL = "unforeseen_score_bucket", "model"


@dataclass(frozen=True)
class Scores:
    """What a service has counted.

    Attributes:
        last: as it said last; it counts from its start.
        at: when that was, in seconds since 1970.
        hours: what came in each hour since 1970, of the last day.
    """

    last: Counts = field(default_factory=dict)
    at: float = 0.0
    hours: dict[str, Counts] = field(default_factory=dict)


class Drift(NamedTuple):
    """What the last day says."""

    distance: float  # in [0, 1]; 0 is within the band
    words: str


def counts(metrics: str, model: str) -> Counts:
    """The scores in the text of a service's /metrics; empty where it has scored nothing yet.

    Raises:
        BadInput: it is no text of Prometheus.
    """
    from prometheus_client.parser import text_string_to_metric_families

    try:
        samples = [sample for family in text_string_to_metric_families(metrics) for sample in family.samples]
    except ValueError as e:
        raise BadInput(f"expected metrics of Prometheus. Received: {' '.join(str(e).split())[:200]}") from e
    return {one.labels["le"]: one.value for one in samples if one.name == BUCKET and one.labels.get(MODEL) == model}


def heard(scores: Scores, now: Counts, seconds: float) -> Scores:
    """Adds what was counted since the last time; a service that began anew counts from nothing.

    Args:
        scores: before.
        now: what the service says.
        seconds: since 1970.
    """
    hour = int(seconds // HOUR)
    hours = {name: kept for name, kept in scores.hours.items() if int(name) > hour - HOURS}
    if scores.last and seconds - scores.at <= GAP:
        anew = any(now.get(edge, 0.0) < before for edge, before in scores.last.items())
        base: Counts = {} if anew else scores.last
        kept = hours.get(str(hour), {})
        hours[str(hour)] = {edge: kept.get(edge, 0.0) + count - base.get(edge, 0.0) for edge, count in now.items()}
    return Scores(now, seconds, hours)


def drift(scores: Scores, kinds: int) -> Drift | None:
    """How far the last day lies from what calibration promises; None where it has too few frames to say.

    Args:
        scores: of the last day.
        kinds: of evidence that make the score.
    """
    edges = {edge for counted in scores.hours.values() for edge in counted}
    total = {edge: sum(counted.get(edge, 0.0) for counted in scores.hours.values()) for edge in edges}
    if total.get(ALL, 0.0) < FEWEST:
        return None
    found = distance(total, kinds)
    return found._replace(words=f"in the last {HOURS} h {found.words}")


def distance(counted: Counts, kinds: int) -> Drift:
    """The same for frames that were counted in any way."""
    total, found = counted[ALL], Drift(0.0, "scores are as calibration says")
    for edge in sorted((edge for edge in counted if edge != ALL and float(edge) >= 0), key=float):
        score, share = float(edge), 1 - counted[edge] / total
        most, least = min(1.0, kinds * 10**-score), 10 ** (-1.5 * score)
        said = f"{share:.1%} of {total:,.0f} frames scored over {score:g}, calibration says "
        if share - most > found.distance:
            found = Drift(share - most, f"{said}at most {most:.1%}")
        if least - share > found.distance:
            found = Drift(least - share, f"{said}at least {least:.1%}")
    return found
