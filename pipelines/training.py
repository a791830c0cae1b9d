"""The DAG: the only place that knows the order of the steps."""

from collections.abc import Callable
from typing import Any, NamedTuple

from kfp import dsl

from components.evaluate import evaluate
from components.ingest import ingest
from components.preprocess import preprocess
from components.register import register
from components.train import train
from components.tune import tune
from pipelines.profile import IMAGE

NAME = "unforeseen-training"


def _component(step: Callable[..., None]) -> Any:
    return dsl.component(step, base_image=IMAGE, install_kfp_package=False)


class Outputs(NamedTuple):
    """The artifacts of a run."""

    clips: dsl.Dataset
    dataset: dsl.Dataset
    detector: dsl.Model
    evaluation: dsl.Artifact
    report: dsl.HTML
    registration: dsl.Artifact


class Tuned(NamedTuple):
    """The same, with what a search before the training found."""

    clips: dsl.Dataset
    dataset: dsl.Dataset
    detector: dsl.Model
    evaluation: dsl.Artifact
    report: dsl.HTML
    registration: dsl.Artifact
    tuning: dsl.Artifact
    tuning_report: dsl.HTML


def _pipeline(*, tuned: bool) -> Any:
    """The DAG, straight either way: without a search its step is not there."""
    outputs: Any = Tuned if tuned else Outputs

    def training(
        source: str,
        camera: str,
        revision: str,
        fingerprint: str,
        ingest_settings: str,
        preprocess_settings: str,
        train_settings: str,
        seed: int,
        feedback: str = "",
        endpoint: str = "",
        region: str = "",
        downloads: str = "",
        tracking_uri: str = "",
        artifact_location: str = "",
        checkpoints: str = "",
        base_model: str = "",
        base_digest: str = "",
        compare_scratch: bool = False,
        experiment: str = "",
        tuner: str = "optuna",
        namespace: str = "",
        workspace: str = "",
    ) -> NamedTuple:
        """Each step gets the settings that it reads and no others, so that the cache forgets no more than it must."""
        ingested = _component(ingest)(
            source=source,
            camera=camera,
            settings=ingest_settings,
            feedback=feedback,
            endpoint=endpoint,
            region=region,
            downloads=downloads,
            fingerprint=fingerprint,
            revision=revision,
        )
        clips = ingested.outputs["clips"]
        preprocessed = _component(preprocess)(
            camera=camera, settings=preprocess_settings, revision=revision, clips=clips
        )
        dataset = preprocessed.outputs["dataset"]
        settings: Any = train_settings
        start: Any = base_model
        found: tuple[Any, ...] = ()
        if tuned:
            search = _component(tune)(
                camera=camera,
                settings=train_settings,
                experiment=experiment,
                tuner=tuner,
                namespace=namespace,
                tracking_uri=tracking_uri,
                artifact_location=artifact_location,
                endpoint=endpoint,
                region=region,
                workspace=workspace,
                revision=revision,
                base_model=base_model,
                base_digest=base_digest,
                dataset=dataset,
            )
            settings, start = search.outputs["best"], search.outputs["start"]
            found = search.outputs["tuning"], search.outputs["report"]
        trained = _component(train)(
            camera=camera,
            settings=settings,
            tracking_uri=tracking_uri,
            artifact_location=artifact_location,
            checkpoints=checkpoints,
            revision=revision,
            feedback=feedback,
            base_model=start,
            base_digest=base_digest,
            compare_scratch=compare_scratch,
            dataset=dataset,
        )
        detector = trained.outputs["detector"]
        evaluated = _component(evaluate)(revision=revision, clips=clips, dataset=dataset, detector=detector)
        registered = _component(register)(
            camera=camera,
            tracking_uri=tracking_uri,
            artifact_location=artifact_location,
            seed=seed,
            revision=revision,
            clips=clips,
            dataset=dataset,
            detector=detector,
            evaluation=evaluated.outputs["evaluation"],
            report=evaluated.outputs["report"],
        )
        return outputs(
            clips,
            dataset,
            detector,
            evaluated.outputs["evaluation"],
            evaluated.outputs["report"],
            registered.outputs["registration"],
            *found,
        )

    training.__annotations__["return"] = outputs
    return dsl.pipeline(training, name=NAME, description="Learns what normal looks like on one camera.")


training, tuned_training = _pipeline(tuned=False), _pipeline(tuned=True)
