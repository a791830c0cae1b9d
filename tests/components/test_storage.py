from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from s3_server import PART, SECRET_KEY, S3Server
from web_server import Page, serve

from components.storage import ObjectInfo, ObjectStore, download_tree, fingerprint, open_store, upload_tree
from components.storage.bucket import make_bucket
from components.storage.directory import DirectoryStore
from components.storage.local import etag, file_faults, inside, partial_path
from components.storage.patience import Patience
from components.storage.s3 import S3Store
from model.errors import BadInput

TREE = {"a.txt": b"alpha", "Train/001/1.bin": os.urandom(100_000), "Train/001/empty": b"", "ü &+%20?.txt": b"odd name"}


def write_tree(root: Path, tree: dict[str, bytes]) -> Path:
    for name, content in tree.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def read_tree(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def one(store: ObjectStore, key: str) -> ObjectInfo:
    (info,) = store.list(key)
    return info


def test_round_trip(store: ObjectStore, tmp_path: Path):
    lines: list[str] = []
    upload_tree(write_tree(tmp_path / "in", TREE), store, "data/v1", lines.append)
    download_tree(store, "data/v1", tmp_path / "out", lines.append)
    assert read_tree(tmp_path / "out") == TREE
    assert lines[-1].startswith("download ")
    assert lines[-1].endswith("0.1 of 0.1 MB")


def test_a_prefix_is_a_folder_not_the_beginning_of_a_name(store: ObjectStore, tmp_path: Path):
    upload_tree(write_tree(tmp_path / "in", {"ped2/1": b"1", "ped2-old/2": b"2", "ped2.zip": b"3"}), store, "", print)
    assert [info.key for info in store.list("ped2")] == ["ped2/1"]
    assert [info.key for info in store.list("ped2.zip")] == ["ped2.zip"]
    assert sorted(info.key for info in store.list("")) == ["ped2-old/2", "ped2.zip", "ped2/1"]
    assert download_tree(store, "ped2.zip", tmp_path / "out", print) == {tmp_path / "out/ped2.zip"}


def test_download_brings_only_what_is_missing_or_different(store: ObjectStore, tmp_path: Path):
    upload_tree(write_tree(tmp_path / "in", TREE), store, "p", print)
    download_tree(store, "p", tmp_path / "out", print)
    same_size = tmp_path / "out/a.txt"
    same_size.write_bytes(b"other")
    kept = tmp_path / "out/Train/001/1.bin"
    before = kept.stat()
    download_tree(store, "p", tmp_path / "out", print)
    assert read_tree(tmp_path / "out") == TREE
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_upload_sends_only_what_is_missing_or_different(store: ObjectStore, tmp_path: Path):
    source = write_tree(tmp_path / "in", TREE)
    upload_tree(source, store, "p", print)
    before = fingerprint(store, "p")
    upload_tree(source, store, "p", print)
    assert fingerprint(store, "p") == before
    (source / "a.txt").write_bytes(b"other")
    upload_tree(source, store, "p", print)
    download_tree(store, "p", tmp_path / "out", print)
    assert (tmp_path / "out/a.txt").read_bytes() == b"other"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("a.txt", b"ALPHA", id="same size, other bytes"),
        pytest.param("a.txt", b"longer than before", id="other size"),
        pytest.param("new.txt", b"alpha", id="one more object"),
    ],
)
def test_fingerprint_follows_the_data(store: ObjectStore, tmp_path: Path, name: str, content: bytes):
    source = write_tree(tmp_path / "in", TREE)
    upload_tree(source, store, "p", print)
    before = fingerprint(store, "p")
    (source / name).write_bytes(content)
    upload_tree(source, store, "p", print)
    assert fingerprint(store, "p") != before


def test_what_is_removed_is_gone(store: ObjectStore, tmp_path: Path):
    upload_tree(write_tree(tmp_path / "in", {"a": b"1", "b": b"2"}), store, "p", print)
    for _ in range(2):  # the second time it is not there
        store.remove("p/a")
    assert [info.key for info in store.list("")] == ["p/b"]


