"""`python -m pipelines.bench.feedback`: what "this was normal" changes, on a walkway with a new short cut.

People begin to cross the near lawn. A detector alarms; somebody marks those events as normal, as `unforeseen feedback`
does, and a second detector is trained with them. Both are judged on clips that neither has seen: the short cut should
bring fewer alarms, everything else that does not belong should be found as before. All of it with several networks, for
another seed alone moves what is found by a few. Takes half an hour.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from model import config, footage, walkway
from model.clips import Clip
from model.footage import feedback
from model.walkway.camera import PATH_WIDTH, Camera
from pipelines.bench import fitted

if TYPE_CHECKING:
    from model.decision import Event, Threshold
    from model.detector import Detector

# Nine minutes of footage buy so high a threshold for one false alarm an hour that carts alone reach it.
OVERRIDES = (
    *fitted.SMALL,
    *("walkway.noise=5", "walkway.fps=5", "walkway.clip_frames=75", "decision.false_alarms_per_hour=60"),
)
TRAINED, VALIDATED = 24, 12  # clips without an anomaly
NORMAL = 96  # more of them, to count false alarms in: events crowd in a few busy clips, and 36 told too little
CROSSINGS = range(3, 103, 5)  # test clips in which people cross; those on the near lawn are marked
JUDGED = (*range(105, 145), *range(148, 548, 5))  # eight of each category, and more in which people cross
SEEDS = 3  # of networks
SHORT_CUT = "short cut"
NEAR = 0.8  # of what is seen of somebody lies on the near lawn


@dataclass(frozen=True)
class Pass:
    """Something that goes through the picture: what, and in which frames."""

    kind: str
    first: int
    last: int

    def meets(self, event: Event) -> bool:
        """Whether an event is about it."""
        return event.first <= self.last and self.first <= event.last


@dataclass(frozen=True)
class Verdict:
    """Of one detector."""

    point: Threshold
    false_alarms: int  # events in normal clips
    found: dict[str, int]  # passes of each kind that an event is about


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains a detector, marks its events, trains another one."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.bench.feedback", description=__doc__)
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="a setting; repeatable")
    wanted = parser.parse_args(arguments)
    settings = config.build(overrides=[*OVERRIDES, *wanted.set])
    normal = [
        fitted.clip(settings, f"Train{n}", list(walkway.render_clip(settings.walkway, "train", n).frames))
        for n in range(TRAINED + VALIDATED)
    ]
    train, validation = normal[:TRAINED], normal[TRAINED:]
    marks, detectors = 0, []
    for seed in range(SEEDS):
        seeded = replace(settings, training=replace(settings.training, seed=seed))
        before = fitted.fit(seeded, train, validation)
        with tempfile.TemporaryDirectory(prefix="unforeseen-") as scratch:
            marked = list(_marked(seeded, before, Path(scratch)))
        more = {split: [clip for clip in marked if clip.split == split] for split in ("train", "validation")}
        after = fitted.fit(seeded, [*train, *more["train"]], [*validation, *more["validation"]])
        marks += len(marked)
        detectors += [before, after]
    counts, verdicts = judge(settings, detectors)
    hours = NORMAL * settings.walkway.clip_frames / settings.walkway.fps / 3600
    print("\n".join(lines(marks, counts, hours, verdicts[::2], verdicts[1::2])))
    return 0


def lines(
    marks: int, counts: dict[str, int], hours: float, before: Sequence[Verdict], after: Sequence[Verdict]
) -> list[str]:
    """The table for people: what all networks found, and what each promised.

    Args:
        marks: of all networks.
        counts: passes of each kind that every detector was shown.
        hours: of normal footage that every detector was shown.
        before: of the detectors without the marks, one a network.
        after: of the detectors with them.
    """
    both = (before, after)

    def row(name: str, cells: Iterable[str]) -> str:
        return f"  {name:<28}" + "".join(f"{cell:>13}" for cell in cells)

    def found(kind: str) -> Iterator[str]:
        return (f"{sum(v.found[kind] for v in verdicts)} of {counts[kind] * len(verdicts)}" for verdicts in both)

    rows = [row(f"{len(before)} networks", ("before", f"{marks} marks"))]
    for kind in sorted(counts, key=lambda kind: (kind != SHORT_CUT, kind)):
        rows.append(row(kind + (" (normal now)" if kind == SHORT_CUT else ""), found(kind)))
    for seed, pair in enumerate(zip(*both, strict=True)):
        rows.append(row(f"network {seed}: false alarms", (f"{v.false_alarms / hours:.0f} an hour" for v in pair)))
        rows.append(row("  promised", (f"{v.point.low:.0f} to {v.point.high:.0f}" for v in pair)))
        rows.append(row("  agree", ("yes" if v.point.agrees_with(v.false_alarms, hours) else "no" for v in pair)))
        rows.append(row("  threshold", (f"{v.point.value:.2f}" for v in pair)))
    return rows


def judge(settings: config.Config, detectors: Sequence[Detector]) -> tuple[dict[str, int], list[Verdict]]:
    """How many passes of each kind the judged clips show, and what each detector makes of them."""
    counts: dict[str, int] = {}
    found: list[dict[str, int]] = [{} for _ in detectors]
    for done, number in enumerate(JUDGED, 1):
        clip = walkway.render_clip(settings.walkway, "test", number)
        for a_pass in passes(settings.walkway, clip):
            counts[a_pass.kind] = counts.get(a_pass.kind, 0) + 1
        for detector, hits in zip(detectors, found, strict=True):
            events = _events(detector, clip.frames, settings.walkway.fps)
            for a_pass in passes(settings.walkway, clip):
                hits[a_pass.kind] = hits.get(a_pass.kind, 0) + any(map(a_pass.meets, events))
        fitted.say(f"judged: clip {done} of {len(JUDGED)}")
    alarms = [0] * len(detectors)
    for number in range(NORMAL):
        frames = walkway.render_clip(settings.walkway, "train", TRAINED + VALIDATED + number).frames
        for index, detector in enumerate(detectors):
            alarms[index] += len(_events(detector, frames, settings.walkway.fps))
        fitted.say(f"judged: normal clip {number + 1} of {NORMAL}")
    verdicts = [Verdict(d.operating_point, a, f) for d, a, f in zip(detectors, alarms, found, strict=True)]
    return counts, verdicts


def passes(settings: config.Walkway, clip: walkway.WalkwayClip) -> list[Pass]:
    """Everything that does not belong, those who take the short cut under a kind of their own."""
    x, z = Camera.of(settings).ground(*np.indices((settings.width, settings.height), float).transpose(0, 2, 1))
    lawn = Camera.of(settings).path_coordinates(x, z)[1] < -PATH_WIDTH / 2
    found = []
    for first, last, category in clip.labels:
        seen = clip.masks[first : last + 1]
        near = category == "crossing" and seen[:, lawn].sum() > NEAR * seen.sum()
        found.append(Pass(SHORT_CUT if near else category, first, last))
    return found


def _marked(settings: config.Config, detector: Detector, scratch: Path) -> Iterator[Clip]:
    """The clips that the marks on short cuts bring to the next run, over the files that a person has."""
    marks: list[feedback.Mark] = []
    for number in CROSSINGS:
        clip = walkway.render_clip(settings.walkway, "test", number)
        short_cuts = [a_pass for a_pass in passes(settings.walkway, clip) if a_pass.kind == SHORT_CUT]
        events = [
            event
            for event in _events(detector, clip.frames, settings.walkway.fps, clip.name)
            if any(a_pass.meets(event) for a_pass in short_cuts)
        ]
        if events:
            file = _write(scratch / clip.name, clip.frames, events, settings.walkway.fps)
            marks += feedback.mark_normal(file, [event.id for event in events], "bench", datetime.now(UTC))
    for source in feedback.add_clips([], marks):
        yield fitted.clip(settings, source.name, list(footage.frames(source)), source.split)


def _write(folder: Path, frames: np.ndarray, events: Sequence[Event], fps: float) -> Path:
    folder.mkdir()
    for number, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"{number:03d}.png"), frame[..., ::-1])
    place = {"source": str(folder), "fps": fps}
    rows = [{**place, "id": event.id, "source_frames": [event.first, event.last]} for event in events]
    file = folder.with_suffix(".json")
    file.write_text(json.dumps(rows))
    return file


def _events(detector: Detector, frames: np.ndarray, fps: float, name: str = "") -> list[Event]:
    stream = detector.stream(fps, name)
    closed = [result.closed for _, result in stream.push_all(frames)]
    return [event for event in (*closed, stream.finish()) if event]


if __name__ == "__main__":
    sys.exit(main())
