"""One tiny run on the walkway that the tests of the command line share, and what else they feed to it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import cv2
import pytest
from tiny import PATIENCE_SECONDS, WALKWAY, Command, Finished, Run, options

from model import walkway


@pytest.fixture(scope="session")
def unforeseen(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Runs the command as a user does, in an empty directory."""
    here = tmp_path_factory.mktemp("here")
    program = Path(sysconfig.get_path("scripts")) / "unforeseen"

    def run(*words: str | Path) -> Finished:
        command = [str(word) for word in (program, *words)]
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def first_run(unforeseen: Command, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A whole run on the walkway, one for all processes of the tests: whoever needs it first makes it.

    Later runs of test_run.py may follow in its directory; `kept` stays as the first left it.
    """
    base = tmp_path_factory.getbasetemp()
    directory = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "first_run"
    out, kept, said = (directory / name for name in ("walkway", "kept", "said.json"))
    directory.mkdir(exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            done = unforeseen("run", "--out", out, *options())
            if done.code == 0:
                shutil.copytree(out, kept, ignore=shutil.ignore_patterns("pipeline", "cache", "mlartifacts"))
            said.write_text(json.dumps(done))
    done = Finished(*json.loads(said.read_text()))
    assert done.code == 0, done.errors
    return Run(out, kept, json.loads((kept / "summary.json").read_text()), done)


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The walkway of that run as files, in the layout of the UCSD data set."""
    directory = tmp_path_factory.mktemp("footage") / "walkway"
    walkway.write(WALKWAY, directory)
    return directory


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two short videos that nobody labelled."""
    folder = tmp_path_factory.mktemp("videos") / "lobby"
    folder.mkdir()
    for index in range(2):
        frames = walkway.render_clip(WALKWAY, "train", index).frames
        code = cv2.VideoWriter_fourcc(*"mp4v")
        writer = cv2.VideoWriter(str(folder / f"{index}.mp4"), code, WALKWAY.fps, frames.shape[2:0:-1])
        for frame in frames:
            writer.write(frame[..., ::-1])
        writer.release()
    return folder
