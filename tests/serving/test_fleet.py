"""Detectors loaded when they are asked for, replaced while they serve, evicted by memory; broken ones refused."""

import hashlib
import json
import shutil
import threading
import time

import numpy as np
import pytest
from live import clip

from model.errors import BadInput
from serving.engine import Engine
from serving.errors import Loading, NotFound
from serving.fleet import Fleet
from serving.limits import Limits
from serving.messages import Place, Request
from serving.sources import Directory

QUIET = {"refresh_seconds": 3600.0, "batch": 1}  # newer versions are looked for when the test says so


def put(origin, directory, threshold=None):
    """A detector, with another threshold if wanted, in place of what is there."""
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(origin, directory)
    if threshold:
        sign(directory, lambda description: description["operating_point"].update(value=threshold))


def sign(directory, change):
    """Changes the description, and the checksum it carries."""
    path = directory / "detector.json"
    description = json.loads(path.read_text())
    description.pop("self_sha256")
    change(description)
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps({**description, "self_sha256": digest}))


@pytest.fixture
def many(tiny_detector, tmp_path):
    for name in ("door", "gate", "yard"):
        put(tiny_detector, tmp_path / name)
    return tmp_path


@pytest.fixture
def fleet(many):
    found = Fleet(Directory(many), Limits(**QUIET))
    yield found
    found.close()


def count(fleet, name, **labels):
    return fleet.metrics.registry.get_sample_value(f"unforeseen_{name}", labels or None)


def test_a_directory_is_one_detector_or_several(tiny_detector, many, tmp_path):
    assert Directory(tiny_detector).names() == ("gate",)
    assert Directory(tiny_detector, "front").names() == ("front",)
    assert Directory(many).names() == ("door", "gate", "yard")
    (tmp_path / "none").mkdir()
    with pytest.raises(BadInput, match=r"Received: no detector.json$"):
        Directory(tmp_path / "none")


@pytest.mark.parametrize("name", ["attic", "", ".", "../gate", "gate/", "/etc"])
def test_an_unknown_model_is_not_found(fleet, name):
    with pytest.raises(NotFound, match=r"model out of: door, gate, yard. Received"):
        fleet.get(name)


def test_a_detector_is_loaded_once_when_it_is_first_asked_for(fleet):
    assert not fleet.ready("door")
    found = []
    threads = [threading.Thread(target=lambda: found.append(fleet.get("door"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(loaded) for loaded in found}) == 1
    assert (fleet.ready("door"), fleet.ready("gate")) == (True, False)
    assert count(fleet, "cold_starts_total", model="door") == 1
    assert count(fleet, "detector_info", model="door", version=found[0].version) == 1


def test_who_asks_while_it_is_loaded_is_told_to_come_back(many):
    fleet = Fleet(Directory(many), Limits(**{**QUIET, "load_seconds": 0.0}))
    with pytest.raises(Loading, match="being loaded"):
        fleet.get("door")
    patience = time.monotonic() + 60
    while not fleet.ready("door") and time.monotonic() < patience:
        time.sleep(0.02)
    assert fleet.get("door").name == "door"
    fleet.close()


def test_the_least_recently_used_detector_leaves_when_memory_is_short(many):
    one = Fleet(Directory(many), Limits(**QUIET))
    size = one.get("door").bytes
    one.close()
    fleet, left = Fleet(Directory(many), Limits(**QUIET, detector_bytes=int(2.5 * size))), []
    fleet.evicted = left.append
    for name in ("door", "gate", "door", "yard"):
        fleet.get(name)
    assert [fleet.ready(name) for name in ("door", "gate", "yard")] == [True, False, True]
    assert left == ["gate"]
    assert count(fleet, "detector_bytes") == 2 * size
    fleet.close()


def test_a_newer_version_takes_over_and_requests_in_flight_finish_on_the_old(fleet, many, tiny_detector):
    old = fleet.get("door")
    put(tiny_detector, many / "door", threshold=1.25)
    fleet.refresh()
    new = fleet.get("door")
    assert new.detector.threshold == 1.25
    assert new.version != old.version
    assert np.isfinite(old.detector.score(clip(12)).scores[-1])  # whoever holds it may go on
    assert count(fleet, "detector_info", model="door", version=old.version) is None
    fleet.refresh()
    assert fleet.get("door") is new  # nothing moved


@pytest.mark.parametrize(
    "harm",
    [
        lambda directory: (directory / "network.keras").write_bytes(b"no network"),
        lambda directory: (directory / "scene.npz").unlink(),
        lambda directory: (directory / "detector.json").write_text("{"),
    ],
    ids=["changed", "incomplete", "not JSON"],
)
def test_a_broken_version_is_refused_and_the_old_one_goes_on(fleet, many, tiny_detector, harm):
    old = fleet.get("door")
    put(tiny_detector, many / "door", threshold=1.25)
    harm(many / "door")
    fleet.refresh()
    fleet.refresh()
    assert fleet.get("door") is old
    assert count(fleet, "refused_versions_total", model="door") in (1, None)  # tried once, or not even described
    put(tiny_detector, many / "door", threshold=1.5)
    fleet.refresh()
    assert fleet.get("door").detector.threshold == 1.5


def test_a_detector_that_is_broken_from_the_start_is_not_tried_again_and_again(fleet, many):
    (many / "door" / "network.keras").write_bytes(b"no network")
    for _ in range(3):
        with pytest.raises(Loading, match="'door' cannot be loaded"):
            fleet.get("door")
    assert count(fleet, "refused_versions_total", model="door") == 1
    assert fleet.get("gate").name == "gate"


def test_a_detector_that_gives_no_scores_is_refused(fleet, many):
    scene = many / "door" / "scene.npz"
    with np.load(scene) as arrays:
        changed = dict(arrays)
    changed["scales.prediction_error"] = np.full_like(changed["scales.prediction_error"], np.nan)
    np.savez(scene, **changed)
    checksum = hashlib.sha256(scene.read_bytes()).hexdigest()
    sign(many / "door", lambda description: description["sha256"].update({"scene.npz": checksum}))
    with pytest.raises(Loading, match="cannot be loaded") as refused:
        fleet.get("door")
    assert "score after" in str(refused.value.__cause__)


def test_a_stream_meets_the_new_version_cold_and_its_numbers_go_on(fleet, many, tiny_detector):
    engine = Engine(fleet)
    frames = clip(24)
    before = engine.score("door", Request(tuple(frames[:12]), Place("a")))
    put(tiny_detector, many / "door", threshold=1.25)
    fleet.refresh()
    after = engine.score("door", Request(tuple(frames[12:]), Place("a")))
    assert before.detector != after.detector
    assert after.frame_index.tolist() == list(range(12, 24))
    assert after.warm.tolist() == [False] * 8 + [True] * 4
    engine.close()


def test_the_states_of_a_detector_leave_with_it(many):
    probe = Fleet(Directory(many), Limits(**QUIET))
    size = probe.get("door").bytes
    probe.close()
    fleet = Fleet(Directory(many), Limits(**QUIET, detector_bytes=int(1.5 * size)))
    engine = Engine(fleet)
    for model in ("door", "gate"):
        engine.score(model, Request(tuple(clip(1)), Place("a")))
    assert count(fleet, "streams") == 1
    engine.close()
