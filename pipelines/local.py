"""Runs the DAG on this machine through kfp.local, and publishes what it made into one directory."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from components.fingerprint import fingerprint_of
from components.registry import experiment_name
from components.start import pin
from components.step import COST, ERROR, MARK
from model import config
from model.atomic import write_text
from model.errors import BadInput, RunFailed
from pipelines.compiled import ingest_settings
from pipelines.containers import Image, runner
from pipelines.memory import PeakMemory
from pipelines.profile import IMAGE, Profile

STEPS = ("ingest", "preprocess", "train", "evaluate", "register")


@dataclass(frozen=True)
class Run:
    """What the user asked for."""

    source: str
    camera: str
    out: Path
    settings: config.Config
    profile: Profile
    feedback: str = ""  # the text of a feedback file: what it says is part of the cache's key
    experiment: str = ""  # the text of a Katib Experiment; "" trains with the settings as they are
    base_model: str = ""  # a directory or models:/... that training starts from
    compare_scratch: bool = False
    image: Image | None = None  # of the containers that the steps run in; None runs them in this environment

    @property
    def steps(self) -> tuple[str, ...]:
        """In the order they run."""
        return (*STEPS[:2], "tune", *STEPS[2:]) if self.experiment else STEPS


def run(wanted: Run, say: Callable[[str], None]) -> dict[str, Any]:
    """Runs the DAG, or answers from its cache; leaves summary, report, detector and MLflow's files in the directory.

    Returns:
        The summary.

    Raises:
        BadInput: in whichever step it was found.
        RunFailed: a step did not reach its goal, or crashed.
    """
    experiment_name(wanted.camera)  # refused before anything runs
    arguments = _arguments(wanted, _fingerprint(wanted))
    is_new = not wanted.out.exists()
    wanted.out.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    try:
        with PeakMemory() as memory:
            artifacts = _run_dag(wanted, arguments, say)
    except BadInput:
        if is_new:
            shutil.rmtree(wanted.out, ignore_errors=True)
        raise
    _publish(wanted, artifacts, time.monotonic() - start, memory.peak_mb)
    return dict(json.loads((wanted.out / "summary.json").read_text()))


def _fingerprint(wanted: Run) -> str:
    store = wanted.profile.store
    return fingerprint_of(wanted.source, wanted.feedback, store.endpoint, store.region)


def revision() -> str:
    """Version and a digest of our own source: what the cache must not outlive."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for package in ("model", "components", "pipelines"):
        for file in sorted((root / package).rglob("*")):
            if file.suffix in (".py", ".j2"):
                digest.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return f"{version('unforeseen')}+{digest.hexdigest()[:12]}"


def _arguments(wanted: Run, fingerprint: str) -> dict[str, Any]:
    settings = wanted.settings
    tracking_uri, artifact_location = wanted.profile.tracking(wanted.out)
    base_model, base_digest = pin(wanted.base_model, tracking_uri) if wanted.base_model else ("", "")
    local = wanted.source == "walkway" or "://" in wanted.source
    return {
        "source": wanted.source if local else str(Path(wanted.source).absolute()),
        "camera": wanted.camera,
        "revision": f"{revision()} in {wanted.image.id}" if wanted.image else revision(),
        "fingerprint": fingerprint,
        "ingest_settings": ingest_settings(settings),
        "preprocess_settings": config.to_json(settings.preprocessing),
        "train_settings": config.to_json(settings),
        "seed": settings.training.seed,
        "feedback": wanted.feedback,
        "endpoint": wanted.profile.store.endpoint,
        "region": wanted.profile.store.region,
        "downloads": str(wanted.out / "downloads"),
        "tracking_uri": tracking_uri,
        "artifact_location": artifact_location,
        "checkpoints": str(wanted.out / "checkpoints"),
        "base_model": base_model,
        "base_digest": base_digest,
        "compare_scratch": wanted.compare_scratch,
        "experiment": wanted.experiment,
        "tuner": wanted.profile.tuner,
        "namespace": wanted.profile.namespace,
        "workspace": str(wanted.out / "tuning"),
    }


