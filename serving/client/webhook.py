"""An event as a signed POST, beside the work: a slow receiver holds nothing up.

The signature is HMAC-SHA256 with a shared secret over `timestamp.body`; whoever receives computes it again, compares in
constant time, and refuses a timestamp that is old.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from model.errors import BadInput, RunFailed
from serving.client.patience import Busy, Patience

SIGNATURE, TIMESTAMP, EVENT = "X-Unforeseen-Signature", "X-Unforeseen-Timestamp", "X-Unforeseen-Event"
WAITING = 1000  # events at most
END_SECONDS = 15.0  # that what waits may take at the end
Say = Callable[[str], None]


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What the header holds."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class Webhook:
    """Posts in the order of the events; `with` ends it when all are posted."""

    def __init__(self, url: str, secret: str, say: Say, patience: Patience | None = None) -> None:
        """Does not connect yet.

        Args:
            url: of the receiver.
            secret: shared with it.
            say: takes a line where an event could not be posted.
            patience: with a receiver that is busy or away.

        Raises:
            BadInput: no secret, or no such address.
        """
        if not secret:
            raise BadInput("expected a secret for the webhook in that environment variable. Received: none")
        if httpx.URL(url).scheme not in ("http", "https"):
            raise BadInput(f"expected a webhook as http:// or https://. Received: {httpx.URL(url).scheme or 'another'}")
        self._url, self._secret, self._say, self._patience = url, secret, say, patience or Patience()
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self.failed = 0

    def __enter__(self) -> Webhook:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._events.put(None)
        self._thread.join(END_SECONDS)

    def post(self, event: dict[str, Any]) -> None:
        """Takes an event for later; one that does not fit any more is counted as failed."""
        try:
            self._events.put_nowait(event)
        except queue.Full:
            self._fail(event, "too many events wait")

    def _run(self) -> None:
        with httpx.Client(timeout=10) as client:
            while (event := self._events.get()) is not None:
                try:
                    self._post(client, event)
                except (BadInput, RunFailed) as e:
                    self._fail(event, str(e))

    def _post(self, client: httpx.Client, event: dict[str, Any]) -> None:
        body = json.dumps(event, allow_nan=False).encode()

        def send() -> None:
            now = str(int(time.time()))
            headers = {SIGNATURE: signature(self._secret, now, body), TIMESTAMP: now, EVENT: str(event["id"])}
            try:
                answer = client.post(self._url, content=body, headers={**headers, "content-type": "application/json"})
            except httpx.TransportError as e:
                raise Busy(type(e).__name__) from e
            if answer.status_code == 429 or answer.status_code >= 500:
                raise Busy(f"HTTP {answer.status_code}")
            if not answer.is_success:
                raise BadInput(f"expected the webhook to take an event. Received: HTTP {answer.status_code}")

        self._patience(send)

    def _fail(self, event: dict[str, Any], why: str) -> None:
        self.failed += 1
        self._say(f"webhook: {event['id']} was not posted: {why}")
