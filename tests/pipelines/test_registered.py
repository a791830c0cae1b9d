"""Detectors for the service out of a real MLflow, sqlite in a temporary directory."""

import json

import pytest

from components.registry import Registry
from model.errors import BadInput
from model.gate import Decision
from pipelines.registered import Registered
from serving.errors import NotFound

pytestmark = [
    # MLflow's own tables use what SQLAlchemy 2.1 calls deprecated.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated:DeprecationWarning"),
]
NAME = "unforeseen-campus"
YES = Decision(True, "better")


@pytest.fixture
def registry(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # registering sets it; this puts it back
    return Registry(f"sqlite:///{tmp_path}/mlflow.db", "campus", (tmp_path / "artifacts").as_uri())


def promote(registry, directory, text):
    directory.mkdir()
    (directory / "detector.json").write_text(json.dumps({"text": text}))
    run = registry.start_run({}, {})
    version = registry.register(run, directory, {})
    registry.promote(version, YES)
    return version


def test_the_alias_is_followed_and_a_version_is_copied_once(registry, tmp_path):
    (tmp_path / "copies").mkdir()
    first = promote(registry, tmp_path / "one", "one")
    source = Registered(registry.tracking_uri, [f"models:/{NAME}@champion"], tmp_path / "copies")
    assert source.names() == (NAME,)
    found = source.resolve(NAME)
    assert (found.version, json.loads((found.directory / "detector.json").read_text())) == (first, {"text": "one"})
    assert source.resolve(NAME) == found
    second = promote(registry, tmp_path / "two", "two")
    moved = source.resolve(NAME)
    assert (moved.version, json.loads((moved.directory / "detector.json").read_text())) == (second, {"text": "two"})
    with pytest.raises(NotFound, match=NAME):
        source.resolve("other")
    with pytest.raises(BadInput, match="registered model"):
        Registered(registry.tracking_uri, [f"models:/{NAME}@nobody"], tmp_path)


def test_several_cameras_have_a_model_each(registry, tmp_path):
    promote(registry, tmp_path / "one", "campus")
    promote(Registry(registry.tracking_uri, "lobby", (tmp_path / "artifacts").as_uri()), tmp_path / "two", "lobby")
    uris = [f"models:/{NAME}@champion", "models:/unforeseen-lobby/1"]
    source = Registered(registry.tracking_uri, uris, tmp_path)
    assert source.names() == (NAME, "unforeseen-lobby")
    found = [json.loads((source.resolve(name).directory / "detector.json").read_text()) for name in source.names()]
    assert found == [{"text": "campus"}, {"text": "lobby"}]  # although both are version 1
    for wrong, name in (([*uris, f"models:/{NAME}/1"], ""), (uris, "gate")):
        with pytest.raises(BadInput, match="expected models of different names"):
            Registered(registry.tracking_uri, wrong, tmp_path, name)
