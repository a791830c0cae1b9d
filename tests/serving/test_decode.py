"""Requests of every road as frames, or refused with one sentence; no server, and nothing that needs TensorFlow."""

import base64
import json
import re
import struct

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving import parameters, pictures, v1, v2
from serving.admission import BYTES, Admission
from serving.decode import FRAMES, PICTURES, VIDEO, VIDEO_URI, Tensor, decode
from serving.errors import Full, Refused, TooLarge
from serving.limits import Limits
from serving.messages import Place
from serving.metrics import Metrics

LIMITS = Limits(frames=20, pixels=64 * 64, request_bytes=20 * 32 * 48 * 3)
CLIP = np.random.default_rng(0).integers(0, 256, (3, 32, 48, 3), dtype=np.uint8)
GREY = CLIP[..., :1]
MANY = settings(max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


def png(frame):
    return cv2.imencode(".png", frame[..., ::-1] if frame.shape[2] == 3 else frame)[1].tobytes()


def jpeg(frame):
    return cv2.imencode(".jpg", frame[..., ::-1])[1].tobytes()


def base64_text(data):
    return base64.b64encode(data).decode()


def lengths_before(elements):
    return b"".join(struct.pack("<I", len(element)) + element for element in elements)


def mp4(path, frames, fps=12.5):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, frames.shape[2:0:-1])
    for frame in frames:
        writer.write(frame[..., ::-1])
    writer.release()
    return path.read_bytes()


def taken(size):
    """There is always room."""


def frames_of(tensor, limits=LIMITS):
    return np.stack(decode(tensor, limits, taken).frames)


def raw(clip, data):
    return Tensor(FRAMES, "UINT8", clip.shape, data)


def of_pictures(elements):
    return Tensor(PICTURES, "BYTES", (len(elements),), elements)


@pytest.mark.parametrize("clip", [CLIP, GREY], ids=["rgb", "grey"])
@pytest.mark.parametrize(
    "tensor",
    [
        lambda clip: raw(clip, clip.tobytes()),
        lambda clip: raw(clip, memoryview(b"head" + clip.tobytes())[4:]),  # as it lies behind JSON
        lambda clip: raw(clip, clip.ravel().tolist()),
        lambda clip: raw(clip, clip.tolist()),
        lambda clip: of_pictures([png(frame) for frame in clip]),
        lambda clip: of_pictures([base64_text(png(frame)) for frame in clip]),
        lambda clip: Tensor(PICTURES, "BYTES", (len(clip),), lengths_before([png(frame) for frame in clip])),
    ],
    ids=["bytes", "bytes after JSON", "flat list", "nested lists", "png", "base64", "BYTES tensor"],
)
def test_every_way_gives_the_same_frames(tensor, clip):
    assert np.array_equal(frames_of(tensor(clip)), clip)


def test_a_jpeg_is_what_opencv_decodes():
    data = jpeg(CLIP[0])
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.array_equal(frames_of(of_pictures([data]))[0], expected)


