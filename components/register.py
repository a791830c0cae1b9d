"""Detector and evaluation in, a version in MLflow's registry out; the gate decides whether it becomes the champion."""

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kfp import dsl

from components.registry import Registry
from components.step import seldom, step
from model.clips import Dataset
from model.errors import OtherFormat
from model.gate import Decision, decide

NOTHING = Decision(False, "nothing to judge by: every clip went into training and threshold")


def register(
    camera: str,
    tracking_uri: str,
    artifact_location: str,
    seed: int,
    revision: str,
    clips: dsl.Input[dsl.Dataset],
    dataset: dsl.Input[dsl.Dataset],
    detector: dsl.Input[dsl.Model],
    evaluation: dsl.Input[dsl.Artifact],
    report: dsl.Input[dsl.HTML],
    registration: dsl.Output[dsl.Artifact],
) -> None:
    """Champion and challenger are scored on the same clips."""
    from components.register import register_detector

    paths = (clips.path, dataset.path, detector.path, evaluation.path, report.path, registration.path)
    register_detector(camera, tracking_uri, artifact_location, seed, *paths)


def register_detector(
    camera: str,
    tracking_uri: str,
    artifact_location: str,
    seed: int,
    clips: str,
    dataset: str,
    detector: str,
    evaluation: str,
    report: str,
    output: str,
) -> None:
    """Writes `registration.json`: model, version, alias, decision, reason, run."""
    with step("register", output) as progress:
        from model import evaluation as judging
        from model.report.verdict import verdict

        registry = Registry(tracking_uri, camera, artifact_location or None)
        facts = json.loads((Path(detector) / "detector.json").read_text())["facts"]
        result = judging.load(Path(evaluation))
        run_id = registry.start_run({}, {}, facts["source_run"])
        pictures = sorted((Path(evaluation) / "pictures").glob("*.png"))
        with tempfile.TemporaryDirectory() as directory:
            page = Path(shutil.copy(report, Path(directory) / "report.html"))  # MLflow shows what has that suffix
            registry.log_evaluation(run_id, result.measures, [page, *pictures])
            decision = judge(registry, result.clips, Path(clips), Path(dataset), seed, Path(directory), progress)
        version = registry.register(run_id, Path(detector), result.measures)
        registry.promote(version, decision)
        registry.describe(run_id, version, f"{verdict(result.measures)}\n\nVersion {version}: {decision.reason}.")
        progress(f"version {version}: {decision.reason}")
        written = {
            "model": registry.name,
            "version": version,
            "alias": "champion" if decision.promote else "challenger",
            "reason": decision.reason,
            "run_id": run_id,
        }
        Path(output).mkdir(parents=True, exist_ok=True)
        (Path(output) / "registration.json").write_text(json.dumps(written))


def judge(
    registry: Registry,
    challenger: Sequence[Any],
    clips: Path,
    dataset: Path,
    seed: int,
    scratch: Path,
    progress: Callable[[str], None],
) -> Decision:
    """Holds a challenger's scored clips against the champion's, which is brought into `scratch`."""
    if not challenger:
        return NOTHING
    champion = registry.champion(scratch)
    if champion is None:
        return decide(challenger, None, seed)
    progress(f"scoring the champion, version {champion.version}, on the same clips")
    try:
        rival = _score(champion.detector, clips, dataset, scratch, seldom(5.0, progress))
    except OtherFormat:  # servers of that version may still run: what they cannot load must not become their champion
        return Decision(
            False,
            f"not judged: another version of Unforeseen wrote the champion, version {champion.version}; to promote "
            "this one, move the alias champion in MLflow",
        )
    return decide(challenger, rival, seed)


def _score(champion: Path, clips: Path, dataset: Path, scratch: Path, progress: Callable[[str], None]) -> Any:
    """The champion may want other network inputs than the challenger's."""
    import dataclasses

    from model import evaluation, footage, preprocessing
    from model.detector import load

    detector = load(champion)  # which takes seconds, and without a champion nothing here needs it
    data = Dataset.open(dataset)
    if data.index["preprocessing"] != json.loads(json.dumps(dataclasses.asdict(detector.preprocessing))):
        found = footage.read_index(clips / "footage.json")
        data = preprocessing.write_dataset(found, scratch / "dataset", detector.preprocessing, camera="")
    return evaluation.score_clips(detector, data, progress=progress)
