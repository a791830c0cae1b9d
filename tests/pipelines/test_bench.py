"""The bench's pieces on a tiny network: which figures there are and how they are made, never how fast anything is."""

import dataclasses

import cv2
import pytest

from model import config
from model.errors import RunFailed
from pipelines.bench import dag, network, pictures, stream, table
from pipelines.bench.clock import Rate, rates

TINY = config.build(
    overrides=[
        *("preprocessing.height=32", "preprocessing.width=48", "training.layer_loss_weights=[1, 0.1]"),
        *("prednet.stack_sizes=[1, 4]", "prednet.r_stack_sizes=[2, 4]", "prednet.a_filter_sizes=[3]"),
        *("prednet.a_hat_filter_sizes=[3, 3]", "prednet.r_filter_sizes=[3, 3]"),
    ]
)
WALKWAY = dataclasses.replace(TINY.walkway, height=32, width=48, clip_frames=32)


def test_the_parts_take_turns_and_the_best_round_counts():
    calls = []
    seconds = iter([0.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 8.0])  # a: 2 s then 1 s; b: 1 s then 4 s
    parts = {"a": lambda: calls.append("a") or 10, "b": lambda: calls.append("b") or 4}
    found = rates(parts, rounds=2, now=lambda: next(seconds))
    assert calls == ["a", "b"] * 3  # the first of each is not measured
    assert found == {"a": Rate(10.0, 7.5), "b": Rate(4.0, 2.5)}


def test_figures_of_the_network():
    found = network.measure(TINY, TINY, rounds=1)
    assert set(found) == {"matmul", "training", "inference", "inference_large"}
    for name in ("training", "inference", "inference_large"):
        row = found[name]
        assert row["gflops"] == pytest.approx(row["frames_per_second"] * row["gflop_per_frame"])
        assert row["share_of_matmul"] == pytest.approx(row["gflops"] / found["matmul"]["gflops"])
    assert found["training"]["gflop_per_frame"] == 3 * found["inference"]["gflop_per_frame"]


def test_figures_of_the_detector():
    found = stream.measure(TINY, rounds=1, frames=32)
    assert found["stream"]["frames_per_second"] > 0
    share = found["stream"]["share"]
    assert set(share) == {"network", "optical_flow", "rest"}
    assert share["rest"] == pytest.approx(1 - max(share["network"], share["optical_flow"]))
    assert found["overlay"]["frames_per_second"] > 0


def test_the_detector_on_footage(tmp_path):
    (clip, *_) = pictures.walkway_clips(WALKWAY, tmp_path / "walkway", clips=2)
    found = stream.measure_footage(TINY, clip, rounds=1, frames=32)
    assert found["frames_per_second"] == found["median_frames_per_second"] > 0
    assert found["file_frames_per_second"] == found["median_file_frames_per_second"] > 0


def test_figures_of_the_walkway_and_of_preprocessing(tmp_path):
    threads = cv2.getNumThreads()
    assert pictures.measure_walkway(WALKWAY, rounds=1, frames=32)["frames_per_second"] > 0
    assert cv2.getNumThreads() == threads
    clips = pictures.walkway_clips(WALKWAY, tmp_path / "walkway", clips=2)
    assert sum(clip.frames for clip in clips) == 64
    row = pictures.measure_preprocessing(clips, TINY.preprocessing, tmp_path, rounds=1)
    assert row["ratio"] == pytest.approx(row["frames_per_second"] / row["bare_frames_per_second"])
    assert [path.name for path in tmp_path.iterdir()] == ["walkway"]


def test_the_pipelines_overhead_is_what_the_steps_do_not_explain():
    fresh = {"ingest": 2.0, "train": 6.0, "total": 11.0}
    assert dag.overhead(fresh, {**fresh, "total": 0.5}) == {
        "seconds": 11.0,
        "steps_seconds": 8.0,
        "ratio": 11 / 8,
        "overhead_seconds_per_step": 1.5,
        "cached_seconds": 0.5,
    }


def test_a_run_that_fails_says_why(tmp_path):
    with pytest.raises(RunFailed, match=r"expected the tiny run to succeed\. Received: unforeseen: .*walkway\.height"):
        dag.measure(tmp_path / "run", settings=["walkway.height=no"])


def test_the_table_shows_every_figure():
    rate = {"frames_per_second": 120.4, "gflops": 5.0, "share_of_matmul": 0.25}
    figures = {
        "matmul": {"gflops": 20.0},
        **dict.fromkeys(("training", "inference", "inference_large", "walkway", "overlay"), rate),
        "stream": {
            "frames_per_second": 33.333,
            "share": {"network": 0.5, "optical_flow": 0.3, "rest": 0.2},
            "push_frames_per_second": 30.0,
        },
        "preprocessing": {"walkway": {**rate, "ratio": 0.9}},
        "dag": dag.overhead({"train": 5.0, "total": 6.0}, {"total": 0.5}),
    }
    lines = table.lines(figures)
    with_footage = table.lines({**figures, "footage": {**rate, "file_frames_per_second": 41.26}})
    camera, file = (line for line in with_footage if line not in lines)
    assert "footage 120 frames/s" in " ".join(camera.split())
    assert "a file of it 41.3 frames/s" in " ".join(file.split())
    assert " ".join(lines[1].split()) == "training 120 frames/s 5.0 GFLOP/s, 25% of the matrix multiplication"
    assert "network 50%, beside it optical flow 30%, rest 20%" in lines[4]
    assert "0.90 of the bare OpenCV loop" in lines[6]
    assert "0.5 s" in lines[-1]
