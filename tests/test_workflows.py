"""What the workflows for GitHub run exists, with no more rights than it needs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_readme import commands, fault

ROOT = Path(__file__).parents[1]
TEXTS = {path.name: path.read_text() for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
WORKFLOWS = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
WITH_SECRETS = ("deliver.yml", "roll-back.yml")
CLOUDS = r"(?i)\b(aws|amazon\w*|eks|ecr|gcp|google|gke|gcr|azure|aks|acr|ghcr|docker\.io)\b"

pytestmark = pytest.mark.parametrize("name", TEXTS)


def steps(name: str) -> Iterator[dict[str, Any]]:
    for job in WORKFLOWS[name]["jobs"].values():
        yield from job.get("steps", [])


def test_every_command_of_ours_exists(name: str):
    blocks = [f"```bash\n{step['run']}\n```\n" for step in steps(name) if "run" in step]
    ours = [words for words in commands("".join(blocks)) if re.search("(^|/)(unforeseen|make)$", words[0])]
    assert ours
    assert {" ".join(words): fault(words) for words in ours if fault(words)} == {}


def test_it_may_read_and_no_more(name: str):
    assert WORKFLOWS[name]["permissions"] == {"contents": "read"}
    assert [job for job in WORKFLOWS[name]["jobs"].values() if "permissions" in job] == []
    checkouts = [step for step in steps(name) if step.get("uses", "").startswith("actions/checkout@")]
    assert [step for step in checkouts if step["with"].get("persist-credentials") is not False] == []


def test_it_ends(name: str):
    assert [job for job in WORKFLOWS[name]["jobs"].values() if "steps" in job and "timeout-minutes" not in job] == []
    assert "concurrency" in WORKFLOWS[name]


def test_no_text_from_outside_becomes_a_command(name: str):
    assert [step["run"] for step in steps(name) if "${{" in step.get("run", "")] == []


def test_it_names_no_cloud(name: str):
    assert re.findall(CLOUDS, TEXTS[name]) == []


def test_what_sees_secrets_is_pinned_by_commit(name: str):
    foreign = [step["uses"] for step in steps(name) if "uses" in step]
    moving = [action for action in foreign if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action)]
    assert moving == [] or name not in WITH_SECRETS
    assert bool(re.search(r"\bsecrets\.", TEXTS[name])) == (name in WITH_SECRETS)


def test_what_it_reads_is_in_the_docs(name: str):
    told = (ROOT / "docs" / "cluster.md").read_text()
    assert [word for word in re.findall(r"\b(?:vars|secrets)\.(\w+)", TEXTS[name]) if f"`{word}`" not in told] == []
