"""Evaluation: measures from scored clips, the strips that are shown, files, and what a detector was fitted on."""

import dataclasses
import hashlib
import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from model import config, detector, evaluation, prednet
from model.clips import Clip, Dataset, LabelRange
from model.decision import Threshold, events
from model.evaluation.measures import false_alarm_check
from model.scores import ClipScores, ScoredClip

FRAMES, WARM_UP, THRESHOLD = 40, 4, 2.0
RULES = config.Decision(leave_share=1.0, shortest_seconds=0.0, join_seconds=0.3, cool_down_seconds=0.0)


NOWHERE = {"pixel_auroc": None, "rbdc": None, "tbdc": None}


def scored(name, split="test", labels=(), high=(), fps=10.0):
    """Scores of 1, and of 3 in the frames `high`; the flow sees nothing, the frame difference the reverse."""
    scores = np.ones(FRAMES, np.float32)
    scores[list(high)] = 3
    scores[:WARM_UP] = np.nan
    flat = np.where(np.isnan(scores), np.nan, 1).astype(np.float32)
    result = ClipScores(
        scores,
        np.nan_to_num(scores) >= THRESHOLD,
        {"prediction_error": scores, "optical_flow": flat},
        {"frame_difference": -scores, "optical_flow": flat},
        flat * np.float32(0.25),
        flat * np.float32(0.5),
    )
    marked = None if labels is None else tuple(LabelRange(*label, *("cart",)[len(label) - 2 :]) for label in labels)
    return ScoredClip(name, split, fps, marked, result, tuple(events(scores, THRESHOLD, fps, RULES, name)))


def test_measures_of_labelled_clips():
    clips = [
        scored("a", labels=[(20, 29)], high=range(20, 30)),
        scored("b", labels=[(0, 7)], high=range(20, 30)),  # four of its anomalous frames are in warm-up
        scored("normal", "holdout", None, high=[10, 30]),
    ]
    measures = evaluation.measures(clips, THRESHOLD, {"pixel_auroc": 0.9, "rbdc": 0.8, "tbdc": 0.7})
    right = 10 * 48 + (10 * 10 + 4 * 48) / 2  # of 14 anomalous and 58 normal frames; ties are halves
    assert measures["frame_auroc"] == pytest.approx(right / (14 * 58))
    assert measures["frame_auroc_macro"] == pytest.approx((1.0 + 22 / 2 / 32) / 2)
    assert measures["evidence"] == {"prediction_error": measures["frame_auroc"], "optical_flow": 0.5}
    assert measures["baselines"]["frame_difference"] == pytest.approx(1 - measures["frame_auroc"])
    assert measures["baselines"]["copy_last_frame_mse"] == 0.5
    assert measures["model_mse"] == 0.25
    assert (measures["clips"], measures["frames"], measures["frames_without_score"]) == (2, 80, 8)
    assert measures["false_alarms_per_hour"] == pytest.approx(2 / (36 / 10 / 3600))  # two events in 36 scored frames
    assert (measures["threshold"], measures["pixel_auroc"]) == (THRESHOLD, 0.9)
    assert (measures["rbdc"], measures["tbdc"]) == (0.8, 0.7)


def test_measures_of_events():
    """Two right and one false, two of three ranges found, one of them where the warm-up ends."""
    clips = [
        scored("a", labels=[(20, 29)], high=[8, *range(22, 30)]),
        scored("b", labels=[(0, 7, "skater"), (30, 33, "cart")], high=[4, 5]),
        scored("c", labels=[(0, 2)]),  # gone before the warm-up ends: nobody can find it
        scored("d", labels=None, high=[20]),  # nobody knows
        scored("normal", "holdout", None, high=[10]),
    ]
    measures = evaluation.measures(clips, THRESHOLD, NOWHERE)
    counts = {"count": 3, "right": 2, "marked": 3, "found": 2}
    assert measures["events"] == {"precision": pytest.approx(2 / 3), "recall": pytest.approx(2 / 3), **counts}
    assert measures["delay_seconds"] == {"mean": pytest.approx(0.1), "median": pytest.approx(0.1)}


