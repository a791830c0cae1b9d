"""Training on a network of a few hundred weights: it learns, repeats itself, survives a kill and shares its work."""

import dataclasses
import json
import math
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tiny_training as tiny
from tiny_training import ARCHITECTURE, SETTINGS, TRAIN, VALIDATION

from model import config, prednet, training
from model.errors import BadInput, RunFailed
from model.training import windows

pytestmark = pytest.mark.slow


def fit(directory, **changes):
    """Trains; `changes` are of the settings, or arguments of `training.fit`."""
    names = {field.name for field in dataclasses.fields(config.Training)}
    settings = dataclasses.replace(SETTINGS, **{key: changes[key] for key in changes.keys() & names})
    arguments = {"train": TRAIN, "validation": VALIDATION, "architecture": ARCHITECTURE, "data_digest": "tiny"}
    arguments |= {key: changes[key] for key in changes.keys() - names}
    return training.fit(**arguments, settings=settings, checkpoint_dir=directory)


def assert_equal(weights, others):
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(one, other)


def distance(weights, others):
    return math.sqrt(sum(np.square(one - other).sum() for one, other in zip(weights, others, strict=True)))


def losses(fitted):
    return [record["validation_loss"] for record in fitted.history]


def start(mode, directory):
    command = [sys.executable, tiny.__file__, mode, str(directory)]
    with (directory / f"{mode}.log").open("w") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)


def finish(process, mode, directory):
    """Weights and records of a training that was started in another process."""
    assert process.wait(timeout=300) == 0, (directory / f"{mode}.log").read_text()[-2000:]
    with np.load(directory / f"{mode}.npz") as file:
        weights = [file[name] for name in file.files]
    return weights, json.loads((directory / f"{mode}.json").read_text())


@pytest.fixture(scope="module", autouse=True)
def mirrored(tmp_path_factory):
    """A training on two devices, under way while the other tests run."""
    directory = tmp_path_factory.mktemp("mirrored")
    process = start("mirrored", directory)
    yield process, "mirrored", directory
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="module")
def trained(checkpoints):
    return fit(checkpoints)


def test_training_lowers_the_losses(trained):
    assert losses(trained)[-1] < 0.95 * losses(trained)[0]
    assert trained.history[-1]["loss"] < 0.95 * trained.history[0]["loss"]
    last = trained.history[-1]
    assert last["validation_mse"] < last["copy_last_frame_mse"]
    assert last["epoch"] == len(trained.history) == SETTINGS.epochs


def test_the_learning_rate_climbs_and_then_falls_to_its_last_value(trained):
    rates = [record["learning_rate"] for record in trained.history]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] < SETTINGS.learning_rate
    assert rates[-1] == pytest.approx(SETTINGS.final_learning_rate, rel=1e-4)


def test_the_same_seed_gives_the_same_weights(trained, tmp_path):
    assert_equal(fit(tmp_path).network.get_weights(), trained.network.get_weights())


def test_another_seed_gives_others(trained, tmp_path):
    other = fit(tmp_path, seed=1)
    assert not np.array_equal(other.network.get_weights()[0], trained.network.get_weights()[0])


def test_a_finished_training_is_not_repeated(trained, checkpoints):
    records = []
    again = fit(checkpoints, on_epoch=records.append)
    assert records == []
    assert again.history == trained.history
    assert_equal(again.network.get_weights(), trained.network.get_weights())


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"data_digest": "other"}, id="other data"),
        pytest.param({"settings": dataclasses.replace(SETTINGS, seed=1)}, id="another seed"),
        pytest.param({"settings": dataclasses.replace(SETTINGS, epochs=5)}, id="longer"),
        pytest.param({"start": [np.ones(3, np.float32)]}, id="other weights to start from"),
        pytest.param({"architecture": dataclasses.replace(ARCHITECTURE, r_stack_sizes=(2, 4))}, id="another network"),
    ],
)
def test_another_training_has_another_checkpoint(changes, tmp_path):
    arguments = {"architecture": ARCHITECTURE, "settings": SETTINGS, "data_digest": "tiny"}
    path = training.checkpoint_path(tmp_path, **arguments)
    assert path == training.checkpoint_path(tmp_path, **arguments)
    assert path != training.checkpoint_path(tmp_path, **{**arguments, **changes})


