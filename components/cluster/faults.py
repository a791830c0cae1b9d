"""What the Kubernetes API refuses, as one line for the user."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from urllib3.exceptions import HTTPError

from model.errors import BadInput


@contextmanager
def answering(what: str, host: str) -> Iterator[None]:
    """Turns what the client raises into BadInput that says what was asked for and what came.

    Args:
        what: was wanted, for example "to create experiments/a in team".
        host: address of the API.
    """
    from kubernetes.client import ApiException

    try:
        yield
    except ApiException as e:
        raise BadInput(f"expected the cluster {what}. Received: HTTP {e.status}, {_reason(e)}") from e
    except HTTPError as e:
        cause = " ".join(str(e.__cause__ or getattr(e, "reason", None) or e).split())
        raise BadInput(f"expected the Kubernetes API to answer at {host}. Received: {cause}") from e


def _reason(error: Exception) -> str:
    """The API's own sentence, where it gave one."""
    body, status = getattr(error, "body", b""), getattr(error, "reason", "")
    try:
        return " ".join(str(json.loads(body)["message"]).split())
    except (ValueError, KeyError, TypeError):
        return str(status)
