"""What an S3 client may meet, as one line for the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree.ElementTree import ParseError

from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from components.storage.patience import reason
from model.errors import BadInput

CREDENTIALS = "credentials that open it, in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or in ~/.aws/credentials"
EXPECTED = {
    "NoSuchBucket": "a bucket that exists; check its name, or make it",
    "NoSuchKey": "an object that exists; it may have been removed meanwhile",
    "PreconditionFailed": "an object that does not change while it is read; run again",
    "AuthorizationHeaderMalformed": "the bucket's own region",
    "RequestTimeTooSkewed": "a clock that is right; set this machine's",
    **dict.fromkeys(
        ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"), CREDENTIALS
    ),
}


@contextmanager
def s3_faults(where: str) -> Iterator[None]:
    """Raises BadInput with what the user can do; never what the server said, which may repeat the request."""
    try:
        yield
    except BadInput:
        raise
    except S3Error as error:
        expected = EXPECTED.get(error.code or "", "a store that allows this")
        raise BadInput(f"{where}: expected {expected}. Received: {error.code}") from error
    except (MinioException, ParseError) as error:
        raise BadInput(f"{where}: expected an S3 answer; check the endpoint. Received: another protocol") from error
    except HTTPError as error:
        expected = "an endpoint that answers; check its address and the network"
        raise BadInput(f"{where}: expected {expected}. Received: {reason(error)}") from error
    except ValueError as error:  # minio's own checks: no credentials, a name that S3 does not allow
        expected = CREDENTIALS if "credentials" in str(error) else "names that S3 allows"
        raise BadInput(f"{where}: expected {expected}. Received: {error}") from error
