"""A server process for the bench, and what a request to it costs over the bare detector, in turns."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import grpc
import httpx
import numpy as np
import psutil
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc as stubs

from model.detector import Detector
from pipelines.bench.crowd import Request

NAME = "bench"
TURN = 25  # frames


class Served(NamedTuple):
    """A server that is ready."""

    url: str
    target: str  # of gRPC
    process: psutil.Process
    seconds: float  # from start to ready
    cpu: float  # seconds of a core that this took, which a busy machine does not change much

    def resident(self) -> int:
        """Bytes of its memory now."""
        return int(self.process.memory_info().rss)


@contextmanager
def serve(detector: Path, log: Path) -> Iterator[Served]:
    """`unforeseen serve` until the block ends."""
    program = Path(sysconfig.get_path("scripts")) / "unforeseen"
    words = [str(program), "serve", "--detector", str(detector), "--port", "0", "--grpc-port", "0"]
    begun = time.perf_counter()
    with log.open("w") as errors, subprocess.Popen(words, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
        assert process.stdout
        said = [process.stdout.readline() for _ in range(3)]
        if not said[2]:
            raise RuntimeError(f"the server ended: {log.read_text()}")
        seconds, found = time.perf_counter() - begun, psutil.Process(process.pid)
        try:
            yield Served(said[1].split()[1], said[2].split()[1], found, seconds, sum(found.cpu_times()[:2]))
        finally:
            process.terminate()


def start(detector: Path, scratch: Path, rounds: int) -> dict[str, float]:
    """Seconds from start to ready over those of a process that only imports TensorFlow, in turns; the best counts."""
    whole, cpu, tensorflow, its_cpu = [], [], [], []
    for _ in range(rounds):
        begun, before = time.perf_counter(), os.times()
        subprocess.run([sys.executable, "-c", "import tensorflow"], capture_output=True, check=True)
        tensorflow.append(time.perf_counter() - begun)
        its_cpu.append(sum(os.times()[2:4]) - sum(before[2:4]))
        with serve(detector, scratch / "log") as served:
            whole.append(served.seconds)
            cpu.append(served.cpu)
    return {"beside": min(whole) - min(tensorflow), "cpu": min(cpu) - min(its_cpu), "tensorflow": min(tensorflow)}


def frame_by_frame(served: Served, detector: Detector, frames: np.ndarray) -> dict[str, float]:
    """One stream by gRPC, a frame a request, and the same frames through the bare detector; they take turns."""
    bare, push, asked = detector.stream(fps=10.0), [], []
    with grpc.insecure_channel(served.target) as channel:
        infer = stubs.GRPCInferenceServiceStub(channel).ModelInfer
        for first in range(0, len(frames), TURN):
            push += [_seconds(bare.push, frame) for frame in frames[first : first + TURN]]
            asked += [_seconds(infer, _of_frame(t, frames[t])) for t in range(first, min(first + TURN, len(frames)))]
    half, most = np.quantile(asked[TURN:], [0.5, 0.99])
    usual = median(push[TURN:])
    return {"bare": usual, "median": half, "p99": most, "overhead": half / usual - 1, "spread": most / half}


def clip(served: Served, detector: Detector, request: Request, frames: np.ndarray, rounds: int) -> dict[str, float]:
    """A clip by REST with binary tensors, and through the bare detector, in turns; the best of both counts."""
    headers = {"inference-header-content-length": str(request.length)}
    bare, asked = [], []
    with httpx.Client(base_url=served.url) as client:
        for _ in range(rounds):
            asked.append(_seconds(lambda: client.post(request.path, content=request.content, headers=headers)))
            bare.append(_seconds(detector.score, frames))
    return {"bare": min(bare), "asked": min(asked), "beside": min(asked) - min(bare)}


def _of_frame(number: int, frame: np.ndarray) -> Any:
    given = pb.ModelInferRequest.InferInputTensor(name="frames", datatype="UINT8", shape=(1, *frame.shape))
    parameters = {
        "sequence_id": pb.InferParameter(string_param="one"),
        "frame_index": pb.InferParameter(int64_param=number),
        "sequence_start": pb.InferParameter(bool_param=number == 0),
    }
    return pb.ModelInferRequest(
        model_name=NAME, parameters=parameters, inputs=[given], raw_input_contents=[frame.tobytes()]
    )


def _seconds(act: Callable[..., Any], *given: Any) -> float:
    begun = time.perf_counter()
    act(*given)
    return time.perf_counter() - begun