def test_a_video_gives_its_frames_and_their_rate(tmp_path):
    data = mp4(tmp_path / "clip.mp4", np.repeat(CLIP[:1] // 8 + 100, 5, axis=0))
    found = decode(Tensor(VIDEO, "BYTES", (1,), [base64_text(data)]), LIMITS, taken)
    assert len(found.frames) == 5
    assert found.fps == pytest.approx(12.5)
    assert abs(np.stack(found.frames).astype(int) - (CLIP[0] // 8 + 100)).mean() < 12  # the codec loses some


def test_an_address_is_fetched_only_where_the_server_allows_it(tmp_path):
    data = mp4(tmp_path / "clip.mp4", CLIP)
    tensor = Tensor(VIDEO_URI, "BYTES", (1,), ["https://example.org/clip.mp4"])
    with pytest.raises(Refused, match="--allow-uri"):
        decode(tensor, LIMITS, taken)
    asked = []
    assert len(decode(tensor, LIMITS, taken, lambda address: asked.append(address) or data).frames) == 3
    assert asked == ["https://example.org/clip.mp4"]


PNG = png(CLIP[0])


def vast_png():
    """Its header promises a picture that would fill the memory."""
    return PNG[:16] + struct.pack(">II", 60_000, 60_000) + PNG[24:]


def vast_jpeg():
    data = jpeg(CLIP[0])
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", 60_000, 60_000) + data[at + 4 :]


@pytest.mark.parametrize(
    ("tensor", "kind", "said"),
    [
        (Tensor("image", "UINT8", (1,), b""), Refused, "frames, pictures, video, video_uri. Received: image"),
        (Tensor(FRAMES, "FP32", CLIP.shape, b""), Refused, "frames as UINT8. Received: FP32"),
        (Tensor(FRAMES, "UINT8", (0, 4, 4, 3), b""), Refused, "at least one frame"),
        (Tensor(FRAMES, "UINT8", (1, 0, 4, 3), b""), Refused, "at least one pixel"),
        (Tensor(FRAMES, "UINT8", (2, 4, 3), bytes(24)), Refused, "shape [T, H, W, 1 or 3]"),
        (Tensor(FRAMES, "UINT8", (1, 4, 4, 2), bytes(32)), Refused, "1 or 3]. Received: [1, 4, 4, 2]"),
        (Tensor(FRAMES, "UINT8", (-1, -4, 4, 3), bytes(48)), Refused, "at least one frame"),  # gRPC allows it
        (Tensor(FRAMES, "UINT8", (1, 4, 4, 3), bytes(47)), Refused, "48 values of shape [1, 4, 4, 3]. Received: 47"),
        (Tensor(FRAMES, "UINT8", (1, 1, 1, 3), [1, 2, 256]), Refused, "whole numbers from 0 to 255"),
        (Tensor(FRAMES, "UINT8", (1, 1, 1, 3), [1, 2, 0.5]), Refused, "whole numbers from 0 to 255"),
        (Tensor(FRAMES, "UINT8", (1, 1, 1, 3), [1, 2, None]), Refused, "whole numbers from 0 to 255"),
        (Tensor(FRAMES, "UINT8", (1, 1, 1, 3), [[[[1, 2, 3]]], [[]]]), Refused, "one length"),
        (Tensor(FRAMES, "UINT8", (1, 1, 2, 3), [[[[1, 2, 3], [4]]]]), Refused, "one length"),
        (Tensor(FRAMES, "UINT8", (21, 8, 8, 1), bytes(1344)), TooLarge, "at most 20 frames"),
        (Tensor(FRAMES, "UINT8", (1, 65, 64, 1), b""), TooLarge, "at most 4096 pixels. Received: 64 x 65"),
        (Tensor(FRAMES, "UINT8", (20, 64, 64, 3), b""), TooLarge, "bytes of decoded frames"),
        (Tensor(FRAMES, "UINT8", (1 << 60, 1 << 60, 4, 1), b""), TooLarge, "at most 20 frames"),
        (of_pictures([]), Refused, "at least one frame"),
        (of_pictures(["AAAA!"]), Refused, "expected base64"),
        (of_pictures(["Ä"]), Refused, "expected base64"),
        (of_pictures([7]), Refused, "BYTES element as text. Received: int"),
        (of_pictures([b"GIF89a"]), Refused, "JPEG or PNG. Received: 6 bytes"),
        (of_pictures([b""]), Refused, "JPEG or PNG. Received: 0 bytes"),
        (of_pictures([PNG[:-40]]), Refused, "truncated or damaged"),
        (of_pictures([b"\xff\xd8\xff\xe0\x00\x00"]), Refused, "JPEG or PNG"),  # a length of 0 would never end
        (of_pictures([PNG, png(CLIP[0, :16])]), Refused, "one size in a request, [32, 48]. Received: [16, 48]"),
        (of_pictures([PNG, png(GREY[0])]), Refused, "one size in a request"),
        (of_pictures([PNG] * 21), TooLarge, "at most 20 frames"),
        (of_pictures([vast_png()]), TooLarge, "at most 4096 pixels. Received: 60000 x 60000"),
        (of_pictures([vast_jpeg()]), TooLarge, "at most 4096 pixels. Received: 60000 x 60000"),
        (Tensor(PICTURES, "BYTES", (2,), [PNG]), Refused, "shape [1]. Received: [2]"),
        (Tensor(PICTURES, "BYTES", (1,), b"\xff\xff\xff\xff12"), Refused, "Received: less content"),
        (Tensor(PICTURES, "BYTES", (1,), b"\x01"), Refused, "Received: less content"),
        (Tensor(VIDEO, "BYTES", (1,), [b"#EXTM3U\nfile:///etc/passwd"]), Refused, "bytes of another kind"),
        (Tensor(VIDEO, "BYTES", (1,), [b"\0\0\0\x18ftypmp42" + bytes(60)]), Refused, "cannot be opened"),
        (Tensor(VIDEO, "BYTES", (2,), [b"", b""]), Refused, "shape [1]"),
    ],
    ids=lambda value: None if isinstance(value, Tensor) else str(value)[:40],
)
def test_what_cannot_be_frames_is_refused_in_one_sentence(tensor, kind, said):
    with pytest.raises(Refused) as refusal:
        decode(tensor, LIMITS, taken)
    text = str(refusal.value)
    assert type(refusal.value) is kind
    assert said in text
    assert "\n" not in text
    assert len(text) < 250


@pytest.mark.parametrize(
    ("frames", "limits", "said"),
    [(4, Limits(frames=3), "at most 3 frames"), (2, Limits(pixels=48 * 31), "at most 1488 pixels")],
    ids=["frames", "pixels"],
)
def test_a_video_past_the_limits_is_refused(tmp_path, frames, limits, said):
    data = mp4(tmp_path / "clip.mp4", np.repeat(CLIP[:1], frames, axis=0))
    with pytest.raises(TooLarge, match=said):
        decode(Tensor(VIDEO, "BYTES", (1,), [data]), limits, taken)


# Parameters


@pytest.mark.parametrize("given", [{"sequence_id": 7, "frame_index": 3.0}, {"sequence_id": "7", "frame_index": "3"}])
def test_roads_that_know_fewer_types_say_the_same(given):
    assert parameters.read(given).place == Place("7", 3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sequence": 1}, "expected parameters of sequence_id"),
        ({"frame_index": 1}, "sequence_id that is not empty beside frame_index"),
        ({"sequence_start": True}, "beside sequence_start"),
        ({"sequence_id": ""}, "beside sequence_id"),
        ({"sequence_id": "a" * 129}, "at most 128"),
        ({"sequence_id": "a\nb"}, "printable"),
        ({"sequence_id": 1.5}, "sequence_id as str"),
        ({"sequence_id": "a", "frame_index": -1}, "frame_index of at least 0"),
        ({"sequence_id": "a", "frame_index": 1 << 53}, "below 2^53"),
        ({"sequence_id": "a", "frame_index": True}, "frame_index as int"),
        ({"sequence_id": "a", "sequence_end": "yes"}, "sequence_end as bool"),
        ({"fps": 0}, "fps over 0"),
        ({"fps": "nan"}, "fps"),
        ({"fps": "Infinity"}, "fps"),
        ({"hour": 24}, "hour of at least 0 and below 24"),
        ({"hour": "nan"}, "hour"),
        ({"context_frames": -1}, "context_frames of at least 0"),
        ({"extras": "box,mood"}, "expected extras of"),
        ({"extras": ["box"]}, "extras as str"),
        ([], "parameters as an object"),
    ],
)
def test_a_wrong_parameter_is_named(given, said):
    with pytest.raises(Refused, match=re.escape(said)):
        parameters.read(given)


# The bodies of REST


def body(**changes):
    tensor = {"name": "frames", "datatype": "UINT8", "shape": [1, 1, 1, 1], "data": [5]}
    return {"inputs": [tensor | changes.pop("tensor", {})], **changes}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "inputs as a list. Received: none"),
        ({"inputs": []}, "one input. Received: 0"),
        ({"inputs": [1]}, "an input as an object"),
        (body(extra=1), "a request to hold"),
        (body(tensor={"extra": 1}), "an input to hold"),
        (body(tensor={"shape": ["1"]}), "shape as whole numbers"),
        (body(tensor={"shape": [True]}), "shape as whole numbers"),
        (body(tensor={"shape": 1}), "shape as a list"),
        (body(tensor={"data": "5"}), "data as a list"),
        (body(tensor={"name": 5}), "name of an input as text"),
        (body(tensor={"parameters": {"binary_data_size": 9}}), "binary_data_size as the 0 bytes after JSON"),
        (body(tensor={"parameters": {"content_type": "np"}}), "parameters of an input"),
        (body(parameters=[]), "parameters as an object"),
        (body(id=5), "id as text"),
        (body(outputs=[{"name": "mood"}]), "expected outputs of"),
        (body(outputs=["score"]), "an output as an object"),
        (body(outputs=[{"name": "score", "parameters": {"binary_data": 1}}]), "true or false"),
        ([], "a JSON object"),
    ],
)
def test_a_wrong_v2_body_is_refused(given, said):
    with pytest.raises(Refused, match=said):
        v2.read(json.dumps(given).encode(), None)