def test_both_twins_have_one_fingerprint(s3_store: S3Store, tmp_path: Path):
    upload_tree(write_tree(tmp_path / "in", TREE), s3_store, "", print)
    assert fingerprint(s3_store, "") == fingerprint(DirectoryStore(tmp_path / "in"), "")


def test_large_files_go_in_parts(s3_store: S3Store, tmp_path: Path):
    content = os.urandom(2 * PART + 12_345)
    source = write_tree(tmp_path / "in", {"video.mp4": content}) / "video.mp4"
    s3_store.put(source, "video.mp4")
    info = one(s3_store, "video.mp4")
    assert info.etag == etag(source, PART)
    assert info.etag.endswith("-3")
    landed: list[int] = []
    s3_store.get(info, tmp_path / "out.mp4", landed.append)
    assert landed == [0, PART, PART, 12_345]
    assert (tmp_path / "out.mp4").read_bytes() == content
    assert s3_store.same(info, tmp_path / "out.mp4")
    (tmp_path / "out.mp4").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert not s3_store.same(info, tmp_path / "out.mp4")


def test_parts_of_another_size_are_verified_too(s3_server: S3Server, bucket: str, s3_store: S3Store, tmp_path: Path):
    content = os.urandom(7 * 1024 * 1024)
    source = write_tree(tmp_path, {"in": content}) / "in"
    s3_server.client().fput_object(bucket, "big", str(source), part_size=6 * 1024 * 1024)
    s3_store.get(one(s3_store, "big"), tmp_path / "out", print)
    assert (tmp_path / "out").read_bytes() == content
    assert s3_store.same(one(s3_store, "big"), source)


def test_damaged_remains_of_a_download_are_found(s3_store: S3Store, tmp_path: Path):
    source = write_tree(tmp_path, {"in": os.urandom(PART + 1)}) / "in"
    s3_store.put(source, "big")
    info = one(s3_store, "big")
    partial = partial_path(tmp_path / "out", info.etag)
    partial.write_bytes(bytes(PART))
    with pytest.raises(BadInput, match=r"expected ETag \S+-2; run again. Received: other bytes"):
        s3_store.get(info, tmp_path / "out", print)
    assert not partial.exists()
    assert not (tmp_path / "out").exists()
    s3_store.get(info, tmp_path / "out", print)
    assert (tmp_path / "out").read_bytes() == source.read_bytes()


def test_an_object_that_changes_under_a_download_is_refused(store: ObjectStore, tmp_path: Path):
    source = write_tree(tmp_path, {"in": b"first"}) / "in"
    store.put(source, "key")
    info = one(store, "key")
    source.write_bytes(b"other")
    store.put(source, "key")
    with pytest.raises(BadInput, match="does not change while it is"):
        store.get(info, tmp_path / "out", print)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        pytest.param("nothing/here", "expected objects under 'nothing/here'. Received: none", id="empty prefix"),
        pytest.param("", "expected objects under ''. Received: none", id="empty store"),
    ],
)
def test_nothing_there(store: ObjectStore, tmp_path: Path, prefix: str, message: str):
    for action in (lambda: fingerprint(store, prefix), lambda: download_tree(store, prefix, tmp_path / "out", print)):
        with pytest.raises(BadInput, match=message):
            action()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../evil", id="up"),
        pytest.param("a/../../evil", id="up from below"),
        pytest.param("/etc/evil", id="absolute"),
        pytest.param("a//b", id="empty part, two keys for one file"),
        pytest.param("./a", id="dot"),
        pytest.param("", id="no name"),
        pytest.param("a\0b", id="NUL"),
        pytest.param("link/evil", id="through a link"),
    ],
)
def test_names_that_lead_outside_are_refused(tmp_path: Path, name: str):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/link").symlink_to(tmp_path)
    with pytest.raises(BadInput, match="expected an object name that stays inside"):
        inside(tmp_path / "in", name)


LISTING = b"""<?xml version="1.0"?><ListBucketResult><Name>bucket</Name><IsTruncated>false</IsTruncated><Contents>
<Key>data/{key}</Key><Size>4</Size><ETag>"0"</ETag></Contents></ListBucketResult>"""


