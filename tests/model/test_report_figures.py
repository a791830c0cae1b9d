"""The figures draw what the scores say."""

from __future__ import annotations

import dataclasses
import io

import cv2
import numpy as np
import pytest
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from model.clips import LabelRange
from model.report import Strip, figures
from model.report.pictures import GAP, PANEL_WIDTH, error_scale, strip_image
from model.scores import ClipScores, ScoredClip

FPS, FRAMES = 10.0, 60


def scored(labels: tuple[LabelRange, ...] | None, split: str = "test") -> ScoredClip:
    scores = np.ones(FRAMES, np.float32)
    scores[30:40] = 5.0
    scores[:5] = np.nan
    flat = np.arange(FRAMES, dtype=np.float32)
    result = ClipScores(
        scores, np.nan_to_num(scores) >= 3, {"prediction_error": scores}, {"optical_flow": flat}, flat, flat
    )
    return ScoredClip("Test/a", split, FPS, labels, result)  # type: ignore[arg-type]


def artists(figure: Figure, gid: str) -> list[Artist]:
    return figure.findobj(lambda artist: artist.get_gid() == gid)


def span(artist: Artist) -> tuple[float, float]:
    axes = artist.axes
    assert axes is not None
    box = artist.get_window_extent().transformed(axes.transData.inverted())
    return round(box.x0, 2), round(box.x1, 2)


def test_a_timeline_holds_bands_warm_up_threshold_and_alarms() -> None:
    figure = figures.timeline_figure(scored((LabelRange(28, 41, "golf_cart"), LabelRange(50, 50, ""))), 3.0)
    figure.draw_without_rendering()
    assert [span(band) for band in artists(figure, "label")] == [(2.8, 4.2), (5.0, 5.1)]
    assert [span(band) for band in artists(figure, "warm-up")] == [(0.0, 0.5)]
    assert [span(band) for band in artists(figure, "alarm")] == [(3.0, 4.0)]
    (threshold,) = artists(figure, "threshold")
    assert set(threshold.get_ydata()) == {3.0}  # type: ignore[attr-defined]
    (score,) = artists(figure, "score")
    np.testing.assert_array_equal(score.get_xdata(), np.arange(FRAMES) / FPS)  # type: ignore[attr-defined]
    assert "golf cart" in {text.get_text().strip() for text in figure.axes[0].texts}


def test_a_timeline_shows_the_threshold_that_was_in_force() -> None:
    clip = scored(None)
    moving = np.linspace(2.0, 9.0, FRAMES, dtype=np.float32)
    clip = dataclasses.replace(clip, result=dataclasses.replace(clip.result, thresholds=moving))
    (threshold,) = artists(figures.timeline_figure(clip, 3.0), "threshold")
    np.testing.assert_array_equal(threshold.get_ydata(), moving)  # type: ignore[attr-defined]
    assert figures.score_span([clip], 3.0)[1] > 9.0


def test_each_hour_of_the_day_has_its_threshold() -> None:
    hourly = [1.0 + hour / 24 for hour in range(24)]
    bars = artists(figures.hours_figure(hourly), "threshold")
    assert [(bar.get_x() + bar.get_width() / 2, bar.get_height()) for bar in bars] == [  # type: ignore[attr-defined]
        (pytest.approx(hour + 0.5), value) for hour, value in enumerate(hourly)
    ]


def test_a_timeline_of_warm_up_alone_is_grey() -> None:
    clip = scored(None)
    clip.result.scores[:] = np.nan
    clip.result.alarms[:] = False
    figure = figures.timeline_figure(clip, 3.0)
    figure.draw_without_rendering()
    assert [span(band) for band in artists(figure, "warm-up")] == [(0.0, 6.0)]


def test_one_freak_frame_does_not_flatten_the_rest() -> None:
    clip = scored(None)
    calm = figures.score_span([clip] * 10, 3.0)
    clips = [scored(None) for _ in range(10)]
    clips[0].result.scores[20] = 1e6
    assert figures.score_span(clips, 3.0) == calm


