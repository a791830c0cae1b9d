"""Why a request gets no scores; each has its HTTP status and its gRPC code, and one sentence for the caller."""

from __future__ import annotations


class Refused(Exception):
    """The request is not answered; its text is written for the caller."""

    status = 400
    code = "INVALID_ARGUMENT"


class NotFound(Refused):
    """There is no such model."""

    status = 404
    code = "NOT_FOUND"


class TooLarge(Refused):
    """More bytes, pixels or frames than the limits allow."""

    status = 413
    code = "RESOURCE_EXHAUSTED"


class Full(Refused):
    """More waits already than may wait."""

    status = 429
    code = "RESOURCE_EXHAUSTED"

    def __init__(self, text: str, retry_after: float) -> None:
        super().__init__(text)
        self.retry_after = retry_after  # seconds


class Loading(Refused):
    """The model is there, but not ready yet."""

    status = 503
    code = "UNAVAILABLE"
