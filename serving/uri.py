"""Videos that a request names instead of bringing: only from an allow-list, never by way of a redirect."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Sequence
from urllib.parse import SplitResult, urlsplit

import urllib3

from serving.decode import Fetch
from serving.errors import Refused, TooLarge
from serving.parameters import shown

LONGEST = 2048  # characters
SECONDS = 30.0  # for all of a download
CHUNK = 1 << 20
TIMEOUT = urllib3.Timeout(connect=5.0, read=10.0)
METADATA = {"fd00:ec2::254", "168.63.129.16"}  # of clouds that do not keep it on a link-local address
PORTS = {"http": 80, "https": 443}


def fetcher(allowed: Sequence[str], s3: Callable[[str, int], bytes], most: int) -> Fetch:
    """A function that brings what an address holds.

    Args:
        allowed: what addresses may begin with; a prefix ends at a `/`, whether it is written or not.
        s3: brings an object of at most so many bytes.
        most: bytes of a video.
    """
    prefixes = [prefix if prefix.endswith("/") else f"{prefix}/" for prefix in allowed]

    def fetch(address: str) -> bytes:
        parts = _parsed(address)
        if not any(parts.geturl().startswith(prefix) for prefix in prefixes):
            raise Refused(f"expected an address that this server allows. Received: {shown(_bare(parts))}")
        return s3(address, most) if parts.scheme == "s3" else _download(parts, most)

    return fetch


def check_host(host: str, port: int) -> str:
    """The IP address to connect to: looked up once, so that a second answer cannot be another one.

    Raises:
        Refused: the host is not known, or is where machines ask about themselves.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as e:
        raise Refused(f"expected a host that is known. Received: {shown(host)}") from e
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    for address in addresses:
        ip = ipaddress.ip_address(address)
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if ip.is_link_local or ip.is_multicast or ip.is_unspecified or str(ip) in METADATA:
            raise Refused(f"expected a host that is not link-local. Received: {shown(host)}")
    return addresses[0]


def _parsed(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 raises where it is no number
    except ValueError as e:
        raise Refused("expected an address such as https://host/file.mp4. Received: another kind") from e
    odd = len(address) > LONGEST or not address.isascii() or not address.isprintable() or set(address) & set(" \\")
    if odd or parts.scheme not in ("s3", *PORTS) or not parts.hostname or "@" in parts.netloc or parts.fragment:
        raise Refused("expected an address such as https://host/file.mp4. Received: another kind")
    if ".." in parts.path or "%2e" in parts.path.lower() or "%2f" in parts.path.lower():
        raise Refused(f"expected an address without dots that lead out. Received: {shown(_bare(parts))}")
    return parts


def _download(parts: SplitResult, most: int) -> bytes:
    host, port = str(parts.hostname), parts.port or PORTS[parts.scheme]
    address = check_host(host, port)
    pool: urllib3.HTTPConnectionPool
    if parts.scheme == "https":
        pool = urllib3.HTTPSConnectionPool(address, port, assert_hostname=host, server_hostname=host, timeout=TIMEOUT)
    else:
        pool = urllib3.HTTPConnectionPool(address, port, timeout=TIMEOUT)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    headers = {"Host": parts.netloc, "Accept-Encoding": "identity"}
    with pool:
        try:
            answer = pool.urlopen(
                "GET", path, headers=headers, redirect=False, retries=False, preload_content=False, timeout=TIMEOUT
            )
            return _taken(answer, parts, most)
        except urllib3.exceptions.HTTPError as e:
            raise Refused(f"expected a server that answers. Received: {type(e).__name__}") from e


def _taken(answer: urllib3.BaseHTTPResponse, parts: SplitResult, most: int) -> bytes:
    if answer.status != 200:
        raise Refused(f"expected a file at {shown(_bare(parts))}. Received: HTTP {answer.status}")
    end, content = time.monotonic() + SECONDS, bytearray()
    for chunk in answer.stream(CHUNK, decode_content=False):
        content += chunk
        if len(content) > most:
            raise TooLarge(f"expected a video of at most {most} bytes. Received: more")
        if time.monotonic() > end:
            raise Refused(f"expected a video within {SECONDS:.0f} s. Received: {len(content)} bytes of it")
    return bytes(content)


def _bare(parts: SplitResult) -> str:
    """Without the query, which may hold a signature."""
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
