"""`unforeseen score` and `unforeseen evaluate` with the detector of the tiny run; every road to the same numbers."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from s3_server import S3Server
from tiny import WALKWAY, WARM_UP, Run

from components.registry.registry import flat
from components.storage import open_store, upload_tree
from model import config
from model import detector as detectors
from model import footage as reading
from model.decision.events import event_height
from model.scoring import EVIDENCE, EXTRAPOLATION
from pipelines.cli import main

RULES = config.Decision()
KINDS = [kind for kind in EVIDENCE if kind != EXTRAPOLATION]  # it is for reports

pytestmark = [
    pytest.mark.slow,
    # MLflow's own tables use what SQLAlchemy 2.1 calls deprecated, and it warns of its own types on import.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]


@pytest.fixture(scope="module")
def detector(first_run: Run) -> Path:
    return first_run.kept / "detector"


def frames_of(source: Path) -> np.ndarray:
    (clip,) = reading.read_clips(source, None, config.Footage())
    return np.stack(list(reading.frames(clip)))


def read_scores(out: Path) -> tuple[list[float], list[bool], list[float]]:
    with (out / "scores.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["frame", "seconds", "score", "alarm", "threshold", *KINDS]
    fused = [header.index(kind) for kind in config.Scoring().fused]
    for row in rows:  # the score is the largest surprise of the kinds that are fused; in warm-up there is none
        assert (row[2] == "") == (row[5] == "")
        assert row[2] == "" or float(row[2]) == pytest.approx(max(float(row[i]) for i in fused), rel=1e-4)
    assert len({row[4] for row in rows}) == 1  # fixed
    assert [int(row[0]) for row in rows] == list(range(len(rows)))
    scores = [float(row[2] or "nan") for row in rows]
    return scores, [row[3] == "1" for row in rows], [float(row[1]) for row in rows]


def count_frames(video: Path) -> int:
    capture = cv2.VideoCapture(str(video))
    return sum(1 for _ in iter(capture.grab, False))


@pytest.fixture(scope="module")
def anomalous(footage: Path, first_run: Run) -> Path:
    """The test clip with the highest event."""
    loaded = detectors.load(first_run.kept / "detector")
    clips = sorted((footage / "Test").glob("Test00?"))
    return max(clips, key=lambda clip: event_height(loaded.score(frames_of(clip)).scores[WARM_UP:], 10.0, RULES))


def test_a_folder_of_pictures(anomalous: Path, detector: Path, tmp_path: Path, capsys: Any):
    out = tmp_path / "scored"
    assert main(["score", str(anomalous), "--detector", str(detector), "--out", str(out)]) == 0
    said, progress = capsys.readouterr()
    assert {path.name for path in out.iterdir()} == {"scores.csv", "events.json", "events", "overlay.mp4"}
    assert [path.name for path in tmp_path.iterdir()] == ["scored"]
    scores, alarms, seconds = read_scores(out)
    assert len(scores) == WALKWAY.clip_frames
    assert np.isnan(scores).tolist() == [t < WARM_UP for t in range(len(scores))]
    threshold = detectors.load(detector).threshold
    assert alarms == [score >= threshold for score in scores]
    assert seconds == [t / 10 for t in range(len(scores))]
    assert count_frames(out / "overlay.mp4") == len(scores)
    events = json.loads((out / "events.json").read_text())
    assert events
    for event in events:
        assert alarms[event["first"]]
        assert event["id"] == f"{anomalous.name}-{event['first']}"
        assert event["opened"] - event["first"] + 1 >= 10 * RULES.shortest_seconds
        assert scores[event["last"]] >= RULES.leave_share * threshold
        assert event["score"] == pytest.approx(scores[event["peak"]], abs=1e-3)
        assert event["end_seconds"] == pytest.approx((event["last"] + 1) / 10)
        assert event["threshold"] == pytest.approx(threshold, abs=1e-3)
        assert event["evidence"][event["cause"]] == max(event["evidence"].values())
        (source,) = reading.read_clips(Path(event["source"]), None, config.Footage())
        assert (source.frames, source.fps) == (len(scores), event["fps"])
        assert event["source_frames"] == [event["first"], event["last"]]
        around = min(event["last"] + 11, len(scores)) - max(event["first"] - 10, 0)
        assert count_frames(out / "events" / f"{event['id']}.mp4") == around
        assert cv2.imread(str(out / "events" / f"{event['id']}.png")).shape[1] > 200
        left, top, right, bottom = event["box"]
        assert 0 <= left < right <= WALKWAY.width
        assert 0 <= top < bottom <= WALKWAY.height
    assert f"{len(scores)} of {len(scores)} frames" in progress
    assert f"{out}/scores.csv" in said
    assert said.count(" s, score ") == len(events) == len(list((out / "events").glob("*.mp4")))


def test_a_video_and_a_folder_of_videos(videos: Path, detector: Path, tmp_path: Path, capsys: Any):
    words = ["--detector", str(detector), "--json", "--out"]
    assert main(["score", str(videos / "0.mp4"), *words, str(tmp_path / "one")]) == 0
    one = json.loads(capsys.readouterr().out)
    assert main(["score", str(videos), *words, str(tmp_path / "all")]) == 0
    both = json.loads(capsys.readouterr().out)
    assert one["clips"].keys() == {"0"}
    assert both["clips"].keys() == {"0", "1"}
    assert both["clips"]["0"] == one["clips"]["0"]
    assert one["clips"]["0"]["frames"] == WALKWAY.clip_frames
    assert (tmp_path / "all" / "0" / "scores.csv").read_bytes() == (tmp_path / "one" / "scores.csv").read_bytes()
    assert count_frames(tmp_path / "all" / "1" / "overlay.mp4") == WALKWAY.clip_frames


def test_where_names_tell_the_hour_a_threshold_with_a_profile_goes_with_it(
    videos: Path, detector: Path, tmp_path: Path, capsys: Any
):
    daily, day = tmp_path / "daily", tmp_path / "day"
    shutil.copytree(detector, daily)
    known = json.loads((daily / "detector.json").read_text())
    del known["self_sha256"]
    usual = known["operating_point"]["value"]
    known["operating_point"]["profile"] = {"factors": [0.5] * 12 + [1.5] * 12}
    known["self_sha256"] = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
    (daily / "detector.json").write_text(json.dumps(known))
    day.mkdir()
    for name in ("20260412_033000", "20260412_153000", "unknown"):
        shutil.copy(videos / "0.mp4", day / f"{name}.mp4")
    assert main(["score", str(day), "--detector", str(daily), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    assert said.err.count("tells no hour of the day") == 1
    assert "note: The threshold follows the hour of the day, from " in said.out
    for name, factor in (("20260412_033000", 0.5), ("20260412_153000", 1.5), ("unknown", 1.5)):
        with (tmp_path / "out" / name / "scores.csv").open(newline="") as file:
            thresholds = [float(row["threshold"]) for row in csv.DictReader(file)]
        np.testing.assert_allclose(thresholds, factor * usual, rtol=1e-5)


def test_every_road_gives_the_same_numbers(
    anomalous: Path, detector: Path, first_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Batch, stream, the command, and the champion as MLflow loads it."""
    frames = frames_of(anomalous)
    loaded = detectors.load(detector)
    batch = loaded.score(frames)
    assert np.isfinite(batch.scores).sum() == WALKWAY.clip_frames - WARM_UP
    stream = loaded.stream()
    pushed = [stream.push(frame) for frame in frames]
    np.testing.assert_array_equal(np.float32([result.score for result in pushed]), batch.scores)
    np.testing.assert_array_equal([result.alarm for result in pushed], batch.alarms)

    assert main(["score", str(anomalous), "--detector", str(detector), "--out", str(tmp_path / "scored")]) == 0
    scores, alarms, _ = read_scores(tmp_path / "scored")
    np.testing.assert_allclose(scores, batch.scores, rtol=1e-5)  # six digits are written
    np.testing.assert_array_equal(alarms, batch.alarms)

    import mlflow.pyfunc

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # the next line sets it; this puts it back
    mlflow.set_tracking_uri(f"sqlite:///{first_run.kept / 'mlflow.db'}")
    served = mlflow.pyfunc.load_model("models:/unforeseen-walkway@champion").predict(frames)
    np.testing.assert_array_equal(served.score, batch.scores)
    np.testing.assert_array_equal(served.alarm, batch.alarms)