@pytest.mark.parametrize("key", ["../evil", "x/../../evil", "/evil"])
def test_a_hostile_server_writes_nothing_outside(credentials: None, tmp_path: Path, key: str):
    xml = Page(LISTING.replace(b"{key}", key.encode()), {"Content-Type": "application/xml"})
    with serve({"/bucket": xml}) as (endpoint, _):
        hostile = S3Store("bucket", endpoint, "us-east-1")
        with pytest.raises(BadInput, match="stays inside"):
            download_tree(hostile, "data", tmp_path / "deep/out", print)
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy_servers_are_asked_again(credentials: None, status: int):
    xml = Page(LISTING, {"Content-Type": "application/xml"}, first_statuses=(status, status))
    waits: list[float] = []
    with serve({"/bucket": xml}) as (endpoint, requests):
        store = S3Store("bucket", endpoint, "us-east-1", Patience(sleep=waits.append, random=lambda: 0.5))
        assert len(list(store.list("data"))) == 1
    assert waits == [0.5 * 1.25, 1 * 1.25]
    assert len(requests) == 3


def test_patience_ends(credentials: None):
    waits: list[float] = []
    page = Page(b"", {}, first_statuses=(503,) * 100)
    with serve({"/bucket": page}) as (endpoint, requests):
        store = S3Store("bucket", endpoint, "us-east-1", Patience(sleep=waits.append))
        with pytest.raises(BadInput, match=r"expected an endpoint that answers.*Received: HTTP 503"):
            list(store.list("data"))
    assert len(requests) == 6
    assert 15.5 <= sum(waits) <= 23.25


def test_an_endpoint_that_is_no_s3(credentials: None):
    with serve({"/bucket": Page(b"<html>welcome", {"Content-Type": "text/html"})}) as (endpoint, _):
        store = S3Store("bucket", endpoint, "us-east-1")
        with pytest.raises(BadInput, match="expected an S3 answer"):
            list(store.list("data"))


def test_wrong_credentials(s3_server: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch):
    waits: list[float] = []
    for variable, value in {"AWS_SECRET_ACCESS_KEY": "not-the-secret", "AWS_ACCESS_KEY_ID": "not-the-name"}.items():
        monkeypatch.setenv(variable, value)
        store = S3Store(bucket, s3_server.endpoint, "", Patience(sleep=waits.append))
        with pytest.raises(BadInput, match=rf"{bucket} at {s3_server.endpoint}: expected credentials") as caught:
            fingerprint(store, "p")
        assert "AWS_ACCESS_KEY_ID" in str(caught.value)
        assert "not-the" not in str(caught.value)
    assert not waits, "a refusal is no transient fault"


