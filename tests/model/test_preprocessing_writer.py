"""The data set on disk: what is in it, what it costs, and that it appears whole or not at all."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from model import config, footage
from model.clips import Dataset, LabelRange, SourceClip
from model.errors import BadInput
from model.preprocessing import preprocess_frame, preprocess_mask, write_dataset
from model.preprocessing.writer import _jobs

SETTINGS = config.Preprocessing(height=16, width=24)


def picture_clip(folder, name, frames=6, size=(32, 48), **fields):
    rng = np.random.default_rng(len(name))
    paths = tuple(folder / f"{name}-{index}.png" for index in range(frames))
    for path in paths:
        assert cv2.imwrite(str(path), rng.integers(0, 255, size, np.uint8))
    return SourceClip(name, fields.pop("split", "train"), 10.0, frames, pictures=paths, **fields)


def mask_files(folder, frames, size=(32, 48)):
    paths = tuple(folder / f"mask-{index}.bmp" for index in range(frames))
    for index, path in enumerate(paths):
        mask = np.zeros(size, np.uint8)
        mask[: 4 * index] = 255
        assert cv2.imwrite(str(path), mask)
    return paths


def video_clip(path, count=50):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (48, 32))
    for index in range(count):
        writer.write(np.full((32, 48, 3), 5 * index, np.uint8))
    writer.release()
    return footage.read_clips(path, None, config.Footage())[0]


def write(clips, directory, settings=SETTINGS, **kwargs):
    return write_dataset(clips, directory, settings, camera="gate", **kwargs)


def test_clips_come_back_as_the_one_road_makes_them(tmp_path):
    labels = (LabelRange(2, 4, "cart"),)
    test = picture_clip(tmp_path, "test", split="test", labels=labels, masks=mask_files(tmp_path, 6))
    train = picture_clip(tmp_path, "a")
    data = write([train, test], tmp_path / "data")
    (first,), (second,) = data.clips("train"), data.clips("test")
    for clip, source in ((first, train), (second, test)):
        expected = np.stack([preprocess_frame(frame, SETTINGS) for frame in footage.frames(source)])
        assert np.array_equal(clip.frames, expected) and clip.frames.dtype == np.uint8
        assert isinstance(clip.frames, np.memmap) and not clip.frames.flags.writeable
        assert clip.sha256 == hashlib.sha256(expected.tobytes()).hexdigest()
        assert (clip.name, clip.fps) == (source.name, 10.0)
    assert first.labels is None and first.masks is None and second.labels == labels
    expected = [preprocess_mask(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), SETTINGS) for path in test.masks]
    assert np.array_equal(second.masks, np.stack(expected)) and second.masks.max() == 1


def test_index_says_where_the_frames_came_from(tmp_path):
    index = write([picture_clip(tmp_path, "a")], tmp_path / "data").index
    assert (index["camera"], index["channels"], index["frame_size"]) == ("gate", 1, [32, 48])
    assert config.parse(config.Preprocessing, index["preprocessing"]) == SETTINGS
    assert index["clips"][0]["frames"] == 6


@pytest.mark.parametrize("suffix", ["png", "jpg", "avi"])
def test_grey_decoded_at_once_equals_grey_made_from_rgb_frames(tmp_path, suffix):
    clip = video_clip(tmp_path / "v.avi", 4)
    if suffix != "avi":
        picture = np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)
        assert cv2.imwrite(str(tmp_path / f"a.{suffix}"), picture)
        clip = SourceClip("a", "train", 10.0, 1, pictures=(tmp_path / f"a.{suffix}",))
    (stored,) = write([clip], tmp_path / "data").clips("train")  # as training sees it
    served = [preprocess_frame(frame, SETTINGS) for frame in footage.frames(clip, channels=3)]  # as a request brings it
    assert np.array_equal(stored.frames, np.stack(served))


def test_colour(tmp_path):
    data = write([video_clip(tmp_path / "v.avi", 5)], tmp_path / "data", replace(SETTINGS, channels=3))
    assert next(data.clips("train")).frames.shape == (5, 16, 24, 3)


def test_pieces_of_one_video_in_any_order(tmp_path):
    clip = video_clip(tmp_path / "v.avi")
    pieces = [replace(clip, name=f"p{first}", first=first, frames=10) for first in (40, 0, 20)]
    found = list(write(pieces, tmp_path / "data").clips("train"))
    assert [piece.name for piece in found] == ["p40", "p0", "p20"]
    for piece, start in zip(found, (40, 0, 20), strict=True):
        expected = 5 * np.arange(start, start + 10)
        assert np.abs(piece.frames.mean(axis=(1, 2, 3)) - expected).max() < 2


def test_pieces_of_one_video_are_one_job_so_that_it_is_decoded_once(tmp_path):
    clip = SourceClip("v", "train", 10.0, 10, video=tmp_path / "v.avi")
    pieces = [replace(clip, first=first) for first in (20, 0, 10)]
    other = replace(clip, video=tmp_path / "w.avi")
    pictures = SourceClip("p", "train", 10.0, 1, pictures=(tmp_path / "p.png",))
    jobs = _jobs([*pieces, pictures, other], tmp_path)
    assert [[part.first for part, _ in job] for job in jobs] == [[0, 10, 20], [0], [0]]


def test_progress_counts_every_frame_once(tmp_path):
    seen = []
    clips = [picture_clip(tmp_path, "a" * size) for size in (1, 2, 3)]
    write(clips, tmp_path / "data", progress=lambda done, total: seen.append((done, total)), workers=3)
    assert seen == [(done, 18) for done in range(1, 19)]


def test_digest_follows_frames_labels_splits_masks_and_settings(tmp_path):
    clip = picture_clip(tmp_path, "a")
    other = picture_clip(tmp_path, "bb")
    versions = [
        ([clip], SETTINGS),
        ([replace(clip, labels=())], SETTINGS),
        ([replace(clip, split="test")], SETTINGS),
        ([replace(clip, masks=mask_files(tmp_path, 6))], SETTINGS),
        ([replace(clip, pictures=other.pictures)], SETTINGS),
        ([clip], replace(SETTINGS, blur=1.0)),
        ([clip, other], SETTINGS),
    ]
    digests = [write(clips, tmp_path / f"{k}", settings).digest for k, (clips, settings) in enumerate(versions)]
    assert len(set(digests)) == len(versions)
    assert write([clip], tmp_path / "again", workers=1).digest == digests[0]


def damaged(folder):
    clip = picture_clip(folder, "a", frames=40)
    clip.pictures[30].write_bytes(clip.pictures[30].read_bytes()[:-30])
    return [clip, picture_clip(folder, "bb")]


def mask_of_another_size(folder):
    return [picture_clip(folder, "a", masks=mask_files(folder, 6, (31, 48)))]


def two_cameras(folder):
    return [picture_clip(folder, "a"), picture_clip(folder, "bb", size=(40, 48))]


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        pytest.param(damaged, "a-30.png: expected a whole picture", id="a truncated picture in the middle"),
        pytest.param(
            mask_of_another_size, r"mask-0.bmp: .*\(32, 48\). Received: \(31, 48\)", id="mask of another size"
        ),
        pytest.param(two_cameras, r"bb: expected clips of one camera.*Received: \[40, 48\]", id="two cameras"),
    ],
)
def test_refused_and_nothing_left(tmp_path, clips, message):
    sources = tmp_path / "sources"
    sources.mkdir()
    with pytest.raises(BadInput, match=message):
        write(clips(sources), tmp_path / "data")
    assert [path.name for path in tmp_path.iterdir()] == ["sources"]


def test_what_a_killed_run_left_is_no_hindrance(tmp_path):
    (tmp_path / ".data.partial").mkdir()
    (tmp_path / ".data.partial" / "0000.npy").write_bytes(b"half")
    write([picture_clip(tmp_path, "a")], tmp_path / "data")
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["0000.npy", "index.json"]


MEASURE = """
import sys
from pathlib import Path
from model.clips import SourceClip
from model.config import Preprocessing
from model.preprocessing import write_dataset

