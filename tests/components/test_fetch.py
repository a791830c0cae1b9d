from __future__ import annotations

import base64
import os
import socket
from pathlib import Path

import pytest
from s3_server import S3Server
from web_server import Page, Request, serve

from components.fetch import fetch, source_fingerprint
from components.storage.patience import Patience
from components.storage.s3 import S3Store
from model.errors import BadInput

CONTENT = os.urandom(3_000_000)
VERSION = {"ETag": '"v1"'}
IMPATIENT = Patience(sleep=lambda seconds: None)


def bring(source: str, directory: Path, max_mb: int = 10, endpoint: str = "", lines: list[str] | None = None) -> Path:
    progress = print if lines is None else lines.append
    return fetch(source, directory, endpoint, "", max_mb, progress, IMPATIENT)


def identify(source: str, endpoint: str = "") -> str:
    return source_fingerprint(source, endpoint, "", IMPATIENT)


def gets(requests: list[Request]) -> list[Request]:
    return [request for request in requests if request.method == "GET"]


def files_below(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["file.mp4", "folder"])
def test_local_sources_stay_where_they_are(tmp_path: Path, name: str):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.mp4").write_bytes(b"video")
    assert bring(str(tmp_path / name), tmp_path / "out") == tmp_path / name
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("", "Received: ''", id="empty"),
        pytest.param("no/such/file", "expected a path that exists.* Received: 'no/such/file'", id="missing"),
        pytest.param("ftp://me:secret@host/file", r"Received: ftp://\.\.\.", id="another scheme"),
        pytest.param("file:///etc/passwd", r"Received: file://\.\.\.", id="file scheme"),
        pytest.param("http://", r"expected http\(s\)://host/file", id="no host"),
        pytest.param("http://me:secret@[::1/file", "a web address: expected", id="broken host"),
        pytest.param("http://host:port/file?key=secret", "expected http", id="broken port"),
    ],
)
def test_sources_that_are_refused(tmp_path: Path, source: str, message: str):
    for action in (lambda: bring(source, tmp_path / "out"), lambda: identify(source)):
        with pytest.raises(BadInput, match=message) as caught:
            action()
        assert "secret" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_local_fingerprint_follows_names_sizes_and_times(tmp_path: Path):
    clips = tmp_path / "clips"
    (clips / "deep").mkdir(parents=True)
    file = clips / "deep/1.jpg"
    file.write_bytes(b"first")
    os.utime(file, ns=(1, 1_000))
    seen = [identify(str(clips)), identify(str(file))]
    assert [identify(str(clips)), identify(str(file))] == seen
    os.utime(file, ns=(1, 1_001))
    seen += [identify(str(clips)), identify(str(file))]
    file.write_bytes(b"longer")
    os.utime(file, ns=(1, 1_001))
    seen += [identify(str(clips)), identify(str(file))]
    file.rename(clips / "deep/2.jpg")
    seen += [identify(str(clips)), identify(str(clips / "deep/2.jpg"))]
    assert len(set(seen)) == 8


