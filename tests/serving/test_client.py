"""The client against a real server process: clips, streams, and servers that are busy or have forgotten."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import cv2
import faulty
import grpc
import numpy as np
import pytest
from live import NAME, WARM_UP, Server, clip
from tls import certificate

from model import detector
from model.errors import BadInput, RunFailed
from serving.client import Client, Patience
from serving.client.client import CONTEXT_FRAMES

CLIP = clip(30, seed=3)
EQUAL = {"rtol": 0, "atol": 1e-5, "equal_nan": True}
ROADS = ("http", "grpc")


def patience(waited: list[float] | None = None) -> Patience:
    return Patience(waits=(0.5, 1.0), sleep=(waited if waited is not None else []).append, random=lambda: 0.0)


def address(server: Server, road: str) -> str:
    return server.url if road == "http" else f"grpc://{server.target}"


@pytest.fixture(scope="module")
def expected(tiny_detector):
    return detector.load(tiny_detector).score(CLIP)


@pytest.fixture(params=ROADS)
def client(server: Server, request: pytest.FixtureRequest) -> Iterator[Client]:
    with Client(address(server, request.param), NAME, patience=patience()) as found:
        yield found


def test_a_clip_scores_as_the_detector_does(client: Client, expected):
    answer = client.score_clip(CLIP, fps=10.0)
    np.testing.assert_allclose(answer.scores, expected.scores, **EQUAL)
    np.testing.assert_array_equal(answer.alarms, expected.alarms)
    np.testing.assert_array_equal(answer.warm, np.arange(len(CLIP)) >= WARM_UP)
    assert answer.frame_index.tolist() == list(range(len(CLIP)))
    assert len(answer.detector) == 12


def test_pictures_are_sent_as_jpeg(server: Server, tiny_detector):
    def lossy(frame: np.ndarray) -> np.ndarray:
        encoded = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
        return cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1]

    with Client(server.url, jpeg=90) as found:
        answer = found.score_clip(CLIP)
    there = detector.load(tiny_detector).score(np.stack([lossy(frame) for frame in CLIP]))
    np.testing.assert_allclose(answer.scores, there.scores, **EQUAL)


def test_heat_maps_as_pictures_are_those_to_a_step_of_grey(client: Client):
    exact, pictures = (client.score_clip(CLIP, extras=extra) for extra in ("heat_map", "heat_map_png"))
    assert exact.heat_maps is not None
    assert exact.heat_maps.max() > 1
    np.testing.assert_allclose(pictures.heat_maps, exact.heat_maps.clip(0, 2), rtol=0, atol=1 / 127.5)
    assert exact.crop == pictures.crop == (0.0, 1.0, 0.0, 1.0)


def test_the_only_model_needs_no_name(server: Server):
    with Client(server.url) as found:
        assert found.model == NAME
        assert found.describe()["warm_up_frames"] == WARM_UP
    with Client(f"grpc://{server.target}") as found, pytest.raises(BadInput, match="expected the name of a model"):
        found.score_clip(CLIP)


@pytest.mark.parametrize(
    ("model", "frames", "words"),
    [
        ("moon", CLIP, "expected .* Received: '?moon"),
        (NAME, CLIP[:0], r"expected frames as uint8 \[H, W, C\] of one size. Received: "),
        (NAME, [CLIP[0], CLIP[1, :20]], r"expected frames as uint8 \[H, W, C\] of one size. Received: "),
        (NAME, CLIP[:, :, :, :2], r"expected frames of shape \[T, H, W, 1 or 3\]. Received: "),
    ],
    ids=["model", "none", "sizes", "channels"],
)
@pytest.mark.parametrize("road", ROADS)
def test_refusals_are_the_servers_own_words(server: Server, road: str, model: str, frames, words: str):
    waited: list[float] = []
    with Client(address(server, road), model, patience=patience(waited)) as found, pytest.raises(BadInput, match=words):
        found.score_clip(frames)
    assert not waited  # another try would not help


@pytest.mark.parametrize(
    ("faults", "waits"),
    [
        ([(429, "3")], [3]),
        ([(429, "900")], [30]),  # nobody waits for a quarter of an hour
        ([(503, ""), (502, "")], [0.5, 1]),  # loading; a proxy whose server restarts
        ([(0, "")], [0.5]),  # the connection breaks off
    ],
    ids=["full", "full for long", "loading", "broken"],
)
def test_a_busy_server_is_asked_again(server: Server, faults: faulty.Faults, waits: list[float]):
    waited: list[float] = []
    with faulty.http(server.url, faults) as url, Client(url, NAME, patience=patience(waited)) as found:
        assert len(found.score_clip(CLIP[:3]).scores) == 3
    assert waited == waits


def test_a_busy_server_is_asked_again_over_grpc(server: Server):
    waited: list[float] = []
    codes = [(grpc.StatusCode.RESOURCE_EXHAUSTED, "3"), (grpc.StatusCode.UNAVAILABLE, "")]
    with (
        faulty.rpc(server.target, codes) as target,
        Client(f"grpc://{target}", NAME, patience=patience(waited)) as found,
    ):
        assert len(found.score_clip(CLIP[:3]).scores) == 3
    assert waited == [3, 1]


def test_too_large_is_not_asked_again(server: Server):
    waited: list[float] = []
    codes = [(grpc.StatusCode.RESOURCE_EXHAUSTED, "")]  # without a time to come back
    with (
        faulty.rpc(server.target, codes) as target,
        Client(f"grpc://{target}", NAME, patience=patience(waited)) as found,
        pytest.raises(BadInput, match="as the test asked"),
    ):
        found.score_clip(CLIP[:3])
    assert not waited


@pytest.mark.parametrize("server_address", ["http://127.0.0.1:1", "grpc://127.0.0.1:1"])
def test_a_server_that_is_away_is_given_up(server_address: str):
    said = "expected an answer within 3 tries. Received: .*127.0.0.1:1"
    with Client(server_address, NAME, patience=patience()) as found, pytest.raises(RunFailed, match=said):
        found.score_clip(CLIP[:3])


def test_a_server_that_nobody_vouches_for_is_not_talked_to(server: Server, tmp_path):
    with (
        faulty.rpc(server.target, [], certificate(tmp_path)) as target,
        Client(f"grpcs://{target}", NAME, patience=patience()) as found,
        pytest.raises(RunFailed, match=f"Received: {target}: .*[Cc]ert"),
    ):
        found.score_clip(CLIP[:3])


@pytest.mark.parametrize("wrong", ["localhost:8080", "ftp://a", "http://"])
def test_addresses_that_no_server_has(wrong: str):
    with pytest.raises(BadInput, match="expected a server as http://, https://, grpc://, grpcs://"):
        Client(wrong)


def test_the_client_needs_neither_tensorflow_nor_kserve():
    code = "import sys; from serving.client import Client; Client('grpc://a:1'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"tensorflow", "keras", "kserve", "mlflow"} & set(done.stdout.split())


# Streams


def test_a_stream_scores_as_an_uninterrupted_one_does(client: Client, expected):
    stream = client.stream(f"whole-{id(client)}", fps=10.0)
    answers = [stream.push(frame, end=frame is CLIP[-1]) for frame in CLIP]
    np.testing.assert_allclose([answer.scores[0] for answer in answers], expected.scores, **EQUAL)
    assert [int(answer.frame_index[0]) for answer in answers] == list(range(len(CLIP)))
    assert stream.resumed == 0


@pytest.mark.parametrize("frames_a_request", [100, 3], ids=["at once", "in pieces"])
def test_a_stream_that_the_server_loses_goes_on_as_if_nothing_had_happened(
    client: Client, tiny_detector, frames_a_request: int, monkeypatch: pytest.MonkeyPatch
):
    """Lost in warm-up, before there is a state to bring back, right after one, and long after."""
    monkeypatch.setattr("serving.client.client.REQUEST_BYTES", frames_a_request * CLIP[0].nbytes)
    frames, name = clip(70, seed=6), f"lost-{id(client)}-{frames_a_request}"
    alone = detector.load(tiny_detector).stream(10.0, name)
    stream, found = client.stream(name, fps=10.0), []
    for number, frame in enumerate(frames):
        if number in (3, 20, CONTEXT_FRAMES, 60):
            client.stream(name, fps=10.0).push(CLIP[0], end=True)  # the state goes, as with a pod that dies
        answer, expected = stream.push(frame), alone.push(frame)
        np.testing.assert_allclose(answer.scores, np.float32(expected.score), **EQUAL)
        assert [(e.id, e.last) for e in answer.opened] == [(e.id, e.last) for e in (expected.opened,) if e]
        assert [(e.id, e.last) for e in answer.closed] == [(e.id, e.last) for e in (expected.closed,) if e]
        found += [*answer.opened, *answer.closed]
    assert stream.resumed == 3
    assert found


def test_after_a_cut_a_stream_warms_up_anew(client: Client, expected):
    stream = client.stream(f"cut-{id(client)}", fps=10.0)
    for frame in CLIP[: WARM_UP + 2]:
        stream.push(frame)
    answers = [stream.push(frame, start=number == 0) for number, frame in enumerate(CLIP)]
    np.testing.assert_allclose([answer.scores[0] for answer in answers], expected.scores, **EQUAL)
    assert answers[0].frame_index.tolist() == [WARM_UP + 2]  # and its events are told apart from those before


def test_a_camera_that_changes_its_size_warms_up_anew(server: Server):
    with Client(server.url, NAME, patience=patience()) as found:
        stream = found.stream("resized", fps=10.0)
        warm = [bool(stream.push(frame).warm[0]) for frame in [*CLIP[: WARM_UP + 1], CLIP[0, :40]]]
    assert warm == [False] * WARM_UP + [True, False]


def test_a_push_that_is_repeated_is_answered_from_what_is_known(server: Server, expected):
    broken: faulty.Faults = []
    with faulty.http(server.url, broken) as url, Client(url, NAME, patience=patience()) as found:
        stream, scores = found.stream("repeated", fps=10.0), []
        for number, frame in enumerate(CLIP[:20]):
            broken += [(faulty.LOST, "")] if number % 5 == 4 else []
            scores.append(stream.push(frame).scores[0])
    np.testing.assert_allclose(scores, expected.scores[:20], **EQUAL)
