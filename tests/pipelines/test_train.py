"""A training that loses its node goes on elsewhere with the same result; several nodes train as one."""

from __future__ import annotations

import io
import json
import signal
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from forks import Fork, Forks
from ports import Ports
from s3_server import ACCESS_KEY, SECRET_KEY, S3Server
from tiny import SETTINGS, options

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:The ``noload`` loader:DeprecationWarning")]
EPOCHS = 8
NEVER = "1000"  # minutes
KEYS = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}


@pytest.fixture(scope="module")
def dataset(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from model import config, preprocessing
    from model.footage import find_clips

    settings = config.build("small", [f"{key}={json.dumps(value)}" for key, value in SETTINGS.items()])
    clips = find_clips(footage, "walkway", settings.footage, settings.training.window_frames)
    directory = tmp_path_factory.mktemp("data") / "dataset"
    return preprocessing.write_dataset(clips, directory, settings.preprocessing, camera="walkway").directory


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    from components.trial import MODULES

    with Forks(tmp_path_factory.mktemp("forks"), *MODULES, "components.train", "pipelines.cli") as forks:
        yield forks


class Trainings:
    """One training, begun again and again as pods would be: each in a directory of its own."""

    def __init__(self, forks: Forks, dataset: Path, directory: Path) -> None:
        self.forks = forks
        self.tracking_uri = f"sqlite:///{directory / 'mlflow.db'}"
        self._told = ["--data", str(dataset), "--camera", "walkway", "--tracking-uri", self.tracking_uri]
        self._told += ["--artifact-location", (directory / "mlartifacts").as_uri()]
        self._told += options(training__epochs=EPOCHS, training__steps_per_epoch=12)

    def start(self, *words: str | Path, **env: str) -> Fork:
        return self.forks.start("pipelines.cli:main", "train", *self._told, *words, **env)


@pytest.fixture(scope="module")
def trainings(forks: Forks, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Trainings:
    return Trainings(forks, dataset, tmp_path_factory.mktemp("mlflow"))


def weights(network: bytes) -> list[np.ndarray]:
    """Of Keras's file, in the order of their names."""
    found: list[tuple[str, np.ndarray]] = []
    with zipfile.ZipFile(io.BytesIO(network)) as file, h5py.File(io.BytesIO(file.read("model.weights.h5"))) as inner:
        inner.visititems(lambda name, one: found.append((name, one[()])) if isinstance(one, h5py.Dataset) else None)
    return [value for _, value in sorted(found, key=lambda pair: pair[0])]


def test_a_training_goes_on_on_another_node(trainings: Trainings, s3_server: S3Server, bucket: str, tmp_path: Path):
    client = s3_server.client()

    def etags() -> dict[str, str]:
        return {one.object_name: one.etag for one in client.list_objects(bucket, "checkpoints/", recursive=True)}

    store = ["--out", f"s3://{bucket}/detector", "--checkpoints", f"s3://{bucket}/checkpoints"]
    store += ["--endpoint", s3_server.endpoint, "--checkpoint-minutes"]
    told = trainings.start(*store, NEVER, **KEYS)
    told.says(f"epoch 1/{EPOCHS}: ")
    assert etags() == {}
    told.kill(signal.SIGTERM)  # as before a preemption
    assert told.end() == 128 + signal.SIGTERM
    before = etags()
    (key,) = (key for key in before if key.endswith(".npz"))
    assert set(before) == {key, f"{key.removesuffix('.npz')}.run"}
    assert key.startswith("checkpoints/unforeseen-walkway/")

    killed = trainings.start(*store, "0.001", **KEYS)
    whole = trainings.start("--out", tmp_path / "whole")
    while etags() == before and killed.status is None:
        time.sleep(0.02)
    killed.kill(signal.SIGKILL)
    assert killed.end() == -signal.SIGKILL
    assert "going on after epoch " in killed.said

    last = trainings.start(*store, NEVER, **KEYS)
    assert last.end() == 0, last.said
    assert "going on after epoch " in last.said
    assert etags() == {}
    assert whole.end() == 0, whole.said
    kept, expected = (
        json.loads(text)
        for text in (
            client.get_object(bucket, "detector/detector.json").data,
            (tmp_path / "whole" / "detector.json").read_text(),
        )
    )
    found = weights(client.get_object(bucket, "detector/network.keras").data)
    for one, other in zip(found, weights((tmp_path / "whole" / "network.keras").read_bytes()), strict=True):
        np.testing.assert_array_equal(one, other)
    losses, whole_losses = ([epoch["validation_loss"] for epoch in one["facts"]["history"]] for one in (kept, expected))
    assert losses == whole_losses

    from mlflow import MlflowClient

    curve = MlflowClient(trainings.tracking_uri).get_metric_history(kept["facts"]["source_run"], "validation_loss")
    assert [point.step for point in curve] == list(range(1, EPOCHS + 1))  # one run of MLflow over all three


def test_two_nodes_write_one_detector(trainings: Trainings, tmp_path: Path):
    ports = Ports(2)
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports.numbers]}
    nodes = [
        trainings.start(
            *("--out", tmp_path / f"node-{index}", "--set", "training.epochs=2"),
            TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}),
        )
        for index in range(2)
    ]
    assert [node.end() for node in nodes] == [0, 0], nodes[0].said + nodes[1].said
    ports.release()
    assert (tmp_path / "node-0" / "detector.json").exists()
    assert not (tmp_path / "node-1").exists()
    assert "the first worker writes the detector" in nodes[1].said
    assert "MLflow run" not in nodes[1].said
