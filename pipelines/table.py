"""Results as short tables for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def of_run(summary: dict[str, Any], out: Path) -> str:
    """Measures, steps, and where to look."""
    seconds = summary["seconds"]
    steps = ", ".join(f"{name} {value:.0f} s" for name, value in seconds.items() if name != "total")
    registered = summary["registered"]
    return "\n".join(
        [
            "",
            of_measures(summary),
            "",
            f"  steps        {steps}",
            f"  this run     {seconds['total']:.0f} s, at most {summary['peak_memory_mb']:.0f} MB of memory",
            f"  registered   {registered['model']} version {registered['version']} as {registered['alias']}:"
            f" {registered['reason']}",
            *(f"  note         {note}" for note in summary["notes"]),
            "",
            f"  report       {out / 'report.html'}",
            f"  summary      {out / 'summary.json'}",
            f"  detector     {out / 'detector'}",
            f"  MLflow       .venv/bin/mlflow ui --backend-store-uri sqlite:///{out / 'mlflow.db'}",
        ]
    )


def of_measures(measures: dict[str, Any]) -> str:
    """The detector beside what nobody has to learn."""
    rows = [
        ("detector", measures["frame_auroc"]),
        *((f"  {name.replace('_', ' ')} alone", value) for name, value in measures["evidence"].items()),
        ("baseline: frame difference", measures["baselines"]["frame_difference"]),
        ("baseline: optical flow", measures["baselines"]["optical_flow"]),
    ]
    lines = [f"  {'frame AUROC (micro, raw scores)':<36}"]
    lines += [f"    {name:<34}{_number(value)}" for name, value in rows]
    lines += [
        f"  {name:<36}{_number(value)}"
        for name, value in (
            ("frame AUROC (macro)", measures["frame_auroc_macro"]),
            ("average precision", measures["average_precision"]),
            ("equal error rate", measures["eer"]),
            ("pixel AUROC", measures["pixel_auroc"]),
        )
    ]
    rate = measures["false_alarms_per_hour"]
    alarms = "no such clips" if rate is None else f"{rate:.1f} an hour"
    model, copy = measures["model_mse"], measures["baselines"]["copy_last_frame_mse"]
    if model is not None and copy:
        lines.append(f"  {'squared error / copying the last frame':<38}{model / copy:.2f}")
    return "\n".join([*lines, f"  {'false alarms on unseen normal clips':<36}{alarms}"])


def of_score(result: dict[str, Any], out: Path) -> str:
    """Events a clip."""
    lines = []
    for name, clip in result["clips"].items():
        lines.append(f"  {name}: {clip['frames']} frames, {len(clip['events'])} events")
        lines += [
            f"    {event['start_seconds']:8.1f} to {event['end_seconds']:.1f} s, score {event['score']:.2f}"
            f" (threshold {result['threshold']:.2f}), box {event['box']}"
            for event in clip["events"]
        ]
    return "\n".join([*lines, f"  written: {out}/scores.csv, events.json, overlay.mp4"])


def _number(value: float | None) -> str:
    return "needs labels" if value is None else f"{value:.3f}"
