"""Four roads to one detector: V2 and V1 over REST, V2 in binary, gRPC; equal to the detector, and refused alike."""

import base64
import json

import cv2
import grpc
import httpx
import numpy as np
import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb
from live import NAME, WARM_UP, clip

from model import detector

CLIP = clip(24, seed=3)
INFER, PREDICT = f"/v2/models/{NAME}/infer", f"/v1/models/{NAME}:predict"
EQUAL = {"rtol": 0, "atol": 1e-5, "equal_nan": True}


@pytest.fixture(scope="module")
def expected(tiny_detector):
    return detector.load(tiny_detector).score(CLIP)


@pytest.fixture(scope="module")
def client(server):
    with server.client() as found:
        yield found


@pytest.fixture(scope="module")
def stub(server):
    return server.stub()


def pngs(frames):
    return [cv2.imencode(".png", frame[..., ::-1])[1].tobytes() for frame in frames]


def base64_texts(elements):
    return [base64.b64encode(element).decode() for element in elements]


def tensor(frames, **changes):
    return {"name": "frames", "datatype": "UINT8", "shape": list(frames.shape), **changes}


def with_binary(client, frames, **changes):
    head = json.dumps({"inputs": [tensor(frames, parameters={"binary_data_size": frames.nbytes})], **changes}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    return client.post(INFER, content=head + frames.tobytes(), headers=headers)


def grpc_request(frames, **changes):
    given = pb.ModelInferRequest.InferInputTensor(name="frames", datatype="UINT8", shape=frames.shape)
    return pb.ModelInferRequest(
        **{"model_name": NAME, "inputs": [given], "raw_input_contents": [frames.tobytes()], **changes}
    )


def of_json(answer):
    assert answer.status_code == 200, answer.text
    return {output["name"]: output["data"] for output in answer.json()["outputs"]}


def of_binary(answer):
    """The tensors after JSON, by name."""
    assert answer.status_code == 200, answer.text
    length = int(answer.headers["Inference-Header-Content-Length"])
    found, position = {}, length
    for output in json.loads(answer.content[:length])["outputs"]:
        size = output["parameters"]["binary_data_size"]
        found[output["name"]] = taken(output["datatype"], output["shape"], answer.content[position : position + size])
        position += size
    assert position == len(answer.content)
    return found


def of_grpc(answer):
    pairs = zip(answer.outputs, answer.raw_output_contents, strict=True)
    return {output.name: taken(output.datatype, output.shape, raw) for output, raw in pairs}


def taken(datatype, shape, raw):
    if datatype != "BYTES":
        types = {"FP32": "<f4", "BOOL": "?", "INT64": "<i8", "INT32": "<i4"}
        return np.frombuffer(raw, types[datatype]).reshape(shape)
    elements = []
    while raw:
        length = int.from_bytes(raw[:4], "little")
        elements.append(raw[4 : 4 + length])
        raw = raw[4 + length :]
    assert [len(elements)] == list(shape)
    return elements


def of_v1(answer):
    assert answer.status_code == 200, answer.text
    rows = answer.json()["predictions"]
    return {name: [row[name] for row in rows] for name in rows[0]}


ROADS = {
    "REST V2, JSON": lambda client, stub: of_json(
        client.post(INFER, json={"inputs": [tensor(CLIP, data=CLIP.ravel().tolist())]})
    ),
    "REST V2, pictures": lambda client, stub: of_json(
        client.post(
            INFER,
            json={
                "inputs": [{"name": "pictures", "datatype": "BYTES", "shape": [24], "data": base64_texts(pngs(CLIP))}]
            },
        )
    ),
    "REST V2, binary": lambda client, stub: of_binary(
        with_binary(client, CLIP, parameters={"binary_data_output": True})
    ),
    "REST V1, pictures": lambda client, stub: of_v1(
        client.post(PREDICT, json={"instances": [{"b64": text} for text in base64_texts(pngs(CLIP))]})
    ),
    "REST V1, numbers": lambda client, stub: of_v1(client.post(PREDICT, json={"instances": CLIP.tolist()})),
    "gRPC": lambda client, stub: of_grpc(stub.ModelInfer(grpc_request(CLIP))),
    "gRPC, pictures": lambda client, stub: of_grpc(
        stub.ModelInfer(
            pb.ModelInferRequest(
                model_name=NAME,
                inputs=[
                    pb.ModelInferRequest.InferInputTensor(
                        name="pictures",
                        datatype="BYTES",
                        shape=[24],
                        contents=pb.InferTensorContents(bytes_contents=pngs(CLIP)),
                    )
                ],
            )
        )
    ),
}


@pytest.mark.parametrize("road", ROADS)
def test_every_road_says_what_the_detector_says(client, stub, expected, road):
    found = ROADS[road](client, stub)
    np.testing.assert_allclose(np.array(found["score"], np.float32), expected.scores, **EQUAL)
    assert list(found["alarm"]) == expected.alarms.tolist()
    assert list(found["warm"]) == [t >= WARM_UP for t in range(len(CLIP))]
    assert list(found["frame_index"]) == list(range(len(CLIP)))
    assert 0 < sum(found["alarm"]) < len(CLIP) - WARM_UP  # else the row above would say little


def test_a_stream_of_single_frames_by_changing_roads_says_the_same(client, stub, expected):
    scores = []
    for t in range(len(CLIP)):
        place = {"sequence_id": 7, "frame_index": t, "sequence_start": t == 0, "sequence_end": t == len(CLIP) - 1}
        if t % 3 == 0:
            wrapped = {
                name: pb.InferParameter(bool_param=value)
                if isinstance(value, bool)
                else pb.InferParameter(int64_param=value)
                for name, value in place.items()
            }
            found = of_grpc(stub.ModelInfer(grpc_request(CLIP[t : t + 1], parameters=wrapped)))
        elif t % 3 == 1:
            found = of_json(with_binary(client, CLIP[t : t + 1], parameters=place))
        else:
            pictures = base64_texts(pngs(CLIP[t : t + 1]))
            found = of_v1(
                client.post(PREDICT, json={"instances": pictures, "parameters": {**place, "sequence_id": "7"}})
            )
        assert list(found["frame_index"]) == [t]
        scores += list(found["score"])
    np.testing.assert_allclose(np.array(scores, np.float32), expected.scores, **EQUAL)


EXTRAS = "evidence,heat_map,heat_map_png,box"


def test_extras_are_the_same_by_every_road(client, stub, expected):
    asked = {"extras": EXTRAS, "fps": 10}
    one = of_json(with_binary(client, CLIP, parameters=asked))
    binary = of_binary(with_binary(client, CLIP, parameters={**asked, "binary_data_output": True}))
    wrapped = {"extras": pb.InferParameter(string_param=EXTRAS), "fps": pb.InferParameter(int64_param=10)}
    rpc = of_grpc(stub.ModelInfer(grpc_request(CLIP, parameters=wrapped)))
    old = client.post(PREDICT, json={"instances": CLIP.tolist(), "parameters": asked}).json()
    evidence = np.stack(list(expected.evidence.values()), axis=1)
    np.testing.assert_allclose(rpc["evidence"], evidence, **EQUAL)
    np.testing.assert_allclose(
        [list(row["evidence"].values()) for row in old["predictions"][WARM_UP:]], evidence[WARM_UP:], **EQUAL
    )
    assert list(old["predictions"][-1]["evidence"]) == list(expected.evidence)
    for name in ("evidence", "heat_map", "box"):
        assert np.array_equal(rpc[name], binary[name], equal_nan=name != "box")
        flat = np.array(one[name], np.float32)
        np.testing.assert_allclose(flat, rpc[name].ravel(), **EQUAL)
    assert rpc["heat_map"].shape == (24, 32, 48)
    assert np.array_equal([row["box"] for row in old["predictions"]], rpc["box"])
    picture = cv2.imdecode(np.frombuffer(rpc["heat_map_png"][-1], np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_allclose(picture, np.clip(rpc["heat_map"][-1] * 127.5, 0, 255), atol=1)
    assert base64.b64decode(one["heat_map_png"][-1]) == rpc["heat_map_png"][-1] == binary["heat_map_png"][-1]
    assert [json.loads(text) for text in rpc["opened"]] == old["opened"] == [json.loads(text) for text in one["opened"]]
    assert old["opened"], "an event, else the row above says nothing"


def test_a_state_that_one_road_gave_goes_on_by_another(client, stub, expected):
    """As if every request met another server: each brings the state of the one before."""
    state, scores = "", []
    for number, road in enumerate(("V1", "binary", "gRPC", "V1", "gRPC", "JSON")):
        frames = CLIP[4 * number : 4 * number + 4]
        asked = {"sequence_id": f"server {number}", "frame_index": 4 * number, "extras": "state", "state": state}
        if road == "V1":
            answer = client.post(PREDICT, json={"instances": frames.tolist(), "parameters": asked})
            found = {**of_v1(answer), "state": [answer.json()["state"]]}
        elif road == "JSON":
            found = of_json(with_binary(client, frames, parameters=asked))
        elif road == "binary":
            found = of_binary(with_binary(client, frames, parameters={**asked, "binary_data_output": True}))
        else:
            kinds = {int: "int64_param", str: "string_param"}
            wrapped = {name: pb.InferParameter(**{kinds[type(value)]: value}) for name, value in asked.items()}
            found = of_grpc(stub.ModelInfer(grpc_request(frames, parameters=wrapped)))
        (state,) = base64_texts(found["state"]) if road in ("binary", "gRPC") else found["state"]
        scores += list(found["score"])
    np.testing.assert_allclose(np.array(scores, np.float32), expected.scores, **EQUAL)


def test_outputs_by_name_are_the_only_ones_and_in_their_order(client):
    outputs = [{"name": "box", "parameters": {"binary_data": True}}, {"name": "score"}]
    answer = with_binary(client, CLIP[:9], outputs=outputs, id="mine")
    length = int(answer.headers["Inference-Header-Content-Length"])
    said = json.loads(answer.content[:length])
    assert [output["name"] for output in said["outputs"]] == ["box", "score"]
    assert said["id"] == "mine"
    assert len(answer.content) - length == 9 * 4 * 4


def mp4(path):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10.0, CLIP.shape[2:0:-1])
    for frame in CLIP:
        writer.write(frame[..., ::-1])
    writer.release()
    return path.read_bytes()


def test_a_video_by_form_and_in_base64_scores_as_its_frames(client, tiny_detector, tmp_path):
    from model.footage.decode import video_frames

    data = mp4(tmp_path / "clip.mp4")
    scores = detector.load(tiny_detector).score(video_frames(tmp_path / "clip.mp4", 3)).scores
    answers = [
        client.post(PREDICT, files={"video": ("clip.mp4", data, "video/mp4")}, data={"extras": "box"}),
        client.post(PREDICT, json={"instances": [{"video": base64_texts([data])[0]}]}),
    ]
    for answer in answers:
        np.testing.assert_allclose(np.array(of_v1(answer)["score"], np.float32), scores, **EQUAL)
    assert len(answers[0].json()["predictions"][-1]["box"]) == 4


def test_metadata_says_what_answers_hold(client, stub):
    said = client.get(f"/v2/models/{NAME}").json()
    types = {output["name"]: (output["datatype"], output["shape"]) for output in said["outputs"]}
    assert "category" not in types  # the detector has no classifier
    asked = {"extras": f"{EXTRAS},state", "sequence_id": "described"}
    wrapped = {name: pb.InferParameter(string_param=value) for name, value in asked.items()}
    answer = stub.ModelInfer(grpc_request(CLIP, parameters=wrapped))
    assert {output.name for output in answer.outputs} == set(types)
    for output in answer.outputs:
        datatype, shape = types[output.name]
        assert output.datatype == datatype
        assert len(output.shape) == len(shape)
        assert all(told in (-1, side) for told, side in zip(shape, output.shape, strict=True))
    assert (said["parameters"]["height"], said["parameters"]["width"], said["parameters"]["channels"]) == (32, 48, 1)
    assert said["parameters"]["warm_up_frames"] == WARM_UP
    rpc = stub.ModelMetadata(pb.ModelMetadataRequest(name=NAME))
    assert [(t.name, t.datatype, list(t.shape)) for t in rpc.inputs] == [
        (t["name"], t["datatype"], t["shape"]) for t in said["inputs"]
    ]


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "said"),
    [
        ("POST", INFER, b"", 400, "expected JSON"),
        ("POST", INFER, b"\xff\xd8", 400, "expected JSON"),
        ("POST", PREDICT, b"{}", 400, "instances"),
        ("POST", INFER, json.dumps({"inputs": []}).encode(), 400, "one input. Received: 0"),
        ("POST", "/v2/models/nobody/infer", b"{}", 404, "nobody"),
        ("POST", "/v1/models/nobody:predict", b"{}", 404, "nobody"),
        ("GET", "/v2/models/nobody", None, 404, "nobody"),
        ("GET", "/v2/models/nobody/ready", None, 404, "nobody"),
        ("GET", "/v1/models/nobody", None, 404, "nobody"),
        ("GET", "/nowhere", None, 404, "nowhere"),
        ("POST", "/v2/repository/models/gate/unload", b"", 404, "unload"),  # KServe lets anybody
        ("GET", INFER, None, 405, "GET"),
    ],
)
def test_a_wrong_request_gets_its_status_and_one_sentence(client, method, path, content, status, said):
    answer = client.request(method, path, content=content, headers={"X-Request-ID": "mine"})
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert said in answer.json()["error"]
    assert "Traceback" not in answer.text
    assert answer.headers["X-Request-ID"] == "mine"


