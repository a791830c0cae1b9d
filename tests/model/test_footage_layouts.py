"""What is found in each layout of a source, and what is refused."""

import cv2
import numpy as np
import pytest

from model import config, footage
from model.errors import BadInput

SETTINGS = config.Footage()


def write_pictures(folder, count, size=(24, 32), suffix="png"):
    folder.mkdir(parents=True)
    for index in range(1, count + 1):
        picture = np.full(size, index, np.uint8)
        assert cv2.imwrite(str(folder / f"{index}.{suffix}"), picture)


def write_video(path, count, size=(48, 64), code="MJPG"):
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), 12.5, size[::-1])
    for index in range(count):
        writer.write(np.full((*size, 3), (4 * index % 250, 60, 20), np.uint8))
    writer.release()


def write_ucsd(root, suffix="tif"):
    for name in ("Train001", "Train002"):
        write_pictures(root / "Train" / name, 12, suffix=suffix)
    for name in ("Test001", "Test002"):
        write_pictures(root / "Test" / name, 6, suffix=suffix)
    write_pictures(root / "Test" / "Test002_gt", 6, suffix="bmp")
    lines = ["TestVideoFile = {};", "TestVideoFile{end+1}.gt_frame = [3:4];"]
    (root / "Test" / "Scene.m").write_text("\n".join([*lines, "TestVideoFile{end+1}.gt_frame = [1:2, 5:6];", ""]))
    return root


def named(clips):
    return {clip.name: clip for clip in clips}


def test_ucsd_layout_with_matlab_labels(tmp_path):
    clips = named(footage.read_clips(write_ucsd(tmp_path / "ped"), "any", SETTINGS))
    assert list(clips) == ["Train/Train001", "Train/Train002", "Test/Test001", "Test/Test002"]
    assert [clip.split for clip in clips.values()] == ["train", "train", "test", "test"]
    assert clips["Train/Train001"].labels is None and clips["Train/Train001"].fps == SETTINGS.picture_fps
    assert clips["Test/Test001"].labels == ((2, 3, ""),)  # the file counts from 1
    assert clips["Test/Test002"].labels == ((0, 1, ""), (4, 5, ""))
    assert clips["Test/Test001"].masks == () and len(clips["Test/Test002"].masks) == 6


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tif", "webp", "JPG"])
def test_picture_formats(tmp_path, suffix):
    (clip,) = [c for c in footage.read_clips(write_ucsd(tmp_path / "p", suffix), None, SETTINGS) if "Test001" in c.name]
    assert clip.frames == 6


def test_labels_csv_wins_over_matlab_and_carries_categories(tmp_path):
    root = write_ucsd(tmp_path / "ped")
    rows = ["clip,first,last,category", "Test001,1,2,bicycle", "Test001,4,4,cart", "Test002,,,"]
    (root / "Test" / "labels.csv").write_text("\n".join(rows))
    clips = named(footage.read_clips(root, None, SETTINGS))
    assert clips["Test/Test001"].labels == ((1, 2, "bicycle"), (4, 4, "cart"))
    assert clips["Test/Test002"].labels == ()  # labelled: normal throughout


def test_test_clips_without_any_labels_are_unlabelled(tmp_path):
    root = write_ucsd(tmp_path / "ped")
    (root / "Test" / "Scene.m").unlink()
    clip = named(footage.read_clips(root, None, SETTINGS))["Test/Test002"]
    assert clip.split == "test" and clip.labels is None


def test_archive_of_several_cameras_takes_the_one_named(tmp_path):
    for camera in ("UCSDped1", "UCSDped2"):
        write_ucsd(tmp_path / "UCSD_Anomaly_Dataset.v1p2" / camera)
    (tmp_path / ".DS_Store").write_text("")
    (tmp_path / "__MACOSX").mkdir()
    clips = footage.read_clips(tmp_path, "UCSDped2", SETTINGS)
    assert {clip.pictures[0].parents[2].name for clip in clips} == {"UCSDped2"}
    with pytest.raises(BadInput, match="one of UCSDped1, UCSDped2. Received: ped3"):
        footage.read_clips(tmp_path, "ped3", SETTINGS)


