from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import kfp_api
import pytest
import urllib3
import yaml

from model.errors import BadInput
from pipelines import cli
from pipelines.kubeflow import schedules
from pipelines.kubeflow.connection import Connection
from pipelines.kubeflow.cron import to_utc
from pipelines.kubeflow.versions import Version
from pipelines.profile import Kfp, Profile, Schedule

WINTER, SUMMER = datetime(2027, 1, 15, tzinfo=UTC), datetime(2027, 7, 15, 18, tzinfo=UTC)
VERSION = Version("pipeline-1", "version-1", "abc-1")
CRON = "0 30 1 * * *"


@pytest.fixture
def api() -> Iterator[kfp_api.KfpApi]:
    with kfp_api.serve() as found:
        yield found


def profile(api: kfp_api.KfpApi, **schedule: Any) -> Profile:
    return Profile(namespace="team", kfp=Kfp(endpoint=api.url), schedule=Schedule(cron="30 2 * * *", **schedule))


def connection(api: kfp_api.KfpApi) -> Connection:
    return Connection(profile(api), urllib3.Retry(0))


def put(api: kfp_api.KfpApi, cron: str = CRON, **schedule: Any) -> str:
    return schedules.put(connection(api), profile(api, **schedule), VERSION, "unforeseen-lobby", cron, {"seed": 0})


def test_what_is_scheduled_is_what_was_asked(api: kfp_api.KfpApi):
    assert put(api, concurrency=2) == "made"
    (made,) = api.recurring
    assert made["trigger"] == {"cron_schedule": {"cron": CRON}}
    assert (made["mode"], made["no_catchup"], made["max_concurrency"]) == ("ENABLE", True, "2")
    assert made["pipeline_version_reference"] == {"pipeline_id": "pipeline-1", "pipeline_version_id": "version-1"}
    assert made["runtime_config"] == {"parameters": {"seed": 0}}


def test_the_same_again_changes_nothing_and_another_replaces(api: kfp_api.KfpApi):
    put(api)
    before = list(api.recurring)
    assert put(api) == "unchanged"
    assert api.recurring == before
    assert put(api, "0 0 5 * * *") == "updated"
    assert [one["trigger"]["cron_schedule"]["cron"] for one in api.recurring] == ["0 0 5 * * *"]


def test_a_paused_one_stays_paused_until_it_is_resumed(api: kfp_api.KfpApi):
    put(api)
    schedules.pause(connection(api), "unforeseen-lobby", enabled=False)
    put(api, "0 0 5 * * *")
    assert [one["status"] for one in api.recurring] == ["DISABLED"]
    schedules.pause(connection(api), "unforeseen-lobby", enabled=True)
    assert [one.enabled for one in schedules.listed(connection(api))] == [True]


def test_what_a_killed_update_left_is_cleaned_up(api: kfp_api.KfpApi):
    put(api)
    api.recurring.append(api.recurring[0] | {"recurring_run_id": "another", "description": "unforeseen schedule old"})
    assert put(api) == "unchanged"
    assert len(api.recurring) == 1


def test_others_recurring_runs_are_left_alone(api: kfp_api.KfpApi):
    api.recurring = [{"recurring_run_id": "a", "display_name": "unforeseen-lobby", "description": "by hand"}]
    put(api)
    schedules.delete(connection(api), "unforeseen-lobby")
    assert [one["recurring_run_id"] for one in api.recurring] == ["a"]
    with pytest.raises(BadInput, match="expected the name of a recurring run, see --list. Received: unforeseen-lobby"):
        schedules.delete(connection(api), "unforeseen-lobby")


@pytest.mark.parametrize(
    ("cron", "zone", "now", "utc", "until"),
    [
        ("30 2 * * *", "UTC", WINTER, "0 30 2 * * *", None),
        ("30 2 * * *", "Europe/Zurich", WINTER, "0 30 1 * * *", "2027-03-28"),
        ("30 2 * * *", "Europe/Zurich", SUMMER, "0 30 0 * * *", "2027-10-31"),
        ("30 0 * * *", "Europe/Zurich", WINTER, "0 30 23 * * *", "2027-03-28"),  # the day before, every day
        ("0 8,20 * * *", "America/New_York", WINTER, "0 0 1,13 * * *", "2027-03-14"),
        ("0 6 * * *", "Asia/Kolkata", WINTER, "0 30 0 * * *", None),  # half an hour; clocks never change
        ("15 * * * *", "Europe/Zurich", WINTER, "0 15 * * * *", None),
        ("0 12 * * 1-5", "Europe/Zurich", WINTER, "0 0 11 * * 1-5", "2027-03-28"),
    ],
)
def test_a_time_zone_s_hours_in_utc(cron: str, zone: str, now: datetime, utc: str, until: str | None):
    found = to_utc(cron, zone, now)
    assert found.cron == utc
    assert (found.until and f"{found.until:%Y-%m-%d}") == until


@pytest.mark.parametrize(
    ("cron", "zone", "words"),
    [
        ("0 0 * * 1", "Europe/Zurich", "the day is another one in UTC"),  # Sunday there
        ("*/5 3 * * *", "Europe/Zurich", "only numbers can be moved"),
        ("0 25 * * *", "Europe/Zurich", "only numbers can be moved"),
        ("0 3 * * *", "Europe/Atlantis", "expected schedule.time_zone such as Europe/Zurich"),
        ("0 3 * * *", "../../etc/passwd", "expected schedule.time_zone such as Europe/Zurich"),
    ],
)
def test_what_cannot_be_said_in_utc_is_refused(cron: str, zone: str, words: str):
    with pytest.raises(BadInput, match=words):
        to_utc(cron, zone, WINTER)


def test_the_command_makes_lists_pauses_and_deletes(
    api: kfp_api.KfpApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "profile.yaml"
    places: dict[str, Any] = {"tracking_uri": "http://mlflow:5000", "kfp": {"endpoint": api.url}}
    file.write_text(yaml.safe_dump(places))
    command = ["schedule", "--profile", str(file)]
    assert cli.main(command) == 2
    assert "expected schedule: {cron:" in capsys.readouterr().err
    file.write_text(yaml.safe_dump({**places, "schedule": {"cron": "30 2 * * *"}}))
    for _ in range(2):
        assert cli.main([*command, "--source", "s3://a/lobby"]) == 0
    assert "unforeseen-lobby: unchanged, 0 30 2 * * * in UTC" in capsys.readouterr().err
    assert cli.main([*command, "--pause", "unforeseen-lobby"]) == 0
    assert cli.main([*command, "--list"]) == 0
    assert capsys.readouterr().out.split() == ["unforeseen-lobby", *CRON.replace("1", "2").split(), "paused"]
    assert cli.main([*command, "--delete", "unforeseen-lobby"]) == 0
    assert api.recurring == []