def test_no_credentials(s3_server: S3Server, credentials: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(BadInput, match="expected credentials that open it, in AWS_ACCESS_KEY_ID"):
        open_store("s3://bucket/prefix", s3_server.endpoint, "")


def test_credentials_from_the_aws_file(
    s3_server: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    text = f"[default]\naws_access_key_id = {os.environ['AWS_ACCESS_KEY_ID']}\naws_secret_access_key = {SECRET_KEY}\n"
    write_tree(tmp_path, {".aws/credentials": text.encode()})
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    store, prefix = open_store(f"s3://{bucket}/some/prefix/", s3_server.endpoint, "us-east-1")
    assert prefix == "some/prefix"
    assert list(store.list(prefix)) == []


def test_missing_bucket(s3_server: S3Server, credentials: None, tmp_path: Path):
    waits: list[float] = []
    store = S3Store("no-such-bucket", s3_server.endpoint, "", Patience(sleep=waits.append))
    write_tree(tmp_path / "in", TREE)
    for action in (
        lambda: fingerprint(store, "p"),
        lambda: upload_tree(tmp_path / "in", store, "p", print),
        lambda: store.put(tmp_path / "in/a.txt", "a"),
        lambda: store.get(ObjectInfo("a", 5, "0", 0.0), tmp_path / "out", print),
    ):
        with pytest.raises(BadInput, match=r"s3://no-such-bucket at http.*Received: NoSuch"):
            action()
    assert not waits
    assert not (tmp_path / "out").exists()


def test_unreachable_endpoint(credentials: None):
    waits: list[float] = []
    with socket.socket() as taken:  # bound but not listening: refuses
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        store = S3Store("bucket", endpoint, "", Patience(sleep=waits.append))
        with pytest.raises(BadInput, match=rf"s3://bucket at {endpoint}: expected an endpoint.*Connection refused"):
            fingerprint(store, "p")
    assert len(waits) == 5


@pytest.mark.parametrize(
    ("url", "endpoint", "message"),
    [
        pytest.param("s3://bucket/p", "", "Received: none", id="no endpoint"),
        pytest.param("s3://bucket/p", "localhost:8333", "expected an S3 endpoint", id="no scheme"),
        pytest.param("s3://bucket/p", "http://me:secret@host", "with a user name", id="user name in the endpoint"),
        pytest.param("s3://me:secret@bucket/p", "http://host", "without a user name", id="user name in the address"),
        pytest.param("s3:///p", "http://host", "s3://bucket/prefix", id="no bucket"),
        pytest.param("s3://Bad_Bucket!/p", "http://host", "names that S3 allows", id="bucket name"),
        pytest.param("gs://bucket/p", "http://host", "Received: gs://", id="another store"),
    ],
)
def test_addresses_that_are_refused(credentials: None, url: str, endpoint: str, message: str):
    with pytest.raises(BadInput, match=message) as caught:
        fingerprint(*open_store(url, endpoint, ""))
    assert "secret" not in str(caught.value)


def test_missing_directory(tmp_path: Path):
    for action in (
        lambda: fingerprint(*open_store(str(tmp_path / "none"), "", "")),
        lambda: upload_tree(tmp_path / "none", DirectoryStore(tmp_path), "", print),
    ):
        with pytest.raises(BadInput, match="expected a directory. Received: .*none"):
            action()


SMALL_DISK = """
import resource, sys
from pathlib import Path
from components.storage import download_tree, open_store
from model.errors import BadInput
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
try:
    download_tree(*open_store(sys.argv[1], sys.argv[2], ""), Path(sys.argv[3]), print)
except BadInput as error:
    sys.exit(f"BadInput {error}")
"""


def test_a_full_disk(store: ObjectStore, s3_server: S3Server, tmp_path: Path):
    write_tree(tmp_path / "in", {"small": b"s", "video": os.urandom(4_000_000)})
    upload_tree(tmp_path / "in", store, "", print)
    url = f"s3://{store.bucket}" if isinstance(store, S3Store) else str(store)
    command = [sys.executable, "-c", SMALL_DISK, url, s3_server.endpoint, str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stderr == f"BadInput {tmp_path}/out/video: expected free disk space; make some and run again. " + (
        "Received: File too large\n"
    )
    assert set(read_tree(tmp_path / "out")) <= {"small"} | {p.name for p in (tmp_path / "out").glob(".*.part")}
    download_tree(store, "", tmp_path / "out", print)
    assert read_tree(tmp_path / "out") == read_tree(tmp_path / "in")


def test_no_space_on_the_device(tmp_path: Path):
    expected = "expected free disk space; make some and run again. Received: No space left"
    with pytest.raises(BadInput, match=expected), file_faults(tmp_path), Path("/dev/full").open("w") as full:
        full.write("x")


def test_a_file_where_a_directory_is_needed(store: ObjectStore, tmp_path: Path):
    upload_tree(write_tree(tmp_path / "in", {"a/b": b"1"}), store, "", print)
    write_tree(tmp_path / "out", {"a": b"a file"})
    with pytest.raises(BadInput, match="expected a usable file. Received: "):
        download_tree(store, "", tmp_path / "out", print)


def test_a_bucket_is_made_once(s3_server: S3Server, credentials: None):
    assert make_bucket("made-by-a-job", s3_server.endpoint, "us-east-1")
    assert not make_bucket("made-by-a-job", s3_server.endpoint, "us-east-1")
    with pytest.raises(BadInput, match="Received: "):
        make_bucket("NO", s3_server.endpoint, "us-east-1")
