"""Malformed requests at a real process: it never fails, never ends, never grows. `make fuzz-serving` sends 10,000."""

from __future__ import annotations

import json
import os

import grpc
import psutil
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from live import NAME, PATIENCE_SECONDS, clip
from schemathesis import GenerationMode

REQUESTS = int(os.environ.get("UNFORESEEN_FUZZ", "400"))  # all tests of this file together
GROWTH = 64 << 20  # bytes of resident memory that may come and stay
WRONG = set(range(400, 500)) | {200, 503}
FRAMES = clip(2)
PATHS = (f"/v2/models/{NAME}/infer", f"/v1/models/{NAME}:predict")


def many(share: float) -> settings:
    return settings(
        max_examples=max(1, int(REQUESTS * share)),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module")
def client(server):
    with server.client() as found:
        yield found


@pytest.fixture(scope="module", autouse=True)
def unharmed(server):
    """Around all tests of the file."""
    process = psutil.Process(server.process.pid)
    process = next((child for child in process.children() if "unforeseen" in " ".join(child.cmdline())), process)
    with server.client() as client:
        for _ in range(5):
            client.post(PATHS[1], json={"instances": clip(12).tolist()})
        before = process.memory_info().rss
        yield
        assert client.post(PATHS[1], json={"instances": clip(12).tolist()}).status_code == 200
    assert server.process.poll() is None
    grown = process.memory_info().rss - before
    print(f"resident memory grew by {grown >> 20} MiB over about {REQUESTS} requests")
    assert grown < GROWTH
    failed = [
        line for line in server.log.read_text().splitlines() if json.loads(line)["level"] in ("error", "critical")
    ]
    assert failed == []


def check(response):
    assert response.status_code in WRONG, response.text
    assert "Traceback" not in response.text
    if response.status_code >= 400 and response.content:
        assert list(response.json()) == ["error"]


def test_the_documents_own_operations(server):
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json", timeout=PATIENCE_SECONDS)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert {operation.method.upper() for operation in operations} == {"GET", "POST"}
    for operation in operations:
        call_with(operation.as_strategy(), many(0.1 if operation.method.upper() == "POST" else 0.01))
        if operation.method.upper() == "POST":  # nothing that GET sends could be wrong, but for a name
            call_with(operation.as_strategy(GenerationMode.NEGATIVE), many(0.1))


def call_with(strategy, amount):
    @amount
    @given(strategy)
    def send(case):
        check(case.call(timeout=PATIENCE_SECONDS))

    send()


BODIES = st.one_of(
    st.binary(max_size=500),
    st.text(max_size=200).map(str.encode),
    st.just(
        json.dumps(
            {"inputs": [{"name": "frames", "datatype": "UINT8", "shape": [1, 2, 2, 1], "data": [1] * 4}]}
        ).encode()
    ),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Inference-Header-Content-Length": st.integers(-5, 600).map(str) | st.sampled_from(["x", "1e9", "9" * 30, ""]),
        "Content-Type": st.sampled_from(
            ["multipart/form-data", "multipart/form-data; boundary=x", "text/plain", "a/b;c"]
        ),
        "Content-Encoding": st.just("gzip"),
    },
)


@many(0.25)
@given(st.sampled_from(PATHS), BODIES, HEADERS)
def test_bodies_and_headers_of_any_kind(client, path, body, headers):
    check(client.post(path, content=body, headers=headers))


@many(0.15)
@given(st.randoms(use_true_random=False), st.integers(1, 12))
def test_right_requests_with_wrong_bytes_in_them(client, noise, count):
    head = {"name": "frames", "datatype": "UINT8", "shape": list(FRAMES.shape)}
    head["parameters"] = {"binary_data_size": FRAMES.nbytes}
    text = json.dumps(
        {"inputs": [head], "parameters": {"sequence_id": "a", "frame_index": 3, "extras": "box"}}
    ).encode()
    body = bytearray(text + FRAMES.tobytes())
    for _ in range(count):
        body[noise.randrange(len(text))] = noise.randrange(256)
    headers = {"Inference-Header-Content-Length": str(len(text))}
    check(client.post(PATHS[0], content=bytes(body), headers=headers))


@many(0.2)
@given(st.randoms(use_true_random=False), st.integers(0, 12))
def test_grpc_messages_with_wrong_bytes_in_them(channel, noise, count):
    body = bytearray(message())
    for _ in range(count):
        body[noise.randrange(len(body) if noise.random() < 0.1 else 200)] = noise.randrange(256)
    call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
    try:
        call(bytes(body), timeout=PATIENCE_SECONDS)
    except grpc.RpcError as e:
        allowed = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert e.code() in allowed, (e.code(), e.details())


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(server.target) as found:
        yield found


def message() -> bytes:
    given = pb.ModelInferRequest.InferInputTensor(name="frames", datatype="UINT8", shape=FRAMES.shape)
    parameters = {"sequence_id": pb.InferParameter(string_param="b"), "fps": pb.InferParameter(int64_param=10)}
    return pb.ModelInferRequest(
        model_name=NAME, parameters=parameters, inputs=[given], raw_input_contents=[FRAMES.tobytes()]
    ).SerializeToString()
