"""What is rare: tails of normal values, and the score they give together."""

import dataclasses
import json

import numpy as np
import pytest

from model.scoring.calibration import Calibration, Tail


def normal_clips(clips=8, frames=250):
    generator = np.random.default_rng(0)
    return [generator.gamma(2.0, 0.01, frames).astype(np.float32) for _ in range(clips)]


def at(tail, *values):
    return tail.surprise(np.array(values, np.float32))


def test_surprise_is_the_rarity_among_normal_values_up_to_the_90th_percentile():
    clips = normal_clips()
    pooled = np.concatenate(clips)
    tail = Tail.fit(clips)
    trust = tail.cases / (tail.cases + 1)
    assert trust > 0.95  # eight clips, several cases each
    found = at(tail, 0.0, pooled.min(), np.quantile(pooled, 0.5), np.quantile(pooled, 0.9)) / trust
    np.testing.assert_allclose(found, [-1.0, 0.0, np.log10(2), 1.0], atol=1e-3)


def test_surprise_rises_with_the_value_from_below_to_far_beyond_normal():
    clips = normal_clips()
    beyond = np.linspace(0, 100 * max(clip.max() for clip in clips), 5000, dtype=np.float32)
    surprise = Tail.fit(clips).surprise(np.sort(np.concatenate([*clips, beyond])))
    assert (np.diff(surprise) >= 0).all()
    assert (np.diff(surprise[::50]) > 0).all()
    assert np.isfinite(surprise).all()


def test_surprise_does_not_jump_at_the_90th_percentile():
    tail = Tail.fit(normal_clips())
    high = tail.quantiles[-1]
    before, here, after = at(tail, high - 1e-6, high, high + 1e-6)
    assert before <= here <= after < before + 1e-3


def test_of_many_clips_the_surprise_beyond_normal_is_the_tail_probability():
    generator = np.random.default_rng(0)
    tail = Tail.fit([generator.exponential(size=200) for _ in range(300)])
    for rarity in (2, 3, 5):  # of an exponential, -log10 P(x) is x / ln 10
        assert at(tail, rarity * np.log(10)) == pytest.approx(rarity, rel=0.1)


def test_extremes_of_one_clip_are_trusted_less_than_the_same_over_many():
    calm = [np.linspace(0, 1, 90) for _ in range(10)]
    extremes = np.linspace(2, 3, 100)
    spread = Tail.fit([np.append(clip, part) for clip, part in zip(calm, extremes.reshape(10, -1), strict=True)])
    single = Tail.fit([*calm, extremes])
    assert (spread.quantiles, spread.excess) == (single.quantiles, single.excess)  # the same values in all
    assert (single.cases, spread.cases) == (1, 10)
    values = np.linspace(0.5, 50, 100)
    assert (single.surprise(values) < spread.surprise(values)).all()


def test_frames_close_to_each_other_are_one_case():
    calm = np.linspace(0, 1, 900)
    rare = np.full(10, 2.0)
    together, apart = [*rare, *calm], np.insert(calm, np.arange(0, 900, 90), rare)
    assert Tail.fit([np.array(together)]).cases < Tail.fit([apart]).cases


def test_a_value_that_many_normal_frames_share_is_no_surprise():
    tail = Tail.fit([np.zeros(500), np.linspace(0.1, 1.0, 500)])
    assert at(tail, 0.0) == 0.0
    assert at(dataclasses.replace(tail, cases=10**9), 0.5) > np.log10(2)


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_constant_normal_values_keep_the_order(value):
    surprise = at(Tail.fit([np.full(50, value, np.float32)]), 0.9 * value, value, value + 0.01, value + 1.0)
    assert np.isfinite(surprise).all()
    assert surprise[0] <= surprise[1] == 0.0 < 0.5 < surprise[2] < surprise[3]


@pytest.mark.parametrize(
    ("clips", "why"),
    [([np.array([0.2])], "one value"), ([np.array([0.2, 0.3]), np.zeros(0)], "a clip shorter than the warm-up")],
)
def test_few_values_are_enough_to_be_finite(clips, why):
    assert np.isfinite(Tail.fit(clips).surprise(np.linspace(0, 1, 9))).all(), why


def test_a_tail_survives_json():
    tail = Tail.fit(normal_clips())
    again = json.loads(json.dumps(dataclasses.asdict(tail), allow_nan=False))
    assert Tail(**{**again, "quantiles": tuple(again["quantiles"])}) == tail


def test_the_score_is_the_largest_surprise_of_a_fused_kind_at_each_place():
    clips = normal_clips()
    tails = {"a": Tail.fit(clips), "b": Tail.fit([5 * clip for clip in clips]), "c": Tail.fit(clips)}
    calibration = Calibration(tails, fused=("a", "b"))
    maps = {
        "a": np.array([[0.1, 0.01]], np.float32),
        "b": np.array([[0.01, 0.3]], np.float32),
        "c": np.array([[9.0, 9.0]], np.float32),  # shown, not fused
    }
    joined = calibration.join(maps)
    assert joined.dtype == np.float32
    np.testing.assert_array_equal(joined, [[at(tails["a"], 0.1)[0], at(tails["b"], 0.3)[0]]])
    peaks = calibration.evidence({name: values.max() for name, values in maps.items()})
    assert set(peaks) == {"a", "b", "c"}
    assert max(peaks["a"], peaks["b"]) == joined.max() < peaks["c"]


def test_what_only_looks_strange_counts_as_four_times_as_common():
    tail = Tail.fit(normal_clips())
    calibration = Calibration({"a": tail, "appearance_distance": tail}, fused=("a", "appearance_distance"))
    found = calibration.evidence({"a": np.float32(0.3), "appearance_distance": np.float32(0.3)})
    assert found["a"] - found["appearance_distance"] == pytest.approx(np.log10(4))
    joined = calibration.join({"a": np.float32([0.3, 0.0]), "appearance_distance": np.float32([0.0, 0.3])})
    np.testing.assert_allclose(joined, [found["a"], found["appearance_distance"]])


def test_a_clip_of_maps_is_joined_as_its_frames_are():
    calibration = Calibration({"a": Tail.fit(normal_clips()), "b": Tail.fit(normal_clips(2))}, fused=("a", "b"))
    generator = np.random.default_rng(1)
    clip = {name: generator.random((5, 3, 4), dtype=np.float32) for name in "ab"}
    frames = [calibration.join({name: values[t] for name, values in clip.items()}) for t in range(5)]
    np.testing.assert_array_equal(calibration.join(clip), frames)