def fill(out: Path, detector: Path) -> None:
    out.mkdir()
    (out / "mine.txt").write_text("mine")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (fill, "expected a name that is free"),
        (lambda out, detector: shutil.rmtree(detector), "expected a detector directory with detector.json"),
        (lambda out, detector: (detector / "network.keras").unlink(), "expected network.keras"),
        (lambda out, detector: (detector / "network.keras").write_bytes(b"PK"), "network.keras: expected the checksum"),
        (lambda out, detector: (detector / "detector.json").write_text("{}"), "detector.json: expected a detector"),
    ],
)
def test_score_refuses_in_one_line_and_writes_nothing(spoil, message, footage, detector, tmp_path, capsys):
    out, spoilt = tmp_path / "out", Path(shutil.copytree(detector, tmp_path / "detector"))
    spoil(out, spoilt)
    before = sorted(tmp_path.rglob("*"))
    assert main(["score", str(footage / "Test" / "Test001"), "--detector", str(spoilt), "--out", str(out)]) == 2
    said, errors = capsys.readouterr()
    assert message in errors
    assert (said, errors.count("\n")) == ("", 1)
    assert sorted(tmp_path.rglob("*")) == before


def test_score_of_a_damaged_video_leaves_nothing(videos, detector, tmp_path, capsys):
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes((videos / "0.mp4").read_bytes()[:3000])
    assert main(["score", str(damaged), "--detector", str(detector), "--out", str(tmp_path / "out")]) == 2
    assert "damaged.mp4: expected" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["damaged.mp4"]


