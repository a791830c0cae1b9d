"""`python -m pipelines.bench.categories`: what a classifier names on the walkway, out of fold by clip, head by head."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, Literal

from model import config, walkway
from model.clips import Clip
from pipelines.bench import fitted

KINDS = ("logistic", "forest", "softmax")
OVERRIDES = ("walkway.test_clips=20", "training.epochs=2")
VALIDATED = 4  # of the normal clips


def main(arguments: Sequence[str] | None = None) -> int:
    """Fits one detector, then a classifier of each kind to the same labelled clips."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.bench.categories", description=__doc__)
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="a setting; repeatable")
    wanted = parser.parse_args(arguments)
    settings = config.build(overrides=[*OVERRIDES, *wanted.set])
    normal = [_clip(settings, "train", number) for number in range(settings.walkway.train_clips)]
    detector = fitted.fit(settings, normal[VALIDATED:], normal[:VALIDATED])
    from model.classifier.examples import class_names, read_examples
    from model.classifier.fit import out_of_fold
    from model.classifier.measures import measures

    labelled = [_clip(settings, "test", number) for number in range(settings.walkway.test_clips)]
    classes = class_names(labelled, settings.scoring.warm_up_frames)
    examples = read_examples(detector, labelled, classes, fitted.say)
    found = {}
    for kind in KINDS:
        probabilities = out_of_fold(kind, examples, settings.training.seed, fitted.say)
        found[kind] = measures(examples, probabilities, "out of fold")
    print("\n".join(lines(found)))
    return 0


def lines(found: dict[str, dict[str, Any]]) -> list[str]:
    """The table for people: frame AUROC, and what is right of the marked passes."""
    rows = [f"  {'':<28}" + "".join(f"{kind:>12}" for kind in found)]

    def row(name: str, cells: Sequence[str]) -> None:
        rows.append(f"  {name:<28}" + "".join(f"{cell:>12}" for cell in cells))

    row("anomalous, frame AUROC", [f"{m['frame_auroc']:.3f}" for m in found.values()])
    for number, category in enumerate(next(iter(found.values()))["categories"][1:], 1):
        row(category["name"], [f"{m['categories'][number]['auroc']:.3f}" for m in found.values()])
    row("passes named rightly", [f"{m['ranges_right']} of {m['ranges']}" for m in found.values()])
    row("calibration error", [f"{m['calibration_error']:.3f}" for m in found.values()])
    return rows


def _clip(settings: config.Config, split: Literal["train", "test"], number: int) -> Clip:
    made = walkway.render_clip(settings.walkway, split, number)
    return fitted.clip(settings, made.name, list(made.frames), split, made.labels)


if __name__ == "__main__":
    sys.exit(main())