@pytest.mark.parametrize("length", ["-1", "x", "", "1e3", "99999", "²"])
def test_a_wrong_length_of_json_is_refused(length):
    with pytest.raises(Refused, match="inference-header-content-length"):
        v2.read(b"{}", length)


def test_deep_json_is_refused():
    with pytest.raises(Refused, match="expected JSON"):
        v2.read(b'{"inputs":' + b"[" * 100_000, None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "instances as a list"),
        ({"instances": [1]}, "instances of base64 text"),
        ({"instances": [{"b65": "x"}]}, "instances of base64 text"),
        ({"instances": [], "signature": 1}, "instances and parameters"),
        ({"instances": ["AAAA"], "parameters": 5}, "parameters as an object"),
    ],
)
def test_a_wrong_v1_body_is_refused(given, said):
    with pytest.raises(Refused, match=said):
        v1.read(json.dumps(given).encode(), "application/json")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "multipart/form-data; boundary=x"),
        (b"--y\r\n", "multipart/form-data; boundary=x"),
        (b"--x\r\n", "multipart/form-data"),
        (b'--x\r\nContent-Disposition: form-data; name="fps"\r\n\r\n5\r\n--x--', "multipart/form-data; boundary=x"),
    ],
    ids=["empty", "another boundary", "no boundary", "no video"],
)
def test_a_wrong_form_is_refused(data, kind):
    with pytest.raises(Refused, match="form"):
        v1.read(data, kind)


