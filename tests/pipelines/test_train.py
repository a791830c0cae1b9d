"""A training that loses its node goes on elsewhere with the same result; several nodes train as one."""

from __future__ import annotations

import io
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import h5py
import numpy as np
import pytest
from forks import Fork, Forks
from ports import Ports
from s3_server import ACCESS_KEY, SECRET_KEY, S3Server
from tiny import options

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:The ``noload`` loader:DeprecationWarning")]
EPOCHS = 8
CHANGES = {"training__epochs": EPOCHS, "training__steps_per_epoch": 12}
NEVER = "1000"  # minutes
KEYS = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}


@pytest.fixture(scope="module")
def dataset(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from model import config, preprocessing
    from model.footage import find_clips

    settings = config.build("small", options()[1::2])
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
        self.forks, self.dataset, self.directory = forks, dataset, directory
        self.tracking_uri = f"sqlite:///{directory / 'mlflow.db'}"
        self._told = ["--data", str(dataset), "--camera", "walkway", "--tracking-uri", self.tracking_uri]
        self._told += ["--artifact-location", (directory / "mlartifacts").as_uri()]
        self._told += options(**CHANGES)

    def start(self, *words: str | Path, **env: str) -> Fork:
        """As a command."""
        return self.forks.start("pipelines.cli:main", "train", *self._told, *words, **env)

    def step(self, output: Path, checkpoints: str, endpoint: str, **env: str) -> Fork:
        """As the pipeline's step."""
        from model import config

        place = {"tracking_uri": self.tracking_uri, "artifact_location": "", "checkpoints": checkpoints}
        place |= {"checkpoint_minutes": 5.0, "endpoint": endpoint, "region": ""}
        given = {"dataset": str(self.dataset), "camera": "walkway", "place": place, "output": str(output)}
        given |= {"settings": config.to_json(config.build("small", options(**CHANGES)[1::2]))}
        given |= {"revision": "", "feedback": "", "base_model": "", "compare_scratch": False}
        return self.forks.start("train_step:run", json.dumps(given), **env)


@pytest.fixture(scope="module")
def trainings(forks: Forks, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Trainings:
    return Trainings(forks, dataset, tmp_path_factory.mktemp("mlflow"))


def weights(file: Path) -> list[np.ndarray]:
    """Of a network of Keras, in the order of their names."""
    found: dict[str, np.ndarray] = {}
    with ZipFile(file) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as inner:
        inner.visititems(lambda name, one: found.update({name: one[()]} if isinstance(one, h5py.Dataset) else {}))
    assert len(found) > 9
    return [found[name] for name in sorted(found)]


def test_a_training_goes_on_on_another_node(trainings: Trainings, s3_server: S3Server, bucket: str, tmp_path: Path):
    client = s3_server.client()

    def etags() -> dict[str, str]:
        return {one.object_name: one.etag for one in client.list_objects(bucket, recursive=True)}

    out = ["--out", tmp_path / "detector", "--endpoint", s3_server.endpoint]
    store = [*out, "--checkpoints", f"s3://{bucket}/checkpoints", "--checkpoint-minutes"]
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
    whole = trainings.start(*out, "--checkpoints", f"s3://{bucket}/whole", "--checkpoint-minutes", NEVER, **KEYS)
    while etags()[key] == before[key] and killed.status is None:
        time.sleep(0.02)
    killed.kill(signal.SIGKILL)
    assert killed.end() == -signal.SIGKILL
    assert "going on after epoch " in killed.said

    last = trainings.step(tmp_path / "step" / "detector", f"s3://{bucket}/checkpoints", s3_server.endpoint, **KEYS)
    assert last.end() == 0, last.said
    assert "going on after epoch " in last.said
    assert whole.end() == 0, whole.said
    assert {key.partition("/")[0] for key in etags()} == {"whole"}  # what a step ended is removed, not a command's
    step, detector = tmp_path / "step" / "detector", tmp_path / "detector"
    for one, other in zip(weights(step / "network.keras"), weights(detector / "network.keras"), strict=True):
        np.testing.assert_array_equal(one, other)
    facts, others = (json.loads((one / "detector.json").read_text())["facts"] for one in (step, detector))
    for one, other in zip(facts["history"], others["history"], strict=True):
        assert {**one, "frames_per_second": 0} == {**other, "frames_per_second": 0}

    from mlflow import MlflowClient

    curve = MlflowClient(trainings.tracking_uri).get_metric_history(facts["source_run"], "validation_loss")
    assert {point.step for point in curve} == set(range(1, EPOCHS + 1))  # one run of MLflow over all three


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
