"""The bank of normal representations."""

import numpy as np
import pytest

from model.scoring import memory
from model.scoring.memory import Memory, features


def seen(count=400, channels=6, offset=0.0):
    return np.random.default_rng(0).normal(offset, [1, 1, 1, 2, 3, 10][:channels], (count, channels)).astype(np.float32)


def fit(found):
    return Memory.fit(found, np.random.default_rng(1))


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_stored_entries_are_at_no_distance_and_what_is_new_is_further_the_newer(offset):
    bank = fit(seen(offset=offset))
    found = bank.entries * bank.deviation
    same, near, far = (bank.distance((found + shift * bank.deviation)[np.newaxis]) for shift in (0.0, 3.0, 9.0))
    assert same.shape == (1, len(found))
    np.testing.assert_allclose(same, 0.0, atol=2e-3)
    assert same.max() < 0.1 < np.median(near) < np.median(far) < 9.01


def test_a_shift_by_its_deviation_counts_the_same_in_every_channel():
    bank = Memory(np.zeros((1, 3), np.float32), np.float32([0.1, 1.0, 10.0]))
    found = bank.distance(np.diag(np.float32([0.2, 2.0, 20.0]))[np.newaxis])
    np.testing.assert_allclose(found, [[2 / np.sqrt(3)] * 3], rtol=1e-5)


def test_a_channel_that_never_varied_does_not_hide_the_others():
    found = seen()
    found[:, 0] = 0.5
    bank = fit(found[:200])
    assert 0.05 < np.median(bank.distance(found[np.newaxis, 200:])) < 2


def test_greedy_selection_covers_outliers(monkeypatch):
    monkeypatch.setattr(memory, "ENTRIES", 12)
    found = np.concatenate([seen(500), [[60.0] * 6, [-60.0] * 6]]).astype(np.float32)
    bank = fit(found)
    assert bank.entries.shape == (12, 6)
    np.testing.assert_allclose(bank.distance(found[np.newaxis, -2:]), 0.0, atol=1e-3)
    chosen = np.random.default_rng(1).permutation(len(found))[:12]
    at_random = Memory(found[chosen] / bank.deviation, bank.deviation)
    assert bank.distance(found[np.newaxis]).max() < at_random.distance(found[np.newaxis]).max()


def test_half_of_few_features_are_kept_and_the_others_tell_what_distance_is_usual():
    found = seen(100)
    bank = fit(found)
    assert len(bank.entries) == 50
    assert 45 <= (bank.distance(found[np.newaxis]) > 0.1).sum() <= 50


def test_equal_features_are_kept_once():
    assert len(fit(np.ones((50, 6), np.float32)).entries) == 1


def test_features_put_the_higher_layers_side_by_side():
    lowest = np.full((1, 16, 24, 2), 9.0, np.float32)
    higher = [np.full((1, 16 >> n, 24 >> n, 3), float(n), np.float32) for n in (1, 2)]
    found = features((lowest, *higher), (16, 24))
    assert found.shape == (2, 3, 6)
    np.testing.assert_allclose(found, np.broadcast_to([1, 1, 1, 2, 2, 2], found.shape))


def test_a_network_of_one_layer_has_features_too():
    assert features((np.zeros((1, 16, 24, 2), np.float32),), (16, 24)).shape == (2, 3, 2)
