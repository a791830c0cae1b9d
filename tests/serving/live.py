"""A tiny detector, and a real server process over it."""

from __future__ import annotations

import dataclasses
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
import httpx
import numpy as np

from model import config

if TYPE_CHECKING:
    from model.detector import Detector

SETTINGS = config.build(
    overrides=[
        "preprocessing.height=32",
        "preprocessing.width=48",
        "prednet.shrink=1",
        "prednet.stack_sizes=[1,4]",
        "prednet.r_stack_sizes=[2,4]",
        "prednet.a_filter_sizes=[3]",
        "prednet.a_hat_filter_sizes=[3,3]",
        "prednet.r_filter_sizes=[3,3]",
        "training.layer_loss_weights=[1,0.1]",
    ]
)
WARM_UP = SETTINGS.scoring.warm_up_frames
NAME = "gate"
PATIENCE_SECONDS = 120  # with a start, on a busy machine


def clip(frames: int, seed: int = 0) -> np.ndarray:
    """Noise in which a block moves, which jumps at the end of a third: `uint8 [T, 48, 72, 3]`."""
    found = np.random.default_rng(seed).normal(100, 8, (frames, 48, 72, 3))
    for t in range(frames):
        left = (t if t < frames // 3 else 7 * t) % 60
        found[t, 16:28, left : left + 10] = 220
    return found.clip(0, 255).astype(np.uint8)


def fit() -> Detector:
    """Untrained, but it knows a scene: about half of the frames of other clips are alarms to it."""
    import keras

    from model import detector, prednet, scoring
    from model.decision import Threshold

    keras.utils.set_random_seed(0)
    size = SETTINGS.preprocessing.height, SETTINGS.preprocessing.width
    network = prednet.build(SETTINGS.prednet, *size, SETTINGS.training.layer_loss_weights)
    raw = detector.Detector(NAME, network, SETTINGS.preprocessing, SETTINGS.scoring, decision=SETTINGS.decision)
    stream = raw.stream()

    def look(frame: np.ndarray) -> Any:
        stream.push(frame)
        return stream.observation

    scene, _ = scoring.fit_scene([map(look, clip(30))], 4.0, np.random.default_rng(0))
    tail = scoring.Tail.fit([np.linspace(0, 1, 100)])
    calibration = scoring.Calibration(dict.fromkeys(scoring.EVIDENCE, tail), SETTINGS.scoring.fused)
    raw = dataclasses.replace(raw, scene=scene, calibration=calibration)
    usual = float(np.nanmedian(raw.score(clip(40, 1)).scores))
    return dataclasses.replace(raw, operating_point=Threshold(usual))


class Server(NamedTuple):
    """A process that is ready."""

    process: subprocess.Popen[str]
    url: str
    target: str  # of gRPC
    log: Path

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=PATIENCE_SECONDS)

    def stub(self) -> Any:
        from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        return GRPCInferenceServiceStub(grpc.insecure_channel(self.target, options))


@contextmanager
def serving(directory: Path, log: Path, *options: str) -> Iterator[Server]:
    """Ends it however it stands; whoever wants a graceful end asks for it before."""
    program = Path(sysconfig.get_path("scripts")) / "unforeseen"
    command = [str(program), "serve", "--detector", str(directory), "--port", "0", "--grpc-port", "0", *options]
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, bufsize=1) as process,
    ):
        assert process.stdout
        try:
            said = [process.stdout.readline() for _ in range(3)]
            assert said[2], f"it ended: {log.read_text()}"
            yield Server(process, said[1].split()[1], said[2].split()[1], log)
        finally:
            process.kill()
