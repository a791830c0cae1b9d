"""Fits a classifier to examples; what judges it never shares a clip with what it learned from."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from model.classifier.classifier import Classifier, softmax
from model.classifier.examples import Examples
from model.classifier.heads import Dense, Forest, Head

OUTER_FOLDS = 10  # that predictions are judged by; with fewer clips each is left out once
INNER_FOLDS = 3  # that the temperature is fitted by
TEMPERATURES = np.geomspace(0.5, 10.0, 60)
NEVER = -50.0  # logit of a class that is not among the examples
INVERSE_PENALTY = 0.03  # of logistic regression
TREES, LEAF_FRAMES = 60, 5
HIDDEN, DECAY, STEPS, BATCH = 32, 2.0, 500, 64  # of the softmax head


def fit(kind: str, examples: Examples, seed: int) -> Classifier:
    """A head of one kind fitted to all examples, with the temperature that suits clips it does not know.

    The temperature is fitted by cross-validation over the clips (Guo et al. 2017, arXiv 1706.04599): it is one number,
    which a few clips can tell, and it changes no order of the categories.
    """
    logits = np.empty((len(examples.labels), len(examples.classes)))
    known = np.zeros(len(logits), bool)  # whose class was learned from the other clips
    for held_out in _folds(examples, INNER_FOLDS):
        rest = examples.of(~held_out)
        logits[held_out] = _scaled(kind, rest, seed).logits(examples.features[held_out])
        known[held_out] = np.isin(examples.labels[held_out], rest.labels)
    temperature = _temperature(logits[known], examples.labels[known]) if known.any() else 1.0
    return replace(_scaled(kind, examples, seed), temperature=temperature)


def out_of_fold(kind: str, examples: Examples, seed: int, progress: Callable[[str], None]) -> np.ndarray:
    """Probabilities `float32 [N, C]` of every example by a classifier that was fitted without its clip."""
    probabilities = np.empty((len(examples.labels), len(examples.classes)), np.float32)
    folds = list(_folds(examples, OUTER_FOLDS))
    for number, held_out in enumerate(folds, 1):
        classifier = fit(kind, examples.of(~held_out), seed)
        probabilities[held_out] = classifier.probabilities(examples.features[held_out])
        progress(f"classifier: {kind}, fold {number}/{len(folds)}")
    return probabilities


def _folds(examples: Examples, most: int) -> Iterator[np.ndarray]:
    """Which examples each fold holds out, `bool [N]`; clips of one category are dealt out to different folds."""
    clips = np.unique(examples.clips)
    category = [examples.labels[examples.clips == clip].max() for clip in clips]
    dealt = clips[np.argsort(category, kind="stable")]
    count = min(most, len(clips))
    if count < 2:
        return
    for fold in range(count):
        yield np.isin(examples.clips, dealt[fold::count])


def _temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The one that makes the labels likeliest."""
    likelihood = [np.log(softmax(logits / t)[np.arange(len(labels)), labels] + 1e-12).mean() for t in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmax(likelihood))])


def _scaled(kind: str, examples: Examples, seed: int) -> Classifier:
    mean = examples.features.mean(axis=0)
    scale = examples.features.std(axis=0) + np.float32(1e-6)
    head = _fit_head(kind, (examples.features - mean) / scale, examples.labels, len(examples.classes), seed)
    return Classifier(examples.classes, head, mean, scale)


def _fit_head(kind: str, features: np.ndarray, labels: np.ndarray, classes: int, seed: int) -> Head:
    found = np.unique(labels)
    if len(found) == 1:
        return _all_classes(Dense((np.zeros((features.shape[1], 1)),), (np.zeros(1),)), found, classes)
    if kind == "forest":
        return _forest(features, labels, classes, seed)
    if kind == "softmax":
        return _all_classes(_softmax(features, labels, seed), found, classes)
    return _all_classes(_logistic(features, labels), found, classes)


def _all_classes(head: Dense, found: np.ndarray, classes: int) -> Dense:
    """A head of the classes that were found as one of all classes."""
    weight = np.zeros((len(head.weights[-1]), classes), np.float32)
    bias = np.full(classes, NEVER, np.float32)
    weight[:, found], bias[found] = head.weights[-1], head.biases[-1]
    return Dense((*head.weights[:-1], weight), (*head.biases[:-1], bias))


def _logistic(features: np.ndarray, labels: np.ndarray) -> Dense:
    from sklearn.linear_model import LogisticRegression  # a second to import, and predicting needs none of it

    fitted = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000).fit(features, labels)
    weight, bias = fitted.coef_.T, fitted.intercept_
    if len(fitted.classes_) == 2:
        weight, bias = _two(weight, bias)
    return Dense((weight,), (bias,))


def _forest(features: np.ndarray, labels: np.ndarray, classes: int, seed: int) -> Forest:
    from sklearn.ensemble import RandomForestClassifier

    fitted = RandomForestClassifier(TREES, min_samples_leaf=LEAF_FRAMES, random_state=seed).fit(features, labels)
    trees = [tree.tree_ for tree in fitted.estimators_]
    roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])

    def below(children: str) -> np.ndarray:
        nodes = [np.arange(tree.node_count) for tree in trees]
        ends = [np.where(getattr(t, children) < 0, n, getattr(t, children)) for t, n in zip(trees, nodes, strict=True)]
        return np.concatenate([end + root for end, root in zip(ends, roots, strict=True)]).astype(np.int32)

    value = np.zeros((sum(tree.node_count for tree in trees), classes), np.float32)
    value[:, fitted.classes_] = np.concatenate([tree.value[:, 0] for tree in trees])
    return Forest(
        roots=roots.astype(np.int32),
        feature=np.maximum(np.concatenate([tree.feature for tree in trees]), 0).astype(np.int32),  # leaves have none
        threshold=np.concatenate([tree.threshold for tree in trees]),
        left=below("children_left"),
        right=below("children_right"),
        value=value,
    )


def _softmax(features: np.ndarray, labels: np.ndarray, seed: int) -> Dense:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier  # a fit takes it less time than Keras takes to trace one

    batch = min(BATCH, len(labels))
    epochs = -(-STEPS * batch // len(labels))
    fitted = MLPClassifier(
        HIDDEN, alpha=DECAY, batch_size=batch, max_iter=epochs, n_iter_no_change=epochs, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is to stop early
        fitted.fit(features, labels)
    weights, biases = list(fitted.coefs_), list(fitted.intercepts_)
    if len(fitted.classes_) == 2:  # one output, as in logistic regression
        weights[-1], biases[-1] = _two(weights[-1], biases[-1])
    return Dense(tuple(weights), tuple(biases))


def _two(weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits of both classes from scikit-learn's, which is their difference."""
    return np.hstack([np.zeros_like(weight), weight]), np.array([0.0, bias[0]])
