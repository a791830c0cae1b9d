"""`unforeseen serve`: a detector behind the Open Inference Protocol."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from model.errors import BadInput
from pipelines.commands.common import Commands, add_profile, quiet

if TYPE_CHECKING:
    from pipelines.profile import Profile
    from serving.limits import Limits
    from serving.server import Addresses
    from serving.sources import Source


def add(commands: Commands) -> None:
    """Declares the command."""
    serve = commands.add_parser("serve", help="answer requests for scores, over REST and gRPC")
    which = serve.add_mutually_exclusive_group(required=True)
    which.add_argument("--detector", type=Path, metavar="DIR", help="detector directory")
    which.add_argument("--detectors", type=Path, metavar="DIR", help="directory of them, each called as its camera is")
    which.add_argument(
        "--model", action="append", metavar="URI", help="models:/NAME@champion or models:/NAME/VERSION; repeatable"
    )
    serve.add_argument("--name", default="", help="of a single model; by default its camera's or the registry's")
    serve.add_argument("--out", type=Path, metavar="DIR", help="of the run whose registry --model means")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 in a container")
    serve.add_argument("--port", type=int, default=8080, help="of REST; 0 takes a free one")
    serve.add_argument("--grpc-port", type=int, default=8081, help="of gRPC; 0 takes a free one")
    serve.add_argument("--waiting", type=int, metavar="N", help="requests at once; one more is told to come back")
    serve.add_argument("--max-frames", type=int, metavar="N", help="in one request")
    serve.add_argument(
        "--allow-uri",
        action="append",
        default=[],
        metavar="PREFIX",
        help="clients may name videos that begin with it, such as s3://bucket/clips/ or https://host/; repeatable",
    )
    add_profile(serve)
    serve.set_defaults(act=_serve)


def _serve(wanted: argparse.Namespace) -> None:
    from pipelines import profile
    from serving import cores, limits

    cores.share()
    places, bounds = profile.read(wanted.profile), _limits(wanted, limits.Limits())
    with tempfile.TemporaryDirectory(prefix="unforeseen-") as scratch:
        source = _source(wanted, places, Path(scratch))  # what is wrong is said before anything heavy is loaded
        tensorflow = threading.Thread(target=_load_tensorflow)  # beside KServe, which takes half as long
        with quiet():
            tensorflow.start()
            from prometheus_client import REGISTRY

            from serving import engine, fleet, metrics, server, sizes, uri

            tensorflow.join()
        _log_as_json()
        server.serve(
            engine.Engine(fleet.Fleet(source, bounds, metrics.Metrics(REGISTRY)), bounds),
            bounds,
            server.Addresses(wanted.host, wanted.port, wanted.grpc_port),
            lambda addresses: _announce(source.names(), addresses),
            uri.fetcher(wanted.allow_uri, _s3(places), sizes.BODY) if wanted.allow_uri else None,
        )


def _log_as_json() -> None:
    from serving.logs import JsonFormatter

    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # to it, a client's mistake is an error of ours


def _load_tensorflow() -> None:
    from model import detector  # noqa: F401


def _limits(wanted: argparse.Namespace, usual: Limits) -> Limits:
    for option, value in (("--waiting", wanted.waiting), ("--max-frames", wanted.max_frames)):
        if value is not None and value < 1:
            raise BadInput(f"expected {option} of at least 1. Received: {value}")
    return dataclasses.replace(usual, waiting=wanted.waiting or usual.waiting, frames=wanted.max_frames or usual.frames)


def _source(wanted: argparse.Namespace, places: Profile, scratch: Path) -> Source:
    from serving.sources import Directory

    if not wanted.model:
        return Directory(wanted.detector or wanted.detectors, wanted.name or None)
    from pipelines.registered import Registered

    if not (places.tracking_uri or wanted.out):
        raise BadInput("expected --out of a run, or a profile with tracking_uri, beside --model. Received: neither")
    return Registered(places.tracking(wanted.out or Path())[0], wanted.model, scratch, wanted.name)


def _s3(places: Profile) -> Callable[[str, int], bytes]:
    """Brings an object from the profile's store."""

    def bring(address: str, most: int) -> bytes:
        from components.storage import open_store
        from serving.errors import Refused, TooLarge

        try:
            store, key = open_store(address, places.store.endpoint, places.store.region)
            found = [info for info in store.list(key) if info.key == key]
            if not found or found[0].size > most:
                kind, size = (TooLarge, found[0].size) if found else (Refused, "none")
                raise kind(f"expected an object of at most {most} bytes. Received: {size}")
            with tempfile.TemporaryDirectory(prefix="unforeseen-") as directory:
                store.get(found[0], Path(directory) / "video", lambda size: None)
                return (Path(directory) / "video").read_bytes()
        except BadInput as e:  # its text names our store
            raise Refused("expected an object that can be read. Received: none") from e

    return bring


def _announce(names: tuple[str, ...], addresses: Addresses) -> None:
    host = f"[{addresses.host}]" if ":" in addresses.host else addresses.host
    print(f"models: {', '.join(names)}")
    print(f"REST:   http://{host}:{addresses.port}")
    print(f"gRPC:   {host}:{addresses.grpc_port}", flush=True)
