"""What the tables say of events."""

from pathlib import Path

import pytest

from pipelines import table

MEASURES = {
    **dict.fromkeys(("frame_auroc", "frame_auroc_macro", "average_precision", "eer", "pixel_auroc", "tbdc")),
    "rbdc": 0.5432,
    "evidence": {},
    "baselines": {"frame_difference": None, "optical_flow": None, "copy_last_frame_mse": 0.002},
    "model_mse": 0.001,
    "pasted": None,
    "false_alarms_per_hour": None,
}


@pytest.mark.parametrize(
    ("marked", "found", "delay", "said"),
    [
        (None, None, None, "needs labels"),
        (0, 0, None, "needs labels"),  # labelled, and all normal
        (5, 0, None, "0 of 5"),
        (5, 4, 0.64, "4 of 5, 0.6 s after they begin (median)"),
    ],
)
def test_events_of_a_run(marked, found, delay, said):
    events = {"events": {"marked": marked, "found": found}, "delay_seconds": {"median": delay, "mean": delay}}
    lines = [" ".join(line.split()) for line in table.of_measures({**MEASURES, **events}).splitlines()]
    assert f"marked stretches found as events {said}" in lines
    assert "RBDC (regions) 0.543" in lines
    assert "TBDC (tracks) needs labels" in lines


def test_what_needs_labels_is_one_line_without_them():
    events = {"events": {"marked": None, "found": None}, "delay_seconds": {"median": None, "mean": None}}
    said = table.of_measures({**MEASURES, **events, "rbdc": None})
    assert "raw scores) needs labels" in " ".join(said.split())
    assert said.count("needs labels") == 2  # and the events
    assert "detector" not in said


@pytest.mark.parametrize(("category", "why"), [(None, "optical flow"), ("golf_cart", "golf cart")])
def test_events_of_a_clip_are_named_by_category_or_cause(category, why):
    event = {"id": "a-12", "start_seconds": 1.2, "end_seconds": 2.1, "score": 4.0, "cause": "optical_flow"}
    clip = {"frames": 40, "events": [{**event, "category": category, "box": (1, 2, 3, 4)}]}
    said = table.of_score({"threshold": 2.0, "note": None, "clips": {"a": clip}}, Path("out"))
    assert "a: 40 frames, 1 event\n" in said
    assert f"a-12: 1.2 to 2.1 s, score 4.00 ({why}), box (1, 2, 3, 4)" in said
    assert "out/scores.csv, events.json, events/, overlay.mp4" in said
