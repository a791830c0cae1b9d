"""Runs and versions in a real MLflow, sqlite in a temporary directory."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from components.register import judge
from components.registry import Registry, models
from components.registry.commit import git_commit
from components.registry.connection import connect, without_password
from components.registry.registry import flat
from model.errors import BadInput
from model.gate import Decision

pytestmark = [
    # MLflow's own tables use what SQLAlchemy 2.1 calls deprecated.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated:DeprecationWarning"),
]

YES = Decision(True, "better than the champion: 0.91 against 0.88")
NO = Decision(False, "no better than the champion: 0.87 against 0.88")


@pytest.fixture
def registry(empty_database, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # registering sets it; this puts it back
    return Registry(f"sqlite:///{tmp_path}/mlflow.db", "campus", (tmp_path / "artifacts").as_uri())


@pytest.fixture
def client(registry):
    return connect(registry.tracking_uri)


def detector(directory, text="first"):
    directory.mkdir(parents=True)
    (directory / "detector.json").write_text(json.dumps({"text": text}))
    return directory


def aliases(client):
    return client.get_registered_model("unforeseen-campus").aliases


def test_a_run_holds_what_a_training_and_its_evaluation_say(registry, client, tmp_path):
    report = tmp_path / "report.html"
    report.write_text("<p>good</p>")
    run_id = registry.start_run({"training": {"epochs": 2, "sizes": (1, 16)}, "seed": 0}, {"preset": "small"})
    registry.log_dataset(run_id, "walkway", "d1" * 32)
    with registry.recording(run_id):
        for epoch in range(2):
            registry.log_epoch(run_id, epoch, {"loss": 1.0 / (epoch + 1)})
    measures = {"frame_auroc": 0.9, "eer": None, "baselines": {"frame_difference": np.float32(0.5)}, "version": "0.1.0"}
    registry.log_evaluation(run_id, measures, [report])

    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"training.epochs": "2", "training.sizes": "(1, 16)", "seed": "0"}
    assert run.data.tags["preset"] == "small"
    assert [(m.step, m.value) for m in client.get_metric_history(run_id, "loss")] == [(0, 1.0), (1, 0.5)]
    assert {k: v for k, v in run.data.metrics.items() if not k.startswith("system/")} == {
        "loss": 0.5,
        "frame_auroc": 0.9,
        "baselines.frame_difference": 0.5,
    }
    assert run.inputs.dataset_inputs[0].dataset.digest == ("d1" * 32)[:36]
    assert [file.path for file in client.list_artifacts(run_id, "evaluation")] == ["evaluation/report.html"]
    assert (tmp_path / "artifacts").is_dir()


def test_a_killed_training_goes_on_in_the_same_run(registry, client):
    first = registry.start_run({"seed": 0}, {})
    assert registry.start_run({"seed": 0, "epochs": 3}, {}, run_id=first) == first
    assert client.get_run(first).data.params == {"seed": "0", "epochs": "3"}


@pytest.mark.parametrize("gone", ["deleted", "unknown"])
def test_a_run_that_is_gone_is_not_gone_on_with(registry, client, gone):
    run_id = registry.start_run({}, {}) if gone == "deleted" else "0" * 32
    if gone == "deleted":
        client.delete_run(run_id)
    new = registry.start_run({}, {}, run_id)
    assert new != run_id
    assert client.get_run(new).info.lifecycle_stage == "active"


def test_the_run_of_the_kfp_task_is_joined_and_its_parameters_are_left_alone(registry, client, monkeypatch):
    task = client.create_run(client.create_experiment("kfp")).info.run_id
    client.log_param(task, "seed", "7")
    monkeypatch.setenv("MLFLOW_RUN_ID", task)
    assert registry.start_run({"seed": 0, "epochs": 3}, {}) == task
    assert client.get_run(task).data.params == {"seed": "7", "epochs": "3"}


def test_a_training_that_raises_leaves_a_failed_run(registry, client):
    run_id = registry.start_run({}, {})
    with pytest.raises(ZeroDivisionError), registry.recording(run_id):
        raise ZeroDivisionError
    assert client.get_run(run_id).info.status == "FAILED"


def test_system_metrics_are_logged_and_go_on_after_a_restart(registry, client, monkeypatch):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.2")
    run_id = registry.start_run({}, {})
    for _ in range(2):
        with registry.recording(run_id):
            time.sleep(0.7)
    steps = [m.step for m in client.get_metric_history(run_id, "system/cpu_utilization_percentage")]
    assert len(steps) >= 2
    assert steps == list(range(len(steps)))


def test_aliases_follow_the_gate(registry, client, tmp_path):
    assert registry.champion(tmp_path / "none") is None
    run_id = registry.start_run({}, {})
    expected = {
        "1": (NO, {"challenger": "1"}),  # worse than frame difference, say: no champion yet
        "2": (YES, {"challenger": "1", "champion": "2"}),
        "3": (YES, {"challenger": "1", "champion": "3", "previous": "2"}),
        "4": (NO, {"challenger": "4", "champion": "3", "previous": "2"}),
    }
    for number, (decision, moved) in expected.items():
        version = registry.register(run_id, detector(tmp_path / number / "detector", number), {})
        assert version == number
        registry.promote(version, decision)
        registry.promote(version, decision)  # a repeated step changes nothing
        assert {alias: str(of) for alias, of in aliases(client).items()} == moved
        tags = client.get_model_version(registry.name, version).tags
        assert tags["gate_reason"] == decision.reason
        assert tags["gate_decision"] == ("promoted" if decision.promote else "not promoted")


def test_the_champion_comes_back_as_it_was_stored(registry, tmp_path):
    stored = detector(tmp_path / "trained")
    (stored / "network.keras").write_bytes(bytes(range(256)))
    registry.promote(registry.register(registry.start_run({}, {}), stored, {}), YES)
    shutil.rmtree(stored)
    champion = registry.champion(tmp_path / "copy")
    assert champion.version == "1"
    assert champion.detector.is_relative_to(tmp_path / "copy")
    assert json.loads((champion.detector / "detector.json").read_text()) == {"text": "first"}
    assert (champion.detector / "network.keras").read_bytes() == bytes(range(256))


def test_the_champion_is_found_by_a_process_that_registered_nothing(registry, tmp_path):
    registry.promote(registry.register(registry.start_run({}, {}), detector(tmp_path / "trained"), {}), YES)
    code = (
        "import sys; from pathlib import Path; from components.registry import Registry; "
        "print(Registry(sys.argv[1], 'campus').champion(Path(sys.argv[2])).version)"
    )
    command = [sys.executable, "-c", code, registry.tracking_uri, str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == "1"


def test_a_version_names_its_run_its_measures_and_what_it_takes(registry, client, tmp_path):
    from mlflow.models import get_model_info

    run_id = registry.start_run({"seed": 3}, {})
    registry.log_epoch(run_id, 0, {"frame_auroc": 0.1})
    version = client.get_model_version(
        registry.name, registry.register(run_id, detector(tmp_path / "d"), {"frame_auroc": 0.9})
    )
    assert version.run_id == run_id
    model = client.get_logged_model(version.source.removeprefix("models:/"))
    assert (model.name, model.source_run_id, model.params) == ("detector", run_id, {"seed": "3"})
    assert {metric.key: metric.value for metric in model.metrics} == {"frame_auroc": 0.9}
    assert client.get_run(run_id).outputs.model_outputs[0].model_id == model.model_id
    info = get_model_info(model.model_uri)
    assert info.signature.inputs.to_dict()[0]["tensor-spec"] == {"dtype": "uint8", "shape": (-1, -1, -1, -1)}
    assert info.signature.outputs.input_names() == ["score", "alarm"]
    files = {path.suffix for path in Path(model.artifact_location.removeprefix("file://")).rglob("*")}
    assert not files & {".pkl", ".pickle"}


@pytest.mark.parametrize("address", ["models:/unforeseen-campus@champion", "models:/unforeseen-campus/1"])
def test_a_detector_is_found_by_alias_and_by_version(registry, tmp_path, address):
    registry.promote(registry.register(registry.start_run({}, {}), detector(tmp_path / "d", "mine"), {}), YES)
    found = models.resolve(registry.tracking_uri, address)
    assert found == ("unforeseen-campus", "1")
    copied = models.download(registry.tracking_uri, found, tmp_path / "copy")
    assert json.loads((copied / "detector.json").read_text()) == {"text": "mine"}


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("models:/unforeseen-campus@nobody", "Received: Registered model alias nobody not found"),
        ("models:/unforeseen-campus/7", "Received: Model Version (name=unforeseen-campus, version=7) not found"),
        ("models:/unforeseen-moon@champion", "Received: "),  # the words are MLflow's
        ("models:/unforeseen-campus", "expected models:/NAME@ALIAS"),
        ("/somewhere", "expected models:/NAME@ALIAS"),
    ],
)
def test_an_address_without_a_detector_is_one_line(registry, tmp_path, address, said):
    registry.register(registry.start_run({}, {}), detector(tmp_path / "d"), {})
    with pytest.raises(BadInput) as refused:
        models.resolve(registry.tracking_uri, address)
    assert said in str(refused.value)
    assert str(refused.value).count("\n") == 0


def test_cameras_do_not_share_runs_or_versions(registry, tmp_path):
    other = Registry(registry.tracking_uri, "gate-2")
    registry.promote(registry.register(registry.start_run({}, {}), detector(tmp_path / "d"), {}), YES)
    assert other.champion(tmp_path / "copy") is None


@pytest.mark.parametrize("camera", ["", "a/b", "a:b", "a b", "../x", "-x", "kamera-\u00e4", "x" * 101, "a\n"])
def test_camera_names_that_no_name_can_hold(camera):
    with pytest.raises(BadInput, match="camera name.*Received:"):
        Registry("sqlite:///never.db", camera)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("http://user:secret@127.0.0.1:9", "http://127.0.0.1:9"),  # nobody listens
        ("sqlite:///{tmp_path}/text.db", "text.db"),  # no database
        ("sqlite:////dev/null/mlflow.db", "directory for /dev/null/mlflow.db"),
        ("carrier-pigeon://user:secret@here", "carrier-pigeon://here"),
    ],
)
def test_an_address_where_no_mlflow_answers(tmp_path, uri, expected):
    (tmp_path / "text.db").write_text("not a database, but long enough to be read as the header of one" * 20)
    started = time.monotonic()
    with pytest.raises(BadInput, match="Received:") as raised:
        Registry(uri.format(tmp_path=tmp_path), "campus")
    assert expected in str(raised.value)
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert time.monotonic() - started < 20


def test_what_mlflow_refuses_is_one_line(registry):
    with pytest.raises(BadInput, match="Received:"):
        registry.log_epoch("0" * 32, 0, {"loss": 1.0})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://user:pass@host/db", "postgresql://host/db"),
        ("http://user:p@ss@host:5000", "http://host:5000"),  # the last @ ends the password
        ("at https://u:p@a/x and https://b/@y", "at https://a/x and https://b/@y"),
        ("sqlite:////home/me@work/mlflow.db", "sqlite:////home/me@work/mlflow.db"),
    ],
)
def test_passwords_are_left_out(text, expected):
    assert without_password(text) == expected


def test_flat_names():
    assert flat({"a": {"b": {"c": 1}, "d": None}, "e": 2}) == {"a.b.c": 1, "e": 2}
    assert flat({"categories": {"man (fallen)": {"found": 1}}}) == {"categories.man _fallen_.found": 1}


def test_the_commit_is_that_of_the_checkout_only(tmp_path):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert git_commit(tmp_path) == {}  # no commit yet
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    assert git_commit(tmp_path) == {"mlflow.source.git.commit": head}
    (tmp_path / "site-packages").mkdir()
    assert git_commit(tmp_path / "site-packages") == {}  # somebody else's repository


REGISTER = """
import sys
from pathlib import Path
from components.register import judge
from components.registry import Registry, models
uri, detector = sys.argv[1:]
registry = Registry(uri, "campus", (Path(detector).parent / "artifacts").as_uri())
print(registry.register(registry.start_run({}, {}), Path(detector), {}))
"""


@pytest.mark.slow
def test_two_first_registrations_at_once(tmp_path):
    uri, directory = f"sqlite:///{tmp_path}/mlflow.db", detector(tmp_path / "detector")
    both = [
        subprocess.Popen([sys.executable, "-c", REGISTER, uri, str(directory)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    versions = sorted(process.communicate(timeout=120)[0].strip() for process in both)
    assert versions == ["1", "2"]


def test_importing_the_registry_does_not_import_mlflow():
    code = "import sys, components.registry; sys.exit('mlflow' in sys.modules or 'tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_champion_that_another_version_wrote_is_left_in_its_place(registry, tmp_path):
    old = detector(tmp_path / "old")
    (old / "detector.json").write_text(json.dumps({"format": 1}))
    version = registry.register(registry.start_run({}, {}), old, {})
    registry.promote(version, YES)
    decision = judge(registry, ["a clip"], tmp_path, tmp_path, 0, tmp_path / "scratch", lambda line: None)
    assert not decision.promote
    assert f"not judged: another version of Unforeseen wrote the champion, version {version}" in decision.reason
