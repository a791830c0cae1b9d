"""What docs/serving.md shows to developers works as it stands there, but for addresses and the model's name."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from live import NAME, PATIENCE_SECONDS, WARM_UP, clip

PAGE = (Path(__file__).parents[2] / "docs/serving.md").read_text()
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_page_has_a_curl_line_a_python_line_and_a_grpc_line():
    assert [kind for kind, _ in BLOCKS] == ["sh", "python", "python"]
    assert all(word in text for word, (_, text) in zip(("curl", "Client", "ModelInfer"), BLOCKS, strict=True))


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    directory = tmp_path_factory.mktemp("docs")
    frames = clip(WARM_UP + 2)
    writer = cv2.VideoWriter(str(directory / "clip.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 10.0, frames.shape[2:0:-1])
    for frame in frames:
        writer.write(frame[..., ::-1])
    writer.release()
    return directory


@pytest.mark.parametrize(("kind", "text"), BLOCKS, ids=["curl", "python", "grpc"])
def test_it_runs(server, here, kind, text):
    text = text.replace("http://127.0.0.1:8080", server.url).replace("127.0.0.1:8081", server.target)
    text = text.replace("/walkway:", f"/{NAME}:").replace('"walkway"', f'"{NAME}"')
    command = shlex.split(text) if kind == "sh" else [sys.executable, "-c", text]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    scores = re.findall(r'nan|"score":null|-?\d+\.\d*', done.stdout)
    assert len(scores) >= WARM_UP + 2, done.stdout
    assert set(scores) - {"nan", '"score":null'}, "all of it is warm-up"
