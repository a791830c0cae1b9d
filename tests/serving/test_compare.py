"""Two servers' scores side by side; the figures by hand, the rest against a real server."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from live import NAME, WARM_UP, Server, clip

from pipelines.cli import main
from serving.client.compare import figures

NAN = float("nan")


def pairs(champion: list[float], challenger: list[float], thresholds: tuple[float, float] = (1.0, 2.0)) -> np.ndarray:
    """Scores `[T]` of both, with one threshold each."""
    scores = np.array([champion, challenger]).T
    return np.stack([scores, np.broadcast_to(thresholds, scores.shape)], axis=-1)


def test_figures_by_hand():
    found = figures(pairs([NAN, 0.5, 1.5, 1.0, 0.0], [3.0, 1.0, 4.0, 0.0, 2.0]))
    assert found["frames"] == 4  # one is in warm-up for one of them
    assert found["difference"] == pytest.approx((0 + 0.5 + 1 + 1) / 4)  # in thresholds
    assert found["both_alarm"] == 0.25
    assert found["champion_alone"] == 0.25  # a score at the threshold is an alarm
    assert found["challenger_alone"] == 0.25
    assert found["disagreement"] == 0.5


@pytest.mark.parametrize(
    ("champion", "challenger", "expected"),
    [
        ([1, 2, 3, 4], [10, 20, 30, 400], 1.0),  # the order alone
        ([1, 2, 3, 4], [4, 3, 2, 1], -1.0),
        ([1, 2, 2, 3], [1, 2, 2, 3], 1.0),  # equal values share a rank
        ([1, 2, 3, 4], [5, 5, 5, 5], None),  # nothing to order
        ([1], [1], None),
    ],
)
def test_the_rank_correlation(champion: list[float], challenger: list[float], expected: float | None):
    assert figures(pairs(champion, challenger))["rank_correlation"] == pytest.approx(expected)


def test_a_detector_agrees_with_itself_whatever_the_road(server: Server, tmp_path: Path, capsys):
    frames = clip(20, seed=4)
    for number, frame in enumerate(frames):
        cv2.imwrite(str(tmp_path / f"{number:02}.png"), frame[..., ::-1])
    words = ["--champion", server.url, "--challenger", f"grpc://{server.target}", "--model", NAME]
    assert main(["compare", str(tmp_path), *words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["all"]
    assert found["frames"] == len(frames) - WARM_UP
    assert found["disagreement"] == 0
    assert found["difference"] == pytest.approx(0, abs=1e-5)