def test_roc_shows_every_method_over_the_same_frames() -> None:
    figure = figures.roc_figure([scored((LabelRange(30, 39, ""),)), scored(None, "holdout")])
    (axes,) = figure.axes
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    # 25 normal frames lie before the anomaly and 20 after it, so a rising line ranks 25 of 45 below.
    assert names == ["detector  1.000", "prediction error  1.000", "optical flow  0.556", "threshold in use"]
    point = axes.lines[-1]
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (0.0, 1.0)


@pytest.mark.parametrize(
    "labels", [None, (), (LabelRange(0, FRAMES - 1, ""),)], ids=["none", "all normal", "no normal"]
)
def test_roc_needs_both_kinds_of_frame(labels: tuple[LabelRange, ...] | None) -> None:
    with pytest.raises(ValueError, match="Received"):
        figures.roc_figure([scored(labels)])


@pytest.mark.parametrize(
    ("clips", "names"),
    [
        ([scored((LabelRange(30, 39, ""),))], ["normal (45 frames)", "anomalous (10 frames)"]),
        ([scored(None, "holdout")], ["normal, held out (55 frames)"]),
        ([scored(None)], ["test, not labelled (55 frames)"]),
    ],
)
def test_the_histogram_says_whose_scores_it_shows(clips: list[ScoredClip], names: list[str]) -> None:
    legend = figures.histogram_figure(clips, 3.0).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts() if "threshold" not in text.get_text()] == names


def test_training_draws_both_losses_and_the_line_to_beat() -> None:
    history = [{"epoch": 1.0, "loss": 0.3, "validation_loss": 0.4, "validation_mse": 0.2, "copy_last_frame_mse": 0.1}]
    figure = figures.training_figure(history)
    drawn = {line.get_label(): list(line.get_ydata()) for axes in figure.axes for line in axes.lines}
    assert drawn == {
        "training loss": [0.3],
        "validation loss": [0.4],
        "PredNet, validation clips": [0.2],
        "copying the last frame": [0.1],
    }


def test_png_is_a_picture() -> None:
    data = figures.png(figures.timeline_figure(scored((LabelRange(30, 39, "漢字 $x^{"),)), 3.0))
    picture = cv2.imdecode(np.frombuffer(io.BytesIO(data).read(), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.std() > 5


@pytest.mark.parametrize("channels", [1, 3])
def test_a_strip_shows_the_error_where_it_is(channels: int) -> None:
    picture = np.full((40, 60, channels), 200, np.uint8)
    error = np.zeros((40, 60), np.float32)
    error[30:, 50:] = 0.5
    mask = (error > 0).astype(np.uint8)
    strip = Strip("a", 3, "hit", 1.0, picture, picture // 2, error, mask)
    image = strip_image(strip, error_scale([strip])).astype(int)
    height = round(PANEL_WIDTH * 40 / 60)
    assert image.shape == (height, 4 * PANEL_WIDTH + 3 * GAP, 3)
    frame, predicted, heat, marked = (image[:, i * (PANEL_WIDTH + GAP) :][:, :PANEL_WIDTH] for i in range(4))
    assert (frame.mean(), predicted.mean()) == (200, 100)
    assert heat[-5, -5].sum() > 500 > 50 > heat[5, 5].sum()
    assert (marked[-5, -5].tolist(), marked[5, 5].tolist()) == ([255] * 3, [0] * 3)


def test_a_strip_without_a_mask_has_three_panels() -> None:
    picture = np.zeros((40, 60, 1), np.uint8)
    strip = Strip("a", 3, "hit", 1.0, picture, picture, np.zeros((40, 60), np.float32), None)
    assert strip_image(strip, error_scale([strip])).shape[1] == 3 * PANEL_WIDTH + 2 * GAP
