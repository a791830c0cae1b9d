"""What the server process of the other tests cannot show, over real sockets: loading, categories, videos by address."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import Any, NamedTuple

import cv2
import grpc
import httpx
import numpy as np
import pytest
import uvicorn
import web_server
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub
from live import NAME, PATIENCE_SECONDS, WARM_UP, clip
from s3_server import S3Server

from model import decision, detector
from model.classifier import Classifier, FrameFeatures
from model.classifier.heads import Dense
from model.footage.decode import video_frames
from pipelines.commands.serve import _s3
from pipelines.profile import Profile, Store
from serving import uri
from serving.client import Client
from serving.client.watch import Tally, watch
from serving.decode import Fetch
from serving.engine import Engine
from serving.fleet import Fleet
from serving.grpc_server import server as grpc_server
from serving.limits import Limits
from serving.messages import Answer
from serving.rest import application
from serving.server import Addresses, listen
from serving.service import Service
from serving.sizes import BODY
from serving.sources import Directory

CLIP = clip(20, seed=3)
INFER, PREDICT = f"/v2/models/{NAME}/infer", f"/v1/models/{NAME}:predict"


class Roads(NamedTuple):
    """Both protocols of one service."""

    url: str
    target: str  # of gRPC


@contextmanager
def serving(directory: Path, limits: Limits, fetch: Fetch | None = None) -> Iterator[Roads]:
    """In a thread of this process; nothing is loaded before it is asked for."""
    engine, found, ends = Engine(Fleet(Directory(directory), limits)), Queue[Roads](), Queue[tuple[object, object]]()

    async def run() -> None:
        service, listener, stop = Service(engine, limits, fetch), listen(Addresses("127.0.0.1", 0, 0)), asyncio.Event()
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
    for frame in CLIP[: WARM_UP + 1]:
        stream.push(frame)
    usual = FrameFeatures(4.0).push(unsaved.scene, stream.maps, stream.observation.motion, stream.strange)
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


def test_a_threshold_with_a_profile_stands_where_the_request_says_that_it_is(
    unsaved: detector.Detector, tmp_path: Path
):
    """By every road; and in a film whose name tells when it was recorded, which is followed through the server."""
    profile = decision.Profile(tuple(np.linspace(0.5, 1.5, decision.HOURS).tolist()))
    point = dataclasses.replace(unsaved.operating_point, profile=profile)
    detector.save(dataclasses.replace(unsaved, operating_point=point), tmp_path / NAME)
    film, seen, told = tmp_path / "20260412_083000.mp4", list[float](), list[list[float]]()
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter_fourcc(*"mp4v"), 10.0, CLIP.shape[2:0:-1])
    for frame in CLIP[:10]:
        writer.write(frame[..., ::-1])
    writer.release()

    class Listening(Client):
        def send(self, *words: Any) -> Answer:
            answer = super().send(*words)
            seen.append(float(answer.thresholds[-1]))
            return answer

    with serving(tmp_path / NAME, Limits(batch=1)) as roads:
        for address in (roads.url, f"grpc://{roads.target}"):
            with Listening(address, NAME) as client:
                client.stream(f"night-{address}").push(CLIP[0], hour=23.9999)
                told += [client.describe()["hourly"]] if address == roads.url else []
                watch(client, str(film), None, print, print, Tally(), Event())
                slow = client.stream(f"slow-{address}", fps=1 / 1800)  # in warm-up those before come with each frame
                for number, hour in enumerate((22.5, 23.0, 23.5, 0.0, 0.5)):
                    slow.push(CLIP[number], hour=hour)
    assert told == [[pytest.approx(point.value * factor) for factor in profile.factors]]
    hours = np.array([23.9999, *[8.5] * 10, 22.5, 23.0, 23.5, 0.0, 0.5])
    np.testing.assert_allclose(seen, 2 * [*(point.value * profile.at(hours))], rtol=1e-3)


def test_videos_by_address_come_from_where_the_server_allows_and_score_as_their_frames(
    tiny_detector: Path, s3_server: S3Server, bucket: str, tmp_path: Path
):
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10.0, CLIP.shape[2:0:-1])
    for frame in CLIP:
        writer.write(frame[..., ::-1])
    writer.release()
    s3_server.client().fput_object(bucket, "clips/a.mp4", str(path))
    expected = detector.load(tiny_detector).score(video_frames(path, 3)).scores
    bring = _s3(Profile(store=Store(endpoint=s3_server.endpoint)))
    with web_server.serve({"/clips/a.mp4": web_server.Page(path.read_bytes())}) as (web, _):
        fetch = uri.fetcher([f"s3://{bucket}/clips/", f"{web}/clips"], bring, BODY)
        with (
            serving(tiny_detector, Limits(batch=1), fetch) as roads,
            httpx.Client(base_url=roads.url, timeout=PATIENCE_SECONDS) as client,
        ):
            for address in (f"s3://{bucket}/clips/a.mp4", f"{web}/clips/a.mp4"):
                answer = client.post(PREDICT, json={"instances": [{"video_uri": address}]})
                scores = np.array([row["score"] for row in answer.json()["predictions"]], np.float32)
                np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-5)
            for address in (f"s3://{bucket}/other.mp4", f"s3://{bucket}/clips/none.mp4", f"{web}/clips/none.mp4"):
                refused = client.post(PREDICT, json={"instances": [{"video_uri": address}]})
                assert refused.status_code == 400
                assert s3_server.endpoint not in refused.text
