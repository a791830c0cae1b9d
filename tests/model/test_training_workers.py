"""Two processes that train as one: the same weights on both, and after one was lost they go on."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from forks import Fork, Forks
from ports import Ports

pytestmark = pytest.mark.slow
TRAIN = "tiny_training:one_of_several"


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with Forks(tmp_path_factory.mktemp("forks"), "tiny_training", "model.training") as forks:
        yield forks


@pytest.fixture
def addresses() -> Iterator[list[str]]:
    ports = Ports(2)
    yield [f"127.0.0.1:{port}" for port in ports.numbers]
    ports.release()


def told(addresses: list[str], index: int) -> str:
    """TF_CONFIG as the training operator writes it, where nobody is called chief."""
    return json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})


def results(directory: Path) -> tuple[np.ndarray, list[float]]:
    with np.load(directory / "weights.npz") as file:
        weights = np.concatenate([file[name].ravel() for name in file.files])
    return weights, [one["validation_loss"] for one in json.loads((directory / "history.json").read_text())]


def test_two_workers_train_as_one_and_go_on_after_one_was_lost(forks: Forks, addresses: list[str], tmp_path: Path):
    alone, first, second, empty = (tmp_path / name for name in ("alone", "first", "second", "empty"))
    for directory in (alone, first, second, empty):
        directory.mkdir()
    single = forks.start(TRAIN, alone)

    def both(other: Path) -> list[Fork]:
        return [
            forks.start(TRAIN, directory, TF_CONFIG=told(addresses, index))
            for index, directory in enumerate((first, other))
        ]

    survivor, lost = both(second)
    survivor.says("epoch 1/6: ")
    lost.kill(signal.SIGKILL)
    assert survivor.end() != 0
    assert "OthersLost: expected every worker of TF_CONFIG to stay until the end. Received: " in survivor.said
    assert list(second.iterdir()) == []  # the first alone writes

    one, other = both(empty)
    assert (one.end(), other.end()) == (0, 0), one.said + other.said
    (goes_on,) = (line for line in one.said.splitlines() if line.startswith("going on after epoch "))
    assert goes_on in other.said
    (weights, losses), (their_weights, their_losses) = results(first), results(empty)
    np.testing.assert_array_equal(weights, their_weights)
    assert losses == their_losses
    assert single.end() == 0, single.said
    alone_weights, alone_losses = results(alone)
    assert losses == pytest.approx(alone_losses, rel=0.02)
    assert np.linalg.norm(weights - alone_weights) < 0.06 * np.linalg.norm(alone_weights)
