"""A connection to any MLflow tracking URI, tried before it is used; its faults become one line for the user."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from model.errors import BadInput

if TYPE_CHECKING:
    from mlflow import MlflowClient

SQLITE = "sqlite:///"


def connect(uri: str) -> MlflowClient:
    """A client whose server or database has answered once; a sqlite file is made where there is none.

    Raises:
        BadInput: nothing that speaks MLflow answers there.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when mlflow is imported
    from mlflow import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.WARNING)  # a step's output is its own
    with answering(uri), _one_at_a_time(uri), _few_retries():
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
    return client


@contextmanager
def answering(uri: str) -> Iterator[None]:
    """Turns what MLflow raises into BadInput that names the URI, without the password it may hold."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, sqlite3.Error) as e:
        cause = str(e).partition("\n")[0].replace(uri, without_password(uri))
        raise BadInput(
            f"expected MLflow to answer at {without_password(uri)}. Received: {without_password(cause)}"
        ) from e


@contextmanager
def unless_there() -> Iterator[None]:
    """Lets a creation pass that found its object made already, perhaps a moment ago by another process."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as e:
        if e.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def without_password(text: str) -> str:
    """The text without the `user:password@` of the addresses in it."""
    return re.sub(r"://[^/\s]*@", "://", text)


@contextmanager
def _one_at_a_time(uri: str) -> Iterator[None]:
    """MLflow fills a new sqlite file without a lock, so that two at once fail, and tries a broken one for minutes."""
    if not uri.startswith(SQLITE):
        yield
        return
    path = Path(uri.removeprefix(SQLITE))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise BadInput(f"expected a directory for {path}. Received: {e.strerror}") from e
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA schema_version")
        yield
    finally:
        os.close(directory)


@contextmanager
def _few_retries() -> Iterator[None]:
    """A server that is down is told in seconds; later calls keep MLflow's patience, which outlives a restart."""
    name = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
    before = os.environ.get(name)
    os.environ[name] = "2"
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before
