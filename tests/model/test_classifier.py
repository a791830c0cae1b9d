"""The supervised road: what is learned from labelled clips, judged on clips it never saw, stored as plain arrays."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from model import classifier, config, detector, prednet
from model.classifier.classifier import Classifier, softmax
from model.classifier.examples import Examples, advice, class_labels, class_names, why_not
from model.classifier.fit import (
    BATCH,
    DECAY,
    HIDDEN,
    INVERSE_PENALTY,
    TREES,
    _folds,
    _forest,
    _logistic,
    _softmax,
    fit,
    out_of_fold,
)
from model.classifier.heads import Dense
from model.classifier.measures import measures
from model.clips import Clip, LabelRange
from model.errors import BadInput
from model.scores import ScoredClip

CLASSES = ("normal", "bicycle", "cart")
FRAMES = 30


def clip(number, *labels, frames=40):
    return Clip(f"c{number}", "test", 10.0, np.zeros((frames, 2, 2, 1), np.uint8), labels, None, f"sha{number}")


def examples(clips=6, seed=0, shift=2.0):
    """Clips of one category each; the feature of their category rises in their second half, and each clip differs."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.repeat([0, 1 + number % 2], FRAMES // 2) for number in range(clips)])
    numbers = np.repeat(np.arange(clips), FRAMES)
    features = rng.normal(size=(clips * FRAMES, 5)) + rng.normal(size=(clips, 5))[numbers] * 0.3
    features[labels == 1, 1] += shift
    features[labels == 2, 2] += shift
    return Examples(features.astype(np.float32), labels, numbers, CLASSES)


@functools.cache
def fitted(kind):
    return fit(kind, examples(), seed=0)


def test_a_stored_forest_says_what_scikit_learn_says():
    from sklearn.ensemble import RandomForestClassifier

    data = examples(shift=0.5)
    ours = _forest(data.features, data.labels, 3, seed=4)
    theirs = RandomForestClassifier(TREES, min_samples_leaf=5, random_state=4).fit(data.features, data.labels)
    unknown = examples(seed=1).features
    np.testing.assert_allclose(ours.probabilities(unknown), theirs.predict_proba(unknown), atol=1e-6)