picture, out, clips, frames = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
sources = [SourceClip(f"c{k}", "train", 10.0, frames, pictures=(picture,) * frames) for k in range(clips)]
write_dataset(sources, out, Preprocessing(height=240, width=360), camera="c", workers=2)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(status["VmHWM"].split()[0])  # peak of this program in kB; ru_maxrss would carry over the peak of pytest
"""


def peak_memory_mb(picture: Path, out: Path, clips: int, frames: int) -> float:
    command = [sys.executable, "-c", MEASURE, str(picture), str(out), str(clips), str(frames)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_memory_grows_neither_with_the_number_of_clips_nor_with_their_length(tmp_path):
    picture = tmp_path / "a.bmp"
    assert cv2.imwrite(str(picture), np.full((240, 360), 90, np.uint8))
    few = peak_memory_mb(picture, tmp_path / "few", 2, 50)  # 9 MB of frames
    many = peak_memory_mb(picture, tmp_path / "many", 12, 50)  # 52 MB
    long = peak_memory_mb(picture, tmp_path / "long", 2, 300)  # 52 MB
    assert max(many, long) - few < 12, (few, many, long)


@pytest.mark.footage
def test_real_footage_from_start_to_end(tmp_path):
    source = os.environ.get("UNFORESEEN_FOOTAGE")
    if not source:
        pytest.skip("UNFORESEEN_FOOTAGE names no UCSD Ped2 directory")
    clips = footage.find_clips(Path(source), "ped2", config.Footage())
    data = write_dataset(clips, tmp_path / "data", config.Preprocessing(), camera="ped2")
    counts = {split: len(list(data.clips(split))) for split in ("train", "validation", "holdout", "test")}
    assert counts["validation"] == 3 and counts["holdout"] == 2 and sum(counts.values()) == len(clips)
    assert data.index["frame_size"] == [240, 360]
    for clip in data.clips("test"):
        marked = clip.masks.any(axis=(1, 2))
        assert np.mean(marked == clip.frame_labels) > 0.95, clip.name  # the masks are where the labels are
    assert json.loads((tmp_path / "data" / "index.json").read_text())["digest"] == Dataset.open(data.directory).digest