def test_a_single_camera_needs_no_name(tmp_path):
    write_ucsd(tmp_path / "UCSDped2")
    (tmp_path / "README").write_text("")
    assert len(footage.read_clips(tmp_path, "gate", SETTINGS)) == 4


def test_names_are_in_natural_order_and_hidden_files_ignored(tmp_path):
    for name in ("day10", "day2", "day1"):
        write_pictures(tmp_path / name, 11)
    (tmp_path / "day1" / "._1.png").write_bytes(b"not a picture")
    clips = footage.read_clips(tmp_path, None, SETTINGS)
    assert [clip.name for clip in clips] == ["day1", "day2", "day10"]
    assert [path.stem for path in clips[0].pictures] == [str(index) for index in range(1, 12)]


@pytest.mark.parametrize(("suffix", "code"), [("mp4", "mp4v"), ("avi", "MJPG"), ("mkv", "mp4v"), ("mov", "mp4v")])
def test_folder_of_videos_with_labels_by_stem_or_file_name(tmp_path, suffix, code):
    for name in ("a", "b", "c"):
        write_video(tmp_path / f"{name}.{suffix}", 20, code=code)
    (tmp_path / "labels.csv").write_text(f"clip,first,last,category\na,3,5,cart\nb.{suffix},,,\n")
    clips = named(footage.read_clips(tmp_path, None, SETTINGS))
    assert [(clip.split, clip.labels) for clip in clips.values()] == [
        ("test", ((3, 5, "cart"),)),
        ("test", ()),
        ("train", None),
    ]
    assert clips["c"].frames == 20 and clips["c"].fps == pytest.approx(12.5)


def test_one_video_and_one_folder_of_pictures(tmp_path):
    write_video(tmp_path / "walk.avi", 15)
    write_pictures(tmp_path / "still", 5)
    (video,) = footage.read_clips(tmp_path / "walk.avi", None, SETTINGS)
    (pictures,) = footage.read_clips(tmp_path / "still", None, SETTINGS)
    assert (video.name, video.frames, pictures.name, pictures.frames) == ("walk", 15, "still", 5)


def missing(root):
    return root / "nowhere"


def empty(root):
    (root / "empty").mkdir()
    return root / "empty"


def other_file(root):
    (root / "notes.txt").write_text("")
    return root / "notes.txt"


def empty_clip(root):
    write_pictures(root / "a", 3)
    (root / "b").mkdir()
    return root


def broken_first_picture(root):
    write_pictures(root / "a", 3)
    data = (root / "a" / "1.png").read_bytes()
    (root / "a" / "1.png").write_bytes(data[:-20])
    return root


def two_kinds(root):
    write_pictures(root / "a", 3)
    write_video(root / "b.avi", 3)
    return root


def same_names(root):
    write_video(root / "b.avi", 3)
    write_video(root / "b.mkv", 3)
    return root


def not_a_video(root):
    (root / "b.mp4").write_bytes(b"x" * 1000)
    return root


