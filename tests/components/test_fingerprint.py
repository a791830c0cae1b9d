from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.fetch import source_fingerprint
from components.fingerprint import fingerprint_of, write_fingerprint


def test_it_changes_with_the_source_and_with_what_people_marked(tmp_path: Path):
    (tmp_path / "a.avi").write_bytes(b"video")
    first = fingerprint_of(str(tmp_path), "", "", "")
    assert first == source_fingerprint(str(tmp_path), "", "")
    (tmp_path / "b.avi").write_bytes(b"another")
    assert fingerprint_of(str(tmp_path), "", "", "") != first


def test_the_walkway_s_settings_are_arguments_and_no_content():
    assert fingerprint_of("walkway", "", "", "") == "walkway"


def test_the_step_writes_it_for_the_next_one(tmp_path: Path):
    output = tmp_path / "fingerprint" / "value"
    write_fingerprint("walkway", "", "", "", str(output))
    assert output.read_text() == "walkway"


def test_a_source_that_is_not_there_ends_the_step(tmp_path: Path):
    output = tmp_path / "fingerprint" / "value"
    with pytest.raises(SystemExit, match="expected a path that exists"):
        write_fingerprint(str(tmp_path / "none"), "", "", "", str(output))
    assert json.loads((output.parent / "error.json").read_text())["exit_code"] == 2
    assert not output.exists()
