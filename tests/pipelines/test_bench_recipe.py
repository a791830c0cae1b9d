"""The changes that the bench of trainings makes, and its table; never how good any of them is."""

import numpy as np
import pytest

from model import config, prednet
from pipelines.bench import recipe


@pytest.mark.parametrize("name", recipe.VARIANTS)
def test_every_change_is_one_of_the_settings_or_of_the_clips(name):
    variant = recipe.VARIANTS[name]
    changed = config.build(overrides=[*recipe.OVERRIDES, *variant.overrides])
    frames = np.random.default_rng(0).integers(0, 256, (8, 4, 6, 1), np.uint8)
    made = variant.train(frames)
    assert all(part.dtype == np.uint8 and part.shape[1:] == frames.shape[1:] for part in made)
    same = changed == config.build(overrides=recipe.OVERRIDES) and len(made) == 1
    assert same == (name == "Lall")


@pytest.mark.parametrize("name", recipe.VARIANTS)
def test_every_network_can_be_built(name):
    changed = config.build(overrides=[*recipe.OVERRIDES, *recipe.VARIANTS[name].overrides])
    size = prednet.shrunk((changed.preprocessing.height, changed.preprocessing.width), changed.prednet)
    prednet.build(changed.prednet, *size, changed.training.layer_loss_weights)


def test_clips_are_mirrored_lit_and_strided():
    frames = np.arange(24, dtype=np.uint8).reshape(4, 1, 6, 1) * 10
    assert recipe.VARIANTS["mirrored too"].train(frames)[1][0, 0, :, 0].tolist() == [50, 40, 30, 20, 10, 0]
    _, darker, brighter = recipe.VARIANTS["darker and brighter too"].train(frames)
    assert (darker[3, 0, 5, 0], brighter[3, 0, 5, 0]) == (161, 255)
    assert [len(part) for part in recipe.VARIANTS["every second frame"].train(frames)] == [2, 2]


def test_a_row_of_the_table():
    row = recipe.line(recipe.Row("L0", 0.9291, 0.8958, 31.6))
    assert row.split() == ["L0", "0.929", "0.896", "32"]
