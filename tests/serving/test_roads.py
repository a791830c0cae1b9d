"""What the server process of the other tests cannot show, over real sockets all the same: loading, and categories."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import NamedTuple

import grpc
import httpx
import numpy as np
import pytest
import uvicorn
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub
from live import NAME, PATIENCE_SECONDS, WARM_UP, clip

from model import detector
from model.classifier import Classifier, FrameFeatures
from model.classifier.heads import Dense
from serving.client import Client
from serving.engine import Engine
from serving.fleet import Fleet
from serving.grpc_server import server as grpc_server
from serving.limits import Limits
from serving.rest import application
from serving.server import Addresses, listen
from serving.service import Service
from serving.sources import Directory

CLIP = clip(20, seed=3)
INFER, PREDICT = f"/v2/models/{NAME}/infer", f"/v1/models/{NAME}:predict"


class Roads(NamedTuple):
    """Both protocols of one service."""

    url: str
    target: str  # of gRPC


@contextmanager
def serving(directory: Path, limits: Limits) -> Iterator[Roads]:
    """In a thread of this process; nothing is loaded before it is asked for."""
    engine, found, ends = Engine(Fleet(Directory(directory), limits)), Queue[Roads](), Queue[tuple[object, object]]()

    async def run() -> None:
        service, listener, stop = Service(engine, limits), listen(Addresses("127.0.0.1", 0, 0)), asyncio.Event()
        rpc = grpc_server(service)
        port = rpc.add_insecure_port("127.0.0.1:0")
        await rpc.start()
        http = uvicorn.Server(uvicorn.Config(application(service), log_config=None, access_log=False))
        web = asyncio.create_task(http.serve(sockets=[listener]))
        ends.put((asyncio.get_running_loop(), stop))
        found.put(Roads(f"http://127.0.0.1:{listener.getsockname()[1]}", f"127.0.0.1:{port}"))
        await stop.wait()
        http.should_exit = True
        await asyncio.gather(rpc.stop(1.0), web)
        service.close()

    thread = Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        yield found.get(timeout=PATIENCE_SECONDS)
    finally:
        loop, stop = ends.get(timeout=PATIENCE_SECONDS)
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE_SECONDS)
        engine.close()


def test_while_a_detector_is_loaded_every_road_says_to_come_back(tiny_detector: Path):
    given = pb.ModelInferRequest.InferInputTensor(name="frames", datatype="UINT8", shape=CLIP.shape)
    message = pb.ModelInferRequest(model_name=NAME, inputs=[given], raw_input_contents=[CLIP.tobytes()])
    tensor = {"name": "frames", "datatype": "UINT8", "shape": list(CLIP.shape), "data": CLIP.ravel().tolist()}
    with (
        serving(tiny_detector, Limits(load_seconds=0.0, batch=1)) as roads,
        httpx.Client(base_url=roads.url, timeout=PATIENCE_SECONDS) as client,
        grpc.insecure_channel(roads.target) as channel,
    ):
        one = client.post(PREDICT, json={"instances": CLIP.tolist()})
        two = client.post(INFER, json={"inputs": [tensor]})
        with pytest.raises(grpc.RpcError) as failed:
            GRPCInferenceServiceStub(channel).ModelInfer(message)
        ready = client.get(f"/v2/models/{NAME}/ready")
        assert (one.status_code, two.status_code, ready.status_code) == (503, 503, 503)
        assert int(one.headers["Retry-After"]) == int(two.headers["Retry-After"]) > 0
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        said = f"model '{NAME}' is being loaded; try again in a few seconds"
        assert one.json() == two.json() == {"error": said}
        assert failed.value.details() == said
        end = time.monotonic() + PATIENCE_SECONDS
        while client.get(f"/v2/models/{NAME}/ready").status_code == 503 and time.monotonic() < end:
            time.sleep(0.05)
        assert client.post(PREDICT, json={"instances": CLIP.tolist()}).status_code == 200


@pytest.fixture(scope="module")
def naming(unsaved: detector.Detector, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a classifier, which says different things of different frames."""
    stream = unsaved.stream()
    results = [stream.push(frame) for frame in CLIP[: WARM_UP + 1]]
    usual = FrameFeatures(4.0).push(results[-1].evidence, stream.observation, stream.anomaly_map())
    weights = np.random.default_rng(1).normal(0, 5, (len(usual), 3))
    head = Dense((weights,), (np.zeros(3),))
    kinds = Classifier(("normal", "bicycle", "cart"), head, usual, np.ones(len(usual)))
    directory = tmp_path_factory.mktemp("naming") / NAME
    detector.save(dataclasses.replace(unsaved, classifier=kinds), directory)
    return directory


def test_the_category_that_is_served_is_the_detectors(naming: Path):
    fitted = detector.load(naming)
    expected = fitted.score(CLIP).probabilities
    assert expected is not None
    names = [""] * WARM_UP + [fitted.classifier.classes[row.argmax()] for row in expected[WARM_UP:]]
    assert len(set(names)) > 2  # or else it says little
    with serving(naming, Limits(batch=1)) as roads:
        for address in (roads.url, f"grpc://{roads.target}"):
            with Client(address, NAME) as client:
                assert list(client.score_clip(CLIP, fps=10.0, extras="category").categories) == names
        with httpx.Client(base_url=roads.url, timeout=PATIENCE_SECONDS) as client:
            given = {"instances": CLIP.tolist(), "parameters": {"extras": "category", "fps": 10}}
            answer = client.post(PREDICT, json=given).json()
            outputs = client.get(f"/v2/models/{NAME}").json()["outputs"]
    assert [row["category"] for row in answer["predictions"]] == names
    assert {"name": "category", "datatype": "BYTES", "shape": [-1]} in outputs
    stream = fitted.stream(10.0, "clip")
    closed = [event for frame in CLIP if (event := stream.push(frame).closed)] + [stream.finish()]
    assert [event["category"] for event in answer["closed"]] == [event.category for event in closed if event]
    assert answer["closed"]
