"""Several nodes that train as one, as `TF_CONFIG` names them."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import tensorflow as tf

from model.errors import BadInput, RunFailed

ROLES = ("chief", "worker")  # nobody else has work to do here
FAULTS = tuple(getattr(tf.errors, f"{name}Error") for name in ("Unavailable", "Aborted", "Cancelled", "Internal"))


class OthersLost(RunFailed):
    """A worker went away: all have to begin again, from the last checkpoint."""

    exit_code = 128 + signal.SIGTERM  # as if told to end: a job tries again what a signal ended, and nothing else


class Workers(NamedTuple):
    """All of them, as one of them sees it."""

    strategy: Any  # of tf.distribute
    first: bool  # writes what is written


def join(text: str) -> Workers | None:
    """Meets the others, before TensorFlow has done anything else; None where there are none.

    Every batch is then shared out over all workers' devices: a training has the same batches on however many.

    Args:
        text: of TF_CONFIG, "" where nobody set it.

    Raises:
        BadInput: it is another text, or has other roles than chief and worker.
    """
    try:
        told = json.loads(text or "{}")
        cluster, task = told.get("cluster", {}), told.get("task", {})
        unknown = sorted(set(cluster) - set(ROLES))
        names = [(role, index) for role in ROLES for index in range(len(cluster.get(role, ())))]
        mine = (task.get("type"), task.get("index"))
        if len(names) < 2:
            return None
    except (AttributeError, TypeError, ValueError) as e:
        raise BadInput(f"expected TF_CONFIG as JSON with cluster and task. Received: {text}") from e
    if unknown or mine not in names:
        raise BadInput(f"expected TF_CONFIG with a task that is a chief or worker of its cluster. Received: {text}")
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(cluster), task_type=mine[0], task_id=mine[1], rpc_layer="grpc"
    )
    return Workers(tf.distribute.MultiWorkerMirroredStrategy(resolver), mine == names[0])


@contextmanager
def together(workers: Workers | None) -> Iterator[None]:
    """Turns what TensorFlow meets where a worker went away into one line.

    Raises:
        OthersLost: it did.
    """
    try:
        yield
    except FAULTS as e:
        if workers is None:
            raise
        words = str(e).partition("\n")[0]
        raise OthersLost(f"expected every worker of TF_CONFIG to stay until the end. Received: {words}") from e
