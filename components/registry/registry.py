"""One camera's runs and detectors in MLflow."""

from __future__ import annotations

import numbers
import os
import re
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from components.registry.commit import git_commit
from components.registry.connection import answering, connect, unless_there
from components.registry.models import ModelVersion, download
from model.errors import BadInput
from model.gate import Decision

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Metric, Run


class Champion(NamedTuple):
    """The version that serves, and a local copy of its detector."""

    version: str
    detector: Path


def experiment_name(camera: str) -> str:
    """What the experiment and the registered model of a camera are called.

    Raises:
        BadInput: a camera's name has letters, digits, `.`, `_` and `-`.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", camera):
        raise BadInput(f"expected a camera name of letters, digits, '.', '_' and '-'. Received: {camera!r}")
    return f"unforeseen-{camera}"


class Registry:
    """The experiment and the registered model of one camera; both are called `unforeseen-<camera>`.

    Every method raises BadInput where MLflow does not answer, or refuses.
    """

    def __init__(self, tracking_uri: str, camera: str, artifact_location: str | None = None) -> None:
        """Connects, and makes the experiment where there is none.

        Args:
            tracking_uri: `sqlite:///PATH`, or the address of an MLflow server.
            camera: letters, digits, `.`, `_` and `-`.
            artifact_location: where a new experiment keeps its files, as a URI; None leaves it to the server.
        """
        self.name = experiment_name(camera)
        self.tracking_uri = tracking_uri
        self._client = connect(tracking_uri)
        from mlflow.entities import ViewType

        with answering(tracking_uri):
            with unless_there():
                self._client.create_experiment(self.name, artifact_location)
            (experiment,) = self._client.search_experiments(ViewType.ALL, filter_string=f"name = '{self.name}'")
            self._experiment_id = experiment.experiment_id

    # Runs

    def start_run(self, params: Mapping[str, Any], tags: Mapping[str, str], run_id: str | None = None) -> str:
        """Opens a run or goes on with one: with the KFP task's, where its server opened one, or else with `run_id`.

        Parameters may be nested. A key that the run already has stays as it is: MLflow never changes a parameter.
        """
        from mlflow.entities import Param, RunTag

        with answering(self.tracking_uri):
            run = self._existing_run(os.environ.get("MLFLOW_RUN_ID") or run_id)
            run = run or self._client.create_run(self._experiment_id)
            new = [Param(key, str(value)) for key, value in flat(params).items() if key not in run.data.params]
            marks = [RunTag(key, value) for key, value in {**git_commit(), **tags}.items()]
            self._client.log_batch(run.info.run_id, params=new, tags=marks)
            return str(run.info.run_id)

    def find_run(self, tags: Mapping[str, str]) -> str | None:
        """The newest run with these tags."""
        wanted = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
        with answering(self.tracking_uri):
            runs = self._client.search_runs([self._experiment_id], wanted, max_results=1)
        return str(runs[0].info.run_id) if runs else None

    def curves(self, parent: str, metric: str) -> dict[str, tuple[float, ...]]:
        """A metric of each run below this one, by the run's name, in the order it was logged."""
        wanted = f"tags.`mlflow.parentRunId` = '{parent}'"
        with answering(self.tracking_uri):
            runs = self._client.search_runs([self._experiment_id], wanted)
            histories = {run.info.run_name: self._client.get_metric_history(run.info.run_id, metric) for run in runs}
        return {name: tuple(point.value for point in history) for name, history in histories.items() if history}

    def end_run(self, run_id: str, status: str) -> None:
        """FINISHED, FAILED or KILLED."""
        with answering(self.tracking_uri):
            self._client.set_terminated(run_id, status)

    def _existing_run(self, run_id: str | None) -> Run | None:
        from mlflow.exceptions import MlflowException

        if run_id is None:
            return None
        try:
            run = self._client.get_run(run_id)
        except MlflowException as e:
            if e.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return run if run.info.lifecycle_stage == "active" else None

    def log_dataset(self, run_id: str, source: str, digest: str) -> None:
        """What the run was trained on; MLflow keeps the first 36 characters of a digest."""
        from mlflow.entities import Dataset, DatasetInput

        with answering(self.tracking_uri):
            dataset = Dataset(name=self.name, digest=digest[:36], source_type="footage", source=source)
            self._client.log_inputs(run_id, [DatasetInput(dataset)])

    @contextmanager
    def recording(self, run_id: str) -> Iterator[None]:
        """Logs system metrics while the block runs; then the run is FINISHED, or FAILED where the block raised."""
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        with answering(self.tracking_uri):
            self._client.update_run(run_id, status="RUNNING")
            monitor: Any = SystemMetricsMonitor(  # type: ignore[no-untyped-call]
                run_id, resume_logging=True, tracking_uri=self.tracking_uri
            )
        status = "FAILED"
        monitor.start()
        try:
            yield
            status = "FINISHED"
        finally:
            monitor.finish()
            with answering(self.tracking_uri):
                self._client.set_terminated(run_id, status)

    def log_epoch(self, run_id: str, epoch: int, metrics: Mapping[str, float]) -> None:
        """One point of each curve."""
        with answering(self.tracking_uri):
            self._client.log_batch(run_id, metrics=_metrics(metrics, step=epoch))

    def log_evaluation(self, run_id: str, measures: Mapping[str, Any], files: Iterable[Path]) -> None:
        """The measures that are numbers, nested ones under dotted names, and files such as the report."""
        with answering(self.tracking_uri):
            self._client.log_batch(run_id, metrics=_metrics(measures))
            for file in files:
                self._client.log_artifact(run_id, str(file), "evaluation")

    def log_files(self, run_id: str, folder: str, files: Mapping[str, str]) -> None:
        """Texts as artifacts of the run, by their names."""
        with answering(self.tracking_uri):
            for name, text in files.items():
                self._client.log_text(run_id, text, f"{folder}/{name}")

    # Versions

    def register(self, run_id: str, detector: Path, measures: Mapping[str, Any]) -> str:
        """Stores a detector's directory as a model of the run, and that model as the camera's next version."""
        import mlflow

        mlflow.set_tracking_uri(self.tracking_uri)  # `register_model` knows only the global one
        with answering(self.tracking_uri):
            model = self._log_model(run_id, detector)
            # MLflow keeps a model's first value of a metric, so that these have to be the final ones.
            self._client.log_batch(run_id, metrics=_metrics(measures, model_id=model.model_id))
            return str(mlflow.register_model(model.model_uri, self.name).version)

    def _log_model(self, run_id: str, detector: Path) -> LoggedModel:
        """As `mlflow.pyfunc.log_model`, which would also link the run's metrics of step 0: those of the first epoch."""
        from mlflow.entities import LoggedModelOutput
        from mlflow.models import Model

        run = self._client.get_run(run_id)
        model = self._client.create_logged_model(run.info.experiment_id, "detector", run_id, params=run.data.params)
        with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
            # MLflow warns of its own types on import, and of an input example, which would have to load the network.
            warnings.filterwarnings("ignore", ".*(Any type hint|An input example)", UserWarning)
            import mlflow.pyfunc

            from components.registry import pyfunc

            mlflow.pyfunc.save_model(
                f"{directory}/model",
                loader_module=pyfunc.__name__,
                data_path=str(detector),
                signature=pyfunc.SIGNATURE,
                pip_requirements=[f"unforeseen=={installed_version('unforeseen')}"],
                mlflow_model=Model(run_id=run_id, model_id=model.model_id),
            )
            self._client.log_model_artifacts(model.model_id, f"{directory}/model")
        self._client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
        return self._client.finalize_logged_model(model.model_id, "READY")

    def describe(self, run_id: str, version: str, text: str) -> None:
        """What MLflow shows above a run's figures, and on the page of its version."""
        with answering(self.tracking_uri):
            self._client.set_tag(run_id, "mlflow.note.content", text)
            self._client.update_model_version(self.name, version, text)

    def promote(self, version: str, decision: Decision) -> None:
        """Moves the aliases as the gate decided, and writes its reason on the version.

        A promoted version is `champion` and the one before it `previous`; any other is the `challenger`.
        """
        with answering(self.tracking_uri):
            self._client.set_model_version_tag(self.name, version, "gate_decision", _verdict(decision))
            self._client.set_model_version_tag(self.name, version, "gate_reason", decision.reason)
            if not decision.promote:
                self._client.set_registered_model_alias(self.name, "challenger", version)
                return
            champion = self._aliases().get("champion", version)
            if champion != version:  # a repeated step finds the alias moved already
                self._client.set_registered_model_alias(self.name, "previous", champion)
            self._client.set_registered_model_alias(self.name, "champion", version)

    def champion(self, directory: Path) -> Champion | None:
        """The champion's detector, copied into the directory; None where no version was promoted yet."""
        with answering(self.tracking_uri):
            version = self._aliases().get("champion")
        if version is None:
            return None
        return Champion(version, download(self.tracking_uri, ModelVersion(self.name, version), directory))

    def _aliases(self) -> dict[str, str]:
        from mlflow.exceptions import MlflowException

        try:
            model = self._client.get_registered_model(self.name)
        except MlflowException as e:
            if e.error_code == "RESOURCE_DOES_NOT_EXIST":
                return {}
            raise
        return {alias: str(version) for alias, version in model.aliases.items()}


def flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted names; None is left out.

    Categories are named by whoever labelled, and MLflow takes few signs.
    """
    leaves: dict[str, Any] = {}
    for name, value in nested.items():
        key = re.sub(r"[^\w .-]", "_", name, flags=re.ASCII)
        if isinstance(value, Mapping):
            leaves.update(flat(value, f"{prefix}{key}."))
        elif value is not None:
            leaves[f"{prefix}{key}"] = value
    return leaves


def _metrics(measures: Mapping[str, Any], step: int = 0, model_id: str | None = None) -> list[Metric]:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    values = {key: float(value) for key, value in flat(measures).items() if isinstance(value, numbers.Real)}
    return [Metric(key, value, now, step, model_id=model_id) for key, value in values.items()]


def _verdict(decision: Decision) -> str:
    return "promoted" if decision.promote else "not promoted"
