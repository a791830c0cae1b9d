"""The page of a search says what a person wants to know, and nothing from outside runs in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tiny_search import X, experiment

from model.report.search_figures import curves_figure, parallel_figure
from model.report.tuning import render, verdict, write_tuning
from model.search import Result, Trial, importance
from model.search.result import FAILED, STOPPED, SUCCEEDED

WORDS = {"name": "word", "parameterType": "categorical", "feasibleSpace": {"list": ["a", "b", "<i>"]}}
RATE = {
    "name": "some_rate",
    "parameterType": "double",
    "feasibleSpace": {"min": "0.001", "max": "0.1", "distribution": "logUniform"},
}
EXPERIMENT = experiment("", (X, RATE, WORDS), algorithm={"algorithmName": "random"})


def trial(number: int, x: str, word: str, reports: tuple[float, ...], state: str = SUCCEEDED) -> Trial:
    said = "Traceback\n<script>alert(1)</script>" if state == FAILED else ""
    assignments = {"x": x, "some_rate": "0.001234567", "word": word}
    return Trial(f"tiny-{number:03}", state, assignments, {"loss": reports} if reports else {}, 2.0, said)


TRIALS = (
    trial(1, "1", "a", (0.9, 0.5)),
    trial(2, "2", "b", (0.9, 0.4)),
    trial(3, "3", "<i>", (0.95,), STOPPED),
    trial(4, "3", "a", (), FAILED),
    trial(5, "2", "a", (0.8, 0.45)),
)
RESULT = Result(EXPERIMENT, TRIALS, "ExperimentMaxTrialsReached", "all 5 trials ended")


def test_the_page_has_every_trial_the_best_first(tmp_path: Path):
    write_tuning(tmp_path / "page.html", RESULT)
    page = (tmp_path / "page.html").read_text()
    assert re.findall(r"<tr class=\"(\w*)\"><td>(\d+)</td>", page) == [
        *(("best", "002"), ("", "005"), ("", "001"), ("", "003"), ("bad", "004"))
    ]
    assert "All had some rate 0.001234567." in page  # what did not vary is said once
    assert "stopped early" in page
    assert page.count("data:image/png;base64,") == 2
    assert not re.search(r"(src|href)=\"(?!data:)", page)  # nothing beside it
    assert "<script>" not in page
    assert "<i>" not in page.replace('<i style="width:', "")
    assert "&lt;script&gt;alert(1)" in page


def test_the_verdict_in_one_sentence():
    assert verdict(RESULT) == (
        "tiny-002 is the best of 5 trials (3 finished, 1 stopped early, 1 failed): loss 0.4, "
        "where the others had 0.45 to 0.95."
    )
    nothing = Result(EXPERIMENT, TRIALS[3:4], "ExperimentFailed", "1 trials failed")
    assert verdict(nothing) == "1 trials (1 failed): none of them had a value."
    assert "none of them" in render(nothing)


def test_parameters_matter_as_far_as_the_trials_tell():
    assert importance(Result(EXPERIMENT, TRIALS[:2], "", "")) == {}
    values = [trial(n, "123"[n % 3], "ab"[n % 2], (float(n % 3),)) for n in range(18)]
    found = importance(Result(EXPERIMENT, tuple(values), "", ""))
    assert max(found, key=lambda name: found[name]) == "x"
    assert sum(found.values()) == pytest.approx(1)


def test_lines_run_through_every_axis_and_stopped_trials_are_marked():
    (axes,) = parallel_figure(RESULT, EXPERIMENT.parameters).axes
    lines = [line for line in axes.lines if len(line.get_xdata()) == 4]
    assert len(lines) == 4  # the failed one has no value
    best = lines[-1].get_ydata()  # drawn last, on top
    assert best[[0, 2, 3]] == pytest.approx([0.5, 0.5, 0])  # 2 of 1 to 3, the second word, the smallest loss
    (axes,) = curves_figure(RESULT).axes
    marks = [line.get_xydata().tolist() for line in axes.lines if line.get_gid() == "stopped"]
    assert marks == [[[1, 0.95]]]
