"""How a source is laid out on disk, and the clips and labels it holds.

    UCSDped2/                      a folder of videos           a folder of picture folders
      Train/Train001/001.tif         monday.mp4                   monday/0001.jpg
      Test/Test001/001.tif           tuesday.mp4                  tuesday/0001.jpg
      Test/Test001_gt/001.bmp        labels.csv (optional)        labels.csv (optional)
      Test/UCSDped2.m or Test/labels.csv

or one video file, or one folder of pictures.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from model import config
from model.clips import SourceClip, Split
from model.errors import BadInput
from model.footage.labels import Labels, attach, read_csv, read_matlab
from model.footage.media import PICTURES, VIDEOS, clips_in, entries, files, folders, video_clip
from model.footage.splits import assign_splits

LABELS = "labels.csv"


def find_clips(
    source: Path,
    camera: str | None,
    settings: config.Footage,
    window_frames: int = config.Training.window_frames,
) -> list[SourceClip]:
    """The clips of one camera, cut and split, ready for a training run.

    Raises:
        BadInput: whatever is wrong with the source, or too little normal footage for one window in each split.
    """
    return assign_splits(read_clips(source, camera, settings), settings, window_frames)


def read_clips(source: Path, camera: str | None, settings: config.Footage) -> list[SourceClip]:
    """The clips of one camera as the source holds them, whole; each is `train` (normal) or `test`.

    Args:
        source: a directory or a video file.
        camera: which camera, where the source holds several; otherwise any name.
        settings: gives the frame rate of pictures.

    Raises:
        BadInput: no such source, nothing in it, a file that cannot be decoded, labels or masks that do not fit.
    """
    if not source.exists():
        raise BadInput(f"{source}: expected a directory or a video file. Received: no such path")
    if source.is_file():
        if source.suffix.lower() not in VIDEOS:
            raise BadInput(f"{source}: expected a directory or a video ({', '.join(VIDEOS)}). Received: another file")
        return [video_clip(source)]
    scene = _scene(source, camera)
    clips = _ucsd(scene, settings.picture_fps) if _is_ucsd(scene) else _plain(scene, settings.picture_fps)
    name, count = Counter(clip.name for clip in clips).most_common(1)[0]
    if count > 1:
        raise BadInput(f"{scene}: expected clips of different names. Received: {name} {count} times")
    return clips


def _is_ucsd(folder: Path) -> bool:
    return (folder / "Train").is_dir() or (folder / "Test").is_dir()


def _scene(source: Path, camera: str | None) -> Path:
    """The folder of one camera: the source, one of several below it, or further down where a folder stands alone."""
    below = folders(source)
    cameras = {path.name: path for path in below if _is_ucsd(path)}
    if _is_ucsd(source) or not below:
        return source
    if len(cameras) > 1:
        if camera not in cameras:
            raise BadInput(f"{source}: expected --camera as one of {', '.join(cameras)}. Received: {camera}")
        return cameras[camera]
    if cameras:
        return next(iter(cameras.values()))
    alone = len(entries(source)) == 1 and not files(below[0], PICTURES)
    return _scene(below[0], camera) if alone else source


def _plain(folder: Path, picture_fps: float) -> list[SourceClip]:
    clips, labels = clips_in(folder, picture_fps), folder / LABELS
    return attach(clips, read_csv(labels), labels) if labels.is_file() else clips


def _ucsd(scene: Path, picture_fps: float) -> list[SourceClip]:
    train = _part(scene / "Train", "train", picture_fps)
    test = _part(scene / "Test", "test", picture_fps)
    return train + [_with_masks(clip, scene) for clip in _labelled(test, scene / "Test")]


def _part(folder: Path, split: Split, picture_fps: float) -> list[SourceClip]:
    if not folder.is_dir():
        return []
    return [replace(clip, name=f"{folder.name}/{clip.name}", split=split) for clip in clips_in(folder, picture_fps)]


def _labelled(clips: list[SourceClip], folder: Path) -> list[SourceClip]:
    """With labels.csv, which also names categories; else with the one .m file; else as they are."""
    path, matlab = folder / LABELS, files(folder, (".m",)) if folder.is_dir() else []
    if path.is_file():
        return attach(clips, read_csv(path), path)
    if len(matlab) > 1:
        raise BadInput(f"{folder}: expected one .m file of labels. Received: {', '.join(path.name for path in matlab)}")
    if not matlab:
        return clips
    labels: Labels = read_matlab(matlab[0], clips)
    return attach(clips, labels, matlab[0])


def _with_masks(clip: SourceClip, scene: Path) -> SourceClip:
    folder = scene / f"{clip.name}_gt"
    masks = tuple(files(folder, PICTURES)) if folder.is_dir() else ()
    if masks and len(masks) != clip.frames:
        raise BadInput(f"{folder}: expected one mask a frame, {clip.frames} in all. Received: {len(masks)}")
    return replace(clip, masks=masks)
