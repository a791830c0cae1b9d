"""Addresses of videos: what the allow-list lets through, over a real web server."""

import pytest
from web_server import Page, serve

from serving import uri
from serving.errors import Refused, TooLarge


def no_s3(address, most):
    raise AssertionError(address)


def test_an_allowed_address_is_fetched_as_it_is():
    with serve({"/clips/a.mp4": Page(b"video")}) as (url, requests):
        assert uri.fetcher([f"{url}/clips"], no_s3, 1 << 20)(f"{url}/clips/a.mp4?token=1") == b"video"
    assert [request.path for request in requests] == ["/clips/a.mp4?token=1"]


@pytest.mark.parametrize(
    "address",
    [
        "{url}/other/a.mp4",
        "{url}/clips-of-others/a.mp4",  # a longer name is another folder
        "{url}/clips/../other/a.mp4",
        "{url}/clips/%2e%2e/other/a.mp4",
        "{url}/clips/..%2fother/a.mp4",
        "{url}@127.0.0.1/clips/a.mp4",
        "http://user@127.0.0.1/clips/a.mp4",
        "file:///etc/passwd",
        "{url}\\clips/a.mp4",
        "http://[::1",
        "http://127.0.0.1:port/",
        "",
    ],
)
def test_any_other_address_is_refused_and_not_asked(address):
    with (
        serve({"/other/a.mp4": Page(b"secret"), "/clips/a.mp4": Page(b"video")}) as (url, requests),
        pytest.raises(Refused),
    ):
        uri.fetcher([f"{url}/clips/"], no_s3, 1 << 20)(address.format(url=url))
    assert requests == []


@pytest.mark.parametrize(
    ("page", "kind", "said"),
    [
        (Page(b"", {"Location": "/other/a.mp4"}, status=302), Refused, "HTTP 302"),  # followed, it would lead out
        (Page(b"", status=500), Refused, "HTTP 500"),
        (Page(bytes(2 << 20), length=False), TooLarge, "at most 1048576 bytes"),
    ],
    ids=["redirect", "fault", "too large"],
)
def test_what_is_no_file_or_too_large_is_refused(page, kind, said):
    with (
        serve({"/clips/a.mp4": page, "/other/a.mp4": Page(b"secret")}) as (url, requests),
        pytest.raises(kind, match=said),
    ):
        uri.fetcher([url], no_s3, 1 << 20)(f"{url}/clips/a.mp4?token=secret")
    assert len(requests) == 1


@pytest.mark.parametrize("host", ["169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "::ffff:169.254.169.254"])
def test_machines_are_not_asked_about_themselves_even_where_a_name_leads_there(host):
    with pytest.raises(Refused, match="link-local"):
        uri.check_host(host, 80)


def test_s3_is_brought_by_whoever_knows_the_store():
    fetch = uri.fetcher(["s3://clips/gate/"], lambda address, most: address.encode(), 1 << 20)
    assert fetch("s3://clips/gate/a.mp4") == b"s3://clips/gate/a.mp4"
    with pytest.raises(Refused, match="this server allows"):
        fetch("s3://clips/other/a.mp4")
