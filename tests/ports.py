"""Ports of loopback that are ours alone: tests run in several processes, and a test may run beside another test run."""

from __future__ import annotations

import socket
from contextlib import ExitStack


class Ports:
    """Free ports in `numbers` until `release`; other test processes pass them by, even while nothing listens on them.

    They lie below the ephemeral range, so that no outgoing connection takes one while a server is down.
    """

    BLOCK = 16

    def __init__(self, count: int):
        for first in range(10_000, 32_000, self.BLOCK):
            self.numbers = list(range(first + 1, first + 1 + count))
            self._claim = socket.socket()  # on the first port of the block, which tells others that it is taken
            if _bound(self._claim, first) and _all_free(self.numbers):
                return
            self._claim.close()
        raise OSError(f"expected {count} free ports. Received: none")

    def release(self) -> None:
        """Lets others have them."""
        self._claim.close()


def _all_free(ports: list[int]) -> bool:
    with ExitStack() as held:
        return all(_bound(held.enter_context(socket.socket()), port) for port in ports)


def _bound(found: socket.socket, port: int) -> bool:
    try:
        found.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