@pytest.mark.parametrize("classes", [2, 3])  # scikit-learn keeps two classes in another form
def test_stored_layers_say_what_scikit_learn_says(classes, monkeypatch):
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    data = examples(shift=0.5)
    data = data.of(data.labels < classes)
    regression = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000).fit(data.features, data.labels)
    ours = softmax(_logistic(data.features, data.labels).logits(data.features))
    np.testing.assert_allclose(ours, regression.predict_proba(data.features), atol=1e-6)
    monkeypatch.setattr("model.classifier.fit.STEPS", 20)  # it need not be good
    epochs = -(-20 * BATCH // len(data.labels))
    head = MLPClassifier(
        HIDDEN, alpha=DECAY, batch_size=BATCH, max_iter=epochs, n_iter_no_change=epochs, random_state=4
    )
    with pytest.warns(ConvergenceWarning):
        head.fit(data.features, data.labels)
    ours = softmax(_softmax(data.features, data.labels, seed=4).logits(data.features))
    np.testing.assert_allclose(ours, head.predict_proba(data.features), atol=1e-6)


@pytest.mark.parametrize("kind", ["logistic", "forest", "softmax"])
def test_every_kind_finds_categories_in_clips_it_never_saw(kind):
    unknown = examples(seed=1)
    probabilities = fitted(kind).probabilities(unknown.features)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    found = measures(unknown, probabilities, "")
    assert found["frame_auroc"] > 0.8
    assert all(row["auroc"] > 0.85 for row in found["categories"][1:])
    assert found["calibration_error"] < 0.15


def test_what_a_clip_alone_shows_is_no_skill_out_of_fold():
    """Every clip has its own mark and labels are drawn by lot: by frames it would look easy."""
    rng = np.random.default_rng(0)
    numbers = np.repeat(np.arange(12), 10)
    labels = np.repeat(rng.permutation(np.arange(12) % 2), 10)
    data = Examples(np.eye(12, dtype=np.float32)[numbers], labels, numbers, ("normal", "anomalous"))
    found = measures(data, out_of_fold("logistic", data, 0, lambda line: None), "")
    assert found["frame_auroc"] <= 0.6
    seen = fit("logistic", data, 0).probabilities(data.features)
    assert measures(data, seen, "")["frame_auroc"] == 1.0  # or the test above says nothing


@pytest.mark.parametrize("clips", [4, 7, 23])
def test_no_clip_is_on_both_sides_and_every_category_is_learned_from(clips):
    data = examples(clips=clips)
    held_out = np.zeros(len(data.labels), int)
    for fold in _folds(data, 10):
        assert not set(data.clips[fold]) & set(data.clips[~fold])
        assert set(data.labels[~fold]) == {0, 1, 2}
        held_out += fold
    np.testing.assert_array_equal(held_out, 1)


def test_probabilities_that_are_too_sure_become_modest():
    """Features that differ from clip to clip more than from class to class: what fits the clips does not fit others."""
    rng = np.random.default_rng(0)
    numbers = np.repeat(np.arange(8), FRAMES)
    features = rng.normal(size=(8, 60))[numbers] + 0.1 * rng.normal(size=(8 * FRAMES, 60))
    data = Examples(features.astype(np.float32), examples(clips=8).labels, numbers, CLASSES)
    assert fit("logistic", data, 0).temperature > 2


def test_a_class_that_is_missing_in_a_fold_is_never_named():
    data = examples()
    without = fit("logistic", data.of(data.labels != 2), seed=0)
    assert without.probabilities(data.features)[:, 2].max() < 1e-9


@pytest.mark.parametrize("kind", ["logistic", "forest", "softmax"])
def test_saved_and_loaded_classifier_is_the_same_and_executes_nothing(kind, tmp_path):
    data = examples()
    classifier.save(fitted(kind), tmp_path / "classifier.npz")
    loaded = classifier.load(tmp_path / "classifier.npz")
    np.testing.assert_array_equal(loaded.probabilities(data.features), fitted(kind).probabilities(data.features))
    assert (loaded.classes, loaded.temperature) == (CLASSES, fitted(kind).temperature)
    with np.load(tmp_path / "classifier.npz", allow_pickle=False) as arrays:  # refuses objects
        assert all(arrays[name].dtype != object for name in arrays.files)


def test_a_classifier_of_other_features_is_refused(tmp_path):
    path = tmp_path / "classifier.npz"
    classifier.save(fitted("logistic"), path)
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    del arrays["layout"]  # which the first version did not write
    np.savez(path, **arrays)
    with pytest.raises(BadInput, match=r"classifier.npz: expected features of layout 2.*Received: 1"):
        classifier.load(path)


BICYCLE, CART, RARE = LabelRange(20, 29, "bicycle"), LabelRange(30, 39, "cart"), LabelRange(10, 12, "horse")
BARE, EARLY = LabelRange(20, 29, ""), LabelRange(0, 4, "bicycle")


@pytest.mark.parametrize(
    ("clips", "classes"),
    [
        ([clip(0, BICYCLE, CART), clip(1, BICYCLE), clip(2, CART)], ("normal", "bicycle", "cart")),
        ([clip(0, BARE), clip(1, BARE)], ("normal", "anomalous")),  # no categories: binary
        ([clip(0, BICYCLE), clip(1, BICYCLE), clip(2, RARE)], ("normal", "bicycle")),  # one clip is too few
        ([clip(0, BICYCLE), clip(1, CART)], ("normal", "anomalous")),  # too few each, enough together
        ([clip(0, BICYCLE, RARE), clip(1, BICYCLE), clip(2, BARE)], ("normal", "bicycle", "anomalous")),
        ([clip(0, BICYCLE), clip(1, EARLY)], ("normal",)),  # nothing is known of warm-up frames
    ],
)
def test_classes_are_those_that_two_clips_show(clips, classes):
    assert class_names(clips, 8) == classes
    assert (why_not(clips, 8) is None) == (len(classes) > 1)


@pytest.mark.parametrize(
    ("clips", "received"),
    [
        ([], "0 and 0 of 0 labelled clips"),
        ([clip(0), clip(1)], "0 and 2 of 2"),  # normal frames only
        ([clip(0, BICYCLE), clip(1)], "1 and 2 of 2"),
        ([clip(n, LabelRange(0, 39, "cart")) for n in range(3)], "3 and 0 of 3"),  # anomalous only
    ],
)
def test_too_little_is_said_in_one_line(clips, received):
    line = why_not(clips, 8)
    assert line.endswith(f"Received: {received} labelled clips" if "labelled" not in received else received)
    assert "\n" not in line


def test_what_a_person_should_know_of_the_classes():
    assert advice([clip(0, BARE)], ("normal", "anomalous")) == [
        "classifier: labels without categories tell anomalous from normal, and no more"
    ]
    lines = advice([clip(0, BICYCLE, RARE)], ("normal", "bicycle"))
    assert lines == ["classifier: no category of its own, for want of a second clip: horse"]


def test_frames_without_a_class_are_told_apart():
    labels = class_labels((RARE, BICYCLE, LabelRange(25, 26, "normal")), 40, ("normal", "bicycle"))
    assert labels[:10].tolist() == [0] * 10
    assert labels[10:13].tolist() == [-1] * 3  # anomalous, and of no class
    assert labels[24:28].tolist() == [1, -1, -1, 1]  # a person who marks "normal" as anomalous gave it no name


def test_measures_of_known_predictions():
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 0])
    probabilities = np.array(
        [[0.9, 0.1, 0], [0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.7, 0.1], [0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]
        + [[0.6, 0.0, 0.4], [1.0, 0, 0]]
    )
    data = Examples(np.zeros((8, 0), np.float32), labels, np.array([0, 0, 0, 0, 0, 1, 1, 1]), CLASSES)
    found = measures(data, probabilities, "by hand")
    assert found["confusion"] == [[3, 1, 0], [0, 1, 1], [1, 0, 1]]
    bicycle = found["categories"][1]
    assert (bicycle["precision"], bicycle["recall"], bicycle["frames"], bicycle["clips"]) == (0.5, 0.5, 2, 1)
    assert bicycle["auroc"] == pytest.approx(10 / 12 + 0.0 / 12, abs=0.09)
    assert found["accuracy"] == 5 / 8
    assert (found["ranges"], found["ranges_right"]) == (2, 2)  # 0.7 + 0.3 against 0.1 + 0.5; 0.1 against 0.8 + 0.4
    assert found["brier"] == pytest.approx(np.mean((1 - probabilities[:, 0] - (labels > 0)) ** 2))
    assert 0 <= found["calibration_error"] < 0.5


def test_an_event_is_what_most_of_its_frames_are_likeliest():
    votes = classifier.Votes(CLASSES, first=3)
    assert votes.category is None
    for frame in ([0.9, 0.06, 0.04], [0.9, 0.06, 0.04], [0.1, 0.2, 0.7]):  # normal is left out
        votes.add(np.array(frame))
    assert votes.category == "cart"
    unnamed = classifier.Votes(("normal", "anomalous"), first=0)
    unnamed.add(np.array([0.1, 0.9]))
    assert unnamed.category is None


def test_temperature_changes_no_order():
    head = Dense((np.eye(3, dtype=np.float32),), (np.zeros(3, np.float32),))
    sharp = Classifier(CLASSES, head, np.zeros(3, np.float32), np.ones(3, np.float32))
    rows = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    mild = dataclasses.replace(sharp, temperature=3.0)
    np.testing.assert_array_equal(mild.probabilities(rows).argsort(axis=1), sharp.probabilities(rows).argsort(axis=1))
    assert (mild.probabilities(rows).max(axis=1) < sharp.probabilities(rows).max(axis=1)).all()


SETTINGS = config.Config(
    preprocessing=config.Preprocessing(height=32, width=48),
    prednet=config.PredNet((1, 4), (1, 4), (3,), (3, 3), (3, 3)),
    scoring=config.Scoring(warm_up_frames=5, block_size=8),
)


def street(number, category=""):
    """Noise, and in the second half something large, slow and low in the picture, or small, fast and high."""
    frames = np.random.default_rng(number).normal(100, 6, (40, 32, 48, 1))
    for t in range(20, 40) if category else ():
        size, speed, top = (14, 1, 16) if category == "cart" else (6, 5, 3)
        left = speed * t % (48 - size)
        frames[t, top : top + size, left : left + size] = 220
    frames = frames.clip(0, 255).astype(np.uint8)
    labels = (LabelRange(20, 39, category),) if category else ()
    return Clip(f"Test/{number}", "test", 10.0, frames, labels, None, f"sha{number}")


@pytest.fixture(scope="module")
def unsupervised():
    keras.utils.set_random_seed(0)
    network = prednet.build(SETTINGS.prednet, 32, 48, (1.0, 0.1))
    # A leak in the copying start averages the noise away, which is better than copying the last frame.
    kernel, bias = (w.numpy() for w in network.cell.gates[0].weights)
    kernel[..., -1] *= 0.5
    network.cell.gates[0].set_weights([kernel, bias])
    train, validation = [street(number) for number in range(90, 94)], [street(94), street(95)]
    return detector.fit_detector(network, train, validation, SETTINGS, "street", {})


@pytest.fixture(scope="module")
def supervised(unsupervised):
    clips = [street(number, ("cart", "bicycle")[number % 2]) for number in range(6)]
    return classifier.supervise(unsupervised, clips, "logistic", 0, lambda line: None)


def test_a_detector_names_events_in_a_clip_it_never_saw(supervised, tmp_path):
    detector.save(supervised, tmp_path / "d")
    loaded = detector.load(tmp_path / "d")
    for number, category in ((22, "cart"), (23, "bicycle")):  # in clip 21 the noise opens the event
        stream = loaded.stream(10.0, "x")
        frames = [stream.push_input(frame) for frame in street(number, category).frames]
        events = [e for f in frames for e in (f.closed,) if e] + [e for e in (stream.finish(),) if e]
        assert {event.category for event in events} == {category}
        assert {f.opened.category for f in frames if f.opened} == {category}
        classes = supervised.classifier.classes
        assert [classes[f.probabilities.argmax()] for f in frames[30:]] == [category] * 10
        assert [classes[f.probabilities.argmax()] for f in frames[5:19]] == ["normal"] * 14
        assert np.isnan(frames[4].probabilities).all()
        np.testing.assert_array_equal(
            supervised.score_inputs(street(number, category).frames).probabilities,
            np.stack([f.probabilities for f in frames]),
        )


def test_scores_do_without_the_classifier(unsupervised, supervised):
    clip = street(20, "cart").frames
    np.testing.assert_array_equal(supervised.score_inputs(clip).scores, unsupervised.score_inputs(clip).scores)
    assert unsupervised.score_inputs(clip).probabilities is None


def test_probabilities_do_not_know_the_future(supervised):
    clip = street(20, "cart").frames
    whole = supervised.score_inputs(clip).probabilities
    np.testing.assert_array_equal(supervised.score_inputs(clip[:25]).probabilities, whole[:25])


def test_clips_it_was_fitted_on_are_judged_out_of_fold_and_others_live(supervised):
    known, unknown = street(0, "cart"), street(20, "bicycle")

    def judged(*clips):
        scored = [ScoredClip(c.name, "test", 10.0, c.labels, supervised.score_inputs(c.frames)) for c in clips]
        return classifier.judge(supervised, clips, scored)

    assert judged(known)["measured_on"] == "out-of-fold predictions of 6 clips"
    assert judged(known)["clips"] == 6
    both = judged(known, unknown)
    assert both["measured_on"] == "1 labelled clips that it was not fitted on"
    assert both["confusion"][1][1] > 10
    assert sum(map(sum, both["confusion"])) == 35


def test_too_few_labels_leave_the_detector_as_it_was(unsupervised):
    clips = [street(0, "cart"), street(1)]
    same = classifier.supervise(unsupervised, clips, "logistic", 0, lambda line: None)
    assert same.classifier is None
    assert same.threshold == unsupervised.threshold
    [line] = same.facts["classifier"]["notes"]
    assert line.startswith("no classifier: expected 2 labelled clips or more")
    assert classifier.judge(same, [], []) is None


def test_a_changed_classifier_is_refused(supervised, tmp_path):
    detector.save(supervised, tmp_path / "d")
    (tmp_path / "d" / "classifier.npz").write_bytes(b"PK")
    with pytest.raises(BadInput, match="classifier.npz: expected the checksum"):
        detector.load(tmp_path / "d")
    (tmp_path / "d" / "classifier.npz").unlink()
    with pytest.raises(BadInput, match="expected classifier.npz beside"):
        detector.load(tmp_path / "d")
