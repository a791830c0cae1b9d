"""Steps in containers of one image, by Docker or what speaks its API, with no more rights than in a cluster."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from components.registry.connection import SQLITE
from model.errors import BadInput
from pipelines.profile import STORE_KEYS, TRACKING_KEYS

if TYPE_CHECKING:
    from kfp.local import DockerRunner

    from pipelines.local import Run


class Image(NamedTuple):
    """What is on this machine."""

    name: str  # as the engine lists it, which is how kfp looks for it
    id: str


def find(name: str) -> Image:
    """The image; it is not pulled.

    Raises:
        BadInput: there is none, or no engine answers.
    """
    import docker

    try:
        with closing(docker.from_env()) as client:
            found = client.images.get(name)
    except docker.errors.ImageNotFound as e:
        raise BadInput(f"expected the image {name} on this machine. Received: none of that name") from e
    except docker.errors.DockerException as e:
        cause = " ".join(str(e).split())
        raise BadInput(f"expected Docker, or what DOCKER_HOST names, to answer. Received: {cause}") from e
    names = [*found.tags, *found.attrs["RepoDigests"]]
    if not names:
        raise BadInput(f"expected an image with a name. Received: {name}")
    return Image(name if name in names else names[0], found.id)


def runner(wanted: Run) -> DockerRunner:
    """Kfp's runner: no capabilities, a read-only root, and no network where everything is on this machine."""
    from docker.types import Mount
    from kfp.local import DockerRunner

    mounts = [Mount(str(wanted.out), str(wanted.out), "bind")]
    mounts += [Mount(path, path, "bind", read_only=True) for path in _given(wanted)]
    return DockerRunner(
        entrypoint=[""],  # kfp gives the whole command
        user=f"{os.getuid()}:{os.getgid()}",  # who owns what the steps leave
        mounts=mounts,
        read_only=True,
        tmpfs={"/tmp": ""},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        **_network(wanted),
    )


def _given(wanted: Run) -> list[str]:
    """What of this machine the steps read."""
    places = [place for place in (wanted.source, wanted.base_model) if place and ":/" not in place]
    return [str(Path(place).absolute()) for place in places if place != "walkway"]


def _network(wanted: Run) -> dict[str, Any]:
    tracking = wanted.profile.tracking_uri
    if "://" not in wanted.source and (not tracking or tracking.startswith(SQLITE)):
        return {"network_mode": "none"}
    keys = (*STORE_KEYS, *TRACKING_KEYS)
    return {"environment": {key: os.environ[key] for key in keys if key in os.environ}}