def test_a_killed_training_goes_on_to_the_same_weights(trained, tmp_path):
    process = start("slow", tmp_path)
    checkpoint = training.checkpoint_path(tmp_path, ARCHITECTURE, SETTINGS, "tiny")
    deadline = time.monotonic() + 200
    while not checkpoint.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.3)  # into the next epoch
    assert process.poll() is None, "finished before it could be killed"
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    records, lines = [], []
    fitted = fit(tmp_path, on_epoch=records.append, progress=lines.append)
    done = SETTINGS.epochs - len(records)
    assert 1 <= done < SETTINGS.epochs
    assert lines[0] == f"going on after epoch {done} of {SETTINGS.epochs}"
    assert [record["validation_loss"] for record in records] == losses(trained)[done:]
    assert_equal(fitted.network.get_weights(), trained.network.get_weights())


def test_a_damaged_checkpoint_is_named(tmp_path):
    path = training.checkpoint_path(tmp_path, ARCHITECTURE, SETTINGS, "tiny")
    for damage in (b"", b"PK\x03\x04 and no more", b"text"):
        path.write_bytes(damage)
        with pytest.raises(BadInput, match=f"{path.name}: expected a whole checkpoint.*Received: "):
            fit(tmp_path)


def validation_loss(network):
    """The loss of one batch, computed apart from the training loop."""
    (row,) = windows.patrol(VALIDATION, SETTINGS.window_frames, 2, 2)
    frames = np.stack([VALIDATION[clip][first : first + SETTINGS.window_frames] for clip, first, _ in row])
    return float(network.weighted_loss(network(np.float32(frames) / 255), np.array([True, True])))


def test_training_stops_early_and_keeps_the_best_weights(tmp_path):
    # Noise teaches to predict its mean, which is worse and worse for the walking block.
    noise = np.random.default_rng(0).integers(0, 256, (40, 16, 24, 1), dtype=np.uint8)
    fitted = fit(tmp_path, train=[noise], learning_rate=0.02, epochs=9, patience=2, validation_windows=2)
    best = int(np.argmin(losses(fitted)))
    assert len(fitted.history) == best + 1 + 2 < 9
    assert losses(fitted)[-1] > 1.1 * losses(fitted)[best]
    assert validation_loss(fitted.network) == pytest.approx(losses(fitted)[best], rel=1e-4)


def test_a_loss_that_is_no_number_fails_the_run(tmp_path):
    with pytest.raises(RunFailed, match="loss of epoch 1, step 2, became (nan|inf). Lower training.learning_rate") as e:
        fit(tmp_path, learning_rate=1e38)
    assert "\n" not in str(e.value)
    assert list(tmp_path.iterdir()) == []


def test_a_validation_loss_that_is_no_number_fails_the_run(tmp_path):
    # One step an epoch: its own loss is from before the weights were spoilt.
    with pytest.raises(RunFailed, match="validation loss after epoch 1 became nan"):
        fit(tmp_path, learning_rate=1e38, warmup_steps=0, steps_per_epoch=1)
    assert list(tmp_path.iterdir()) == []


def test_mixed_precision_trains(tmp_path):
    fitted = fit(tmp_path, mixed_precision=True)
    assert fitted.network.compute_dtype == "float16"
    assert losses(fitted)[-1] < 0.95 * losses(fitted)[0]


def test_two_devices_train_to_nearly_the_same_weights(trained, mirrored):
    weights, story = finish(*mirrored)
    assert [record["validation_loss"] for record in story["records"]] == pytest.approx(losses(trained), rel=0.02)
    keras.utils.set_random_seed(SETTINGS.seed)
    begin = prednet.build(ARCHITECTURE, 16, 24, SETTINGS.layer_loss_weights).get_weights()
    end = trained.network.get_weights()
    assert distance(weights, end) < 0.06 * distance(begin, end)


def test_xla_trains_on_two_devices(trained, mirrored):
    _, story = finish(*mirrored)
    first, second = story["records_under_xla"]
    assert first["loss"] == pytest.approx(trained.history[0]["loss"], rel=0.02)
    assert second["validation_loss"] < 0.98 * first["validation_loss"]


