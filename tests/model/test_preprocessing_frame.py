"""One frame and one mask on their way to the network."""

import numpy as np
import pytest

from model.config import Preprocessing
from model.errors import BadInput
from model.preprocessing import preprocess_frame, preprocess_mask

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (60, 90, 3), np.uint8)
GREY = RNG.integers(0, 256, (60, 90, 1), np.uint8)


def settings(**values):
    return Preprocessing(**{"height": 20, "width": 30, **values})


@pytest.mark.parametrize("frame", [GREY, COLOUR])
@pytest.mark.parametrize("channels", [1, 3])
def test_shape_and_type(frame, channels):
    found = preprocess_frame(frame, settings(channels=channels))
    assert found.shape == (20, 30, channels) and found.dtype == np.uint8


def test_resize_is_the_mean_of_the_area():
    found = preprocess_frame(GREY, settings())
    blocks = GREY[..., 0].reshape(20, 3, 30, 3).mean(axis=(1, 3))
    assert np.abs(found[..., 0] - blocks).max() <= 0.51


def test_grey_weighs_the_colours_as_rgb():
    red = np.zeros((60, 90, 3), np.uint8)
    red[..., 0] = 200
    assert np.unique(preprocess_frame(red, settings())).tolist() == [60]  # 0.299 of it; read as BGR it would be 23


def test_grey_frame_gives_the_same_numbers_as_itself_in_rgb():
    for blur in (0.0, 1.5):
        once = preprocess_frame(GREY, settings(blur=blur))
        assert np.array_equal(once, preprocess_frame(np.repeat(GREY, 3, axis=2), settings(blur=blur)))


def test_crop_takes_top_bottom_left_right():
    frame = np.zeros((60, 90, 1), np.uint8)
    frame[30:60, 0:45] = 100
    assert preprocess_frame(frame, settings(crop=(0.5, 1.0, 0.0, 0.5))).min() == 100
    assert preprocess_frame(frame, settings(crop=(0.0, 0.5, 0.0, 1.0))).max() == 0


def test_blur_spreads_a_point_before_the_resize():
    frame = np.zeros((60, 90, 1), np.uint8)
    frame[30, 45] = 255
    assert np.count_nonzero(preprocess_frame(frame, settings(blur=3.0))) > 1
    assert np.count_nonzero(preprocess_frame(frame, settings())) == 1


def test_outside_every_region_is_black_and_overlaps_stay_inside():
    frame = np.full((60, 90, 1), 255, np.uint8)
    left = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    middle = ((0.25, 0.0), (0.75, 0.0), (0.75, 1.0), (0.25, 1.0))
    found = preprocess_frame(frame, settings(region_mask=(left, middle)))[..., 0]
    assert found[:, :22].min() == 255 and found[:, 24:].max() == 0
    mask = preprocess_mask(frame[..., 0], settings(region_mask=(left,)))
    assert mask[:, :14].min() == 1 and mask[:, 17:].max() == 0


@pytest.mark.parametrize(("pixels", "expected"), [(0, 0), (2, 0), (3, 1), (9, 1)])
def test_mask_counts_from_a_quarter_of_a_network_pixel(pixels, expected):
    mask = np.zeros((60, 90), np.uint8)
    block = np.zeros(9, np.uint8)
    block[:pixels] = 255
    mask[3:6, 3:6] = block.reshape(3, 3)
    found = preprocess_mask(mask, settings())
    assert found.dtype == np.uint8 and found.sum() == found[1, 1] == expected


def test_mask_follows_the_crop():
    mask = np.zeros((60, 90), np.uint8)
    mask[:30] = 255
    assert preprocess_mask(mask, settings(crop=(0.5, 1.0, 0.0, 1.0))).max() == 0
    assert preprocess_mask(mask, settings(crop=(0.0, 0.5, 0.0, 1.0))).min() == 1


def test_enlarging_works_too():
    assert preprocess_frame(GREY, settings(height=120, width=180)).shape == (120, 180, 1)


@pytest.mark.parametrize(
    ("frame", "values", "message"),
    [
        pytest.param(GREY[..., 0], {}, r"\[H, W, 1 or 3\]. Received: uint8 \[60, 90\]", id="no channel axis"),
        pytest.param(COLOUR / 255, {}, "as uint8.*float64", id="not bytes"),
        pytest.param(COLOUR[..., :2], {"channels": 1}, r"Received: uint8 \[60, 90, 2\]", id="two channels"),
        pytest.param(GREY, {"channels": 2}, "channels as 1 or 3. Received: 2", id="two channels wanted"),
        pytest.param(GREY, {"crop": (0.6, 0.4, 0.0, 1.0)}, "top < bottom.*90 x 60", id="crop upside down"),
        pytest.param(GREY, {"crop": (0.0, 1.2, 0.0, 1.0)}, "shares of the frame", id="crop beyond the frame"),
        pytest.param(GREY, {"crop": (0.0, 0.001, 0.0, 1.0)}, "top < bottom", id="crop of no pixel"),
        pytest.param(GREY, {"region_mask": (((0, 0), (1, 1)),)}, "three or more points", id="polygon of two points"),
        pytest.param(GREY, {"region_mask": (((0, 0), (9, 1), (0, 1)),)}, "three or more", id="point in pixels"),
        pytest.param(GREY, {"height": 0}, "height and width of at least 1. Received: 0 x 30", id="no pixels"),
    ],
)
def test_refused(frame, values, message):
    with pytest.raises(BadInput, match=message):
        preprocess_frame(frame, settings(**values))


def test_frame_is_not_changed():
    before = COLOUR.copy()
    preprocess_frame(COLOUR, settings(blur=1.0, region_mask=(((0, 0), (1, 0), (1, 1)),)))
    assert np.array_equal(before, COLOUR)


def test_result_is_contiguous_in_memory():
    whole = settings(height=60, width=90)
    assert preprocess_frame(GREY, whole).flags.c_contiguous
    assert preprocess_frame(COLOUR, settings(height=30, width=45, channels=3, crop=(0, 0.5, 0, 0.5))).flags.c_contiguous