@pytest.mark.parametrize("where", ["files", "bucket", "walkway"])
def test_evaluate_repeats_what_the_run_measured(
    where: str, first_run: Run, footage: Path, request: pytest.FixtureRequest, tmp_path: Path, capsys: Any
):
    """Normal clips that the detector was fitted on are known again, so even the false alarms agree."""
    words = ["--source", "walkway" if where == "walkway" else str(footage)]
    if where == "bucket":
        server: S3Server = request.getfixturevalue("s3_server")
        address = f"s3://{request.getfixturevalue('bucket')}/walk"
        upload_tree(footage, open_store(address, server.endpoint, "")[0], "walk", print)
        (tmp_path / "profile.yaml").write_text(f"store: {{endpoint: '{server.endpoint}'}}\n")
        words = ["--source", address, "--profile", str(tmp_path / "profile.yaml")]
    file = tmp_path / "new" / "measures.json"
    assert main(["evaluate", "--detector", str(first_run.kept / "detector"), *words, "--json", str(file)]) == 0
    said, _ = capsys.readouterr()
    measures, expected = json.loads(file.read_text()), first_run.summary
    assert measures.keys() == expected.keys() - {"registered", "notes"}
    assert measures["seconds"].keys() == {"ingest", "preprocess", "evaluate"}
    assert measures["version"] == expected["version"]
    own = {"seconds", "peak_memory_mb", "version", "registered", "notes"}
    found, wanted = (flat({name: all_[name] for name in all_.keys() - own}) for all_ in (measures, expected))
    assert found == pytest.approx(wanted, rel=1e-5)
    assert f"{measures['frame_auroc']:.3f}" in said


@pytest.mark.parametrize(
    ("source", "message"),
    [("no/such/place", "expected a path that exists"), ("Test/labels.csv", "labels.csv: expected")],
)
def test_evaluate_refuses_in_one_line(source, message, footage, detector, tmp_path, capsys):
    file = tmp_path / "measures.json"
    words = ["--source", str(footage / source), "--json", str(file)]
    assert main(["evaluate", "--detector", str(detector), *words]) == 2
    said, errors = capsys.readouterr()
    assert message in errors
    assert (said, errors.count("\n")) == ("", 1)
    assert not list(tmp_path.iterdir())
