"""What a process of the tests calls beside the command."""

from __future__ import annotations

import json
from typing import Any

import numpy as np


def step(words: list[str]) -> None:
    """The pipeline's step, as KFP calls it."""
    from components.train import Place, train_detector

    given = json.loads(words[0])
    train_detector(place=Place(**given.pop("place")), **given)


def watched(words: list[str]) -> int:
    """The command, whose trained weights go to a file too: a worker that is not the first writes none."""
    from model import training
    from pipelines import cli

    fit = training.fit

    def watched_fit(*given: Any, **named: Any) -> training.Fitted:
        fitted = fit(*given, **named)
        np.savez(words[0], *fitted.network.get_weights())
        return fitted

    training.fit = watched_fit
    return cli.main(words[1:])
