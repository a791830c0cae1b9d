"""What is usual for a camera, learned from observations made by hand."""

from typing import NamedTuple

import numpy as np
import pytest

from model.scoring import EVIDENCE, Observation, Scene, fit_scene

GRID = (6, 8)  # cells of 4 pixels: a frame of 24 x 32
KNOWN = ("prediction_error", "layer_error", "optical_flow", "frame_difference")


class Representation(NamedTuple):
    r: tuple[np.ndarray, ...]


def observed(speed, generator, strange=1.0):
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
        model_mse=0.0,
        copy_last_frame_mse=0.0,
        state=Representation((r, r)),
    )


def clip(speed, seed, frames=30):
    generator = np.random.default_rng(seed)
    return [observed(speed, generator) for _ in range(frames)]


def fit(clips):
    return fit_scene(clips, 4.0, np.random.default_rng(0))


@pytest.fixture(scope="module")
def fitted():
    return fit([clip(2.0, 0), clip(2.0, 1), clip(2.0, 2), clip(-2.0, 3)])


def test_what_moves_as_usual_is_about_one_in_every_kind_of_evidence(fitted):
    scene, _ = fitted
    maps = scene.maps(clip(2.0, 9)[5])
    assert set(maps) == set(EVIDENCE)
    assert {values.shape for values in maps.values()} == {GRID}
    for name in KNOWN:
        assert maps[name].max() == pytest.approx(1.0, rel=0.1), name
    assert 0.3 < np.median(maps["memory_distance"][2:4]) < 4  # as far as noise is from noise


def test_what_is_twice_as_fast_is_twice_as_large(fitted):
    maps = fitted[0].maps(clip(4.0, 9)[5])
    assert maps["optical_flow"].max() == pytest.approx(2.0, rel=0.1)


def test_an_unknown_representation_is_far_from_the_memory(fitted):
    scene, _ = fitted
    generator = np.random.default_rng(9)
    usual, strange = (scene.maps(observed(2.0, generator, factor))["memory_distance"] for factor in (1.0, 5.0))
    assert strange.min() > 2 * usual.max()


def test_arrays_round_trip(fitted):
    scene, _ = fitted
    arrays = scene.arrays()
    assert all(array.dtype == np.float32 for array in arrays.values())
    again = Scene.of_arrays(arrays)
    found = clip(-2.0, 9)[5]
    for name, values in scene.maps(found).items():
        np.testing.assert_array_equal(again.maps(found)[name], values)


def test_a_clip_alone_in_its_direction_is_rare_only_as_long_as_it_is_left_out(fitted):
    scene, peaks = fitted
    *usual, alone = (clip_peaks["flow_direction"][10:] for clip_peaks in peaks)
    assert max(peak.max() for peak in usual) < 0.5
    assert alone.min() > 1.5
    with_it = scene.maps(clip(-2.0, 3)[10])["flow_direction"].max()
    assert with_it < alone.min() - 0.5


def test_the_peaks_are_of_what_the_network_has_no_part_in_one_a_frame_but_the_first(fitted):
    _, peaks = fitted
    for found in peaks:
        assert {name: len(values) for name, values in found.items()} == dict.fromkeys(
            ("optical_flow", "frame_difference", "flow_direction"), 29
        )
        assert found["optical_flow"].max() == pytest.approx(1.0, rel=0.1)


def test_a_clip_of_one_frame_teaches_nothing_and_does_no_harm(fitted):
    scene, peaks = fit([clip(2.0, 0), clip(2.0, 1), clip(2.0, 2), clip(-2.0, 3), clip(2.0, 4, frames=1)])
    assert peaks[-1] == {}
    np.testing.assert_array_equal(scene.rarities, fitted[0].rarities)


def test_without_a_second_frame_there_is_no_scene():
    with pytest.raises(ValueError, match="at least 2 frames"):
        fit([clip(2.0, 0, frames=1)])