def test_a_batch_that_the_devices_cannot_share_is_refused(tmp_path):
    with pytest.raises(BadInput, match="training.batch_size that 3 devices divide. Received: 2"):
        fit(tmp_path, devices=["GPU:0", "GPU:1", "GPU:2"])


TWO = {"worker": ["a:1", "b:1"]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("worker", "TF_CONFIG as JSON with cluster and task. Received: worker", id="no JSON"),
        pytest.param("[1]", "TF_CONFIG as JSON.*Received: .1.", id="a list"),
        pytest.param({"cluster": TWO}, "a task that is a chief or worker of its cluster", id="nobody"),
        pytest.param({"cluster": TWO, "task": {"type": "worker", "index": 2}}, "a task that is", id="one too many"),
        pytest.param(
            {"cluster": {**TWO, "ps": ["c:1"]}, "task": {"type": "ps", "index": 0}}, "a chief or worker", id="a server"
        ),
    ],
)
def test_workers_that_are_none_are_refused(text, words):
    with pytest.raises(BadInput, match=words) as e:
        training.join(text if isinstance(text, str) else json.dumps(text))
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("text", ["", "{}", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}'])
def test_one_worker_is_alone(text):
    assert training.join(text) is None


def test_every_stream_is_on_one_device_and_goes_on_there():
    rows = windows.walk(TRAIN, 5, 8, 3, np.random.default_rng(0))
    shares = [windows.share(rows, 4, 2, worker) for worker in range(2)]  # two devices each
    devices = [share.reshape(3, 2, 2, 3)[:, device] for share in shares for device in range(2)]
    np.testing.assert_array_equal(np.concatenate(devices, axis=1), rows)
    np.testing.assert_array_equal(windows.share(rows, 1, 1, 0), rows)


def units(network, layer):
    """The weights of A, A-hat and the gates of a layer."""
    cell = network.cell
    return [unit.get_weights() for unit in (cell.gates[layer], cell.a_hat[layer], *([cell.a[0]] if layer else []))]


@pytest.mark.parametrize("layer", [0, 1])
def test_a_frozen_layer_keeps_the_weights_that_training_starts_from(trained, tmp_path, layer):
    fitted = fit(tmp_path, start=trained.network.get_weights(), freeze_layers=(layer,), epochs=1)
    for unit, before in zip(units(fitted.network, layer), units(trained.network, layer), strict=True):
        assert_equal(unit, before)
    for unit, before in zip(units(fitted.network, 1 - layer), units(trained.network, 1 - layer), strict=True):
        assert distance(unit, before) > 0


def test_a_training_from_given_weights_begins_where_they_are(trained, tmp_path):
    one_step = {"epochs": 1, "steps_per_epoch": 1, "learning_rate": 1e-6, "final_learning_rate": 1e-6}
    transferred = losses(fit(tmp_path, start=trained.network.get_weights(), **one_step))[0]
    assert transferred == pytest.approx(min(losses(trained)), rel=0.02)
    assert losses(fit(tmp_path, **one_step))[0] > 1.05 * transferred


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"train": []}, "at least 5 frames .training.window_frames.. Received: 0", id="nothing"),
        pytest.param({"train": [TRAIN[0][:4]]}, "at least 5 frames.*Received: 4", id="short training clips"),
        pytest.param({"validation": [TRAIN[0][:4]]}, "at least 5 frames.*Received: 4", id="short validation clips"),
        pytest.param({"train": [np.zeros((9, 16, 24, 3), np.uint8)]}, "1 channels.*stack_sizes.*24, 3", id="colour"),
        pytest.param(
            {"train": [*TRAIN, np.zeros((9, 8, 24, 1), np.uint8)]}, "clips of one size.*8, 24", id="two sizes"
        ),
        pytest.param({"freeze_layers": (2,)}, "freeze_layers below 2, the layers. Received: 2", id="no such layer"),
        pytest.param({"freeze_layers": (0, 1)}, "leave a layer to train. Received: .0, 1.", id="all frozen"),
        pytest.param({"layer_loss_weights": (1.0,)}, "expected 2 layer_loss_weights", id="a weight a layer"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path, changes, message):
    with pytest.raises(BadInput, match=message) as e:
        fit(tmp_path, **changes)
    assert "\n" not in str(e.value)
    assert list(tmp_path.iterdir()) == []


