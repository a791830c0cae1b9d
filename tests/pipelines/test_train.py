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
EPOCHS = 5
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

    def watched(self, weights: Path, *words: str | Path, **env: str) -> Fork:
        """As a command that leaves its weights in a file."""
        return self.forks.start("train_step:watched", weights, "train", *self._told, *words, **env)

    def step(self, output: Path, checkpoints: str, endpoint: str, **env: str) -> Fork:
        """As the pipeline's step."""
        from model import config

        place = {"tracking_uri": self.tracking_uri, "artifact_location": "", "checkpoints": checkpoints}
        place |= {"checkpoint_minutes": 5.0, "endpoint": endpoint, "region": ""}
        given = {"dataset": str(self.dataset), "camera": "walkway", "place": place, "output": str(output)}
        given |= {"settings": config.to_json(config.build("small", options(**CHANGES)[1::2]))}
        given |= {"revision": "", "feedback": "", "base_model": "", "compare_scratch": False}
        return self.forks.start("train_step:step", json.dumps(given), **env)


@pytest.fixture(scope="module")
def trainings(forks: Forks, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Trainings:
    return Trainings(forks, dataset, tmp_path_factory.mktemp("mlflow"))


@pytest.fixture(scope="module")
def whole(trainings: Trainings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Fork, Path]:
    """The same without a break, under way; and the detector that it will write."""
    out = tmp_path_factory.mktemp("whole") / "detector"
    return trainings.start("--out", out), out


def weights(file: Path) -> list[np.ndarray]:
    """Of a network of Keras, in the order of their names."""
    found: dict[str, np.ndarray] = {}
    with ZipFile(file) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as inner:
        inner.visititems(lambda name, one: found.update({name: one[()]} if isinstance(one, h5py.Dataset) else {}))
    assert len(found) > 9
    return [found[name] for name in sorted(found)]


def history(detector: Path) -> list[dict[str, float]]:
    """The figures of each epoch, but for the speed."""
    facts = json.loads((detector / "detector.json").read_text())["facts"]
    return [{**epoch, "frames_per_second": 0} for epoch in facts["history"]]


def test_a_training_goes_on_on_another_node(
    trainings: Trainings, whole: tuple[Fork, Path], s3_server: S3Server, bucket: str, tmp_path: Path
):
    client = s3_server.client()

    def etags() -> dict[str, str]:
        return {one.object_name: one.etag for one in client.list_objects(bucket, recursive=True)}

    store = ["--out", tmp_path / "command", "--endpoint", s3_server.endpoint]
    store += ["--checkpoints", f"s3://{bucket}/checkpoints", "--checkpoint-minutes"]
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
    while etags()[key] == before[key] and killed.status is None:
        time.sleep(0.02)
    killed.kill(signal.SIGKILL)
    assert killed.end() == -signal.SIGKILL
    assert "going on after epoch " in killed.said

    last = trainings.step(tmp_path / "step" / "detector", f"s3://{bucket}/checkpoints", s3_server.endpoint, **KEYS)
    assert last.end() == 0, last.said
    assert "going on after epoch " in last.said
    assert etags() == {}
    step, (unbroken, expected) = tmp_path / "step" / "detector", whole
    assert unbroken.end() == 0, unbroken.said
    for one, other in zip(weights(step / "network.keras"), weights(expected / "network.keras"), strict=True):
        np.testing.assert_array_equal(one, other)
    assert history(step) == history(expected)

    from mlflow import MlflowClient

    run = json.loads((step / "detector.json").read_text())["facts"]["source_run"]
    curve = MlflowClient(trainings.tracking_uri).get_metric_history(run, "validation_loss")
    assert {point.step for point in curve} == set(range(1, EPOCHS + 1))  # one run of MLflow over all three


def test_two_nodes_train_as_one_and_go_on_after_one_was_lost(
    trainings: Trainings, whole: tuple[Fork, Path], s3_server: S3Server, bucket: str, tmp_path: Path
):
    ports = Ports(2)
    cluster = {"chief": [f"127.0.0.1:{ports.numbers[0]}"], "worker": [f"127.0.0.1:{ports.numbers[1]}"]}
    store = ["--endpoint", s3_server.endpoint, "--checkpoints", f"s3://{bucket}/together"]

    def start(role: str) -> Fork:
        """As the training operator does it; the store is for the chief, so only it has the key."""
        told = {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": role, "index": 0}})}
        file = tmp_path / f"{role}.npz"
        return trainings.watched(file, "--out", tmp_path / role, *store, **told, **(KEYS if role == "chief" else {}))

    chief, worker = start("chief"), start("worker")
    chief.says(f"epoch 2/{EPOCHS}: ")
    worker.kill(signal.SIGKILL)
    assert chief.end() == 143, chief.said  # which a job tries again
    assert "expected every worker of TF_CONFIG to stay until the end. Received: " in chief.said

    chief, worker = start("chief"), start("worker")
    assert (chief.end(), worker.end()) == (0, 0), chief.said + worker.said
    ports.release()
    (goes_on,) = (line for line in chief.said.splitlines() if line.startswith("going on after epoch "))
    assert goes_on in worker.said
    assert not (tmp_path / "worker").exists()
    assert "MLflow" not in worker.said
    assert any(one.object_name.endswith(".npz") for one in s3_server.client().list_objects(bucket, recursive=True))
    with np.load(tmp_path / "chief.npz") as one, np.load(tmp_path / "worker.npz") as other:
        for name in one.files:
            np.testing.assert_array_equal(one[name], other[name])

    unbroken, expected = whole
    assert unbroken.end() == 0, unbroken.said
    for epoch, alone in zip(history(tmp_path / "chief"), history(expected), strict=True):
        assert epoch == pytest.approx(alone, rel=0.03)
    ours, theirs = (
        np.concatenate([one.ravel() for one in weights(path / "network.keras")])
        for path in (tmp_path / "chief", expected)
    )
    assert np.linalg.norm(ours - theirs) < 0.06 * np.linalg.norm(theirs)
