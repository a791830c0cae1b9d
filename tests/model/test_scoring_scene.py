"""What is usual for a camera, learned from observations made by hand."""

from typing import NamedTuple

import numpy as np
import pytest

from model.scoring import EVIDENCE, Observation, Scene, Smoother, fit_scene

GRID = (6, 8)  # cells of 4 pixels: a frame of 24 x 32
KNOWN = ("prediction_error", "layer_error", "optical_flow", "frame_difference", "extrapolation_error")


class Representation(NamedTuple):
    r: tuple[np.ndarray, ...]


def observed(speed, generator, strange=1.0, look=0.0):
    """A path along which something goes right at `speed` pixels a frame, or left."""
    motion = np.zeros((*GRID, 2), np.float32)
    motion[2:4, :, 0] = speed + generator.normal(0, 0.02)
    size = np.hypot(motion[..., 0], motion[..., 1])
    r = strange * generator.normal(size=(1, 12, 16, 3)).astype(np.float32)
    return Observation(
        prediction=np.zeros((24, 32, 1), np.float32),
        error=np.zeros((24, 32), np.float32),
        maps={name: (1 + k) * size for k, name in enumerate(KNOWN)},
        motion=motion,
        looks=(look + generator.spawn(1)[0].normal(0, 0.1, (3, 4, 7))).astype(np.float32),
        model_mse=0.0,
        copy_last_frame_mse=0.0,
        state=Representation((r, r)),
    )


def clip(speed, seed, frames=30):
    generator = np.random.default_rng(seed)
    return [observed(speed, generator) for _ in range(frames)]


def fit(clips):
    return fit_scene(clips, 4.0, np.random.default_rng(0))


def maps(scene, *observations):
    """Of the last one of a clip."""
    smoother = Smoother(1.0)
    return [scene.gather(smoother, observation) for observation in observations][-1]


@pytest.fixture(scope="module")
def fitted():
    return fit([clip(2.0, 0), clip(2.0, 1), clip(2.0, 2), clip(-2.0, 3)])


def test_what_moves_as_usual_is_about_one_in_every_kind_of_evidence(fitted):
    scene, _ = fitted
    found = maps(scene, clip(2.0, 9)[5])
    assert set(found) == set(EVIDENCE)
    assert {values.shape for values in found.values()} == {GRID}
    for name in KNOWN:
        assert found[name].max() == pytest.approx(1.0, rel=0.1), name
    assert 0.3 < np.median(found["memory_distance"][2:4]) < 4  # as far as noise is from noise


def test_what_is_twice_as_fast_is_twice_as_large(fitted):
    found = maps(fitted[0], clip(4.0, 9)[5])
    assert found["optical_flow"].max() == pytest.approx(2.0, rel=0.1)


def test_an_unknown_representation_is_far_from_the_memory(fitted):
    scene, _ = fitted
    generator = np.random.default_rng(9)
    usual, strange = (maps(scene, observed(2.0, generator, factor))["memory_distance"] for factor in (1.0, 5.0))
    assert strange.min() > 2 * usual.max()


def test_an_unknown_look_is_far_from_all_that_was_seen_only_where_something_moves(fitted):
    scene, _ = fitted
    generator = np.random.default_rng(9)
    usual, strange, still = (
        maps(scene, observed(speed, generator, look=look))["appearance_distance"]
        for speed, look in ((2.0, 0.0), (2.0, 1.0), (0.0, 1.0))
    )
    assert strange.max() > 3 * usual.max() > 0
    assert still.max() == 0


def test_arrays_round_trip(fitted):
    scene, _ = fitted
    arrays = scene.arrays()
    assert all(array.dtype == np.float32 for array in arrays.values())
    again = Scene.of_arrays(arrays)
    found = clip(-2.0, 9)[5]
    for name, values in maps(scene, found).items():
        np.testing.assert_array_equal(maps(again, found)[name], values)


def test_a_clip_alone_in_its_direction_is_strange_only_as_long_as_it_is_left_out(fitted):
    scene, peaks = fitted
    *usual, alone = (clip_peaks["motion_distance"][10:] for clip_peaks in peaks)
    assert alone.min() > 5 * max(peak.max() for peak in usual)
    with_it = maps(scene, *clip(-2.0, 3))["motion_distance"].max()
    assert with_it < alone.min() / 5


def test_a_marked_clip_is_known_and_changes_nothing_that_is_usual():
    usual, marked, other = [clip(2.0, seed) for seed in range(3)], clip(-6.0, 3), clip(4.0, 9)[5]
    without, _ = fit(usual)
    taught, _ = fit_scene([*usual, marked], 4.0, np.random.default_rng(0), {3})
    assert maps(taught, *marked)["motion_distance"].max() < 0.2 * maps(without, *marked)["motion_distance"].max()
    for name in (*KNOWN, "motion_distance"):
        np.testing.assert_allclose(taught.scales[name], without.scales[name], rtol=0.01, err_msg=name)
        np.testing.assert_allclose(maps(taught, other)[name], maps(without, other)[name], rtol=0.01, err_msg=name)
    measured, _ = fit([*usual, marked])
    assert measured.scales["optical_flow"].max() > 1.2 * taught.scales["optical_flow"].max()


def test_marked_clips_alone_are_what_is_usual():
    clips = [clip(2.0, seed) for seed in range(3)]
    taught, peaks = fit_scene(clips, 4.0, np.random.default_rng(0), range(3))
    again, _ = fit(clips)
    assert len(peaks) == 3
    for name, scale in again.scales.items():
        np.testing.assert_array_equal(taught.scales[name], scale)


def test_the_peaks_are_of_every_kind_but_the_memory_one_a_frame_but_the_first(fitted):
    _, peaks = fitted
    for found in peaks:
        kinds = (*KNOWN, "motion_distance", "appearance_distance")
        assert {name: len(values) for name, values in found.items()} == dict.fromkeys(kinds, 29)
        assert found["optical_flow"].max() == pytest.approx(1.0, rel=0.1)


def test_the_peaks_are_those_of_a_stream():
    generator = np.random.default_rng(0)
    late = [observed(2.0 if t > 9 else 0.0, generator) for t in range(30)]  # something comes into view
    clips = [late] * 4  # what is left out of the banks is in them three times more: they judge by the third
    scene, peaks = fit(clips)
    smoother = Smoother(4.0)
    for t, observation in enumerate(clips[0][1:]):
        found = scene.gather(smoother, observation)
        for name, values in peaks[0].items():
            assert found[name].max() == pytest.approx(values[t], rel=1e-5), name
    assert min(peaks[0][name].max() for name in ("motion_distance", "appearance_distance")) > 0


def test_a_clip_of_one_frame_teaches_nothing_and_does_no_harm(fitted):
    scene, peaks = fit([clip(2.0, 0), clip(2.0, 1), clip(2.0, 2), clip(-2.0, 3), clip(2.0, 4, frames=1)])
    assert peaks[-1] == {}
    once, again = (np.sort(found.motions.entries, axis=0) for found in (scene, fitted[0]))
    np.testing.assert_array_equal(once, again)


def test_without_a_second_frame_there_is_no_scene():
    with pytest.raises(ValueError, match="at least 2 frames"):
        fit([clip(2.0, 0, frames=1)])
