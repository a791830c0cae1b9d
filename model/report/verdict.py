"""The report's words: one sentence of verdict, the headline numbers, the comparison with methods that learn nothing."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from model.report.content import Report

NAIVE = ("frame_difference", "optical_flow")
PASTED = {
    "fast": "moves at 2 to 3.5 times the usual speed",
    "large": "is 1.6 to 2.2 times the usual size",
    "foreign": "has a shape and texture never seen",
    "astray": "moves where nothing ever does",
}
TIE = 0.005  # AUROC; less than this is no difference worth a claim


class Card(NamedTuple):
    """A headline number."""

    name: str
    value: str
    meaning: str


class Row(NamedTuple):
    """One method's frame AUROC."""

    name: str
    kind: str  # detector, evidence or nothing learned
    auroc: float


def verdict(measures: dict[str, Any]) -> str:
    """One sentence that someone who reads nothing else should take home."""
    auroc = measures.get("frame_auroc")
    return _unlabelled(measures) if auroc is None else _labelled(auroc, measures)


def _labelled(auroc: float, measures: dict[str, Any]) -> str:
    sentence = (
        f"Of one anomalous and one normal frame, the detector scores the anomalous one higher {auroc:.1%} of the time"
    )
    naive = {name: value for name in NAIVE if (value := measures["baselines"].get(name)) is not None}
    if not naive:
        return f"{sentence}."
    best = max(naive, key=lambda name: naive[name])
    beside = f"{sentence}; the best method that learns nothing ({spoken(best)}) does so {naive[best]:.1%} of the time"
    if auroc > naive[best] + TIE:
        return f"{beside}, so the network earns its place."
    if auroc < naive[best] - TIE:
        return f"{beside}, so the network does not yet earn its place here."
    return f"{beside}, which is no real difference."


def _unlabelled(measures: dict[str, Any]) -> str:
    sentence = "This footage has no labels, so how much the detector finds cannot be measured"
    rate, gain = measures.get("false_alarms_per_hour"), prediction_gain(measures)
    rows = pasted(measures)
    if rows:
        share = f"{rows[0].auroc:.1%}"
        sentence += f"; frames with an anomaly pasted in score higher than normal ones {share} of the time"
    if rate is not None:
        sentence += f"; on normal footage that nothing was fitted on it raised {number(rate)} false alarms an hour"
    if gain is not None:
        way = f"{gain:.0%} closer to" if gain >= 0 else f"{-gain:.0%} further from"
        sentence += (
            f"{',' if rate is not None else ';'} and its predictions are {way} the truth than copying the last frame"
        )
    return f"{sentence}."


def prediction_gain(measures: dict[str, Any]) -> float | None:
    """Share of copy-last-frame's mean squared error that the network saves; negative where it is worse."""
    model, copy = measures.get("model_mse"), measures["baselines"].get("copy_last_frame_mse")
    return None if model is None or not copy else 1 - model / copy


def cards(report: Report) -> list[Card]:
    """The headline numbers that exist for this report."""
    measures, gain = report.measures, prediction_gain(report.measures)
    found = [
        ("frame_auroc", "frame AUROC", "1 is perfect, 0.5 is guessing"),
        ("average_precision", "average precision", "flagged frames that are right, over all thresholds"),
        ("eer", "equal error rate", "misses and false alarms alike; less is better"),
        ("pixel_auroc", "pixel AUROC", "whether it points at the right place"),
        ("rbdc", "RBDC", "marked regions found, at up to one false region a frame"),
        ("tbdc", "TBDC", "things found on some of their way, at the same"),
    ]
    numbers = [Card(name, f"{measures[key]:.3f}", why) for key, name, why in found if measures.get(key) is not None]
    rate = measures.get("false_alarms_per_hour")
    if rate is not None:
        numbers.append(Card("false alarms/h", number(rate), _promised(measures)))
    rows = [] if report.labelled else pasted(measures)
    if rows:
        numbers.append(Card("frame AUROC, pasted", f"{rows[0].auroc:.3f}", "of anomalies pasted into normal footage"))
    numbers += _event_cards(measures)
    if gain is not None:
        numbers.append(Card("prediction error", f"{-gain:+.0%}".replace("-", "−"), "against copying the last frame"))
    return numbers


def _event_cards(measures: dict[str, Any]) -> list[Card]:
    events, delay = measures.get("events", {}), measures.get("delay_seconds", {})
    numbers = []
    if events.get("marked"):
        found = f"{events['found']} of {events['marked']}"
        numbers.append(Card("anomalies found", found, "marked stretches with an event"))
    if events.get("count"):
        right = f"{events['right']} of {events['count']}"
        numbers.append(Card("right events", right, "on labelled clips, at the threshold in use"))
    if delay.get("median") is not None:
        numbers.append(Card("delay", f"{delay['median']:.1f} s", "until an event is announced; the median"))
    return numbers


def _promised(measures: dict[str, Any]) -> str:
    """What the threshold led to expect; the note on footage that is too short stands above the cards."""
    interval = measures.get("false_alarm_interval")
    if interval is None:
        return "on normal footage, at the threshold in use"
    found = "as" if measures["false_alarms_within_interval"] else "not as"
    return f"on unseen normal footage; {found} expected: {number(interval['low'])} to {number(interval['high'])}"


def amount(measures: dict[str, Any]) -> str:
    """What was judged, in words."""
    frames, without = measures.get("frames", 0), measures.get("frames_without_score", 0)
    return (
        f"Judged on {frames - without:,} frames of {measures.get('clips', 0)} clips; "
        f"{without:,} more, from the warm-up of each clip, have no score and count nowhere."
    )


def comparison(measures: dict[str, Any]) -> list[Row]:
    """Frame AUROCs of the detector, of each evidence alone and of what learns nothing; those that exist."""
    rows = [("detector", "all evidence joined", measures.get("frame_auroc"))]
    rows += [(name, "evidence alone", value) for name, value in measures.get("evidence", {}).items()]
    rows += [(name, "learns nothing", measures["baselines"].get(name)) for name in NAIVE]
    return [Row(spoken(name), kind, value) for name, kind, value in rows if value is not None]


def pasted(measures: dict[str, Any]) -> list[Row]:
    """Frame AUROCs on anomalies pasted into normal clips: joined, a kind, an evidence and a naive method each."""
    found = measures.get("pasted")
    if not found:
        return []
    rows = [("all kinds", "all evidence joined", found["frame_auroc"])]
    rows += [(kind, PASTED.get(kind, ""), value) for kind, value in found["kinds"].items()]
    rows += [(f"{name} alone", "on all kinds", value) for name, value in found["evidence"].items()]
    rows += [(name, "learns nothing; on all kinds", value) for name, value in found["baselines"].items()]
    return [Row(spoken(name), kind, value) for name, kind, value in rows if value is not None]


def spoken(name: str) -> str:
    """A key as words."""
    return name.replace("_", " ")


def number(value: float | None) -> str:
    """Three significant digits; a dash where there is no number."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
