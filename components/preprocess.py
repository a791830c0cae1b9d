"""Clips in, data set out: every frame as the network sees it, in memory-mapped arrays."""

import json
from pathlib import Path

from kfp import dsl

from components.step import every, step
from model import config, footage, preprocessing


def preprocess(
    camera: str, settings: str, revision: str, clips: dsl.Input[dsl.Dataset], dataset: dsl.Output[dsl.Dataset]
) -> None:
    """Crop, grey or RGB, blur, resize, region mask."""
    from components.preprocess import preprocess_clips

    preprocess_clips(clips.path, camera, settings, dataset.path)


def preprocess_clips(clips: str, camera: str, settings: str, output: str) -> None:
    """Writes the data set directory of `model.clips.Dataset`."""
    with step("preprocess", output) as progress:
        found = footage.read_index(Path(clips) / "footage.json")
        wanted = config.parse(config.Preprocessing, json.loads(settings))
        preprocessing.write_dataset(found, Path(output), wanted, camera=camera, progress=every(5.0, progress))
