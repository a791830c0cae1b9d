"""The pipeline's step, as KFP calls it, for a process of its own."""

from __future__ import annotations

import json


def run(words: list[str]) -> None:
    from components.train import Place, train_detector

    given = json.loads(words[0])
    train_detector(place=Place(**given.pop("place")), **given)
