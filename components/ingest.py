"""Source in, clips out: brings the footage here, finds its clips and labels, and gives every clip its split."""

import json
import shutil
from pathlib import Path

from kfp import dsl

from components.fetch import fetch
from components.step import seldom, step
from model import config, footage, walkway
from model.footage import archive
from model.footage import feedback as marked

WALKWAY = "walkway"
ARCHIVES = (".zip", ".tar.gz", ".tgz")


def ingest(
    source: str,
    camera: str,
    settings: str,
    feedback: str,
    endpoint: str,
    region: str,
    downloads: str,
    fingerprint: str,
    revision: str,
    clips: dsl.Output[dsl.Dataset],
) -> None:
    """Fingerprint and revision are there for the cache: they change when the source or the code does.

    Feedback is the text of a feedback file, or empty.
    """
    from components.ingest import ingest_source

    ingest_source(source, camera, settings, feedback, endpoint, region, downloads, clips.path)


def ingest_source(
    source: str,
    camera: str,
    settings: str,
    feedback: str,
    endpoint: str,
    region: str,
    downloads: str,
    output: str,
) -> None:
    """Writes `footage.json`, beside it whatever was rendered, downloaded or unpacked."""
    everything = config.parse(config.Config, json.loads(settings))
    with step("ingest", output) as progress:
        directory = Path(output)
        directory.mkdir(parents=True, exist_ok=True)
        try:
            if source == WALKWAY:
                walkway.write(everything.walkway, directory / "source", seldom(5.0, progress))
                root = directory / "source"
            else:
                local = Path(downloads) if downloads else directory / "download"
                limit = everything.footage.max_expansion_mb
                root = fetch(source, local, endpoint, region, limit, progress)
                if root.name.endswith(ARCHIVES):
                    progress(f"unpacking {root.name}")
                    archive.unpack(root, directory / "source", limit)
                    root = directory / "source"
            found = footage.find_clips(root, camera, everything.footage, everything.training.window_frames)
            marks = marked.parse(feedback)
            own, found = len(found), marked.add_clips(found, marks)
            footage.write_index(found, directory / "footage.json", marks)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        progress(f"{len(found)} clips, {sum(clip.frames for clip in found)} frames")
        if marks:
            progress(f"feedback: {len(marks)} events marked normal, {len(found) - own} clips of them")