# Whatever comes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
SHAPES = st.lists(st.integers(-2, 70), max_size=5).map(tuple)
NAMES = st.sampled_from([FRAMES, PICTURES, VIDEO, "x"])
DATA = (
    st.binary(max_size=400)
    | st.lists(JSON, max_size=5)
    | st.just(PNG)
    | st.just([PNG])
    | st.just(lengths_before([PNG]))
)


def only_refuses(act):
    try:
        act()
    except Refused as refusal:
        assert len(str(refusal)) < 500
        assert str(refusal).isprintable()


@MANY
@given(NAMES, st.sampled_from(["UINT8", "BYTES"]), SHAPES, DATA)
def test_no_tensor_fails_otherwise(name, datatype, shape, data):
    only_refuses(lambda: decode(Tensor(name, datatype, shape, data), LIMITS, taken))


@MANY
@given(st.binary(max_size=60), st.integers(0, len(PNG) - 1), st.booleans())
def test_no_damaged_picture_fails_otherwise(noise, at, as_jpeg):
    data = jpeg(CLIP[0]) if as_jpeg else PNG
    only_refuses(lambda: decode(of_pictures([data[:at] + noise + data[at + len(noise) :]]), LIMITS, taken))


@MANY
@given(st.dictionaries(st.sampled_from(["inputs", "outputs", "parameters", "id", "x"]), JSON) | JSON)
def test_no_json_fails_otherwise(given):
    only_refuses(lambda: v2.read(json.dumps(given).encode(), None))
    only_refuses(lambda: v1.read(json.dumps(given).encode(), ""))


@MANY
@given(st.dictionaries(st.sampled_from(parameters.KNOWN), JSON))
def test_no_parameter_fails_otherwise(given):
    only_refuses(lambda: parameters.read(given))


@MANY
@given(st.binary(max_size=200))
def test_no_form_fails_otherwise(noise):
    head = b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
    only_refuses(lambda: v1.read(head + noise, "multipart/form-data; boundary=x"))


def test_decoded_frames_of_all_requests_have_a_bound_too():
    admission, data = Admission(Limits(waiting=2), Metrics()), png(np.zeros((32, 48, 3), np.uint8))
    first, second, third = (admission.visit() for _ in range(3))
    first.take(BYTES - 2 * 32 * 48 * 3)
    with pytest.raises(Full, match="come back later"):
        decode(of_pictures([data] * 3), LIMITS, second.take)
    for each in (first, second, third):
        each.leave()
    third.take(BYTES)  # nothing was left behind


def test_a_heat_map_is_a_picture_whose_middle_is_an_alarm():
    grey = cv2.imdecode(np.frombuffer(pictures.encode(np.array([[0.0, 1.0, 9.0, np.nan]])), np.uint8), 0)
    assert grey.tolist() == [[0, 127, 255, 0]]