def _run_dag(wanted: Run, arguments: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    from docker.errors import APIError
    from kfp import local

    from pipelines.training import pipeline

    root = wanted.out / "pipeline"
    before = set(root.glob("*/*"))
    local.init(
        runner=runner(wanted) if wanted.image else local.SubprocessRunner(use_venv=False),
        pipeline_root=str(root),
        enable_caching=not wanted.image,  # kfp takes a container that failed for one without outputs, and keeps it
        cache_root=str(wanted.out / "cache"),
    )
    try:
        with (
            (wanted.out / "run.log").open("w") as log,
            contextlib.redirect_stdout(_Filter(log, say)),
            warnings.catch_warnings(),
        ):
            # Without a container a step runs in this very environment, whatever its image would be on a cluster.
            warnings.filterwarnings("ignore", "You may be attemping to run a task that uses custom", RuntimeWarning)
            image = wanted.image.name if wanted.image else IMAGE
            outputs = pipeline(tuned=bool(wanted.experiment), image=image)(**arguments).outputs
    except (RuntimeError, ValueError, APIError) as e:  # or a container went before kfp asked
        for error in root.glob(f"*/*/{ERROR}"):
            if error.parent not in before:
                raise _as_raised(error) from None
        raise RunFailed(f"a step crashed: {e}. Its log is {wanted.out / 'run.log'}") from e
    artifacts = {name: Path(artifact.path) for name, artifact in outputs.items()}
    steps = {path.parent for path in artifacts.values()}
    if cached := [name for name in wanted.steps if name in {step.name for step in steps & before}]:
        say(f"from the cache: {', '.join(cached)}")
    _prune(root, steps)
    return artifacts


def _as_raised(error: Path) -> BadInput | RunFailed:
    """What a step raised. Only that step's files go: the cache still answers for the steps before it."""
    data = json.loads(error.read_text())
    shutil.rmtree(error.parent, ignore_errors=True)
    kind = BadInput if data["exit_code"] == BadInput.exit_code else RunFailed
    return kind(data["message"])


def _prune(root: Path, kept: set[Path]) -> None:
    """Removes what older runs left; a folder a run, and in it a folder a step."""
    for directory in set(root.glob("*/*")) - kept:
        shutil.rmtree(directory, ignore_errors=True)
    for run in root.iterdir():
        if not any(run.iterdir()):
            run.rmdir()


class _Filter(io.TextIOBase):
    """Everything into the log; of that the steps' progress lines to the user."""

    def __init__(self, log: Any, say: Callable[[str], None]) -> None:
        self._log, self._say, self._line = log, say, ""

    def write(self, text: str) -> int:
        """Takes pieces of lines."""
        self._log.write(text)
        self._log.flush()
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            if MARK in line:
                self._say(line.partition(MARK)[2].strip())
        return len(text)


def _publish(wanted: Run, artifacts: dict[str, Path], seconds: float, peak_mb: float) -> None:
    """Puts what a person looks for at the top of the directory; the steps' seconds are of when they really ran."""
    out, outputs = wanted.out, {"ingest": "clips", "preprocess": "dataset", "tune": "tuning", "train": "detector"}
    outputs |= {"evaluate": "evaluation", "register": "registration"}
    roots = {step: artifacts[outputs[step]].parent for step in wanted.steps}
    costs = {name: json.loads((root / COST).read_text()) for name, root in roots.items()}
    summary = {
        **json.loads((artifacts["evaluation"] / "evaluation.json").read_text())["measures"],
        "seconds": {**{name: cost["seconds"] for name, cost in costs.items()}, "total": round(seconds, 3)},
        "peak_memory_mb": round(max(peak_mb, *(cost["peak_memory_mb"] for cost in costs.values())), 1),
        "version": version("unforeseen"),
        "registered": json.loads((artifacts["registration"] / "registration.json").read_text()),
        "notes": json.loads((artifacts["evaluation"] / "notes.json").read_text()),
    }
    if wanted.experiment:
        summary["tuning"] = json.loads((artifacts["tuning"] / "best.json").read_text())
        write_text(out / "tuning.html", artifacts["tuning_report"].read_text())
    _replace(artifacts["detector"], out / "detector")
    write_text(out / "report.html", artifacts["report"].read_text())
    write_text(out / "summary.json", json.dumps(summary, indent=1) + "\n")


def _replace(source: Path, target: Path) -> None:
    partial, old = (target.with_name(f".{target.name}.{word}") for word in ("partial", "old"))
    for directory in (partial, old):
        shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(source, partial)
    if target.exists():
        target.replace(old)
    partial.replace(target)
    shutil.rmtree(old, ignore_errors=True)


def plan(wanted: Run) -> dict[str, Any]:
    """What a run would do, after the checks that need no decoding."""
    experiment_name(wanted.camera)
    return {"steps": list(wanted.steps), "arguments": _arguments(wanted, _fingerprint(wanted))}
