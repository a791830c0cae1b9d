"""The process: both protocols on two ports, until a signal; then what is in flight is finished."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from typing import NamedTuple

import uvicorn

from model.errors import BadInput
from serving.decode import Fetch
from serving.engine import Engine
from serving.errors import Loading
from serving.grpc_server import server as grpc_server
from serving.limits import Limits
from serving.rest import application
from serving.service import Service

log = logging.getLogger(__name__)
GRACE_SECONDS = 25.0  # Kubernetes kills after 30
KEEP_SECONDS = 65  # longer than a proxy keeps a connection that is idle


class Addresses(NamedTuple):
    """Where it listens; port 0 takes any that is free."""

    host: str
    port: int
    grpc_port: int


def serve(
    engine: Engine,
    limits: Limits,
    addresses: Addresses,
    ready: Callable[[Addresses], None],
    fetch: Fetch | None = None,
) -> None:
    """Serves until SIGTERM or SIGINT.

    Raises:
        BadInput: a port is taken, or the only detector cannot be loaded.
    """
    asyncio.run(_serve(engine, limits, addresses, ready, fetch))


class _Http(uvicorn.Server):
    """Leaves signals to us: one of them stops both protocols."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(
    engine: Engine, limits: Limits, addresses: Addresses, ready: Callable[[Addresses], None], fetch: Fetch | None
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    service = Service(engine, limits, fetch)
    listener = listen(addresses)
    config = uvicorn.Config(
        application(service),
        log_config=None,
        access_log=False,
        timeout_keep_alive=KEEP_SECONDS,
        timeout_graceful_shutdown=int(GRACE_SECONDS),
    )
    http, rpc = _Http(config), grpc_server(service)
    target = f"[{addresses.host}]" if ":" in addresses.host else addresses.host
    grpc_port = _bound(rpc.add_insecure_port, f"{target}:{addresses.grpc_port}")
    await rpc.start()
    web = asyncio.create_task(http.serve(sockets=[listener]))
    try:
        await _until(asyncio.create_task(asyncio.to_thread(_load, engine)), stop, web)
        service.plane.open = not stop.is_set()
        if service.plane.open:
            ready(Addresses(addresses.host, listener.getsockname()[1], grpc_port))
        await _until(asyncio.create_task(stop.wait()), stop, web)
    finally:
        service.plane.open = False  # no new requests are sent here from now on
        http.should_exit = True
        await asyncio.gather(rpc.stop(GRACE_SECONDS), web)
        service.close()
        engine.close()


def _load(engine: Engine) -> None:
    """A single detector before anything is asked of it; of many, each when it is."""
    names = engine.models()
    if len(names) != 1:
        return
    while True:
        try:
            engine.describe(names[0])
            return
        except Loading as e:
            if not isinstance(e.__cause__, TimeoutError):  # else it only takes longer than a request may wait
                raise BadInput(str(e.__cause__ or e)) from e


async def _until(task: asyncio.Task[object], stop: asyncio.Event, web: asyncio.Task[None]) -> None:
    """Waits for the task, for a signal, or for a server that ends by itself."""
    signalled = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([task, signalled, web], return_when=asyncio.FIRST_COMPLETED)
    signalled.cancel()
    if task in done:
        task.result()


def listen(addresses: Addresses) -> socket.socket:
    """The socket of REST.

    Raises:
        BadInput: its address is taken, or not ours.
    """
    family = socket.AF_INET6 if ":" in addresses.host else socket.AF_INET
    try:
        return socket.create_server((addresses.host, addresses.port), family=family, backlog=1024)
    except OSError as e:
        where = f"{addresses.host}:{addresses.port}"
        raise BadInput(f"expected an address that is free. Received: {where}, {e.strerror}") from e


def _bound(add: Callable[[str], int], address: str) -> int:
    try:
        port = add(address)
    except RuntimeError as e:
        raise BadInput(f"expected an address that is free. Received: {address}") from e
    if not port:
        raise BadInput(f"expected an address that is free. Received: {address}")
    return port
