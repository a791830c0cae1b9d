"""The whole DAG on a part of UCSD Ped2, with a network that is too small to be good."""

import json
import os
from pathlib import Path

import pytest
from tiny import Command, options

pytestmark = [pytest.mark.slow, pytest.mark.footage]
TEST_CLIPS = ("Test001",)
HELD_OUT = "Train009"
FULL = {"preprocessing__height": 160, "preprocessing__width": 240, "prednet__shrink": 2}


@pytest.fixture
def part(tmp_path: Path) -> Path:
    """Normal clips and a test clip, in the layout and with the labels of the archive."""
    given = os.environ.get("UNFORESEEN_FOOTAGE")
    if not given:
        pytest.skip("UNFORESEEN_FOOTAGE names no UCSD Ped2 directory")
    source, target = Path(given), tmp_path / "UCSDped2"
    for split in ("Train", "Test"):
        (target / split).mkdir(parents=True)
    for name in ("Train001", "Train005"):
        (target / "Train" / name).symlink_to(source / "Train" / name)
    (target / "Train" / HELD_OUT).mkdir()  # less of it: what is pasted into it takes most of the time
    for picture in sorted((source / "Train" / HELD_OUT).glob("[0-9]*"))[:25]:
        (target / "Train" / HELD_OUT / picture.name).symlink_to(picture)
    for name in TEST_CLIPS:
        (target / "Test" / name).symlink_to(source / "Test" / name)
        (target / "Test" / f"{name}_gt").symlink_to(source / "Test" / f"{name}_gt")
    first, *lines = (source / "Test" / "UCSDped2.m").read_text().splitlines()
    (target / "Test" / "UCSDped2.m").write_text("\n".join([first, *lines[: len(TEST_CLIPS)], ""]))
    return target


def test_real_footage_from_start_to_finish(unforeseen: Command, part: Path, tmp_path: Path):
    out = tmp_path / "out"
    done = unforeseen("run", "--source", part, "--out", out, *options(**FULL, training__steps_per_epoch=60))
    assert done.code == 0, done.errors
    summary = json.loads((out / "summary.json").read_text())
    frames = sum(len(list((part / "Test" / name).iterdir())) for name in TEST_CLIPS)
    assert (summary["clips"], summary["frames"], summary["frames_without_score"]) == (1, frames, 8)
    # Figures that fall when evidence, perspective, smoothing or calibration break, with any network.
    assert summary["evidence"]["optical_flow"] > 0.95
    assert summary["evidence"]["motion_distance"] > 0.95
    assert summary["evidence"]["prediction_error"] > 0.7
    assert summary["frame_auroc"] > 0.9
    assert summary["pixel_auroc"] > 0.9
    assert 0.2 < summary["model_mse"] / summary["baselines"]["copy_last_frame_mse"] < 1
    assert summary["false_alarms_per_hour"] >= 0
    assert summary["registered"]["model"] == "unforeseen-UCSDped2"
    assert (out / "report.html").stat().st_size > 50_000
