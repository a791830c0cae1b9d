"""One file from a web server: asked about, then downloaded, going on where the server allows it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from components.storage.local import file_faults, partial_path, settle
from components.storage.patience import TIMEOUT, Busy, Patience, patiently, reason, refuse_busy
from components.storage.store import Progress
from components.storage.tally import MB, Tally
from model.errors import BadInput

CHUNK = 1024 * 1024  # bytes between two looks at the limit
REDIRECTS = urllib3.Retry(connect=False, read=False, status=False, other=False, redirect=5)  # to http and https only


@dataclass(frozen=True)
class WebFile:
    """What a server says of a file before it is downloaded."""

    url: str  # without a user name, but with its query, which may hold a secret: show `shown`
    headers: dict[str, str]
    etag: str
    last_modified: str
    size: int | None  # bytes

    @property
    def shown(self) -> str:
        """The address as it may stand in a message."""
        return self.url.partition("?")[0]

    @property
    def name(self) -> str:
        """The file's own name."""
        return unquote(PurePosixPath(urlsplit(self.url).path).name) or "download"

    @property
    def fingerprint(self) -> str:
        """SHA-256 over address, ETag, date and size; a server that gives none of the three hides changes."""
        return hashlib.sha256(f"{self.url}\0{self.etag}\0{self.last_modified}\0{self.size}".encode()).hexdigest()

    @property
    def version(self) -> str:
        """What If-Range may name: a strong ETag or the date; "" where the server gives neither."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified


def ask(url: str, patience: Patience) -> WebFile:
    """Asks for the headers only.

    Raises:
        BadInput: the file is not there, or the server does not answer.
    """
    with _web_faults("a web address"):
        user, _, host = urlsplit(url).netloc.rpartition("@")
        headers = {"Accept-Encoding": "identity"} | (urllib3.make_headers(basic_auth=unquote(user)) if user else {})
        file = WebFile(urlsplit(url)._replace(netloc=host, fragment="").geturl(), headers, "", "", None)
    with _web_faults(file.shown):
        response = patiently(lambda: _request("HEAD", file, {}), patience)
        if response.status in (403, 405, 501):  # addresses signed for GET, and servers that know no HEAD
            response = patiently(lambda: _request("GET", file, {}), patience)
        response.close()
    if response.status != 200:
        raise BadInput(f"{file.shown}: expected a file to download. Received: HTTP {response.status}")
    length = response.headers.get("Content-Length", "")
    return replace(
        file,
        etag=response.headers.get("ETag", ""),
        last_modified=response.headers.get("Last-Modified", ""),
        size=int(length) if length.isdigit() else None,
    )


def download(file: WebFile, path: Path, max_mb: int, progress: Progress, patience: Patience) -> None:
    """Brings the file to `path`, whole and with the length that was announced, or not at all.

    Raises:
        BadInput: no success, more than `max_mb` (10^6 bytes each), no disk space, or a server that went away.
    """
    if file.size is not None and file.size > max_mb * MB:
        raise _too_large(file, max_mb)
    partial = partial_path(path, file.fingerprint)
    with file_faults(path), _web_faults(file.shown):
        path.parent.mkdir(parents=True, exist_ok=True)
        patiently(lambda: _append(file, partial, max_mb, progress), patience)
        received = partial.stat().st_size
        if file.size not in (None, received):
            partial.unlink()
            raise BadInput(f"{file.shown}: expected {file.size} bytes; run again. Received: {received}")
        settle(partial, path)


def _append(file: WebFile, partial: Path, max_mb: int, progress: Progress) -> None:
    done = partial.stat().st_size if file.version and partial.exists() else 0
    if done and done == file.size:
        return
    response = _request("GET", file, {"Range": f"bytes={done}-", "If-Range": file.version} if done else {})
    with closing(response):
        if response.status == 416:  # the size was not known, and all of it is here or it shrank: start anew
            partial.unlink()
            raise Busy("HTTP 416")
        goes_on = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {done}-")
        if response.status != 200 and not goes_on:
            raise BadInput(f"{file.shown}: expected a file to download. Received: HTTP {response.status}")
        tally = Tally(f"download {file.shown}", file.size, progress)
        with partial.open("ab" if goes_on else "wb") as output:
            tally(output.tell())
            for chunk in response.stream(CHUNK, decode_content=False):
                output.write(chunk)
                tally(len(chunk))
                if tally.done > max_mb * MB:
                    partial.unlink()
                    raise _too_large(file, max_mb)
            output.flush()
            os.fsync(output.fileno())


def _request(method: str, file: WebFile, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
    pool = urllib3.PoolManager(timeout=TIMEOUT, retries=REDIRECTS)
    return refuse_busy(pool.urlopen(method, file.url, headers=file.headers | headers, preload_content=False))


def _too_large(file: WebFile, max_mb: int) -> BadInput:
    size = "more" if file.size is None else f"{file.size / MB:.1f} MB"
    return BadInput(f"{file.shown}: expected at most {max_mb} MB. Received: {size}")


@contextmanager
def _web_faults(where: str) -> Iterator[None]:
    try:
        yield
    except BadInput:
        raise
    except ValueError as error:  # its text may hold the whole address
        raise BadInput(f"{where}: expected http(s)://host/file. Received: {type(error).__name__}") from error
    except HTTPError as error:
        raise BadInput(f"{where}: expected a server that answers. Received: {reason(error)}") from error
