"""Frames of an event: how many are kept, which are shown, and what is drawn."""

import numpy as np
import pytest

from model.report.film import CAPTION, COLUMNS, KEPT, Film, film_image, still
from model.report.pictures import GAP, PANEL_WIDTH

GREY = np.full((40, 60, 1), 120, np.uint8)


def shot(frame, score=1.0, picture=GREY, box=(10, 10, 30, 20), **part):
    anomaly_map = np.zeros((20, 30), np.float32)
    anomaly_map[:10, :15] = 4.0
    return still(frame, score, picture, anomaly_map, box, **part)


@pytest.mark.parametrize(
    ("why", "frames", "peak", "shown"),
    [
        ("one frame", range(7, 8), 7, [7]),
        ("fewer than there is room for", range(3), 1, [0, 1, 2]),
        ("evenly, both ends", range(10, 19), 10, [10, 12, 14, 16, 18]),
        ("the peak takes its neighbour's place", range(10, 19), 13, [10, 13, 14, 16, 18]),
        ("not that of an end", range(0, 33), 1, [0, 1, 16, 24, 32]),
    ],
)
def test_which_frames_are_shown(why, frames, peak, shown):
    film = Film()
    for frame in frames:
        film.add(shot(frame, 9.0 if frame == peak else 1.0))
    assert [one.frame for one in film.stills()] == shown


def test_an_endless_event_keeps_a_few_frames():
    film = Film()
    for frame in range(1000):
        film.add(shot(frame, 9.0 if frame == 501 else 1.0))
        assert len(film._kept) <= KEPT
    frames = [one.frame for one in film.stills()]
    assert (frames[0], frames[-1], len(frames)) == (0, 999, COLUMNS)
    assert 501 in frames
    assert max(np.diff(frames)) < 400


def test_an_event_without_frames_has_none():
    assert Film().stills() == ()


def test_large_frames_are_kept_small_and_so_are_their_boxes():
    kept = shot(0, picture=np.zeros((440, 880, 3), np.uint8), box=(80, 40, 240, 80))
    assert kept.picture.shape == (110, PANEL_WIDTH, 3)
    assert kept.box == (20, 10, 60, 20)


def test_a_picture_shows_the_box_above_and_the_heat_below_in_its_part():
    image = film_image([shot(20), shot(25, part=(0.5, 1.0, 0.5, 1.0))], 25, 10.0)
    height = round(PANEL_WIDTH * 40 / 60)
    assert image.shape == (CAPTION + 2 * height + GAP, 2 * PANEL_WIDTH + GAP, 3)
    above = image[CAPTION : CAPTION + height, :PANEL_WIDTH].astype(int)
    red = above[..., 0] > above[..., 1] + 60
    scale = PANEL_WIDTH / 60
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    np.testing.assert_allclose([rows[0], rows[-1], columns[0], columns[-1]], scale * np.array([10, 20, 10, 30]), atol=2)
    whole, part = (image[CAPTION + height + GAP :, x : x + PANEL_WIDTH].max(axis=2) for x in (0, PANEL_WIDTH + GAP))
    assert whole[: height // 3, : PANEL_WIDTH // 3].min() > 200
    assert whole[height * 2 // 3 :, PANEL_WIDTH * 2 // 3 :].max() < 20
    assert part[: height // 2 - 2].max() == 0
    assert part[height // 2 + 5 : height * 2 // 3, PANEL_WIDTH // 2 + 5 : PANEL_WIDTH * 2 // 3].min() > 200
