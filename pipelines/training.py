"""The DAG: the only place that knows the order of the steps."""

from collections.abc import Callable
from typing import Any, NamedTuple

from kfp import dsl

from components.deploy import deploy
from components.evaluate import evaluate
from components.fingerprint import fingerprint as look
from components.ingest import ingest
from components.preprocess import preprocess
from components.register import register
from components.train import train
from components.tune import tune
from pipelines.placement import place
from pipelines.profile import IMAGE, PIPELINE, Profile

DAY = 24 * 60 * 60  # seconds


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


def pipeline(*, tuned: bool, deployed: bool = False, profile: Profile | None = None, image: str = IMAGE) -> Any:
    """The DAG, straight in every form: a step that is not wanted is not there.

    Args:
        tuned: searches before it trains.
        deployed: rolls out the champion at the end.
        profile: of a cluster, where the source's fingerprint is a step; None is this machine, which knows it before.
        image: of the steps, where no profile says it.
    """
    outputs: Any = Tuned if tuned else Outputs
    image, days = (profile.image, profile.kfp.finished_days) if profile else (image, 0)

    def _component(step: Callable[..., None]) -> Callable[..., Any]:
        made = dsl.component(step, base_image=image, install_kfp_package=False)
        return lambda **inputs: place(made(**inputs), step.__name__, profile) if profile else made(**inputs)

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
        checkpoint_minutes: float = 5.0,
        base_model: str = "",
        base_digest: str = "",
        compare_scratch: bool = False,
        experiment: str = "",
        tuner: str = "optuna",
        namespace: str = "",
        workspace: str = "",
        model: str = "",
        artifact_root: str = "",
        service: str = "",
        deploy_seconds: int = 900,
    ) -> NamedTuple:
        """Each step gets the settings that it reads and no others, so that the cache forgets no more than it must."""
        content: Any = fingerprint
        if profile:
            looked = _component(look)(source=source, feedback=feedback, endpoint=endpoint, region=region)
            content = looked.set_caching_options(False).outputs["value"]
        ingested = _component(ingest)(
            source=source,
            camera=camera,
            settings=ingest_settings,
            feedback=feedback,
            endpoint=endpoint,
            region=region,
            downloads=downloads,
            fingerprint=content,
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
            checkpoint_minutes=checkpoint_minutes,
            endpoint=endpoint,
            region=region,
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
        if deployed:
            rollout = _component(deploy)(
                model=model,
                tracking_uri=tracking_uri,
                artifact_root=artifact_root,
                service=service,
                namespace=namespace,
                seconds=deploy_seconds,
                registration=registered.outputs["registration"],
            )
            rollout.set_caching_options(False)  # someone may have moved the alias, or the service, meanwhile
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
    about = "Learns what normal looks like on one camera."
    kept = dsl.PipelineConfig(ttl_seconds_after_finished=days * DAY or None)
    return dsl.pipeline(training, name=PIPELINE, description=about, pipeline_config=kept)