def test_local_fingerprint_sees_linked_folders(tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips/link").symlink_to(tmp_path / "elsewhere")
    before = identify(str(tmp_path / "clips"))
    (tmp_path / "elsewhere/1.jpg").write_bytes(b"new")
    assert identify(str(tmp_path / "clips")) != before


def test_a_web_file_is_downloaded_once(tmp_path: Path):
    lines: list[str] = []
    with serve({"/data/clips.tar.gz": Page(CONTENT, VERSION)}) as (host, requests):
        path = bring(f"{host}/data/clips.tar.gz", tmp_path, lines=lines)
        assert path.name == "clips.tar.gz"
        assert path.read_bytes() == CONTENT
        assert lines[-1] == f"download {host}/data/clips.tar.gz: 3.0 of 3.0 MB"
        assert bring(f"{host}/data/clips.tar.gz", tmp_path) == path
    assert len(gets(requests)) == 1
    assert files_below(tmp_path) == [path]


def test_a_web_file_that_changed_is_downloaded_again(tmp_path: Path):
    pages = {"/a.zip": Page(b"first", VERSION)}
    with serve(pages) as (host, _):
        before = identify(f"{host}/a.zip")
        assert bring(f"{host}/a.zip", tmp_path).read_bytes() == b"first"
        pages["/a.zip"] = Page(b"other", {"ETag": '"v2"'})
        assert identify(f"{host}/a.zip") != before
        assert bring(f"{host}/a.zip", tmp_path).read_bytes() == b"other"


@pytest.mark.parametrize(
    ("page", "bytes_sent"),
    [
        pytest.param(Page(CONTENT, VERSION), 3_000_000, id="ranges"),
        pytest.param(Page(CONTENT, {"Last-Modified": "Sat, 21 Nov 2026 22:31:37 GMT"}), 3_000_000, id="ranges by date"),
        pytest.param(Page(CONTENT, VERSION, ranges=False), 3_000_000 + 2_500_000, id="no ranges: from the start"),
        pytest.param(Page(CONTENT, {"ETag": 'W/"weak"'}), 3_000_000 + 2_500_000, id="weak version: from the start"),
        pytest.param(Page(CONTENT), 3_000_000 + 2_500_000, id="no version: from the start"),
        pytest.param(Page(CONTENT, VERSION, head=False), 3_000_000, id="no HEAD"),
    ],
)
def test_an_answer_that_breaks_off_is_asked_for_again(tmp_path: Path, page: Page, bytes_sent: int):
    page.break_after = (1_500_000, 1_000_000) if page.head else (3_000_000, 1_500_000, 1_000_000)
    with serve({"/clip.mp4": page}) as (host, requests):
        path = bring(f"{host}/clip.mp4", tmp_path)
    assert path.read_bytes() == CONTENT
    downloads = gets(requests) if page.head else gets(requests)[1:]
    assert len(downloads) == 3
    assert sum(request.sent for request in downloads) == bytes_sent
    assert files_below(tmp_path) == [path]


def test_a_download_goes_on_in_the_next_run(tmp_path: Path):
    page = Page(CONTENT, VERSION, break_after=(1_500_000,) + (0,) * 5)
    with serve({"/clip.mp4": page}) as (host, requests):
        with pytest.raises(BadInput, match=f"{host}/clip.mp4: expected a server that answers"):
            bring(f"{host}/clip.mp4", tmp_path)
        assert [path.suffix for path in files_below(tmp_path)] == [".part"]
        requests.clear()
        path = bring(f"{host}/clip.mp4", tmp_path)
    assert [request.sent for request in gets(requests)] == [1_500_000]
    assert path.read_bytes() == CONTENT


def test_remains_of_an_older_version_are_not_continued(tmp_path: Path):
    pages = {"/clip.mp4": Page(bytes(3_000_000), VERSION, break_after=(1_500_000,) + (0,) * 5)}
    with serve(pages) as (host, _):
        with pytest.raises(BadInput):
            bring(f"{host}/clip.mp4", tmp_path)
        pages["/clip.mp4"] = Page(CONTENT, {"ETag": '"v2"'})
        assert bring(f"{host}/clip.mp4", tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_busy_web_servers_are_asked_again(tmp_path: Path, status: int):
    with serve({"/a": Page(b"a", VERSION, first_statuses=(status, status))}) as (host, requests):
        assert bring(f"{host}/a", tmp_path).read_bytes() == b"a"
    assert len(requests) == 4


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_refusals_are_reported_at_once(tmp_path: Path, status: int):
    with serve({"/a": Page(b"", first_statuses=(status,) * 9)}) as (host, requests):
        for action in (lambda: bring(f"{host}/a?key=secret", tmp_path), lambda: identify(f"{host}/a?key=secret")):
            with pytest.raises(BadInput, match=f"{host}/a: expected a file to download. Received: HTTP {status}"):
                action()
    assert len(requests) <= 4
    assert files_below(tmp_path) == []


def test_a_web_server_that_is_not_there(tmp_path: Path):
    with socket.socket() as taken:  # bound but not listening: refuses
        taken.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{taken.getsockname()[1]}"
        for action in (lambda: bring(f"{host}/a", tmp_path), lambda: identify(f"{host}/a")):
            with pytest.raises(BadInput, match=rf"{host}/a: expected a server that answers.*Connection refused"):
                action()


@pytest.mark.parametrize("length", [True, False])
def test_too_large(tmp_path: Path, length: bool):
    with serve({"/a": Page(CONTENT, VERSION, length=length)}) as (host, requests):
        with pytest.raises(
            BadInput, match=f"{host}/a: expected at most 2 MB. Received: {'3.0 MB' if length else 'more'}"
        ):
            bring(f"{host}/a", tmp_path, max_mb=2)
        assert len(gets(requests)) == (0 if length else 1)
    assert files_below(tmp_path) == []


def test_no_length_announced(tmp_path: Path):
    with serve({"/a": Page(CONTENT, VERSION, length=False)}) as (host, _):
        assert bring(f"{host}/a", tmp_path).read_bytes() == CONTENT


def test_redirects_are_followed_to_the_web_only(tmp_path: Path):
    pages = {"/file": Page(b"", {"Location": "file:///etc/passwd"}, status=302), "/target": Page(b"target")}
    with serve(pages) as (host, requests):
        pages["/good"] = Page(b"", {"Location": "/target"}, status=302)
        pages["/loop"] = Page(b"", {"Location": "/loop?key=secret"}, status=302)
        assert bring(f"{host}/good", tmp_path).read_bytes() == b"target"
        for name in ("file", "loop"):
            with pytest.raises(BadInput, match=f"{host}/{name}: expected") as caught:
                bring(f"{host}/{name}?key=secret", tmp_path)
            assert "secret" not in str(caught.value)
    assert len(requests) < 15


def test_a_user_name_in_the_address_is_sent_and_never_shown(tmp_path: Path):
    lines: list[str] = []
    with serve({"/a": Page(CONTENT)}) as (host, requests):
        address = host.replace("//", "//me:sec%72et@")
        path = bring(f"{address}/a?token=secret", tmp_path, lines=lines)
        with pytest.raises(BadInput) as caught:
            bring(f"{address}/missing?token=secret", tmp_path)
    assert path.read_bytes() == CONTENT
    expected = "Basic " + base64.b64encode(b"me:secret").decode()
    assert {request.headers["authorization"] for request in requests} == {expected}
    assert {request.path for request in requests} == {"/a?token=secret", "/missing?token=secret"}
    assert "secret" not in f"{lines} {caught.value} {path}"


@pytest.mark.parametrize("path", ["/..", "/%2e%2e", "/a%2f..%2f..%2fevil"])
def test_names_from_the_web_stay_inside(tmp_path: Path, path: str):
    with serve({path: Page(b"evil"), "": Page(b"evil")}) as (host, _):
        try:
            brought = bring(f"{host}{path}", tmp_path / "deep/out")
        except BadInput:
            return
    assert brought.is_relative_to(tmp_path / "deep/out")
    assert not (tmp_path / "evil").exists()


def test_objects_are_mirrored(s3_server: S3Server, bucket: str, s3_store: S3Store, tmp_path: Path):
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / name).write_bytes(name.encode())
        s3_store.put(tmp_path / name, f"clips/Train/{name}")
    source = f"s3://{bucket}/clips/"
    before = identify(source, s3_server.endpoint)
    path = bring(source, tmp_path / "out", endpoint=s3_server.endpoint)
    assert sorted(file.name for file in (path / "Train").iterdir()) == ["1.jpg", "2.jpg"]
    assert identify(source, s3_server.endpoint) == before
    s3_server.client().remove_object(bucket, "clips/Train/1.jpg")
    assert identify(source, s3_server.endpoint) != before
    assert bring(source, tmp_path / "out", endpoint=s3_server.endpoint) == path
    assert [file.name for file in (path / "Train").iterdir()] == ["2.jpg"], "what is gone there is gone here"


def test_one_object_is_a_file(s3_server: S3Server, bucket: str, s3_store: S3Store, tmp_path: Path):
    (tmp_path / "a.zip").write_bytes(b"zip")
    s3_store.put(tmp_path / "a.zip", "clips/a.zip")
    path = bring(f"s3://{bucket}/clips/a.zip", tmp_path / "out", endpoint=s3_server.endpoint)
    assert (path.name, path.read_bytes()) == ("a.zip", b"zip")


def test_objects_that_are_too_large_or_not_there(s3_server: S3Server, bucket: str, s3_store: S3Store, tmp_path: Path):
    (tmp_path / "a").write_bytes(CONTENT)
    s3_store.put(tmp_path / "a", "clips/a")
    with pytest.raises(BadInput, match="expected at most 2 MB. Received: 3.0 MB"):
        bring(f"s3://{bucket}/clips", tmp_path / "out", max_mb=2, endpoint=s3_server.endpoint)
    for action in (bring, lambda source, _, **kw: identify(source, **kw)):
        with pytest.raises(BadInput, match="expected objects under 'none'"):
            action(f"s3://{bucket}/none", tmp_path / "out", endpoint=s3_server.endpoint)
    assert not (tmp_path / "out").exists()
