"""Anomalies pasted into normal clips: what is learned of a scene, and what each kind does to a clip."""

import numpy as np
import pytest

from model import pasting
from model.clips import frame_labels
from model.pasting.backdrop import still
from model.pasting.ways import starts

FRAMES, HEIGHT, WIDTH = 60, 64, 96
LANE = range(24, 44)  # rows of the feet
TALL, PACE = 12, 1.2  # pixels, pixels a frame


def clip(seed, walkers=3, channels=1):
    """Walkers on a lane over a textured ground, with sensor noise."""
    ground = np.random.default_rng(99).normal(120, 8, (HEIGHT, WIDTH, channels))
    rng = np.random.default_rng(seed)
    frames = np.repeat(ground[None], FRAMES, 0)
    for number in range(walkers):
        foot, offset, way = LANE[7 * number], rng.uniform(0, WIDTH), (-1) ** number
        for t in range(FRAMES):
            left = round((offset + way * PACE * t) % (WIDTH + 10)) - 10
            columns = slice(max(0, left), max(0, left + 5))
            frames[t, foot - TALL : foot, columns] = (60, 190, 50)[number]
            frames[t, foot - TALL // 2 : foot, columns] += 20
    return (frames + rng.normal(0, 1.5, frames.shape)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def scenes():
    """Of a grey and of a colour camera, by the number of channels."""
    return {channels: pasting.study([clip(seed, channels=channels) for seed in range(3)]) for channels in (1, 3)}


@pytest.fixture(scope="module")
def scene(scenes):
    return scenes[1]


def paste(kind, scene, seed=0, frames=None):
    return pasting.paste(clip(9) if frames is None else frames, kind, scene, np.random.default_rng(seed))


def boxes(masks):
    """Height, and x of the middle, of the mask in every frame that has one, with the frame."""
    found = []
    for t in np.flatnonzero(masks.any((1, 2))):
        y, x = np.nonzero(masks[t])
        if x.min() > 0 and x.max() < WIDTH - 1:
            found.append((t, np.ptp(y) + 1, (x.min() + x.max()) / 2, y.max()))
    return np.array(found, np.float64)


def test_a_scene_is_measured(scene):
    assert len(scene.cutouts) >= 10
    assert scene.height_at(34) == pytest.approx(TALL, abs=3)
    assert scene.pace[0] * scene.height_at(34) == pytest.approx(PACE, rel=0.15)
    assert scene.trodden[LANE[0] - 2].all()
    assert not scene.trodden[LANE[-1] + 8 :].any()
    assert not scene.trodden[: LANE[0] - TALL - 8].any()


@pytest.mark.parametrize("kind", pasting.KINDS)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_kind_is_labelled_where_it_is_and_leaves_the_rest_alone(kind, channels, scenes):
    normal = clip(9, channels=channels)
    pasted = paste(kind, scenes[channels], frames=normal)
    anomalous = pasted.masks.any((1, 2))
    assert (pasted.kind, {label.category for label in pasted.labels}) == (kind, {kind})
    np.testing.assert_array_equal(frame_labels(pasted.labels, FRAMES), anomalous)
    assert 0.2 < anomalous.mean() < 0.5
    assert (pasted.frames.dtype, pasted.frames.shape) == (np.uint8, normal.shape)
    changed = (pasted.frames != normal).any(3)
    assert changed[pasted.masks == 1].mean() > 0.8
    assert (changed & (pasted.masks == 0)).sum() < 1.5 * pasted.masks.sum()  # soft edges, and what is hardly visible
    assert not changed.any((1, 2)).all()  # some frames are those of the normal clip


def test_a_seed_gives_one_clip_and_another_seed_another(scene):
    one, same, other = (paste("fast", scene, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.frames, same.frames)
    assert (one.frames != other.frames).any()


@pytest.mark.parametrize("seed", range(3))
def test_fast_things_are_fast_large_ones_large_and_those_astray_where_nothing_goes(scene, seed):
    empty = clip(9, walkers=0)  # no one to hide behind
    t, _, x, _ = boxes(paste("fast", scene, seed, empty).masks).T
    speeds = np.abs(np.diff(x))[np.diff(t) == 1]
    assert 1.8 * PACE < speeds.mean() < 4.2 * PACE
    _, heights, _, _ = boxes(paste("large", scene, seed, empty).masks).T
    assert 1.4 * TALL < np.median(heights) < 2.4 * TALL
    masks = paste("astray", scene, seed, empty).masks
    assert max(scene.trodden[int(low)].mean() for *_, low in boxes(masks)) == 0
    t, _, x, _ = boxes(masks).T
    assert np.abs(np.diff(x))[np.diff(t) == 1].mean() == pytest.approx(PACE, rel=0.3)


def test_what_is_pasted_moves_by_parts_of_a_pixel(scene):
    normal = clip(9, walkers=0)
    pasted = paste("foreign", scene, 4, normal)
    t, *_ = boxes(pasted.masks).T
    change = np.abs(pasted.frames.astype(int) - normal)[t.astype(int), ..., 0].sum(1)  # [t, x]
    middles = change @ np.arange(WIDTH) / change.sum(1)
    steps = np.abs(np.diff(middles))
    assert steps.mean() > 0.5 * PACE
    assert steps.max() < steps.mean() + 0.4  # whole pixels would be steps of one and of two


def test_an_empty_scene_still_gives_foreign_things():
    scene = pasting.study([clip(0, walkers=0)])
    assert scene.cutouts == ()
    found = {kind: paste(kind, scene, frames=clip(9, walkers=0)) for kind in pasting.KINDS}
    assert [kind for kind, pasted in found.items() if pasted] == ["foreign"]
    assert found["foreign"].masks.any()


def test_nearer_things_hide_what_is_pasted(scene):
    free = paste("large", scene, 1, clip(9, walkers=0))
    wall = clip(9, walkers=0)
    rows = slice(10, 38)
    shown = np.flatnonzero(free.masks.any((1, 2)))[::3]
    wall[shown, rows] //= 4  # comes and goes, so it is no part of the backdrop
    hidden = paste("large", scene, 1, wall)
    assert free.masks[shown, rows].any()
    assert hidden.masks[shown, rows].sum() < 0.2 * free.masks[shown, rows].sum()


def test_what_the_region_mask_blackens_stays_black(scene):
    frames = clip(9)
    frames[:, :, : WIDTH // 2] = 0
    for seed, kind in enumerate(pasting.KINDS):
        assert not paste(kind, scene, seed, frames).frames[:, :, : WIDTH // 2].any()


def test_the_light_of_a_place_is_taken_on(scene):
    light, dark = clip(9, walkers=0), clip(9, walkers=0) // 2
    one, other = (paste("astray", scene, 3, frames) for frames in (light, dark))
    at = one.masks.astype(bool)
    assert other.frames[at].mean() < 0.75 * one.frames[at].mean()
    assert still(dark).noise < still(light).noise + 1


@pytest.mark.parametrize(
    ("why", "steps", "expected"),
    [
        ("longer than a third: enters and stays, or was there and leaves", 100, {-70, 60}),
        ("a third: once within the clip", 30, {-0, 60}),
    ],
)
def test_a_way_takes_a_third_of_the_clip(why, steps, expected):
    feet = np.stack([np.linspace(0, 49, steps), np.zeros(steps)], 1)
    found = {start for seed in range(20) for start in starts(feet, 50, 90, np.random.default_rng(seed))}
    assert found == expected, why


def test_a_short_way_is_gone_several_times():
    feet = np.stack([np.linspace(-5, 54, 12), np.zeros(12)], 1)  # ten of its steps are in the picture
    first, second, third = starts(feet, 50, 90, np.random.default_rng(0))
    assert -1 <= first < second - 10
    assert second < third - 10 <= 68