def test_measures_of_every_category():
    clips = [
        scored("a", labels=[(10, 19, "cart"), (18, 25, "skater")], high=range(10, 20)),
        scored("b", labels=[(5, 6, "")]),
    ]
    categories = evaluation.measures(clips, THRESHOLD, NOWHERE)["categories"]
    assert set(categories) == {"cart", "skater"}
    assert categories["cart"] == {"frame_auroc": 1.0, "marked": 1, "found": 1, "event_recall": 1.0}
    # Two of its eight frames are also a cart's and high; the other six are tied with the normal ones.
    assert categories["skater"] == {"frame_auroc": 0.625, "marked": 1, "found": 1, "event_recall": 1.0}
    missed = evaluation.measures([scored("a", labels=[(10, 19, "cart")])], THRESHOLD, NOWHERE)["categories"]["cart"]
    assert missed == {"frame_auroc": 0.5, "marked": 1, "found": 0, "event_recall": 0.0}


@pytest.mark.parametrize(
    ("why", "clips", "judged"),
    [
        ("unlabelled test clips", [scored("a", labels=None), scored("n", "holdout", None)], 1),
        ("normal footage only", [scored("n", "holdout", None), scored("m", "holdout", None)], 2),
        ("nothing anomalous", [scored("a"), scored("n", "holdout", None)], 1),
        ("nothing at all", [], 0),
    ],
)
def test_measures_that_need_labels_are_none_without(why, clips, judged):
    measures = evaluation.measures(clips, THRESHOLD, NOWHERE)
    for name in ("frame_auroc", "frame_auroc_macro", "average_precision", "eer", "pixel_auroc"):
        assert measures[name] is None
    assert measures["events"]["recall"] is None
    assert measures["delay_seconds"] == {"mean": None, "median": None}
    assert measures["categories"] == {}
    assert set(measures["evidence"].values()) <= {None}
    assert measures["baselines"]["frame_difference"] is None
    assert (measures["clips"], measures["frames"]) == (judged, judged * FRAMES)
    assert measures["false_alarms_per_hour"] == (0.0 if clips else None)
    assert (measures["model_mse"] is None) is not bool(clips)
    json.dumps(measures, allow_nan=False)


def test_alarms_on_test_clips_are_no_false_alarms_of_normal_footage():
    clips = [scored("a", high=range(10, 20)), scored("n", "holdout", None)]
    assert evaluation.measures(clips, THRESHOLD, NOWHERE)["false_alarms_per_hour"] == 0
    assert evaluation.measures(clips[:1], THRESHOLD, NOWHERE)["false_alarms_per_hour"] is None


@pytest.mark.parametrize(
    ("clips", "high", "agrees"),
    [
        pytest.param([scored("n", "holdout", None, high=[10])], 1000.0, True, id="one alarm in seconds may happen"),
        pytest.param([scored("n", "holdout", None, high=[10, 30])] * 9, 2.0, False, id="18 in half a minute may not"),
        pytest.param([scored("a", high=[10, 30])], 2.0, None, id="test clips say nothing of it"),
    ],
)
def test_the_holdout_clips_bear_out_what_the_threshold_promised(clips, high, agrees):
    found = false_alarm_check(clips, Threshold(THRESHOLD, low=0.5, high=high))
    assert found == {"false_alarm_interval": {"low": 0.5, "high": high}, "false_alarms_within_interval": agrees}


def test_an_evaluation_comes_back_as_it_was_saved(tmp_path):
    moving, still = scored("a", labels=[(20, 29)], high=[25]), scored("n", "holdout", None, fps=12.5)
    in_force = np.linspace(1, 2, len(moving.result.scores), dtype=np.float32)
    clips = (dataclasses.replace(moving, result=dataclasses.replace(moving.result, thresholds=in_force)), still)
    assert all(clip.events for clip in clips[:1])
    saved = evaluation.Evaluation(evaluation.measures(clips, THRESHOLD, NOWHERE), clips)
    evaluation.save(saved, tmp_path / "e")
    loaded = evaluation.load(tmp_path / "e")
    assert [path.name for path in tmp_path.iterdir()] == ["e"]
    assert loaded.measures == saved.measures
    for one, other in zip(loaded.clips, clips, strict=True):
        assert (one.name, one.split, one.fps, one.labels) == (other.name, other.split, other.fps, other.labels)
        assert one.events == other.events
        np.testing.assert_equal(dataclasses.asdict(one.result), dataclasses.asdict(other.result))


# A detector on tiny footage.