def truncated(suffix, code):
    def source(root):
        write_video(root / f"b.{suffix}", 60, code=code)
        data = (root / f"b.{suffix}").read_bytes()
        (root / f"b.{suffix}").write_bytes(data[: len(data) * 8 // 10])
        return root

    return source


def too_few_masks(root):
    write_ucsd(root / "ped")
    (root / "ped/Test/Test002_gt/6.bmp").unlink()
    return root


def matlab(line):
    def source(root):
        write_ucsd(root / "ped")
        first = "TestVideoFile = {};\nTestVideoFile{end+1}.gt_frame = [3:4];"
        (root / "ped/Test/Scene.m").write_text(f"{first}\n{line}")
        return root

    return source


def csv(*lines, header="clip,first,last,category"):
    def source(root):
        write_pictures(root / "a", 6)
        (root / "labels.csv").write_text("\n".join([header, *lines]))
        return root

    return source


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param(missing, "nowhere: .*no such path", id="missing path"),
        pytest.param(empty, "empty: .*0 videos, 0 pictures, 0 folders", id="empty source"),
        pytest.param(other_file, "notes.txt: expected a directory or a video", id="neither directory nor video"),
        pytest.param(empty_clip, "b: expected the pictures of one clip", id="clip without pictures"),
        pytest.param(broken_first_picture, "1.png: expected a whole picture", id="first picture truncated"),
        pytest.param(two_kinds, "Received: 1 videos, 0 pictures, 1 folders", id="which is the footage is not guessed"),
        pytest.param(same_names, "different names. Received: b 2 times", id="labels could not tell them apart"),
        pytest.param(not_a_video, "b.mp4: expected a whole video", id="a video by name only"),
        pytest.param(truncated("avi", "MJPG"), "b.avi: expected a whole video of 60", id="truncated, index lost"),
        pytest.param(truncated("mkv", "mp4v"), "b.mkv: expected a whole video of 60", id="truncated, length kept"),
        pytest.param(truncated("mp4", "mp4v"), "b.mp4: expected a whole video", id="truncated, cannot be opened"),
        pytest.param(too_few_masks, "Test002_gt: expected one mask a frame, 6 .*: 5", id="a mask is missing"),
        pytest.param(matlab("gt = [1:2];"), "Scene.m line 3: .*Received: gt = ", id="another variable"),
        pytest.param(matlab("TestVideoFile{end+1}.gt_frame = [5:2];"), "Scene.m line 3", id="range backwards"),
        pytest.param(matlab("TestVideoFile{end+1}.gt_frame = [0:2];"), "Scene.m line 3", id="MATLAB counts from 1"),
        pytest.param(matlab("TestVideoFile{end+1}.gt_frame = [1:2, 4];"), "Scene.m line 3", id="not a range"),
        pytest.param(matlab(""), "one line a test clip, 2 .*: 1", id="a line is missing"),
        pytest.param(matlab("TestVideoFile{end+1}.gt_frame = [1:7];"), "Test002.*Received: 0 to 6", id="past the end"),
        pytest.param(csv("a,0,6,cart"), "frames 0 to 5 of a.*Received: 0 to 6", id="past the end, csv"),
        pytest.param(csv("b,0,1,cart"), "labels of clips that are there. Received: b", id="clip is missing"),
        pytest.param(csv("a,0,1,", "a,x,1,"), "labels.csv line 3: .*Received: a,x,1,", id="not a number"),
        pytest.param(csv("a,0,1"), "labels.csv line 2", id="a column is missing"),
        pytest.param(csv("a,3,1,"), "labels.csv line 2", id="range backwards, csv"),
        pytest.param(csv("a,,1,"), "labels.csv line 2", id="half a range"),
        pytest.param(csv(header="name,from,to"), "labels.csv line 1: expected clip,first", id="another header"),
    ],
)
def test_refused(tmp_path, source, message):
    with pytest.raises(BadInput, match=message) as caught:
        footage.read_clips(source(tmp_path), None, SETTINGS)
    assert "\n" not in str(caught.value) and "Received: " in str(caught.value)


def test_index_keeps_every_field_and_moves_with_its_directory(tmp_path):
    here = tmp_path / "here"
    write_ucsd(here / "raw")
    write_video(tmp_path / "elsewhere" / "v.avi", 12)
    clips = footage.read_clips(here / "raw", None, SETTINGS)
    clips += footage.read_clips(tmp_path / "elsewhere" / "v.avi", None, SETTINGS)
    footage.write_index(clips, here / "footage.json")
    assert footage.read_index(here / "footage.json") == clips
    moved = here.rename(tmp_path / "there")
    again = footage.read_index(moved / "footage.json")
    assert again[0].pictures[0] == moved / "raw/Train/Train001/1.tif" and again[-1].video == clips[-1].video


@pytest.mark.parametrize("text", ["{", '{"format": 2, "clips": []}', '{"format": 1, "clips": [{"name": "a"}]}', "[]"])
def test_index_of_another_form_is_refused(tmp_path, text):
    (tmp_path / "footage.json").write_text(text)
    with pytest.raises(BadInput, match="footage.json: expected a list of clips"):
        footage.read_index(tmp_path / "footage.json")