def of_lengths(*lengths):
    return [np.zeros((length, 2, 2, 1), np.uint8) for length in lengths]


def test_walks_begin_at_every_window_alike_and_go_on_to_the_end_of_the_clip():
    clips = of_lengths(7, 4, 12)  # frames; one of them is shorter than a window
    rows = windows.walk(clips, 5, 3, 4000, np.random.default_rng(0))
    assert rows.shape == (4000, 3, 3)
    assert rows[0, :, 2].all()
    begun = rows[rows[..., 2] == 1][:, :2]
    found, counts = np.unique(begun, axis=0, return_counts=True)
    assert found.tolist() == [[0, first] for first in range(3)] + [[2, first] for first in range(8)]
    assert np.abs(counts / len(begun) - 1 / 11).max() < 0.01
    for stream in range(3):
        for (clip, first, _), (next_clip, next_first, fresh) in zip(rows[:-1, stream], rows[1:, stream], strict=True):
            goes_on = first + 10 <= len(clips[clip])
            assert fresh == (not goes_on)
            assert not goes_on or (next_clip, next_first) == (clip, first + 5)


def test_walks_are_the_same_for_the_same_generator_only():
    one, same, other = (windows.walk(TRAIN, 5, 2, 50, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("lengths", "streams", "number", "expected"),
    [
        pytest.param([10, 10], 2, 4, [(0, 0), (0, 5), (1, 0), (1, 5)], id="all there is"),
        pytest.param([50, 50], 2, 4, [(0, 0), (0, 5), (1, 0), (1, 5)], id="the first windows of each"),
        pytest.param([50, 4, 50], 1, 2, [(0, 0), (2, 0)], id="but of the too short"),
        pytest.param([50] * 8, 2, 4, [(0, 0), (2, 0), (4, 0), (6, 0)], id="more clips than windows"),
        pytest.param([50], 2, 1, [(0, 0), (0, 0)], id="fewer windows than streams"),
        pytest.param([50], 2, 4, [(0, 0), (0, 5), (0, 10), (0, 15)], id="one clip for two streams"),
    ],
)
def test_validation_sees_the_same_windows_of_every_clip(lengths, streams, number, expected):
    rows = windows.patrol(of_lengths(*lengths), 5, streams, number)
    assert sorted((clip, first) for clip, first, _ in rows.reshape(-1, 3).tolist()) == expected
    assert rows[0, :, 2].all()
    for stream in range(streams):
        for (clip, first, _), (next_clip, next_first, fresh) in zip(rows[:-1, stream], rows[1:, stream], strict=True):
            assert fresh or (next_clip, next_first) == (clip, first + 5)


def test_batches_deliver_exactly_the_pixels():
    clips = [np.random.default_rng(seed).integers(0, 256, (9, 16, 24, 1), dtype=np.uint8) for seed in range(3)]
    rows = windows.walk(clips, 5, 2, 6, np.random.default_rng(0))
    batches = list(windows.batches(clips, rows, 5))
    assert len(batches) == 6
    for (frames, fresh), row in zip(batches, rows, strict=True):
        expected = np.stack([clips[clip][first : first + 5] for clip, first, _ in row]).astype(np.float32) / 255
        assert frames.dtype == np.float32
        np.testing.assert_array_equal(frames, expected)
        np.testing.assert_array_equal(fresh, row[:, 2] == 1)


class Watched(np.memmap):
    """A file of frames that notes what is read of it."""

    def __getitem__(self, key):
        if isinstance(key, slice):
            self.reads.append(key)
        return super().__getitem__(key)


def test_batches_are_read_when_they_are_due(tmp_path):
    np.save(tmp_path / "clip.npy", np.zeros((2000, 16, 24, 1), np.uint8))
    clip = np.load(tmp_path / "clip.npy", mmap_mode="r").view(Watched)
    clip.reads = []
    rows = windows.patrol([clip], 5, 2, 200)
    iterator = iter(windows.batches([clip], rows, 5))
    next(iterator)
    time.sleep(0.5)  # for whatever reads ahead
    assert 2 <= len(clip.reads) <= 2 * 6  # of 100 batches: one delivered, two kept ready, two under way
    assert {read.stop - read.start for read in clip.reads} == {5}
    assert len(list(iterator)) == 99