SETTINGS = config.Config(
    preprocessing=config.Preprocessing(height=32, width=48),
    prednet=config.PredNet((1, 4), (1, 4), (3,), (3, 3), (3, 3), shrink=1),
    # Normal clips of nothing but noise have no looks to learn: the two kinds that need none.
    scoring=config.Scoring(warm_up_frames=4, block_size=8, fused=("prediction_error", "motion_distance")),
    decision=RULES,
)


def pictures(seed, square=range(0)):
    """Noise, and in the frames `square` something large and bright that runs."""
    clip = np.random.default_rng(seed).normal(100, 6, (FRAMES, 32, 48, 1))
    for t in square:
        clip[t, 12:24, (4 * t) % 36 : (4 * t) % 36 + 12] = 240
    return clip.clip(0, 255).astype(np.uint8)


def sha256(frames):
    return hashlib.sha256(frames.tobytes()).hexdigest()


@pytest.fixture(scope="module")
def fitted():
    keras.utils.set_random_seed(3)
    network = prednet.build(SETTINGS.prednet, 32, 48, (1.0, 0.1))
    # A leak in the copying start averages the noise away, which is better than copying the last frame.
    kernel, bias = (w.numpy() for w in network.cell.gates[0].weights)
    kernel[..., -1] *= 0.5
    network.cell.gates[0].set_weights([kernel, bias])
    normal = [Clip(f"v{i}", "validation", 10.0, pictures(i), None, None, sha256(pictures(i))) for i in range(3)]
    facts = {"fitted_clips": [clip.sha256 for clip in normal]}
    return detector.fit_detector(network, normal, normal, SETTINGS, "door", facts)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A test clip whose first intruder is labelled and whose second is not, and two normal clips."""
    directory = tmp_path_factory.mktemp("dataset")
    intruders = range(12, 18), range(28, 34)
    test = pictures(9, [*intruders[0], *intruders[1]])
    masks = np.zeros(test.shape[:3], np.uint8)
    for t in intruders[0]:
        masks[t, 12:24, (4 * t) % 36 : (4 * t) % 36 + 12] = 1
    np.save(directory / "0.mask.npy", masks)
    # The second normal clip is one that the detector was calibrated on.
    clips = [("Test/a", "test", test), ("Train/n", "holdout", pictures(7)), ("Train/v", "holdout", pictures(1))]
    rows = []
    for number, (name, split, frames) in enumerate(clips):
        np.save(directory / f"{number}.npy", frames)
        rows.append({"name": name, "split": split, "fps": 10.0, "file": str(number), "sha256": sha256(frames)})
        rows[-1] |= {"labels": [[12, 17, "cart"]] if split == "test" else None, "masks": split == "test"}
    (directory / "index.json").write_text(json.dumps({"format": 1, "digest": "d", "clips": rows}))
    return Dataset.open(directory)


def test_clips_that_the_detector_was_fitted_on_are_left_out(fitted, dataset):
    assert [clip.name for clip in evaluation.score_clips(fitted, dataset)] == ["Test/a", "Train/n"]
    stranger = dataclasses.replace(fitted, facts={})
    assert [clip.name for clip in evaluation.score_clips(stranger, dataset)] == ["Test/a", "Train/n", "Train/v"]


def test_evaluation_of_a_detector_takes_the_one_road(fitted, dataset):
    result = evaluation.evaluate(fitted, dataset)
    test = result.clips[0]
    np.testing.assert_array_equal(test.result.scores, fitted.score_inputs(pictures_of(dataset)).scores)
    assert test.labels == (LabelRange(12, 17, "cart"),)
    assert result.measures["pixel_auroc"] > 0.9  # the unlabelled intruder costs little
    assert result.measures["frames_without_score"] == 4
    assert 0.5 < result.measures["rbdc"] <= 1
    assert 0.5 < result.measures["tbdc"] <= 1
    assert (result.measures["events"]["found"], result.measures["events"]["marked"]) == (1, 1)
    assert result.measures["delay_seconds"]["mean"] < 0.5
    again = events(test.result.scores, fitted.threshold, 10.0, RULES, "Test/a")
    assert [(event.id, event.first, event.last) for event in test.events] == [(e.id, e.first, e.last) for e in again]


def test_the_strongest_events_are_filmed(fitted, dataset):
    high = 0.5 * np.nanmax(fitted.score_inputs(pictures_of(dataset)).scores)
    films = evaluation.evaluate(dataclasses.replace(fitted, operating_point=Threshold(float(high))), dataset).films
    kinds = [film.kind for film in films if film.clip == "Test/a"]
    assert kinds == ["hit", "false alarm"]  # the second intruder is not labelled
    for film in films:
        frames = [still.frame for still in film.stills]
        assert (frames[0], frames[-1]) == (film.event.first, film.event.last)
        assert film.event.peak in frames
        peak = film.stills[frames.index(film.event.peak)]
        assert (peak.score, peak.box) == (film.event.score, film.event.box)
        clips = [
            clip.frames for split in ("test", "holdout") for clip in dataset.clips(split) if clip.name == film.clip
        ]
        np.testing.assert_array_equal(peak.picture, clips[0][peak.frame])


def pictures_of(dataset):
    return next(iter(dataset.clips("test"))).frames


def test_strips_show_hits_misses_and_false_alarms(fitted, dataset):
    clips = evaluation.score_clips(fitted, dataset)
    assert clips[0].result.alarms[[14, 30]].all()  # or this test has nothing to choose from
    strips = evaluation.strips(fitted, dataset, clips)
    frames = {(strip.kind, strip.clip): strip.frame for strip in strips}
    assert 12 <= frames["hit", "Test/a"] < 18
    assert 28 <= frames["false alarm", "Test/a"] < 40
    assert not [strip for strip in strips if strip.kind == "miss" and strip.score >= fitted.threshold]
    hit = next(strip for strip in strips if strip.kind == "hit")
    assert hit.mask.any()
    assert hit.score == max(clips[0].result.scores[12:18])
    np.testing.assert_array_equal(hit.picture, pictures_of(dataset)[hit.frame])
    errors = {clip.name: clip.result.model_mse for clip in clips}
    for strip in strips:  # the network is where it was when the clip was scored
        assert strip.error.mean() == pytest.approx(errors[strip.clip][strip.frame])


def test_strips_that_are_far_apart_are_walked_to_on_their_own(fitted, dataset, monkeypatch):
    clips = evaluation.score_clips(fitted, dataset)
    together = evaluation.strips(fitted, dataset, clips)
    monkeypatch.setattr(sys.modules[evaluation.strips.__module__], "LEAD_FRAMES", 6)
    alone = evaluation.strips(fitted, dataset, clips)
    assert [(s.clip, s.frame, s.kind) for s in alone] == [(s.clip, s.frame, s.kind) for s in together]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.picture, other.picture)
        assert one.error.mean() == pytest.approx(other.error.mean(), rel=0.1)


def test_a_deaf_detector_shows_misses_and_one_without_labels_nothing_of_test_clips(fitted, dataset):
    deaf = dataclasses.replace(fitted, operating_point=Threshold(1e9))
    assert {strip.kind for strip in evaluation.strips(deaf, dataset, evaluation.score_clips(deaf, dataset))} == {"miss"}
    clips = [dataclasses.replace(clip, labels=None) for clip in evaluation.score_clips(fitted, dataset)]
    assert not [strip for strip in evaluation.strips(fitted, dataset, clips) if strip.clip == "Test/a"]


def test_anomalies_are_pasted_into_clips_that_nothing_was_fitted_on(fitted, dataset):
    measures = evaluation.evaluate(fitted, dataset).measures["pasted"]
    assert measures["kinds"].keys() == {"fast", "large", "foreign", "astray"}
    assert [kind for kind, auroc in measures["kinds"].items() if auroc is not None] == ["foreign"]  # nothing moves
    assert measures["frame_auroc"] == measures["kinds"]["foreign"] > 0.7
    one = evaluation.score_clips(fitted, dataset)[0].result
    assert measures["evidence"].keys() == one.evidence.keys()
    assert measures["baselines"].keys() == one.baselines.keys()
    known = dataclasses.replace(fitted, facts={"fitted_clips": [clip.sha256 for clip in dataset.clips("holdout")]})
    assert evaluation.evaluate(known, dataset).measures["pasted"] is None


def test_pasting_depends_on_the_seed_alone(fitted, dataset):
    normal = list(dataset.clips("holdout"))
    one, same, other = (evaluation.pasted_auroc(fitted, normal, seed) for seed in (1, 1, 2))
    assert one == same
    assert one["evidence"] != other["evidence"]
    json.dumps(one, allow_nan=False)


def test_reading_an_evaluation_does_without_the_networks_libraries():
    code = "import sys, model.evaluation; sys.exit('tensorflow' in sys.modules or 'sklearn' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
