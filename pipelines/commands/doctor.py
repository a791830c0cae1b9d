"""`unforeseen doctor`: is everything there that a profile needs?"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from model.errors import RunFailed
from pipelines.commands.common import Commands

if TYPE_CHECKING:
    from pipelines.doctor import Finding

WORDS = {True: "ok", False: "NO", None: "?"}


def add(commands: Commands) -> None:
    """Declares the command."""
    doctor = commands.add_parser("doctor", help="check from here what a profile's run in a cluster needs")
    doctor.add_argument("--profile", type=Path, required=True, help="YAML file that says where things are")
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    doctor.set_defaults(act=_doctor)


def _doctor(wanted: argparse.Namespace) -> None:
    from pipelines import doctor, profile

    findings = []
    for finding in doctor.examine(profile.read(wanted.profile)):
        findings.append(finding)
        if not wanted.json:
            print(_row(finding), flush=True)
    if wanted.json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=1))
    failed = [finding.what for finding in findings if finding.holds is False]
    if failed:
        raise RunFailed(f"expected everything to be there. Received: {len(failed)} not: {', '.join(failed)}")


def _row(finding: Finding) -> str:
    row = f"  {WORDS[finding.holds]:<4}{finding.what:<32}{finding.found}"
    return row if finding.holds else f"{row}\n{'':6}{'':<32}-> {finding.advice}"
