"""Results as short tables for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.registry.connection import without_password

WIDTH = 40  # of the names before the numbers


def of_run(summary: dict[str, Any], out: Path, tracking_uri: str) -> str:
    """Measures, steps, and where to look; the URI of MLflow is "" where its files are in `out`."""
    local = f".venv/bin/mlflow ui --backend-store-uri sqlite:///{out / 'mlflow.db'}"
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
            *([f"  tuning       {_tuning(summary['tuning'])}"] if "tuning" in summary else []),
            "",
            f"  report       {out / 'report.html'}",
            *([f"  search       {out / 'tuning.html'}"] if "tuning" in summary else []),
            f"  summary      {out / 'summary.json'}",
            f"  detector     {out / 'detector'}",
            f"  MLflow       {without_password(tracking_uri) or local}",
        ]
    )


def _tuning(best: dict[str, Any]) -> str:
    changes = ", ".join(best["settings"])
    return f"{best['trial']} of {best['trials']} trials, {best['metric']} {best['value']:.4g}: {changes}"


def of_measures(measures: dict[str, Any]) -> str:
    """The detector beside what nobody has to learn."""
    baselines, model = measures["baselines"], measures["model_mse"]
    copy, rate = baselines["copy_last_frame_mse"], measures["false_alarms_per_hour"]
    aurocs = {
        "  detector": measures["frame_auroc"],
        **{f"    {_words(name)} alone": value for name, value in measures["evidence"].items()},
        "  baseline: frame difference": baselines["frame_difference"],
        "  baseline: optical flow": baselines["optical_flow"],
        "frame AUROC (macro)": measures["frame_auroc_macro"],
        "average precision": measures["average_precision"],
        "equal error rate": measures["eer"],
        "pixel AUROC": measures["pixel_auroc"],
        "RBDC (regions)": measures["rbdc"],
        "TBDC (tracks)": measures["tbdc"],
    }
    pasted = measures["pasted"]
    labelled = any(value is not None for value in aurocs.values())
    rows = {
        "frame AUROC (micro, raw scores)": "" if labelled else "needs labels",
        **{name: _number(value, "needs labels") for name, value in aurocs.items() if labelled},
        "frame AUROC of anomalies pasted in": _number(pasted and pasted["frame_auroc"], "no such clips"),
        "squared error / copying the last frame": _number(model / copy if model is not None and copy else None, "-"),
        "false alarms on unseen normal clips": "no such clips" if rate is None else _rate(rate, measures),
        "marked stretches found as events": _found(measures),
    }
    return "\n".join(f"  {name:<{WIDTH}}{value}".rstrip() for name, value in rows.items())


def _found(measures: dict[str, Any]) -> str:
    events, delay = measures["events"], measures["delay_seconds"]["median"]
    if not events["marked"]:
        return "needs labels"
    said = f"{events['found']} of {events['marked']}"
    return said if delay is None else f"{said}, {delay:.1f} s after they begin (median)"


def of_score(result: dict[str, Any], out: Path) -> str:
    """Events a clip."""
    notes = [f"  note: {note}" for note in (result.get("note"), result.get("follows")) if note]
    lines = [f"  threshold {result['threshold']:.2f}", *notes]
    for name, clip in result["clips"].items():
        lines.append(f"  {name}: {clip['frames']} frames, {_count(len(clip['events']), 'event')}")
        lines += [
            f"    {event['id']}: {event['start_seconds']:.1f} to {event['end_seconds']:.1f} s,"
            f" score {event['score']:.2f} ({_words(event['category'] or event['cause'])}), box {event['box']}"
            for event in clip["events"]
        ]
    where = out if len(result["clips"]) == 1 else out / "CLIP"
    return "\n".join([*lines, f"  written: {where}/scores.csv, events.json, events/, overlay.mp4"])


def _rate(rate: float, measures: dict[str, Any]) -> str:
    interval = measures["false_alarm_interval"]
    found = "as" if measures["false_alarms_within_interval"] else "not as"
    return f"{rate:.1f} an hour, {found} expected: {interval['low']:.2g} to {interval['high']:.5g}"


def _number(value: float | None, otherwise: str) -> str:
    return otherwise if value is None else f"{value:.3f}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
