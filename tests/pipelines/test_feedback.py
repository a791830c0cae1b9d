"""`unforeseen feedback`, and how `unforeseen run --feedback` hands it on."""

import getpass
import json

import cv2
import numpy as np
import pytest

from components.ingest import ingest_source
from model import footage
from pipelines.cli import main


@pytest.fixture
def events(tmp_path):
    """Two events in a folder of 100 pictures that somebody scored."""
    folder = tmp_path / "seen" / "monday"
    folder.mkdir(parents=True)
    for t in range(100):
        cv2.imwrite(str(folder / f"{t:03d}.png"), np.full((4, 6), t, np.uint8))
    rows = [
        {"id": f"monday-{first}", "source": str(folder), "source_frames": [first, first + 5], "fps": 10.0}
        for first in (20, 70)
    ]
    file = tmp_path / "events.json"
    file.write_text(json.dumps(rows))
    return file


def test_a_mark_reaches_the_run_and_its_clips(events, tmp_path, capsys):
    file, source = tmp_path / "feedback.json", tmp_path / "source"
    words = ["feedback", "--events", str(events), "--out", str(file), "--mark"]
    assert main([*words, "monday-20=normal"]) == 0
    assert f"frames 0 to 45 of {tmp_path}/seen/monday are normal, says {getpass.getuser()}" in capsys.readouterr().out

    for name in ("a", "b", "c"):
        (source / name).mkdir(parents=True)
        for t in range(12):
            cv2.imwrite(str(source / name / f"{t:03d}.png"), np.full((4, 6), t, np.uint8))
    run = ["run", "--source", str(source), "--out", str(tmp_path / "out"), "--dry-run"]

    def arguments(*more):
        assert main([*run, *more]) == 0
        return json.loads(capsys.readouterr().out)["arguments"]

    plain, once = arguments(), arguments("--feedback", str(file))
    assert main([*words, "monday-70=normal", "--by", "ana"]) == 0
    capsys.readouterr()
    twice = arguments("--feedback", str(file))
    (tmp_path / "seen" / "monday" / "099.png").write_bytes((source / "a" / "000.png").read_bytes())
    changed = arguments("--feedback", str(file))
    keys = [(one["feedback"], one["fingerprint"]) for one in (plain, once, twice, changed)]
    assert len(set(keys)) == 4  # so many answers in the cache
    assert plain["feedback"] == ""

    ingest_source(
        str(source),
        "door",
        twice["ingest_settings"],
        twice["feedback"],
        "",
        "",
        str(tmp_path / "down"),
        str(tmp_path / "clips"),
    )
    index = tmp_path / "clips" / "footage.json"
    own, marked = (
        [clip for clip in footage.read_index(index) if clip.name.startswith("feedback/") is taken]
        for taken in (False, True)
    )
    assert len(own) == 3
    assert [(clip.split, clip.frames) for clip in marked] == [("train", 46), ("train", 46)]
    assert [row["by"] for row in json.loads(index.read_text())["feedback"]] == [getpass.getuser(), "ana"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["feedback", "--events", "none.json", "--mark", "a=normal"], "none.json: expected the events.json"),
        (["feedback", "--events", "{events}", "--mark", "x=normal"], "2 events, such as monday-20. Received: x"),
        (["feedback", "--events", "{events}", "--mark", "monday-20=fine"], "expected --mark ID=normal. Received: mo"),
        (["run", "--out", "out", "--feedback", "none.json"], "none.json: expected a feedback file"),
    ],
)
def test_what_is_refused_costs_one_line_and_leaves_nothing(words, message, events, monkeypatch, capsys):
    monkeypatch.chdir(events.parent)
    assert main([word.format(events=events) for word in words]) == 2
    output, errors = capsys.readouterr()
    assert message in errors
    assert (output, errors.count("\n")) == ("", 1)
    assert sorted(path.name for path in events.parent.iterdir()) == ["events.json", "seen"]
