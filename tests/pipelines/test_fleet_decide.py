"""What the fleet decides, and what it decides by; nothing is started here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from components.storage import ObjectInfo
from model.errors import BadInput
from pipelines.fleet import settings, state
from pipelines.fleet.decide import Camera, Decision, decide
from pipelines.fleet.drift import ALL, Drift, Scores, counts, drift, heard
from pipelines.fleet.inventory import Footage, Inventory
from pipelines.fleet.state import FAILED, HOUR, SUCCEEDED, Run, State
from pipelines.profile import Fleet
from serving.metrics import Metrics

NOW, MB = 1_000_000.0, 1_000_000
LIMITS = Fleet(first_mb=10, new_share=0.25, drift=0.1, at_once=2, per_hour=4, retry_minutes=15)
FAR = Drift(0.3, "in the last 24 h 60.0% scored over 1")


def objects(*sizes: float, since: float = 0.0) -> tuple[ObjectInfo, ...]:
    """Of so many MB, each written a second after the one before."""
    return tuple(ObjectInfo(f"{i}.mp4", int(mb * MB), "e", since + i) for i, mb in enumerate(sizes, 1))


def run(**changed: Any) -> Run:
    made = Run("lobby-1-0", "train", "new camera", "here", NOW - HOUR, Footage(4, 40 * MB, 4.0), id="run-1")
    return replace(made, **changed)


TRAINED = State(number=1, last=run(outcome=SUCCEEDED), trained=run(outcome=SUCCEEDED))
FAILED_ONCE = State(number=1, last=run(outcome=FAILED, error="too short", ended=NOW - 60), failures=1)
OLD = objects(10, 10, 10, 10)
SETTINGS = ObjectInfo("settings.yaml", 9, "new", 99.0)


def camera(inventory: Inventory, remembered: State = State(), name: str = "lobby", **more: Any) -> Camera:  # noqa: B008
    return Camera(name, inventory, remembered, **more)


@pytest.mark.parametrize(
    ("one", "word", "kind", "why"),
    [
        (camera(Inventory(objects(6, 5))), "starts", "train", "new camera with 11.0 MB of footage"),
        (camera(Inventory(objects(6))), "waiting", "", "6.0 MB of footage, a first training waits for 10 MB"),
        (camera(Inventory()), "idle", "", "no footage"),
        (camera(Inventory(OLD), TRAINED), "idle", "", "0.0 MB of new footage, a fine-tuning waits for 10.0 MB"),
        (
            camera(Inventory(objects(10, 10, 10, 10, 8, 4)), TRAINED),
            *("starts", "fine-tune", "12.0 MB of new footage, 30% of what the last training saw"),
        ),
        (
            camera(Inventory(objects(10, 10, 10, 10, 12)), replace(TRAINED, failures=1)),
            *("starts", "train", "12.0 MB of new footage, 30% of what the last training saw; from scratch, for a run"),
        ),
        # Retention has removed as much as came: what is new counts all the same.
        (camera(Inventory(objects(12, since=9)), TRAINED), "starts", "fine-tune", "12.0 MB of new footage, 30% of w"),
        (camera(Inventory(objects(10, 10, 10, 10, 1)), TRAINED, drift=FAR), "starts", "retrain", FAR.words),
        # The same footage would give the same detector.
        (camera(Inventory(OLD), TRAINED, drift=FAR), "waiting", "", f"{FAR.words}; a retraining waits for newer"),
        (camera(Inventory(OLD), TRAINED, drift=Drift(0.1, "a")), "idle", "", "0.0 MB of new footage"),
        (camera(Inventory(OLD, SETTINGS), TRAINED), "starts", "train", "settings.yaml has changed"),
        (camera(Inventory(OLD), replace(TRAINED, run=run())), "running", "", "train: new camera"),
        (camera(Inventory(OLD), problem="expected a"), "broken", "", "expected a"),
        (camera(Inventory(OLD), paused=True), "paused", "", "by its settings.yaml"),
        (camera(Inventory(OLD), FAILED_ONCE), "failed", "", "failed once, tried again in 14 min: too short"),
        # Twice as long after each failure, and a day at most.
        (
            camera(Inventory(OLD), replace(FAILED_ONCE, failures=3)),
            "failed",
            "",
            "failed 3 times, tried again in 59",
        ),
        (
            camera(Inventory(OLD), replace(FAILED_ONCE, failures=99)),
            "failed",
            "",
            "failed 99 times, tried again in 24",
        ),
        # Whoever changes the settings need not wait.
        (camera(Inventory(OLD, SETTINGS), FAILED_ONCE), "starts", "train", "new camera with 40.0 MB"),
        (
            camera(Inventory(OLD), replace(FAILED_ONCE, last=run(outcome=FAILED, ended=NOW - HOUR))),
            *("starts", "train", "new camera with 40.0 MB of footage"),
        ),
    ],
)
def test_one_camera(one: Camera, word: str, kind: str, why: str):
    (found,) = decide([one], LIMITS, NOW)
    assert (found.word, found.kind) == (word, kind)
    assert found.why.startswith(why)


def started(found: list[Decision]) -> list[str]:
    return [one.camera for one in found if one.kind]


def test_the_most_urgent_start_as_far_as_the_limits_go():
    news = Inventory(objects(10, 10, 10, 10, 12))
    fleet = [
        camera(news, TRAINED, "old"),
        camera(Inventory(OLD), name="new"),
        camera(news, TRAINED, "drifted", drift=FAR),
        camera(Inventory(OLD), problem="broken", name="broken"),
    ]
    found = decide(fleet, LIMITS, NOW)
    assert [one.camera for one in found] == ["old", "new", "drifted", "broken"]
    assert started(found) == ["new", "drifted"]
    assert found[0].why.endswith("; 2 runs are under way, at most 2 may be")
    busy = [*fleet, camera(Inventory(OLD), State(run=run(), starts=(NOW,)), "busy")]
    assert started(decide(busy, LIMITS, NOW)) == ["drifted"]


def test_no_more_begin_within_an_hour_than_may():
    began = State(starts=(NOW - 3500, NOW - 10, NOW - 5, NOW - HOUR - 1))
    fleet = [camera(Inventory(), began, "a"), camera(Inventory(OLD), name="b"), camera(Inventory(OLD), name="c")]
    found = decide(fleet, LIMITS, NOW)
    assert started(found) == ["b"]
    assert found[2].why == "to train: new camera with 40.0 MB of footage; 4 runs began within an hour, at most 4 may"


def test_whoever_has_waited_longest_is_first():
    names = {"a": (NOW - 50,), "b": (), "c": (NOW - 90,)}
    fleet = [camera(Inventory(OLD), State(starts=starts), name) for name, starts in names.items()]
    assert started(decide(fleet, replace(LIMITS, at_once=1), NOW)) == ["b"]
    assert started(decide(fleet[::2], replace(LIMITS, at_once=1), NOW)) == ["c"]


def test_a_run_goes_through_what_is_remembered():
    begun = state.begun(replace(FAILED_ONCE, starts=(NOW - HOUR - 1,)), run(began=NOW))
    assert (begun.number, begun.starts) == (2, (NOW,))
    assert state.from_text(state.to_text(begun), "here") == begun
    heard_of = replace(begun, scores=Scores({"1.0": 3.0}))
    well = state.ended(heard_of, run(began=NOW), SUCCEEDED, "", NOW + 9)
    assert (well.run, well.failures, well.scores) == (None, 0, Scores())  # another detector's scores begin anew
    assert well.trained == well.last == run(began=NOW, outcome=SUCCEEDED, ended=NOW + 9)
    badly = state.ended(heard_of, run(), FAILED, "why", NOW)
    assert (badly.failures, badly.trained, badly.scores) == (2, None, heard_of.scores)


@pytest.mark.parametrize("text", ["{", "[]", '{"runs": 1}', '{"number": "many"}'])
def test_what_is_no_memory_is_refused(text: str):
    with pytest.raises(BadInput, match="bucket/lobby.json: expected what watch remembers of a camera. Received: "):
        state.from_text(text, "bucket/lobby.json")


def served(*scores: tuple[float, int], model: str = "unforeseen-lobby") -> str:
    """/metrics of a service that gave each of these scores so many times."""
    metrics = Metrics(CollectorRegistry())
    for score, times in scores:
        for _ in range(times):
            metrics.scores.labels(model).observe(score)
    metrics.scores.labels("another").observe(3.0)
    return generate_latest(metrics.registry).decode()


def test_scores_are_read_as_the_service_writes_them():
    found = counts(served((0.4, 2), (2.2, 1)), "unforeseen-lobby")
    assert (found["0.0"], found["0.5"], found["2.0"], found["2.5"], found[ALL]) == (0, 2, 2, 3, 3)
    assert counts(served(), "unforeseen-lobby") == {}
    with pytest.raises(BadInput, match="expected metrics of Prometheus. Received: "):
        counts("<html>", "unforeseen-lobby")


def test_the_last_day_is_added_up_and_a_new_beginning_seen():
    first = heard(Scores(), {"1.0": 90.0, ALL: 100.0}, 0.0)
    assert first.hours == {}  # nobody knows when these were counted
    second = heard(first, {"1.0": 91.0, ALL: 104.0}, 10.0)
    third = heard(second, {"1.0": 2.0, ALL: 2.0}, 20.0)  # it began anew
    assert third.hours == {"0": {"1.0": 3.0, ALL: 6.0}}
    assert heard(third, {"1.0": 9.0, ALL: 9.0}, 7 * HOUR).hours == third.hours  # of this day, or of one before?
    later = third
    for hour in range(1, 25):
        later = heard(later, {"1.0": 2.0 + hour, ALL: 2.0 + hour}, hour * HOUR)
    assert set(later.hours) == {str(hour) for hour in range(1, 25)}


def day(**shares: float) -> Scores:
    """Of 20,000 frames, the share up to each edge; `under_1` is 1."""
    edges = {name.removeprefix("under_").replace("_", "."): 20_000 * share for name, share in shares.items()}
    return Scores({}, 0.0, {"5": {**edges, ALL: 20_000.0}})


@pytest.mark.parametrize(
    ("scores", "distance", "words"),
    [
        (day(under_0=0, under_1=0.8, under_2=0.98), 0.0, "in the last 24 h scores are as calibration says"),
        (
            day(under_0=0, under_1=0.8, under_2=0.55),
            0.42,
            "45.0% of 20,000 frames scored over 2, calibration says at",
        ),
        (
            day(under_0=0, under_1=0.3, under_2=0.98),
            0.4,
            "70.0% of 20,000 frames scored over 1, calibration says at",
        ),
        # Less moves than ever did: a picture that is frozen, a lens that is covered.
        (
            day(under_0=0, under_0_5=1, under_1=1),
            0.178,
            "0.0% of 20,000 frames scored over 0.5, calibration says at",
        ),
        (day(under_0=0.9, under_1=1, under_2=1), 0.9, "10.0% of 20,000 frames scored over 0, calibration says at le"),
    ],
)
def test_the_distance_to_what_calibration_allows(scores: Scores, distance: float, words: str):
    found = drift(scores, kinds=3)
    assert found
    assert found.distance == pytest.approx(distance, abs=1e-3)
    assert words in found.words


def test_a_few_frames_say_nothing():
    assert drift(Scores({}, 0.0, {"5": {"1.0": 0.0, ALL: 9999.0}}), kinds=3) is None
    assert drift(Scores(), kinds=3) is None


def test_a_camera_s_own_settings():
    found = settings.read("preset: small\ntraining: {epochs: 4}\nscoring: {fused: [optical_flow]}", "here")
    assert (found.config.training.epochs, found.config.scoring.fused) == (4, ("optical_flow",))
    assert found.overrides == ("training.epochs=4", 'scoring.fused=["optical_flow"]')
    assert not settings.read("", "here").paused
    assert settings.read("paused: true", "here").paused


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("training: {epoch: 4}", "here: expected settings of training: .* Received: epoch$"),
        ("training: {epochs: 2026-01-01}", "here: expected training.epochs as int. Received: '2026-01-01'$"),
        ("trainings: {epochs: 4}", "here: expected settings of Config: .* Received: trainings$"),
        ("training: 4", "here: expected training as settings by name. Received: 4$"),
        ("preset: huge", "here: expected a preset of small, paper. Received: huge$"),
        ("paused: perhaps", "here: expected paused as true or false. Received: 'perhaps'$"),
        ("- a", "here: expected settings by section. Received: list$"),
        ("{", "here: while parsing a flow node"),
    ],
)
def test_settings_that_are_none(text: str, words: str):
    with pytest.raises(BadInput, match=words):
        settings.read(text, "here")
