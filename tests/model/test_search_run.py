"""A search on this machine means what Katib means; the trials are shell commands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from tiny_search import SHELL, X, document, experiment

from model import search
from model.errors import RunFailed
from model.search import MedianStop, Result, median, metrics

COUNTS = {"maxTrialCount": 4, "parallelTrialCount": 1}
BY_RANDOM = {"algorithmName": "random", "algorithmSettings": [{"name": "random_state", "value": "0"}]}
# The letters of what came, one a file: a trial that finds its own has run before.
WORDS = {"name": "word", "parameterType": "categorical", "feasibleSpace": {"list": ["a", "b", "c", "d"]}}


def run(wanted: search.Experiment, directory: Path, **more: Any) -> tuple[Result, list[str]]:
    said: list[str] = []
    return search.run(wanted, directory, said.append, **more), said


def states(result: Result) -> list[str]:
    return [trial.state for trial in result.trials]


def test_a_grid_is_tried_point_by_point_and_the_best_is_told_as_katib_tells_it(tmp_path: Path):
    words = {"name": "word", "parameterType": "categorical", "feasibleSpace": {"list": ["a", "b"]}}
    halves = {"name": "half", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "0.5", "step": "0.5"}}
    numbers = {"name": "number", "parameterType": "int", "feasibleSpace": {"min": "2", "max": "6", "step": "2"}}
    command = "echo noise; echo 2026-01-01T00:00:00Z loss=1${trialParameters.number}e-1; echo more=3"
    wanted = experiment(
        command,
        (words, halves, numbers),
        maxTrialCount=12,
        parallelTrialCount=4,
        objective={"type": "minimize", "objectiveMetricName": "loss", "additionalMetricNames": ["more"]},
    )
    result, said = run(wanted, tmp_path)
    points = {tuple(trial.assignments.values()) for trial in result.trials}
    assert points == {(word, half, number) for word in "ab" for half in ("0", "0.5") for number in "246"}
    status = result.status()
    assert status["trials"] == status["trialsSucceeded"] == 12
    assert status["conditions"][0]["reason"] == "ExperimentMaxTrialsReached"
    best = status["currentOptimalTrial"]
    assert best["observation"]["metrics"] == [
        {"name": "loss", "min": "1.2", "max": "1.2", "latest": "1.2"},
        {"name": "more", "min": "3", "max": "3", "latest": "3"},
    ]
    assert {one["name"]: one["value"] for one in best["parameterAssignments"]}["number"] == "2"
    assert len(said) == 12
    assert "Succeeded: loss 1." in said[0]


@pytest.mark.parametrize("algorithm", ["random", "tpe", "multivariate-tpe", "sobol", "cmaes"])
def test_every_algorithm_stays_in_the_space(algorithm: str, tmp_path: Path):
    spaces = {
        "rate": ("double", {"min": "0.001", "max": "0.1", "distribution": "logUniform"}),
        "even": ("int", {"min": "2", "max": "8", "step": "2"}),
        "fine": ("double", {"min": "0", "max": "1", "step": "0.25"}),
        "word": ("categorical", {"list": ["a", "b"]}),
        "size": ("discrete", {"list": ["3", "5"]}),
    }
    parameters = [{"name": n, "parameterType": kind, "feasibleSpace": space} for n, (kind, space) in spaces.items()]
    counts = {"maxTrialCount": 8, "parallelTrialCount": 4}
    wanted = experiment("echo loss=1", tuple(parameters), algorithm={"algorithmName": algorithm}, **counts)
    trials = run(wanted, tmp_path)[0].trials
    assert all(0.001 <= float(trial.assignments["rate"]) <= 0.1 for trial in trials)
    assert {trial.assignments["even"] for trial in trials} <= {"2", "4", "6", "8"}
    assert {trial.assignments["fine"] for trial in trials} <= {"0", "0.25", "0.5", "0.75", "1"}
    assert {trial.assignments["word"] for trial in trials} <= {"a", "b"}
    assert {trial.assignments["size"] for trial in trials} <= {"3", "5"}
    assert len({trial.assignments["rate"] for trial in trials}) == 8


@pytest.mark.parametrize(
    ("kind", "strategy", "value"),
    [
        ("minimize", None, 1),  # the best of all reports
        ("maximize", None, 7),
        ("minimize", "max", 7),
        ("maximize", "min", 1),
        ("minimize", "latest", 3),
    ],
)
def test_which_report_stands_for_a_trial(kind: str, strategy: str | None, value: float, tmp_path: Path):
    strategies = [{"name": "loss", "value": strategy}] if strategy else []
    objective = {"type": kind, "objectiveMetricName": "loss", "metricStrategies": strategies}
    wanted = experiment("echo loss=7; echo loss=1; echo loss=3", objective=objective, maxTrialCount=1)
    (trial,) = run(wanted, tmp_path)[0].trials
    assert trial.reports == {"loss": (7, 1, 3)}
    assert trial.value(wanted) == value


def test_what_counts_as_a_report():
    text = "2026-11-22T05:24:33.904539+00:00 loss=1.5e-3\nloss = -2 other=4\nlossy=3\nloss=nothing\nmy-loss=9\n"
    assert metrics.read_reports(text, ["loss", "missing"]) == {"loss": (0.0015, -2)}
    (stamp, report) = metrics.line("loss", 0.25).split(" ")
    assert stamp.endswith("+00:00")
    assert report == "loss=0.25"


@pytest.mark.parametrize(("kind", "goal", "trials"), [("minimize", 2, 2), ("maximize", 3, 1), ("minimize", 0, 3)])
def test_the_goal_ends_the_search(kind: str, goal: float, trials: int, tmp_path: Path):
    # Values 3, 2, 1, in this order.
    command = "cd .; n=$(ls | wc -l); echo > $(mktemp -p .); echo loss=$((3 - n))"
    objective = {"type": kind, "objectiveMetricName": "loss", "goal": goal}
    (tmp_path / "made").mkdir()
    result, _ = run(experiment(command.replace("cd .", f"cd {tmp_path}/made"), objective=objective), tmp_path)
    assert len(result.trials) == trials
    reason = "ExperimentMaxTrialsReached" if goal == 0 else "ExperimentGoalReached"
    assert result.reason == reason


def test_at_the_goal_other_trials_are_ended(tmp_path: Path):
    seconds = f"100.{os.getpid()}"  # as nobody else on this machine sleeps
    command = f"[ ${{trialParameters.x}} = 1 ] && exec sleep {seconds}; echo loss=0"
    objective = {"type": "minimize", "objectiveMetricName": "loss", "goal": 0}
    numbers = {**X, "feasibleSpace": {"min": "1", "max": "2"}}
    counts = {"maxTrialCount": 2, "parallelTrialCount": 2}
    result, _ = run(experiment(command, (numbers,), objective=objective, **counts), tmp_path)
    assert sorted(states(result)) == ["Killed", "Succeeded"]
    assert result.best.assignments == {"x": "2"}
    assert not [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", seconds]]


@pytest.mark.parametrize(
    ("command", "state", "last"),
    [
        ("echo loss=1; echo it broke >&2; exit 3", "Failed", "it broke"),
        ("echo it said nothing of its loss", "MetricsUnavailable", "it said nothing of its loss"),
        ("kill -9 $$", "Failed", None),
    ],
)
def test_a_trial_that_fails_is_shown_and_too_many_end_the_search(command: str, state: str, last: str, tmp_path: Path):
    result, said = run(experiment(command, maxFailedTrialCount=2), tmp_path)
    assert states(result) == [state, state]
    assert result.reason == "ExperimentFailed"
    assert result.best is None
    assert "currentOptimalTrial" not in result.status()
    if last:
        assert f"  {last}" in said


def test_a_command_that_is_not_there_fails_its_trial(tmp_path: Path):
    data = document()
    pod = data["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]
    pod["containers"][0]["command"][0] = "no-such-program"
    result, said = run(search.parse(json.dumps(data)), tmp_path)
    assert states(result) == ["Failed"] * 3
    assert "  no-such-program: No such file or directory" in said


def test_failures_that_are_few_enough_do_not(tmp_path: Path):
    result, _ = run(experiment(f"[ ${{trialParameters.x}} = 2 ] && exit 1; {SHELL}", maxFailedTrialCount=2), tmp_path)
    assert sorted(states(result)) == ["Failed", "Succeeded", "Succeeded"]
    assert result.best.assignments == {"x": "1"}
    assert result.status()["trialsFailed"] == 1


def test_as_many_run_at_a_time_as_the_experiment_says(tmp_path: Path):
    # Each waits until another runs beside it; alone it would fail.
    made = tmp_path / "made"
    made.mkdir()
    meet = (
        f"cd {made}; echo > $1; i=0; until [ $(ls | wc -l) -ge 2 ]; do sleep 0.05; i=$((i+1)); [ $i = 200 ] && exit 1;"
    )
    command = f"{meet} done; echo loss=1; ls | wc -l"
    counts = {"maxTrialCount": 2, "parallelTrialCount": 2}
    result, _ = run(experiment(command.replace("$1", "${trialParameters.x}"), (X,), **counts), tmp_path)
    assert states(result) == ["Succeeded", "Succeeded"]


@pytest.mark.parametrize(
    ("succeeded", "bound"),
    [
        ([[1, 3, 100], [2, 2, 0]], None),  # too few
        ([[1, 3, 100], [2, 2, 0], [9, 9, 9]], 13 / 3),  # the mean of the averages 2, 2, 9: no median
        ([[1], [2], [3]], 2),  # shorter ones count with what they have
    ],
)
def test_katibs_median(succeeded: list[list[float]], bound: float | None):
    assert median.bound(succeeded, MedianStop(3, 2)) == pytest.approx(bound)


@pytest.mark.parametrize(
    ("reports", "minimize", "stopped"),
    [
        ([9], True, False),  # not at start_step yet
        ([9, 6], True, True),
        ([4, 9], True, False),  # the best so far counts
        ([5, 9], True, False),  # equal is not worse
        ([4, 9, 9], True, False),  # looked at once, at start_step
        ([4, 1], False, True),
        ([4, 6], False, False),
    ],
)
def test_when_a_trial_is_stopped(reports: list[float], minimize: bool, stopped: bool):
    assert median.is_stopped(reports, MedianStop(3, 2), 5.0, minimize=minimize) is stopped
    assert not median.is_stopped(reports, MedianStop(3, 2), None, minimize=minimize)


def test_a_trial_worse_than_the_others_is_stopped_early(tmp_path: Path):
    settings = [{"name": "min_trials_required", "value": "2"}, {"name": "start_step", "value": "2"}]
    # The first two are good; the third would sleep for long.
    count = f"cd {tmp_path}; echo >> count; n=$(wc -l < count)"
    command = f"{count}; [ $n -lt 3 ] && echo loss=1 && echo loss=1 && exit; echo loss=3; echo loss=2; exec sleep 100"
    wanted = experiment(command, earlyStopping={"algorithmName": "medianstop", "algorithmSettings": settings})
    result, _ = run(wanted, tmp_path)
    assert states(result) == ["Succeeded", "Succeeded", "EarlyStopped"]
    assert result.trials[2].reports == {"loss": (3, 2)}
    assert result.trials[2].seconds < 50
    assert result.status()["earlyStoppedTrialList"] == ["tiny-003"]


KILLED = """
import sys
from pathlib import Path
from model import search
search.run(search.parse(sys.argv[1]), Path(sys.argv[2]), lambda line: print(line, flush=True))
"""


def test_a_killed_search_goes_on_where_it_stopped_and_leaves_nothing_running(tmp_path: Path):
    first = tmp_path / "first"  # while it is there, a trial that is not "a" never ends
    first.touch()
    command = f"echo $$ > {tmp_path}/${{trialParameters.word}}; echo loss=1;"
    command += f" [ ${{trialParameters.word}} = a ] || ! [ -e {first} ] || exec sleep 100"
    data = json.dumps(document(command, (WORDS,), maxTrialCount=4, parallelTrialCount=2))
    whole = subprocess.Popen(
        [sys.executable, "-c", KILLED, data, str(tmp_path)], stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[2]
    )
    until = time.monotonic() + 60
    while len(list(tmp_path.glob("[bcd]"))) < 2:  # two sleep
        assert time.monotonic() < until
        assert whole.poll() is None
        time.sleep(0.02)
    sleeping = [int(file.read_text()) for file in tmp_path.glob("[bcd]") if file.read_text().strip()]
    whole.send_signal(signal.SIGKILL)
    whole.wait()
    first.unlink()
    before = {file.name: file.read_text() for file in tmp_path.glob("[abcd]")}
    result, said = run(search.parse(data), tmp_path)
    for pid in sleeping:  # none outlived its search
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert said[0].startswith("going on: ")
    assert {trial.assignments["word"] for trial in result.trials} == {"a", "b", "c", "d"}
    assert states(result) == ["Succeeded"] * 4
    assert len(said) == 1 + 4 - ("a" in before)  # what had ended is not tried again
    if "a" in before:
        assert (tmp_path / "a").read_text() == before["a"]


def test_more_trials_go_on_with_the_same_search_and_other_data_do_not(tmp_path: Path):
    wanted = experiment(algorithm=BY_RANDOM, maxTrialCount=2)
    first = run(wanted, tmp_path)[0]
    more = run(experiment(algorithm=BY_RANDOM, maxTrialCount=3), tmp_path)[0]
    assert more.trials[:2] == first.trials
    assert len(more.trials) == 3
    other, said = run(wanted, tmp_path, key="other data")
    assert len(said) == 2
    assert [trial.assignments for trial in other.trials] == [trial.assignments for trial in first.trials]  # the seed


def test_a_search_that_failed_begins_anew(tmp_path: Path):
    switch = tmp_path / "works"
    wanted = experiment(f"[ -e {switch} ] && {SHELL}", maxFailedTrialCount=1)
    assert run(wanted, tmp_path)[0].reason == "ExperimentFailed"
    switch.touch()
    assert states(run(wanted, tmp_path)[0]) == ["Succeeded"] * 3


def test_imports_that_fail_are_told(tmp_path: Path):
    with pytest.raises(RunFailed, match="No module named 'no_such_module'"):
        run(experiment(), tmp_path, modules=("no_such_module",))


def test_a_console_script_runs_in_the_process_that_has_its_imports(tmp_path: Path):
    data = document("", maxTrialCount=1)
    pod = data["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]
    pod["containers"][0]["command"] = [
        "unforeseen",
        "--no-such-option",
        "${trialParameters.x} ${trialParameters.trial}",
    ]
    result, said = run(search.parse(json.dumps(data)), tmp_path, environment={"COLUMNS": "200"})
    assert states(result) == ["Failed"]
    assert said[-1].startswith("  unforeseen: error: ")
    assert os.environ.get("COLUMNS") != "200"