def test_a_version_that_nobody_offers_is_no_fault(client):
    """KServe's own endpoint answers 500."""
    assert client.get(f"/v2/models/{NAME}/ready?model_version=7").json() == {"name": NAME, "ready": True}


def test_a_body_past_the_limit_is_refused_before_it_is_read(server):
    url = httpx.URL(server.url)
    import socket

    with socket.create_connection((url.host, url.port)) as connection:
        connection.sendall(f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("request_", "code", "said"),
    [
        (pb.ModelInferRequest(model_name="nobody"), grpc.StatusCode.NOT_FOUND, "nobody"),
        (pb.ModelInferRequest(model_name=NAME), grpc.StatusCode.INVALID_ARGUMENT, "one input"),
        (grpc_request(CLIP, raw_input_contents=[b"1"]), grpc.StatusCode.INVALID_ARGUMENT, "values of shape"),
        (grpc_request(CLIP, raw_input_contents=[b"1", b"2"]), grpc.StatusCode.INVALID_ARGUMENT, "raw_input_contents"),
        (
            grpc_request(CLIP, parameters={"mood": pb.InferParameter(bool_param=True)}),
            grpc.StatusCode.INVALID_ARGUMENT,
            "mood",
        ),
        (
            grpc_request(np.zeros((601, 1, 1, 1), np.uint8)),
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "at most 600 frames",
        ),
    ],
)
def test_grpc_refuses_with_the_matching_code(stub, request_, code, said):
    with pytest.raises(grpc.RpcError) as failed:
        stub.ModelInfer(request_)
    assert failed.value.code() is code
    assert said in failed.value.details()


def test_bytes_that_are_no_message_are_the_callers_fault(server):
    with grpc.insecure_channel(server.target) as channel:
        call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        with pytest.raises(grpc.RpcError) as failed:
            call(b"\xff\xff\xff")
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_metrics_stand_beside_kserves(client):
    text = client.get("/metrics").text
    assert 'request_predict_seconds_count{model_name="gate"}' in text
    assert 'unforeseen_frames_total{model="gate"}' in text
