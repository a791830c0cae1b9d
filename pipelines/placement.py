"""A step of the DAG as a profile places it: size, accelerators, secrets, retries."""

from __future__ import annotations

from typing import Any

from pipelines.profile import Profile, Size

LABELS = {"app.kubernetes.io/name": "unforeseen", "app.kubernetes.io/component": "step"}  # the NetworkPolicies' too
USER = 1000  # of the image
# Who needs which Secret; KFP's own launcher opens the store for artifacts, MLflow's server for models.
STORE_STEPS = ("fingerprint", "ingest", "tune", "train")
TRACKING_STEPS = ("tune", "train", "register", "deploy")


def place(task: Any, name: str, profile: Profile) -> Any:
    """Says where and how a task runs.

    Args:
        task: of kfp.
        name: of its step.
        profile: where things run.
    """
    size: Size = getattr(profile.steps, name)
    task.set_cpu_request(size.cpu).set_memory_request(size.memory).set_memory_limit(size.memory)
    if profile.kfp.retries:
        task.set_retry(profile.kfp.retries, "30s", 2.0, "600s")
    on_gpu = profile.gpu.count > 0 and name in accelerated(profile)
    if on_gpu:
        task.set_accelerator_type(profile.gpu.resource).set_accelerator_limit(profile.gpu.count)
    task.platform_config["kubernetes"] = _pod(profile, name, on_gpu=on_gpu)
    return task


def accelerated(profile: Profile) -> tuple[str, ...]:
    """The steps that compute; with Katib the trials do, and a step that only waits must not hold an accelerator."""
    return ("train",) if profile.tuner == "katib" else ("train", "tune")


def _pod(profile: Profile, name: str, *, on_gpu: bool) -> dict[str, Any]:
    """KFP's KubernetesExecutorConfig as its SDK extension writes it, from the pod that the profile would place."""
    made: dict[str, Any] = {
        "podMetadata": {"labels": {**LABELS, "unforeseen/step": name}},
        "securityContext": {"runAsUser": str(USER), "runAsNonRoot": True},
    }
    if profile.image_pull_secret:
        made["imagePullSecret"] = [_secret(profile.image_pull_secret)]
    if secrets := _secrets(profile, name):
        made["secretAsEnv"] = secrets
    if on_gpu:
        made |= _pool(profile.gpu.place({"containers": [{}]}))
    return made


def _secrets(profile: Profile, name: str) -> list[dict[str, Any]]:
    users = {profile.store.secret: STORE_STEPS, profile.tracking_secret: TRACKING_STEPS}
    return [
        {**_secret(secret), "keyToEnv": [{"secretKey": key, "envVar": key} for key in keys], "optional": False}
        for secret, keys in profile.secrets().items()
        if name in users[secret]
    ]


def _pool(pod: dict[str, Any]) -> dict[str, Any]:
    (mount,) = pod["containers"][0]["volumeMounts"]
    (volume,) = pod["volumes"]
    shared = {"volumeName": mount["name"], "mountPath": mount["mountPath"], **volume["emptyDir"]}
    found = {"nodeSelector": {"labels": pod["nodeSelector"]}, "tolerations": pod["tolerations"]}
    return {**{key: value for key, value in found.items() if value}, "emptyDirMounts": [shared]}


def _secret(name: str) -> dict[str, Any]:
    """By a parameter, and by the older field for servers before 2.4."""
    return {"secretName": name, "secretNameParameter": {"runtimeValue": {"constant": name}}}
